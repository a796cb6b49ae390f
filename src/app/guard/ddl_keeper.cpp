// See ddl_keeper.hpp.
#include "app/guard/ddl_keeper.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kSilence{3600};
// A session that raises lines like the record's would fill the report else.
constexpr std::ptrdiff_t kDdlEvidenceMost = 20;
constexpr std::string_view kDdlSource = "ddl";

bool is_known(const incident::Incident& incident, const std::string& text) {
  return std::ranges::any_of(incident.evidence,
                             [&](const auto& item) { return item.text.contains(text); });
}

void add_who_removed(incident::Journal& journal, const std::vector<pg::DdlLine>& lines) {
  const auto open = journal.unfinished();
  if (!open) return;
  for (const auto& incident : *open) {
    auto told = std::ranges::count(incident.evidence, kDdlSource, &incident::Evidence::source);
    for (const auto& line : lines) {
      if (told >= kDdlEvidenceMost) break;
      const auto text = pg::describe(line);
      if (!pg::removed(line, incident.subject) || is_known(incident, text)) continue;
      const auto written =
          journal.add_evidence(incident.id, {line.at, std::string(kDdlSource), text});
      if (!written) log_error("journal not written", {{"why", written.error().message()}});
      ++told;
    }
  }
}

}  // namespace

runtime::Task<void> keep_ddl(runtime::Loop* loop, sense::Senses* senses, incident::DdlTrail trail,
                             incident::Journal* journal) {
  while (true) {
    static_cast<void>(co_await senses->changed().wait_until(loop->after(kSilence)));
    const auto lines = senses->take_ddl();
    if (lines.empty()) continue;
    const auto kept = trail.record(lines, wall_now());
    if (!kept) log_error("the record of DDL was not kept", {{"why", kept.error().message()}});
    add_who_removed(*journal, lines);
  }
}

}  // namespace pgkeel::app
