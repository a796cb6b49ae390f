// A moment as it is kept: whole, strict, without what is nobody's business. That every case of
// every rule's test replays to the same findings is checked by case_builder.hpp.
#include "diagnose/moment.hpp"

#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

std::string as_it_is(std::string text) { return text; }

Moment moment_of(const Instance& instance) {
  return {instance.seen, instance.known, instance.now, kWall};
}

ordered_json json_of(const Instance& instance) {
  return moment_to_json(moment_of(instance), as_it_is);
}

// One of everything that is not always there.
Instance rich() {
  auto instance = killed();
  auto& seen = instance.seen;
  seen.process.exit = runtime::ExitStatus{.code = 0, .signal = 9};
  seen.files.data_dir.control_error = Error(ErrorCode::ControlFileCorrupt, "crc");
  seen.files.data_dir.owner = runtime::Account{"postgres", 104, 106, "/var/lib/postgresql"};
  seen.files.port_listener = {"127.0.0.1:5432", 4711, "socat"};
  seen.files.lock.orphans = {101, 102};
  auto& hosting = in_container(instance);
  hosting.container.environment = {{"PGDATA", "/data"}, {"POSTGRES_PASSWORD", "hunter2hunter2"}};
  hosting.container.labels = {{"com.docker.swarm.service.name", "shop-db"},
                              {"traefik.http.middlewares.auth.basicauth.users", "me:secret"}};
  hosting.container.mounts = {{"volume", "pgdata", "/v/pgdata", "/data", true}};
  seen.hosting.words = {{kNow, "container pg: die, exit code 137"}};
  seen.catalog.gone[kOrders.value] = {kNow - Seconds(2), Lsn(0x16B374D848)};
  seen.catalog.listings["shop"].row_losses[1] = {
      Oid(1), sense::RowLossKind::Deleted, kNow, kNow, Lsn(7), Lsn(8), 100, 3};
  seen.sync.unprotected = {kWall, std::nullopt, "the receiver was away"};
  seen.log_watch.trouble = {{kNow, {}}};
  seen.log_watch.trouble.front().event.signature = pg::Signature::DirNotEmpty;
  seen.host.spaces.emplace_back().role = sense::SpaceRole::Tablespace;
  seen.host.io_stall = 12.5;
  seen.activity.archiver.emplace().failed = 3;
  instance.known.lost_rows["shop.public.orders"].rows_before = 40;
  instance.known.may_lose_rows = {"a", "b"};
  instance.known.predecessor = {77, kWall, kWall, kWall, true};
  instance.known.limits.storage_bytes = 10ULL << 30U;
  return instance;
}

TEST(Moment, ReadsBackWhatWasWritten) {
  // Goal: C2 B9: every kind of value survives, to the tick.
  const auto written = json_of(rich()).dump();
  const auto moment = parse_moment(written);
  ASSERT_TRUE(moment) << moment.error().message();
  EXPECT_EQ(moment_to_json(*moment, as_it_is).dump(), written);
  EXPECT_EQ(moment->now, kNow);
  EXPECT_EQ(moment->wall, kWall);
  EXPECT_EQ(moment->seen.process.died_at, kNow - Seconds(1));
  EXPECT_EQ(moment->seen.catalog.gone.at(kOrders.value).lsn, Lsn(0x16B374D848));
  EXPECT_EQ(moment->seen.log_watch.trouble.front().event.signature, pg::Signature::DirNotEmpty);
  EXPECT_EQ(moment->known.identity->system_id, kOurs);
  EXPECT_EQ(moment->known.limits.warn_at, 0.8);
  EXPECT_EQ(moment->known.may_lose_rows, (std::set<std::string>{"a", "b"}));
}

TEST(Moment, HoldsNoVariableAndNoLabelThatIsNotPlain) {
  // Goal: X10: what a container was told is not kept, what it is is; texts go through the scrub.
  const auto written = json_of(rich()).dump();
  EXPECT_THAT(written, Not(HasSubstr("hunter2")));
  EXPECT_THAT(written, Not(HasSubstr("traefik")));
  EXPECT_THAT(written, HasSubstr("/data"));
  EXPECT_THAT(written, HasSubstr("shop-db"));
  const auto shout = [](std::string text) { return text == "connection refused" ? "***" : text; };
  EXPECT_THAT(moment_to_json(moment_of(rich()), shout).dump(),
              Not(HasSubstr("connection refused")));
}

TEST(Moment, IsReadStrictly) {
  // Goal: X5: what no guard wrote is refused, with the place where it is wrong.
  const auto broken = [](const char* place, ordered_json value) {
    auto json = json_of(rich());
    json[ordered_json::json_pointer(place)] = std::move(value);
    const auto moment = parse_moment(json.dump());
    return moment ? std::string("accepted") : moment.error().message();
  };
  EXPECT_THAT(broken("/seen/process/pid", "100"), HasSubstr("process.pid"));
  EXPECT_THAT(broken("/seen/process/state", "tired"), HasSubstr("process.state"));
  EXPECT_THAT(broken("/seen/process/mood", 1), HasSubstr("a member nobody knows"));
  EXPECT_THAT(broken("/seen/login/took", 1e18), HasSubstr("login.took"));
  EXPECT_THAT(broken("/seen/login/connections_max", 1LL << 40U), HasSubstr("connections_max"));
  EXPECT_THAT(broken("/seen/host/io_stall", 1e300), HasSubstr("io_stall"));
  EXPECT_THAT(broken("/known/databases/0/oid", -1), HasSubstr("databases.oid"));
  EXPECT_THAT(broken("/known/may_lose_rows", {"a", "a"}), HasSubstr("may_lose_rows"));
  EXPECT_THAT(broken("/wall", -1), HasSubstr("a time of it"));
  EXPECT_THAT(broken("/form", 2), HasSubstr("another form"));
  for (const auto* text : {"", "{", "[]", "{}", "null", R"({"form":1})"})
    EXPECT_FALSE(parse_moment(text)) << text;
}

TEST(Moment, ThinnedOutItNamesTheSame) {
  // Goal: of ten thousand tables the one that is gone is what counts.
  auto instance = healthy();
  auto& known = instance.known.relations["shop"];
  for (std::uint32_t oid = 20'000; oid < 30'000; ++oid) {
    const auto name = "t" + std::to_string(oid);
    known.push_back({Oid(oid), "public", name, 'r', "app", 8192, 40});
    if (oid != 25'000) tables(instance).push_back({Oid(oid), "public", name, 'r', "app", 8192, 40});
  }
  const auto whole = words_of(diagnose(instance.as_case()));
  EXPECT_THAT(whole, HasSubstr("table_dropped shop.public.t25000"));
  auto moment = moment_of(instance);
  thin_out(moment);
  EXPECT_EQ(words_of(diagnose(moment.as_case())), whole);
  EXPECT_LT(moment_to_json(moment, as_it_is).dump().size(), 10'000U);
}

}  // namespace
}  // namespace pgkeel::diagnose
