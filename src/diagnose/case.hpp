// Small questions several rules ask of a Case, and the way they word their evidence.
#pragma once

#include <string>
#include <string_view>

#include "diagnose/log_meaning.hpp"
#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

/// The server is certainly not running, and the files were looked at after that was known.
[[nodiscard]] bool server_absent(const Case& the_case);
/// It answers nobody, and where its process and files are cannot be told: only its engine knew.
[[nodiscard]] bool lost_from_sight(const Case& the_case);
/// Neither process nor files can be seen: only logins tell (kind remote).
[[nodiscard]] bool out_of_sight(const Case& the_case);
/// The data directory is there and bears the ledger's system identifier (or the ledger is empty).
[[nodiscard]] bool data_is_ours(const Case& the_case);
/// pg_control says the last stop was a clean one.
[[nodiscard]] bool stopped_cleanly(const Case& the_case);
/// What the container engine said; null when the server is in none, or the engine did not answer.
[[nodiscard]] const instance::HostingFacts* hosting_of(const Case& the_case);
/// The server log holds this signature since the server last was ready.
[[nodiscard]] const sense::ServerLogFacts::Entry* logged(const Case& the_case,
                                                         pg::Signature signature);
/// The server log ends with somebody's request to stop, not followed by a start.
[[nodiscard]] const sense::ServerLogFacts::Entry* last_stop_request(const Case& the_case);
/// The earliest grave thing the server log says that nothing else in it explains, since the server
/// last was ready; null when it gives no reason.
[[nodiscard]] const LogMeaning* told_reason(const Case& the_case);

[[nodiscard]] incident::Evidence evidence(const Case& the_case, std::string_view source,
                                          std::string text);
/// Who removed it, as the record of DDL has it; nothing where none is kept.
void add_who_removed(const Case& the_case, Finding& finding);
/// What the container engine told of late about the server's container and volume.
void add_engine_words(const Case& the_case, Finding& finding);
/// Where the WAL was while what is gone now was there; nullopt when this guard never saw it.
[[nodiscard]] std::optional<LastSeen> last_seen(const Case& the_case,
                                                const sense::LastPositions& gone, Oid oid);
/// Why a table that is gone is wanted back: it is required, or an app asked for it since; empty:
/// none was heard to.
[[nodiscard]] std::string wanted(const Case& the_case, const std::string& database,
                                 const incident::KnownRelation& table);
/// The same of a database, which must be required: many look whether one is there.
[[nodiscard]] std::string wanted(const Case& the_case, const std::string& database);
/// "4.2 s": how long ago, at the case's now.
[[nodiscard]] std::string ago(const Case& the_case, SteadyTime then);

}  // namespace pgkeel::diagnose
