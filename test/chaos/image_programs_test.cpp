// Logical dumps and undrops on a host without PostgreSQL: the client programs are those of the
// guarded container's own image. Real engine, real server; the host's programs are hidden from the
// command in a mount namespace of its own.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include <nlohmann/json.hpp>

#include "chaos/container_engine.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kWithoutPrograms = "mount -t tmpfs none /usr/lib/postgresql && exec \"$@\"";
constexpr int kOrders = 1000;

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class ImagePrograms : public testing::Test {
 protected:
  void SetUp() override {
    if (!ContainerEngine::possible())
      GTEST_SKIP() << "needs root, podman, crun and the image of ./dev setup";
    fs::permissions(dir_.path(), fs::perms(0755));
    engine_.emplace();
    ASSERT_NO_FATAL_FAILURE(engine_->run({}));
    std::ofstream(dir_.path() / "pgkeel.toml") << fmt::format(
        "state_dir = \"state\"\n[instance]\nkind = \"container\"\ncontainer = \"pg\"\n"
        "engine_socket = \"{}\"\nurl = \"postgresql://postgres@127.0.0.1:{}/postgres\"\n"
        "[http]\nlisten = \"off\"\n[archive]\nstore = \"store\"\ndrill_dir = \"drill\"\n",
        engine_->socket().string(), engine_->port());
    ASSERT_TRUE(test::wait_until([&] { return sql("select 1", "postgres") == "1"; }, kPatience));
    sql("create database shop", "postgres");
    sql(
        fmt::format("create table orders (id int primary key, note text); insert into orders "
                    "select g, 'it''s \\ \"' || g from generate_series(1, {}) g",
                    kOrders));
  }
  void TearDown() override { engine_.reset(); }

  static Ran finished(runtime::ProcessSpec spec) {
    runtime::Loop loop;
    auto output =
        loop.run_until_complete(runtime::run_process(loop, std::move(spec), loop.after(kPatience)));
    if (!output) return {-1, "", output.error().message()};
    return {output->exit.code, output->out, output->err};
  }
  /// By the host's psql, which the commands under test cannot see.
  std::string sql(const std::string& statement, const std::string& database = "shop") const {
    runtime::ProcessSpec spec;
    spec.argv = {std::string(kBinDir) + "/psql", "-XqAt", "-c", statement,
                 fmt::format("postgresql://postgres@127.0.0.1:{}/{}", engine_->port(), database)};
    auto ran = finished(std::move(spec));
    while (ran.out.ends_with('\n')) ran.out.pop_back();
    return ran.exit_code == 0 ? ran.out : ran.err;
  }
  [[nodiscard]] runtime::ProcessSpec command(const std::vector<std::string>& words) const {
    runtime::ProcessSpec spec;
    spec.argv = {"unshare", "--mount", "sh", "-c", kWithoutPrograms, "sh", PGKEEL_BINARY};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.working_dir = dir_.path();
    return spec;
  }
  Ran pgkeel(const std::vector<std::string>& words) const { return finished(command(words)); }
  /// The JSON of a command that has to succeed.
  json ok(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const auto ran = pgkeel(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err << ran.out;
    EXPECT_THAT(ran.err, HasSubstr("of=\"image "));
    return json::parse(ran.out, nullptr, false);
  }
  /// No container but the server's, no session, no process that passes something to one.
  [[nodiscard]] bool nothing_is_left() {
    return nothing_runs() && engine_->names() == std::vector<std::string>{"pg"};
  }
  // A container that was made and never started holds nothing; the next dump removes it.
  [[nodiscard]] bool nothing_runs() {
    const auto sessions =
        sql("select count(*) from pg_stat_activity where application_name like "
            "'pgkeel %'",
            "postgres");
    const auto running = engine_->names(ContainerEngine::Which::Running);
    return running == std::vector<std::string>{"pg"} && sessions == "0" &&
           test::pids_about(dir_.path() / "drill").empty();
  }
  /// Enough for a dump to be met while it is made.
  void make_large() {
    sql("insert into orders select g, repeat(md5(g::text), 10) from generate_series(2000, 400000) "
        "g");
  }
  [[nodiscard]] bool is_copying() const {
    return sql("select count(*) > 0 from pg_stat_activity where application_name = 'pgkeel dump' "
               "and query like 'COPY %' and state = 'active'",
               "postgres") == "t";
  }

  test::TempDir dir_;
  std::optional<ContainerEngine> engine_;
};

TEST_F(ImagePrograms, MakeProveAndRestoreDumps) {
  // Goal: dumped, judged, proven in a server of the image, and restored, with no PostgreSQL on the
  // host; nothing of it is left (A10 D11 C3).
  const auto dump = ok({"dump", "now"});
  ASSERT_TRUE(dump.is_object());
  EXPECT_TRUE(dump["good"]);
  EXPECT_THAT(dump["client"].get<std::string>(), HasSubstr("pg_dump (PostgreSQL) 15"));
  const auto drill = ok({"dump", "drill"});
  ASSERT_TRUE(drill.is_object());
  EXPECT_TRUE(drill["holds"]) << drill;
  EXPECT_EQ(drill["rows"]["shop.public.orders"], kOrders);
  ok({"dump", "restore", "--database", "shop", "--as", "shop_2"});
  constexpr const char* kSum =
      "select count(*) || md5(string_agg(o::text, ',' order by id)) from "
      "orders o";
  EXPECT_EQ(sql(kSum, "shop_2"), sql(kSum));
  EXPECT_EQ(engine_->names(), std::vector<std::string>{"pg"});
  for (const auto& entry : fs::directory_iterator(dir_.path() / "drill"))
    EXPECT_TRUE(entry.is_regular_file()) << entry.path();
}

TEST_F(ImagePrograms, BringADroppedTableBack) {
  // Goal: copy's server, pg_dump and psql all of the image: the table is back with every row, also
  // from a name that has to be quoted in every language on the way (D10 X1).
  sql("create table \"it's $HOME\" (id int); insert into \"it's $HOME\" values (7)");
  ASSERT_EQ(pgkeel({"backup", "now"}).exit_code, 0);
  constexpr const char* kSum =
      "select count(*) || md5(string_agg(o::text, ',' order by id)) from "
      "orders o";
  const auto before = sql(kSum);
  sql("drop table orders");
  sql("drop table \"it's $HOME\"");
  EXPECT_EQ(ok({"undrop", "shop.public.orders"})["rows"], kOrders);
  EXPECT_EQ(ok({"undrop", "shop.public.it's $HOME"})["rows"], 1);
  EXPECT_EQ(sql(kSum), before);
  EXPECT_EQ(sql("select id from \"it's $HOME\""), "7");
  EXPECT_EQ(engine_->names(), std::vector<std::string>{"pg"});
}

TEST_F(ImagePrograms, ADumpKilledAnywhereLeavesNothing) {
  // Goal: SIGKILL to the dump from its very beginning to its end: whatever ran is gone by itself,
  // and the next dump is good and leaves nothing of any (A10 D11).
  make_large();
  constexpr int kKills = 8;
  for (int i = 0; i < kKills; ++i) {
    runtime::Loop loop;
    auto dump = runtime::start_process(command({"dump", "now"}));
    ASSERT_TRUE(dump.has_value());
    // Spread over what a dump takes; where exactly each hits is of no concern.
    static_cast<void>(
        loop.run_until_complete(dump->wait_exit(loop, loop.after(Millis(150 + 250 * i)))));
    static_cast<void>(dump->signal(SIGKILL));
    static_cast<void>(loop.run_until_complete(dump->wait_exit(loop, loop.after(kPatience))));
    ASSERT_TRUE(test::wait_until([&] { return nothing_runs(); }, kPatience)) << i;
  }
  EXPECT_TRUE(ok({"dump", "now"})["good"]);
  EXPECT_TRUE(test::wait_until([&] { return nothing_is_left(); }, kPatience));
  EXPECT_FALSE(fs::exists(dir_.path() / "drill" / "dump-programs-work"));
}

TEST_F(ImagePrograms, AContainerThatEndsUnderADumpIsAFailure) {
  // Goal: the programs' container is killed in the middle of a table: the dump is no success and
  // nothing of that database is kept (A10 D11).
  make_large();
  runtime::Loop loop;
  auto spec = command({"dump", "now"});
  spec.output_file = dir_.path() / "dump.log";
  auto dump = runtime::start_process(spec);
  ASSERT_TRUE(dump.has_value());
  ASSERT_TRUE(test::wait_until([&] { return is_copying(); }, kPatience));
  ASSERT_TRUE(dump->signal(SIGSTOP).has_value());
  ASSERT_TRUE(is_copying());
  for (const auto& name : engine_->names())
    if (name != "pg") engine_->kill(name);
  ASSERT_TRUE(dump->signal(SIGCONT).has_value());
  const auto exit = loop.run_until_complete(dump->wait_exit(loop, loop.after(kPatience)));
  ASSERT_TRUE(exit && *exit);
  EXPECT_EQ((*exit)->code, 1);
  std::ifstream log(dir_.path() / "dump.log");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(log), {}),
              HasSubstr("the container that ran it has ended"));
  const auto listed = json::parse(pgkeel({"dump", "list", "--json"}).out, nullptr, false);
  ASSERT_TRUE(listed.is_object());
  EXPECT_FALSE(listed["dumps"].back()["good"]) << listed;
  EXPECT_TRUE(test::wait_until([&] { return nothing_is_left(); }, kPatience));
}

}  // namespace
}  // namespace pgkeel::chaos
