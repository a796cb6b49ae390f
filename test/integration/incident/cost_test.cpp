// What the guard pays for remembering. Figures are printed and recorded with the test's result; the
// limits asserted are those that do not depend on the machine's disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::incident {
namespace {

std::int64_t resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmRSS:") break;
  std::int64_t kilobytes = 0;
  status >> kilobytes;
  return kilobytes;
}

template <class Call>
std::vector<std::int64_t> microseconds_of(int calls, Call call) {
  std::vector<std::int64_t> took;
  for (int i = 0; i < calls; ++i) {
    const auto begin = SteadyClock::now();
    call();
    took.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - begin).count());
  }
  std::ranges::sort(took);
  return took;
}

std::int64_t total(const std::vector<std::int64_t>& took) {
  std::int64_t sum = 0;
  for (const auto one : took) sum += one;
  return sum;
}

TEST(Cost, AnActionWaitsForTheDiskAndAProbeDoesNot) {
  // begin_action is durable and costs a sync; a probe costs a small part of that.
  const test::TempDir dir;
  const auto store = Store::open(dir / "state").value();
  Journal journal(*store);
  Incident incident;
  incident.opened_at = wall_now();
  const auto id = journal.open(incident).value();
  Action action;
  action.step = "start_server";
  const auto actions = microseconds_of(200, [&] { ASSERT_TRUE(journal.begin_action(id, action)); });
  ProbeRecord probe{wall_now(), "login", true, Millis(1), ""};
  const auto probes = microseconds_of(5'000, [&] {
    probe.at += Millis(250);
    ASSERT_TRUE(journal.record_probe(probe));
  });
  const auto action_us = total(actions) / 200;
  const auto probe_ns = total(probes) * 1'000 / 5'000;
  std::printf(
      "begin_action: mean %ld us, median %ld us, slowest %ld us; record_probe: mean %ld ns\n",
      action_us, actions[100], actions.back(), probe_ns);
  RecordProperty("begin_action_us", static_cast<int>(action_us));
  RecordProperty("record_probe_ns", static_cast<int>(probe_ns));
  EXPECT_LT(probe_ns, 500'000) << "0.2 % of a core at four probes a second";
  EXPECT_LT(probe_ns, action_us * 1'000);
}

TEST(Cost, AFullStoreStaysSmallInMemory) {
  // A thousand probes a kind, hundreds of incidents: the store adds little to the guard's 30 MB.
  const test::TempDir dir;
  const auto before = resident_kilobytes();
  const auto store = Store::open(dir / "state").value();
  Journal journal(*store);
  Incident incident;
  incident.opened_at = wall_now();
  incident.summary = std::string(2'000, 's');
  for (int i = 0; i < 100; ++i) incident.events.push_back({wall_now(), std::string(200, 'e')});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(journal.open(incident));
  for (int i = 0; i < 3'000; ++i)
    ASSERT_TRUE(journal.record_probe({wall_now(), i % 2 ? "login" : "write", true, Millis(1), ""}));
  const auto grown = resident_kilobytes() - before;
  std::printf("resident memory: +%ld kB\n", grown);
  RecordProperty("resident_kilobytes", static_cast<int>(grown));
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer's own memory is counted";
#endif
  EXPECT_LT(grown, 4'096);
}

}  // namespace
}  // namespace pgkeel::incident
