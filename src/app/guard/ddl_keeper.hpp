// Keeps the record of DDL that the log watch reads (pgkeel protect) in the state database, and adds
// to an open incident who removed what it is about, where the log told it after it was opened.
#pragma once

#include "incident/ddl_trail.hpp"
#include "incident/journal.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

/// Runs for as long as the loop.
runtime::Task<void> keep_ddl(runtime::Loop* loop, sense::Senses* senses, incident::DdlTrail trail,
                             incident::Journal* journal);

}  // namespace pgkeel::app
