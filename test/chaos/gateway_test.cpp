// The gateway lives beside the guard: started by it with fewer rights, told by it, and serving on
// when it is gone.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "app/log_tail.hpp"
#include "chaos/gateway_scene.hpp"
#include "runtime/files.hpp"
#include "runtime/http.hpp"
#include "runtime/proc.hpp"
#include "runtime/process.hpp"

namespace pgkeel::chaos {
namespace {

using test::Session;

using Gateway = GatewayScene;

TEST_F(Gateway, ProvesClientsAndOwnsNothing) {
  // Goal: the guard starts it; who knows the password is in, who does not is not; it runs as an
  // account that owns nothing, for good.
  const auto pid = await_gateway();
  ASSERT_NE(pid, 0);
  Session session(url());
  EXPECT_EQ(session("select current_user"), "app");
  EXPECT_THAT(test::refusal_of(url("wrong")), testing::HasSubstr("password authentication failed"));
  const auto status = runtime::read_file(fmt::format("/proc/{}/status", pid), 1U << 16U);
  ASSERT_TRUE(status);
  const auto nobody = runtime::account_by_name("nobody").value();
  EXPECT_THAT(*status, testing::HasSubstr(fmt::format("Uid:\t{0}\t{0}\t{0}\t{0}", nobody.uid)));
  EXPECT_THAT(*status, testing::HasSubstr(fmt::format("Gid:\t{0}\t{0}\t{0}\t{0}", nobody.gid)));
  EXPECT_THAT(*status, testing::HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(*status, testing::HasSubstr("CapEff:\t0000000000000000"));
}

TEST_F(Gateway, OutlivesTheGuardAndIsAdopted) {
  // Goal: a killed guard leaves clients where they are; the next guard finds the same gateway, and
  // clients that log in are proven again.
  const auto pid = await_gateway();
  ASSERT_NE(pid, 0);
  Session session(url());
  EXPECT_EQ(session("select 1"), "1");
  ASSERT_TRUE(stage().kill_guard().has_value());
  EXPECT_EQ(session("select 2"), "2");
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(stage().await_ready().has_value());
  EXPECT_EQ(await_gateway(), pid);
  EXPECT_EQ(session("select 3"), "3");
  Session another(url());
  EXPECT_EQ(another("select current_user"), "app");
}

TEST_F(Gateway, ComesBackWhenItDies) {
  // Goal: the guard starts another, to which clients come.
  const auto first = await_gateway();
  ASSERT_NE(first, 0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  const auto second = await_gateway(first);
  EXPECT_NE(second, 0);
  EXPECT_NE(second, first);
  Session session(url());
  EXPECT_EQ(session("select current_user"), "app");
}

TEST_F(Gateway, AnIdleClientDoesNotSeeTheServersDeath) {
  // Goal: the server is killed and brought back; a client with nothing under way waits and is
  // answered, one that logs in meanwhile too; nothing acknowledged is lost.
  add_writer(scene_);
  ASSERT_NE(await_gateway(), 0);
  Session session(url());
  EXPECT_EQ(session("select 1"), "1");
  const auto servers = sessions_of_app();
  ASSERT_FALSE(servers.empty());
  stage().note_broken();
  kill_server(stage());
  // One that has not seen yet that its postmaster is dead would take the query and end over it.
  ASSERT_TRUE(test::wait_until([&] {
    return std::ranges::none_of(servers, [](const auto& server) { return server.alive(); });
  }));
  EXPECT_EQ(session("select count(*) > 0 from ledger"), "t");
  Session newcomer(url());
  EXPECT_EQ(newcomer("select current_user"), "app");
  ASSERT_TRUE(await_healed(stage(), "server_killed"));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Gateway, IsSeenInStatusAndMetrics) {
  // Goal: who looks at the guard sees the gateway's clients, and hears when it is gone (E4).
  const auto pid = await_gateway();
  ASSERT_NE(pid, 0);
  Session session(url());
  session("begin");
  const auto gateway = [&] {
    const auto status = stage().client().get("/api/v1/status");
    return status ? (*status)["gateway"] : app::Json();
  };
  EXPECT_TRUE(test::wait_until(
      [&] {
        const auto seen = gateway();
        return seen.value("ok", false) && seen.value("clients", 0) == 1 &&
               seen.value("servers_active", 0) == 1 && seen.value("queries_total", 0) > 0;
      },
      kPatience))
      << gateway().dump();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_TRUE(test::wait_until([&] { return !gateway().value("ok", true); }, kPatience));
  EXPECT_THAT(gateway().value("note", ""), testing::StartsWith("does not answer"));
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_TRUE(test::wait_until([&] { return gateway().value("ok", false); }, kPatience));
  EXPECT_EQ(session("select 1"), "1");
}

TEST_F(Gateway, ItsLogIsThereWithAndWithoutTheGuard) {
  // Goal: `pgkeel logs gateway` says what it said, also when its guard is gone (contract).
  ASSERT_NE(await_gateway(), 0);
  const auto says = [&] {
    const auto lines = app::read_log(stage().config(), "gateway", 100);
    return lines ? testing::PrintToString(*lines) : lines.error().message();
  };
  EXPECT_THAT(says(), testing::HasSubstr("the gateway listens"));
  ASSERT_TRUE(stage().kill_guard().has_value());
  EXPECT_THAT(says(), testing::HasSubstr("the gateway listens"));
}

TEST_F(Gateway, TheGuardAnswersNobodyElse) {
  // Goal: keys and verifiers are told to the gateway and to no other process, root's included; the
  // gateway's account changes nothing in the directory they meet in.
  ASSERT_NE(await_gateway(), 0);
  const auto directory = stage().config().state_dir / "gateway";
  runtime::Loop loop;
  for (const auto* path : {"/orders", "/verifier", "/figures"}) {
    runtime::HttpRequest request;
    request.path = path;
    request.query = {{"user", "postgres"}};
    const auto answer = loop.run_until_complete(runtime::http_request(
        loop, {directory / "guard.sock", {}, 0}, request, loop.after(Millis(5'000))));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 403);
  }
  struct stat facts{};
  ASSERT_EQ(::stat(directory.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, ::geteuid());
  EXPECT_EQ(facts.st_mode & 07777U, 0711U);
}

TEST_F(Gateway, EndsWhenItIsSwitchedOff) {
  // Goal: a guard that wants none ends the one that outlived its predecessor.
  const auto pid = await_gateway();
  ASSERT_NE(pid, 0);
  const auto process = runtime::ProcessHandle::open(pid);
  ASSERT_TRUE(process);
  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_TRUE(stage().start_guard({{"PGKEEL_GATEWAY_LISTEN", "off"}}).has_value());
  EXPECT_TRUE(test::wait_until([&] { return !process->alive(); }, kPatience));
}

TEST_F(Gateway, ANameThatIsNoTextHoldsUpNobody) {
  // Goal: a user whose name the server cannot read is nobody; who logs in behind it does not wait.
  ASSERT_NE(await_gateway(), 0);
  EXPECT_THAT(test::refusal_of(fmt::format("host=127.0.0.1 port={} dbname=shop user=\xff "
                                           "password=x gssencmode=disable connect_timeout=30",
                                           port_)),
              testing::HasSubstr("password authentication failed"));
  Session session(url());
  EXPECT_EQ(session("select 1"), "1");
}

TEST_F(Gateway, FollowsTheGuardsConfiguration) {
  // Goal: another guard with another size: the running gateway has it, no client is dropped.
  const auto pid = await_gateway();
  Session session(url());
  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_TRUE(stage().start_guard({{"PGKEEL_GATEWAY_SIZE", "7"}}).has_value());
  ASSERT_TRUE(stage().await_ready().has_value());
  const auto log = [&] {
    return runtime::read_file(stage().config().state_dir / "gateway.log", 1U << 20U).value_or("");
  };
  EXPECT_TRUE(
      test::wait_until([&] { return log().contains("following the guard's orders"); }, kPatience))
      << log();
  EXPECT_EQ(session("select 1"), "1");
  EXPECT_EQ(await_gateway(), pid);
}

}  // namespace
}  // namespace pgkeel::chaos
