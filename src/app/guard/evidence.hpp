// The evidence of an incident as one document: what the senses saw, the server's settings, what the
// engine said, the host, the end of the server's log. Pure.
// It guarantees: no secret it can know or recognise is in it: passwords of conninfo, environment
// and configuration by their values wherever they turn up, others by their shape; of statements
// nothing; bounded, whatever goes in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/json_read.hpp"
#include "incident/ledger.hpp"
#include "pg/log_line.hpp"
#include "sense/app_log.hpp"
#include "sense/observation.hpp"

namespace pgkeel::app {

struct EvidenceParts {
  std::string incident;
  WallTime taken_at;
  SteadyTime now;
  const sense::Observation& seen;
  std::vector<incident::KnownConfigFile> settings;
  std::vector<std::string> secrets;  ///< of known_secrets()
};

inline constexpr std::size_t kEvidenceLogBytes = 128U << 10U;
inline constexpr std::size_t kEvidenceSettingsBytes = 64U << 10U;  // of a file

/// Those the caller knows by value, and those of the container's environment; the longest first.
[[nodiscard]] std::vector<std::string> known_secrets(const sense::Observation& seen,
                                                     std::vector<std::string> secrets);

/// Without the server's log, which is read later and beside the loop.
[[nodiscard]] Json evidence_json(const EvidenceParts& parts);
/// The end of the log, a string an event: time, process, severity, SQLSTATE and message. DETAIL,
/// CONTEXT, STATEMENT, what a message repeats of a statement, and stderr's lines of a severity not
/// known (another language's STATEMENT is among them) are left out.
[[nodiscard]] Json evidence_log(pg::ServerLogFormat format, std::string_view log,
                                const std::vector<std::string>& secrets);

/// What an application's own log told of the database: when and what kind of trouble, never its
/// words, which are the users'.
[[nodiscard]] Json evidence_app_log(const sense::AppLog& log);

/// The text without the secrets known by value and those known by their shape.
[[nodiscard]] std::string scrubbed(std::string text, const std::vector<std::string>& secrets);

}  // namespace pgkeel::app
