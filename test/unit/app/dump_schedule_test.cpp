// When the guard dumps, drills and expires dumps, in virtual time.
#include "app/guard/dump_schedule.hpp"

#include <gmock/gmock.h>

#include "instance/instance.hpp"

namespace pgkeel::app {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::Optional;

constexpr WallTime kNow{Seconds(1'800'000'000)};
constexpr Seconds kHour{3600};

struct Dumps {
  DumpsView view;
  DumpHistory history;
  ArchiveConfig config;
  bool alone = false;
  std::string unread;
  [[nodiscard]] std::vector<std::string> wrong(Seconds later = {}) const {
    std::vector<std::string> texts;
    for (const auto& trouble : dump_troubles(
             {view, history, config.dump_every, config.drill_every, alone, unread, kNow + later}))
      texts.push_back(trouble.subject + ": " + trouble.text);
    return texts;
  }
  [[nodiscard]] std::optional<DumpJob> due(Seconds later = {}) const {
    return due_dump_job(view, alone, history, config, kNow + later);
  }
};

Dumps proven() {
  Dumps dumps;
  dumps.config.dump_every = 24 * kHour;
  dumps.view.seen = true;
  dumps.view.newest_good = "20261121T030000Z";
  dumps.view.newest_at = dumps.view.newest_good_at = dumps.view.drilled_at = kNow;
  dumps.view.proven = true;
  dumps.view.runs = 1;
  dumps.history.expire.ended_at = kNow;
  return dumps;
}

TEST(DumpSchedule, DumpsThenProvesThenExpires) {
  // Goal: nothing before the store was looked at; a dump, its drill, expiry behind a proof
  // (A10 D11).
  Dumps dumps;
  dumps.config.dump_every = 24 * kHour;
  EXPECT_FALSE(dumps.due());
  dumps.view.seen = true;
  EXPECT_THAT(dumps.due(), Optional(Eq(DumpJob::Dump)));
  dumps = proven();
  EXPECT_FALSE(dumps.due());
  EXPECT_THAT(dumps.due(7 * kHour), Optional(Eq(DumpJob::Expire)));
  EXPECT_THAT(dumps.due(24 * kHour), Optional(Eq(DumpJob::Dump)));
  dumps.view.drilled_at.reset();
  dumps.view.proven = false;
  EXPECT_THAT(dumps.due(), Optional(Eq(DumpJob::Drill)));
  dumps.view.drilled_at = kNow;
  EXPECT_FALSE(dumps.due(10 * kHour / 60)) << "a drill that failed is not repeated at once";
}

TEST(DumpSchedule, ADoubtedDumpIsNotMadeAgainAtOnce) {
  // Goal: a shrunken dump waits for a person or the next day; one that was cut off is tried again
  // soon (A10).
  auto dumps = proven();
  dumps.view.failure = "database shop: it shrank";
  dumps.history.dump = {1, kNow, "it shrank"};
  EXPECT_THAT(dumps.due(6 * kHour), Optional(Eq(DumpJob::Expire)));
  dumps.view.newest_at = kNow - 30 * kHour;
  EXPECT_FALSE(dumps.due(Seconds(60)));
  EXPECT_THAT(dumps.due(Seconds(301)), Optional(Eq(DumpJob::Dump)));
}

TEST(DumpSchedule, ADumpThatOneDatabaseFailsIsTriedAgainLessAndLessOften) {
  // Goal: the other databases are not read every hour for it, and what is left of it is cleared
  // away though nothing is proven (A10 D11).
  Dumps dumps;
  dumps.config.dump_every = 24 * kHour;
  dumps.view.seen = true;
  dumps.view.runs = 7;
  dumps.history.dump = {7, kNow, "permission denied"};
  EXPECT_THAT(dumps.due(kHour), Optional(Eq(DumpJob::Expire)));
  dumps.history.expire.ended_at = kNow;
  EXPECT_FALSE(dumps.due(5 * kHour));
  dumps.history.expire.ended_at = kNow + 6 * kHour;
  EXPECT_THAT(dumps.due(6 * kHour), Optional(Eq(DumpJob::Dump)));
}

TEST(DumpTroubles, AreToldUntilSomethingMendsThem) {
  // Goal: a failed, late or missing dump and a drill that failed are named; a later good one of
  // anybody's ends it (D11 E8 C3).
  auto dumps = proven();
  EXPECT_THAT(dumps.wrong(), IsEmpty());
  EXPECT_THAT(dumps.wrong(31 * kHour),
              ElementsAre("archive.dump: The newest dump is 1 days 7 h old",
                          "archive.dump_drill: No dump was proven for longer than "
                          "archive.drill_every"));
  dumps.history.dump = {1, kNow + kHour, "it shrank."};
  EXPECT_THAT(dumps.wrong(kHour), ElementsAre("archive.dump: The last dump failed: it shrank"));
  dumps.view.newest_good_at = kNow + 2 * kHour;
  EXPECT_THAT(dumps.wrong(kHour), IsEmpty());
  dumps.view.proven = false;
  EXPECT_THAT(dumps.wrong(), ElementsAre("archive.dump_drill: The drill of dump "
                                         "20261121T030000Z did not hold"));
  dumps.unread = "no route";
  dumps.view = {};
  EXPECT_THAT(dumps.wrong(), ElementsAre("archive.dump: The dumps cannot be read: no route"));
}

TEST(DumpSchedule, WithoutReplicationDumpsAreMadeUnasked) {
  // Goal: a managed service gets dumps as often as base backups, and its own off-site copy;
  // elsewhere they are made only when asked for (A10 D11).
  auto dumps = proven();
  dumps.config.dump_every = Millis(0);
  dumps.config.offsite.where = "s3://bucket";
  dumps.view.newest_at = kNow - 25 * kHour;
  EXPECT_FALSE(dumps.due());
  dumps.alone = true;
  EXPECT_THAT(dumps.due(), Optional(Eq(DumpJob::Dump)));
  dumps.view.newest_at = kNow;
  EXPECT_THAT(dumps.due(), Optional(Eq(DumpJob::Copy)));
  Config config;
  config.instance.kind = instance::Kind::Remote;
  sense::RightsFacts rights;
  EXPECT_FALSE(dumps_only(config, rights)) << "not known yet";
  rights.seen = true;
  EXPECT_TRUE(dumps_only(config, rights));
  rights.replication = true;
  EXPECT_FALSE(dumps_only(config, rights));
  config.instance.kind = instance::Kind::Managed;
  rights.replication = false;
  EXPECT_FALSE(dumps_only(config, rights));
}

TEST(DumpSchedule, ReadsTheList) {
  // Goal: the newest good one counts, a failure after it is named; nonsense is an error (A10).
  const auto view = parse_dump_list(
      R"({"dumps":[{"dump":"20261120T030000Z","ended_at":"2026-11-20T03:01:00.000Z","complete":true,
      "good":true,"proven":true,"drill":{"at":"2026-11-20T04:00:00.000Z","restore_ms":900}},
      {"dump":"20261121T030000Z","ended_at":"2026-11-21T03:01:00.000Z","complete":false,
      "good":false,"failure":"wrote nothing","proven":false,"drill":null}]})");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->newest_good, "20261120T030000Z");
  EXPECT_EQ(view->newest_at, view->newest_good_at);
  EXPECT_TRUE(view->proven);
  EXPECT_EQ(view->failure, "wrote nothing");
  EXPECT_FALSE(parse_dump_list("{}"));
  EXPECT_FALSE(parse_dump_list("no"));
}

}  // namespace
}  // namespace pgkeel::app
