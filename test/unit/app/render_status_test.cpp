// The status screen from snapshots of the API.
#include <gmock/gmock.h>

#include "app/render.hpp"
#include "app/report_error.hpp"

namespace pgkeel::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const WallTime kNow = *parse_iso8601("2026-11-21T12:00:00Z");

Json healthy() {
  return *parse_json(R"({
    "state":"up","since":"2026-11-21T08:48:00.000Z","health":"pass","serving":true,"writable":true,
    "reason":"","mode":"act","paused":false,"paused_until":null,
    "instance":{"kind":"managed","description":"managed postgresql@15-main at /pg/15/main",
      "role":"primary","system_identifier":"7438291","timeline":1,"major":15,"version":"15.14",
      "port":5432,"postmaster_pid":812,"started_at":"2026-11-20T12:00:00.000Z"},
    "probes":[
      {"name":"login","ok":true,"stale":false,"at":"2026-11-21T11:59:58.800Z","age_ms":1200,"took_ms":4,"note":""},
      {"name":"write","ok":false,"stale":true,"at":"2026-11-21T11:50:00.000Z","age_ms":600000,"took_ms":9,"note":"10 min old"}],
    "databases":[{"name":"shop","size_bytes":12582912,"connections":3,"missing":false}],
    "missing_relations":[],
    "connections":{"used":12,"max":100,"reserved":3,"free_to_clients":85},
    "disk":{"mount_point":"/","bytes_total":53687091200,"bytes_free":21474836480},
    "replication":"not configured","archive":"not configured","shadow":"not configured",
    "incidents":{"open":[],"total_by_cause":{},"restarts_total":0},
    "guard":{"version":"0.1.0","pid":77,"started_at":"2026-11-21T11:00:00.000Z","resident_bytes":22020096}})");
}

TEST(StatusScreen, AnswersTheFiveQuestions) {
  // Goal: up, since when, what is wrong, what protects it, how far could I lose: one screen (A8
  // E6).
  const auto text = render_status(healthy(), {}, kNow);
  EXPECT_THAT(text, HasSubstr("UP for 3 h 12 min, since 08:48:00 UTC; takes logins and writes"));
  EXPECT_THAT(text, HasSubstr("managed postgresql@15-main at /pg/15/main"));
  EXPECT_THAT(text, HasSubstr("PostgreSQL 15.14, primary, port 5432, pid 812"));
  EXPECT_THAT(text, HasSubstr("acts; runs for 1 h 0 min, pid 77, 21.0 MB"));
  EXPECT_THAT(text, HasSubstr("Wrong       nothing"));
  EXPECT_THAT(text, HasSubstr("login  ok     1.2 s ago"));
  EXPECT_THAT(text, HasSubstr("write  stale  10 min 0 s ago  took 9 ms  10 min old"));
  EXPECT_THAT(text, HasSubstr("shop  12.0 MB  3 connections"));
  EXPECT_THAT(text, HasSubstr("12 of 100 connections used; 20.0 GB free of 50.0 GB at /"));
  EXPECT_LT(std::ranges::count(text, '\n'), 24) << text;
}

TEST(StatusScreen, SaysWhatCannotBeDoneAndWhy) {
  // Goal: the features that cannot be had, each with its reason; one line when all can (D5).
  auto status = healthy();
  EXPECT_THAT(render_status(status, {}, kNow), Not(HasSubstr("Can")));  // an older guard
  status["features"] = {
      {{"name", "probe"}, {"does", "log in"}, {"able", true}, {"why_not", nullptr}}};
  EXPECT_THAT(render_status(status, {}, kNow), HasSubstr("Can         everything"));
  status["features"].push_back({{"name", "create_database"},
                                {"does", "create it"},
                                {"able", false},
                                {"why_not", "needs CREATEDB"}});
  const auto text = render_status(status, {}, kNow);
  EXPECT_THAT(text, HasSubstr("create_database  needs CREATEDB"));
  EXPECT_THAT(text, Not(HasSubstr("probe")));
}

