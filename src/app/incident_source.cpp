// Guard first; the journal is read behind its back only when it is not there.
#include "app/incident_source.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/last_known.hpp"

namespace pgkeel::app {
namespace {

// Where there never was a journal, "no guard runs" is the better thing to say.
Result<void> require_journal_or(const Config& config, const Error& not_running) {
  auto journal = require_journal(config);
  if (!journal && journal.error().code == ErrorCode::NotFound) return fail(not_running);
  return journal;
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() < 64 &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

Result<Json> list_incidents(const Config& config, std::size_t most) {
  auto answer = GuardClient(config).get("/api/v1/incidents", {{"limit", std::to_string(most)}});
  if (answer) return Json(member(*answer, "incidents"));
  if (answer.error().code != ErrorCode::GuardNotRunning) return answer;
  TRY_VOID(require_journal_or(config, answer.error()));
  return read_incidents(config, most);
}

Result<Json> load_incident(const Config& config, std::string_view id) {
  std::string wanted(id);
  if (id == "last") {
    TRY(newest, list_incidents(config, 1));
    if (!newest.is_array() || newest.empty())
      return fail(ErrorCode::NotFound, "no incident is on record");
    wanted = text_of(newest[0], "id");
  }
  if (!is_id(wanted)) {
    return fail(Error(ErrorCode::NotFound, fmt::format("no incident '{}'", wanted))
                    .with_hint("'pgkeel incident list' shows them; 'last' is the newest."));
  }
  auto answer = GuardClient(config).get("/api/v1/incidents/" + wanted);
  if (answer || answer.error().code != ErrorCode::GuardNotRunning) return answer;
  TRY_VOID(require_journal_or(config, answer.error()));
  return read_incident(config, wanted);
}

}  // namespace pgkeel::app
