// What the ledger and the journal say while no guard runs: read only, for `status` and `incident`.
#pragma once

#include "app/config.hpp"
#include "app/json_read.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

/// {"identity":{...}|null,"intended_stop":"...","paused_until":"...","incidents":{"open":[...]},
/// "probes":[{"name","ok","at","took_ms","note"}]}; the error says why nothing can be read.
[[nodiscard]] Result<Json> read_last_known(const Config& config);

/// NotFound when no guard ever kept a journal in state_dir.
[[nodiscard]] Result<void> require_journal(const Config& config);

/// The newest incidents as the API lists them, and one of them whole.
[[nodiscard]] Result<Json> read_incidents(const Config& config, std::size_t most);
[[nodiscard]] Result<Json> read_incident(const Config& config, std::string_view id);

}  // namespace pgkeel::app