TEST(StatusScreen, SaysWhatWouldMakeTheApplication) {
  // Goal: the state of the application's role and database, and how both come to be (B5).
  auto status = healthy();
  EXPECT_THAT(render_status(status, {}, kNow), Not(HasSubstr("Application")));
  status["application"] = {{"database", "shop"}, {"role", "shop_app"}, {"state", "not asked for"}};
  EXPECT_THAT(
      render_status(status, {}, kNow),
      AllOf(HasSubstr("database shop, role shop_app: not asked for"), HasSubstr("--apply")));
  status["application"]["state"] = "only advised";
  EXPECT_THAT(render_status(status, {}, kNow),
              AllOf(HasSubstr("mode = \"act\""), Not(HasSubstr("--apply"))));
  status["application"]["state"] = "done";
  EXPECT_THAT(render_status(status, {}, kNow), Not(HasSubstr("'pgkeel application'")));
}

TEST(StatusScreen, IsHonestAboutWhatIsNotProtected) {
  // Goal: without an archive the screen says what a lost disk costs.
  const auto text = render_status(healthy(), {}, kNow);
  EXPECT_THAT(text, HasSubstr("no archive configured: a lost data directory cannot be restored"));
  EXPECT_THAT(text, HasSubstr("everything since a backup you made"));
  auto status = healthy();
  status["archive"] = {
      {"ok", true}, {"note", "WAL archived"}, {"lag_bytes", 1024}, {"lag_ms", 2000}};
  const auto protected_text = render_status(status, {}, kNow);
  EXPECT_THAT(protected_text, HasSubstr("archive: ok, WAL archived"));
  EXPECT_THAT(protected_text, HasSubstr("the last 2.0 s (1.0 kB of WAL)"));
  EXPECT_THAT(protected_text, Not(HasSubstr("had back")));
  status["archive"]["restorable_from"] = "2026-11-21T03:00:00Z";
  status["archive"]["restorable_until"] = "2026-11-21T11:59:58Z";
  status["archive"]["job"] = {{"name", "backup drill"},
                              {"started_at", "2026-11-21T11:58:00Z"},
                              {"progress", "1.2 GB of 4.0 GB (30 %)"}};
  EXPECT_THAT(render_status(status, {}, kNow),
              AllOf(HasSubstr("any moment from 03:00:00 to 11:59:58 UTC can be had back"),
                    HasSubstr("now: backup drill, for 2 min 0 s: 1.2 GB of 4.0 GB (30 %)")));
  status["archive"]["ok"] = false;
  EXPECT_THAT(render_status(status, {}, kNow), HasSubstr("archive: NOT WORKING"));
}

TEST(StatusScreen, PutsTroubleIntoWords) {
  // Goal: an open incident, a missing table and a pause are all on the screen (C1).
  auto status = healthy();
  status["state"] = "waiting_for_human";
  status["serving"] = false;
  status["reason"] = "5 restarts in 300 s";
  status["paused"] = true;
  status["paused_until"] = "2026-11-21T14:00:00.000Z";
  status["missing_relations"] = {"shop.public.orders"};
  status["incidents"]["open"] = {{{"id", "2026-11-21-003"},
                                  {"cause", "table_dropped"},
                                  {"subject", "shop.public.orders"},
                                  {"severity", "critical"},
                                  {"state", "waiting"},
                                  {"opened_at", "2026-11-21T11:59:56.000Z"},
                                  {"acked_by", "ann"},
                                  {"summary", "orders is gone"}}};
  const auto text = render_status(status, {.width = 120}, kNow);
  EXPECT_THAT(text, HasSubstr("WAITING FOR YOU"));
  EXPECT_THAT(text, HasSubstr("does not serve"));
  EXPECT_THAT(text, HasSubstr("5 restarts in 300 s"));
  EXPECT_THAT(text, HasSubstr("paused until 14:00:00 UTC: watches, acts on nothing"));
  EXPECT_THAT(text, HasSubstr("1 open incident"));
  EXPECT_THAT(text, HasSubstr("opened 4.0 s ago, ann looks after it"));
  EXPECT_THAT(text, HasSubstr("orders is gone"));
  EXPECT_THAT(text, HasSubstr("missing: shop.public.orders"));
}

