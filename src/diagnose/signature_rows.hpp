// The fault signatures D1..D16 and K1..K55, and by what each is recognised here: a signature of the
// server's log, a cause, a warning, or, honestly, by nothing the server's side can see. Data, no
// code; docs/reference/signatures.md is made from it, and a test holds every claim against the
// tables and the recordings.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/finding.hpp"
#include "pg/log_signature.hpp"

namespace pgkeel::diagnose {

struct RecognisedRow {
  std::string_view row;       ///< "K12"
  std::string_view sign;      ///< what people see
  std::string_view causes;    ///< names from cause.cpp, separated by spaces
  std::string_view warnings;  ///< names of warnings, likewise
  std::string_view facts;     ///< what is looked at besides the log
  /// "Suite.Test" names, separated by spaces, that prove what no recording does.
  std::string_view proof;
  std::string_view limit;  ///< what cannot be told, and by whom it can; empty: nothing
};
[[nodiscard]] std::span<const RecognisedRow> recognised_rows();

/// The signatures of the log that belong to a row, each once.
[[nodiscard]] std::vector<pg::Signature> signatures_of(std::string_view row);

/// docs/reference/signatures.md.
[[nodiscard]] std::string signatures_markdown();

}  // namespace pgkeel::diagnose
