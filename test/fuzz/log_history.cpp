// What doctor reads of a log that anybody may have written to. Goal: in each form, whatever the
// bytes, the history is bounded, every story has a cause that was told, and nothing is counted
// twice.
#include "sense/log_history.hpp"
#include "base/check.hpp"
#include "diagnose/log_story.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

using pgkeel::pg::ServerLogFormat;

void check_stories(const pgkeel::sense::LogHistory& history) {
  std::size_t told = 0;
  for (const auto& story : pgkeel::diagnose::tell(history.events)) {
    CHECK(pgkeel::diagnose::meaning_of(story.signature) != nullptr);
    CHECK(!story.first || !story.last || *story.first <= *story.last);
    told += static_cast<std::size_t>(story.times);
    for (const auto& [signature, times] : story.brought_along)
      told += static_cast<std::size_t>(times);
  }
  CHECK(told <= history.events.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  for (const auto format : {ServerLogFormat::Stderr, ServerLogFormat::Csv, ServerLogFormat::Json}) {
    const auto history = pgkeel::sense::log_history(format, text, pgkeel::WallTime{});
    CHECK(history.events.size() <= pgkeel::sense::kHistoryEventsMax);
    CHECK(history.destructions.size() <= pgkeel::sense::kDestructionsMax);
    for (const auto& event : history.events)
      CHECK(event.text.size() <= pgkeel::sense::kEventTextMax);
    for (const auto& one : history.destructions)
      CHECK(one.statement.size() <= pgkeel::sense::kStatementShown);
    check_stories(history);
  }
  return 0;
}