TEST(StatusScreen, FitsNarrowTerminals) {
  // Goal: at 40 columns no line of words is longer, and nothing of the sense is cut.
  const Look narrow{.colour = false, .width = kWidthMin};
  const auto text = render_status(healthy(), narrow, kNow);
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = text.find('\n', at);
    EXPECT_LE(columns_of(text.substr(at, end - at)), 40U) << text.substr(at, end - at);
    at = end + 1;
  }
  EXPECT_THAT(text, HasSubstr("everything since a backup"));
}

TEST(StatusScreen, IsTheSameWithColours) {
  // Goal: colours change nothing but the colours, also where lines are wrapped.
  for (const int width : {40, 80, 120}) {
    const auto plain = render_status(healthy(), {.colour = false, .width = width}, kNow);
    auto colourful = render_status(healthy(), {.colour = true, .width = width}, kNow);
    EXPECT_THAT(colourful, HasSubstr("\033["));
    for (auto from = colourful.find('\033'); from != std::string::npos;
         from = colourful.find('\033'))
      colourful.erase(from, colourful.find('m', from) - from + 1);
    EXPECT_EQ(plain, colourful);
  }
}

TEST(StatusScreen, SurvivesAnyShape) {
  // Goal: an older or newer guard, or nonsense, never crashes the command.
  for (const auto* text :
       {"{}", "[]", "null", "5", R"({"probes":5,"incidents":[],"databases":{}})",
        R"({"probes":[5,null,{}],"incidents":{"open":[1]},"missing_relations":[1]})",
        R"({"state":7,"since":"never","archive":{},"disk":{"bytes_free":-1}})"}) {
    EXPECT_FALSE(render_status(*parse_json(text), {}, kNow).empty()) << text;
    EXPECT_FALSE(render_last_known(*parse_json(text), {}, kNow).empty()) << text;
    EXPECT_FALSE(render_incident_list(*parse_json(text), {}, kNow).empty()) << text;
  }
}

TEST(StatusScreen, CannotBeDrivenByNames) {
  // Goal: control characters in what others named are shown, not obeyed.
  auto status = healthy();
  status["missing_relations"] = {"shop.public.\033[2Jx"};
  status["reason"] = "a\nb";
  const auto text = render_status(status, {}, kNow);
  EXPECT_THAT(text, AllOf(HasSubstr("\\x1b[2Jx"), HasSubstr("a\\x0ab"), Not(HasSubstr("\033"))));
}

TEST(LastKnown, SaysItIsOld) {
  // Goal: without a guard the screen says so and how old its knowledge is.
  const auto known =
      *parse_json(R"({"identity":{"system_identifier":"7438291","timeline":2,"major":15,
    "last_lsn":"0/3A7D9060","data_dir":"/pg","seen_at":"2026-11-21T11:00:00.000Z"},
    "intended_stop":"2026-11-21T11:00:00.000Z","incidents":{"open":[]},
    "probes":[{"name":"login","ok":true,"at":"2026-11-21T10:59:00.000Z","took_ms":4,"note":""}]})");
  const auto text = render_last_known(known, {}, kNow);
  EXPECT_THAT(text, HasSubstr("not running"));
  EXPECT_THAT(text, HasSubstr("PostgreSQL 15 at /pg, system identifier 7438291"));
  EXPECT_THAT(text, HasSubstr("last seen 1 h 0 min ago (11:00:00 UTC) at LSN 0/3A7D9060"));
  EXPECT_THAT(text, HasSubstr("it was stopped on purpose"));
  EXPECT_THAT(text, HasSubstr("login  ok  1 h 1 min ago"));
}

TEST(ErrorForms, CarryCodeHintAndExit) {
  // Goal: people get two lines, programs one object with the exit code in it.
  const Error error(ErrorCode::GuardNotRunning, "no guard\033[2J");
  EXPECT_EQ(error_text(error),
            "pgkeel: no guard\\x1b[2J\nHINT: Start it with 'pgkeel guard', or check --config and "
            "state_dir.\n");
  const auto json = *parse_json(error_json(error));
  EXPECT_EQ(json["code"], "guard_not_running");
  EXPECT_EQ(json["exit"], 5);
}

}  // namespace
}  // namespace pgkeel::app
