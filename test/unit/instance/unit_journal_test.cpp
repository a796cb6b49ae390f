// What is read from systemctl and journalctl.
#include "instance/unit_journal.hpp"

#include <gmock/gmock.h>

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(UnitJournal, TellsHowTheUnitEnded) {
  // Goal: C6 K1: state, result, signal, restarts, as systemd 252 shows them.
  const auto state = parse_unit_state(
      "pg.service",
      "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=oom-kill\nExecMainCode=2\n"
      "ExecMainStatus=9\nNRestarts=3\n");
  EXPECT_TRUE(state.failed());
  EXPECT_EQ(state.describe(),
            "failed (failed), result oom-kill, main process killed (9), restarted 3 times");
  const auto well = parse_unit_state("pg.service",
                                     "ActiveState=active\nSubState=running\nResult=success\n"
                                     "ExecMainCode=0\nExecMainStatus=0\nNRestarts=0");
  EXPECT_FALSE(well.failed());
  EXPECT_EQ(well.describe(), "active (running)");
  EXPECT_EQ(parse_unit_state("x", "").describe(), " ()");
}

TEST(UnitJournal, MakesAServersLogOfEntries) {
  // Goal: D4: lines with a time of their own stay, others get the journal's; bytes and what goes
  // on.
  EXPECT_EQ(
      journal_as_log(
          R"({"__REALTIME_TIMESTAMP":"1763719200123000","_PID":"77","MESSAGE":"LOG:  ready"})"
          "\n"
          R"({"MESSAGE":"2026-11-21 10:00:00.000 UTC [7] LOG:  x"})"
          "\n"
          R"({"MESSAGE":"\tgoes on"})"
          "\n"
          R"({"__REALTIME_TIMESTAMP":"1763719200123000","_PID":"77","MESSAGE":[76,79,71,58,255]})"),
      "2025-11-21 10:00:00.123 UTC [77] LOG:  ready\n2026-11-21 10:00:00.000 UTC [7] LOG:  x\n"
      "\tgoes on\n2025-11-21 10:00:00.123 UTC [77] LOG:\xff\n");
}

TEST(UnitJournal, SurvivesNonsense) {
  // Goal: no JSON, other types, huge numbers, endless lines: left out (X5).
  EXPECT_THAT(journal_as_log("[1]\n{\"MESSAGE\":7}\n{\"MESSAGE\":[\"a\",-1,99999]}\n{\n\xff"),
              IsEmpty());
  EXPECT_THAT(journal_as_log("{\"MESSAGE\":\"" + std::string(1U << 20U, 'x') + "\"}"), IsEmpty());
  EXPECT_EQ(journal_as_log("{\"MESSAGE\":\"a\\nb\",\"__REALTIME_TIMESTAMP\":\"-5\"}"), "a b\n");
}

}  // namespace
}  // namespace pgkeel::instance
