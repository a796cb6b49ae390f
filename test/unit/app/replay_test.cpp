// An incident's moments: kept, diagnosed again, compared.
#include "app/replay.hpp"

#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::app {
namespace {

using namespace pgkeel::test;
using testing::HasSubstr;
using testing::Not;

std::string as_it_is(std::string text) { return text; }

diagnose::Moment moment_of(const Instance& instance) {
  return {instance.seen, instance.known, instance.now, kWall};
}

Json evidence_of(const Instance& instance, std::string_view cause) {
  Json evidence = {{"incident", "2026-11-21-003"}};
  add_moment(evidence, kept_moment(moment_of(instance), cause, "instance", as_it_is));
  return *parse_json(to_line(evidence));
}

TEST(Replay, NamesWhatWasNamed) {
  // Goal: C2 B9: the same ranking with its evidence, and that it is the same.
  const auto told = replay(evidence_of(killed(), "server_killed"));
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_TRUE((*told)["agrees"].get<bool>());
  const auto& first = (*told)["moments"][0]["ranking"][0];
  EXPECT_EQ(first["cause"], "server_killed");
  EXPECT_FALSE(first["evidence"].empty());
  const auto screen = render_replay(*told, {.width = 100});
  EXPECT_THAT(screen, HasSubstr("2026-11-21-003"));
  EXPECT_THAT(screen, HasSubstr("the same"));
  EXPECT_THAT(screen, HasSubstr("server_killed"));
}

TEST(Replay, SaysWhatTodaysRulesNameOtherwise) {
  // Goal: B9: a cause that is named no more, one that is named besides, and another order.
  auto evidence = evidence_of(killed(), "oom_killed");
  auto told = replay(evidence);
  EXPECT_FALSE((*told)["agrees"].get<bool>());
  EXPECT_THAT((*told)["moments"][0]["differs"].dump(),
              HasSubstr("oom_killed, the incident's cause, is not named"));
  EXPECT_THAT((*told)["moments"][0]["differs"].dump(), Not(HasSubstr("besides")));
  evidence["moments"][0]["cause"] = "server_killed";
  evidence["moments"][0]["ranking"] =
      Json::array({{{"cause", "disk_full"}, {"subject", "data"}, {"confidence", 1}}});
  told = replay(evidence);
  EXPECT_EQ((*told)["moments"][0]["differs"],
            Json::array({"disk_full of data is not named any more"}));
  EXPECT_THAT(render_replay(*told, {.width = 100}), HasSubstr("not the same"));
}

TEST(Replay, KeepsTheFirstMomentAndTheLast) {
  // Goal: what an incident was refined to, bounded; what is too large says so and is no difference.
  Json evidence = {{"incident", "2026-11-21-003"}};
  for (int i = 0; i < 9; ++i) add_moment(evidence, {{"at", std::to_string(i)}});
  ASSERT_EQ(evidence["moments"].size(), kMomentsKept);
  EXPECT_EQ(evidence["moments"].front()["at"], "0");
  EXPECT_EQ(evidence["moments"].back()["at"], "8");
  auto large = killed();
  for (int i = 0; i < 100; ++i) log(large, pg::Signature::Ready, std::string(2'000, 'x'));
  const auto told = replay(evidence_of(large, "server_killed"));
  ASSERT_TRUE(told);
  EXPECT_TRUE((*told)["agrees"].get<bool>());
  EXPECT_THAT(render_replay(*told, {.width = 100}), HasSubstr("larger than"));
}

TEST(Replay, RefusesWhatIsNoMoment) {
  // Goal: X5: evidence of an older guard, a damaged file, another form.
  EXPECT_EQ(replay(Json{{"incident", "x"}}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(replay(*parse_json("[]")).error().code, ErrorCode::NotFound);
  auto evidence = evidence_of(killed(), "server_killed");
  evidence["moments"][0]["moment"]["seen"] = 7;
  EXPECT_EQ(replay(evidence).error().code, ErrorCode::Malformed);
  evidence["moments"][0] = 7;
  EXPECT_EQ(replay(evidence).error().code, ErrorCode::Malformed);
}

}  // namespace
}  // namespace pgkeel::app
