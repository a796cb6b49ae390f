// What doctor reads of an application's log. Goal: whatever the bytes, events and stories are
// bounded, every event is in exactly one story, and times are in order.
#include "base/check.hpp"
#include "diagnose/app_story.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace pgkeel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  sense::AppLog log;
  log.events = sense::app_events(test::text_of(bytes, size), WallTime{});
  CHECK(log.events.size() <= sense::kAppEventsMax);
  for (const auto& event : log.events) CHECK(event.text.size() <= sense::kAppTextMax);
  std::size_t told = 0;
  for (const auto& story : diagnose::tell_app(std::span(&log, 1), {}, {})) {
    CHECK(!story.sentence.empty());
    CHECK(!story.first || !story.last || *story.first <= *story.last);
    told += static_cast<std::size_t>(story.times);
  }
  CHECK(told == log.events.size());
  return 0;
}
