// Hazard 39: another program takes over from the gateway that runs. Nobody is dropped, nobody is
// refused, and a program that does not come up changes nothing.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <thread>

#include "app/gateway/takeover_message.hpp"
#include "base/check.hpp"
#include "chaos/gateway_scene.hpp"
#include "gateway/relay/settings.hpp"
#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;
using test::Session;

/// The program as it is installed: whoever runs it sees that another is in its place.
class Installed {
 public:
  Installed() { install(PGKEEL_BINARY); }
  [[nodiscard]] fs::path path() const { return dir_.path() / "pgkeel"; }
  void install(const fs::path& program) const {
    const auto next = dir_.path() / "next";
    fs::copy_file(program, next, fs::copy_options::overwrite_existing);
    fs::rename(next, path());
  }
  void install_one_that_fails() const {
    const auto next = dir_.path() / "next";
    std::ofstream(next) << "#!/bin/sh\nexit 1\n";
    fs::permissions(next, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    fs::rename(next, path());
  }

 private:
  test::TempDir dir_;
};

class GatewayTakeover : public Installed, public GatewayScene {
 protected:
  GatewayTakeover() : GatewayScene(Installed::path()) {}
  std::string guard_log() {
    return runtime::read_file(stage().directory() / "guard.log", 1U << 20U).value_or("");
  }
  app::Json seen() {
    const auto status = stage().client().get("/api/v1/status");
    return status ? (*status)["gateway"] : app::Json();
  }
};

/// Comes anew for each query, as apps without a pool do, until it is ended.
class Comers {
 public:
  explicit Comers(const std::string& url)
      : thread_([this, url] {
          while (!ends_) {
            const auto why = test::refusal_of(url);
            if (why.empty()) ++came_;
            else why_ = why;
          }
        }) {}
  ~Comers() { static_cast<void>(end()); }
  // The last that was refused; "" for nobody.
  std::string end() {
    ends_ = true;
    if (thread_.joinable()) thread_.join();
    return why_;
  }
  [[nodiscard]] int came() const { return came_; }

 private:
  std::atomic<bool> ends_ = false;
  std::atomic<int> came_ = 0;
  std::string why_;
  std::thread thread_;
};

std::string cancel_of(PGconn* connection) {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection),
                                                                  &PQfreeCancel);
  std::array<char, 256> why{};
  return PQcancel(cancel.get(), why.data(), why.size()) == 1 ? "" : why.data();
}

TEST_F(GatewayTakeover, Hazard39NobodyIsDroppedAndNobodyIsRefused) {
  // Goal: who is in stays in, with transaction, temporary table and prepared statement; a cancel
  // reaches whom it is meant for; who comes is let in all the time; the earlier one ends with its
  // last client.
  const auto first = await_gateway();
  ASSERT_NE(first, 0);
  const auto process = runtime::ProcessHandle::open(first);
  ASSERT_TRUE(process);
  auto in_transaction = std::make_unique<Session>(url());
  (*in_transaction)("begin; create temporary table kept (n int); insert into kept values (7)");
  auto idle = std::make_unique<Session>(url());
  PQclear(PQprepare(idle->get(), "mine", "select 40 + $1::int", 1, nullptr));
  Comers comers(url());

  install(PGKEEL_BINARY);
  const auto second = await_gateway(first);
  ASSERT_NE(second, 0) << guard_log();
  const int came = comers.came();
  EXPECT_TRUE(test::wait_until([&] { return comers.came() > came + 20; }));
  EXPECT_EQ(comers.end(), "");

  EXPECT_TRUE(process->alive());
  EXPECT_EQ((*in_transaction)("select n from kept"), "7");
  EXPECT_EQ((*in_transaction)("commit; select count(*) from kept"), "1");
  const char* values[] = {"2"};
  const std::unique_ptr<PGresult, decltype(&PQclear)> prepared(
      PQexecPrepared(idle->get(), "mine", 1, values, nullptr, nullptr, 0), &PQclear);
  EXPECT_STREQ(PQgetvalue(prepared.get(), 0, 0), "42");
  ASSERT_EQ(PQsendQuery(idle->get(), "select pg_sleep(600)"), 1);
  Session newcomer(url());
  EXPECT_TRUE(test::wait_until([&] {
    return newcomer(
               "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)'"
               " and state = 'active'") == "1";
  }));
  EXPECT_EQ(cancel_of(idle->get()), "");
  const std::unique_ptr<PGresult, decltype(&PQclear)> cancelled(PQgetResult(idle->get()), &PQclear);
  EXPECT_STREQ(PQresultErrorField(cancelled.get(), PG_DIAG_SQLSTATE), "57014");
  EXPECT_TRUE(test::wait_until([&] { return seen().value("clients", 0) == 1; }, kPatience))
      << seen().dump();

  in_transaction.reset();
  EXPECT_TRUE(process->alive());
  idle.reset();
  EXPECT_TRUE(test::wait_until([&] { return !process->alive(); }, kPatience));
  EXPECT_EQ(newcomer("select 1"), "1");
  EXPECT_EQ(await_gateway(), second);
}

TEST_F(GatewayTakeover, AProgramThatDoesNotComeUpChangesNothing) {
  // Goal: the gateway that runs goes on, and one that comes up later takes over.
  const auto first = await_gateway();
  ASSERT_NE(first, 0);
  Session session(url());
  install_one_that_fails();
  EXPECT_TRUE(test::wait_until(
      [&] { return guard_log().contains("the gateway before it goes on"); }, kPatience))
      << guard_log();
  EXPECT_EQ(await_gateway(), first);
  EXPECT_EQ(session("select 1"), "1");
  install(PGKEEL_BINARY);
  EXPECT_NE(await_gateway(first), 0) << guard_log();
  EXPECT_EQ(session("select 2"), "2");
}

/// A line to the gateway as another's that takes over.
runtime::Fd line_to(const fs::path& socket) {
  runtime::Fd line(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto address = gateway::SocketAddress::of_unix(socket.string()).value();
  CHECK(::connect(line.get(), reinterpret_cast<const sockaddr*>(&address.address), address.bytes) ==
        0);
  return line;
}

TEST_F(GatewayTakeover, WhoAsksAndGoesChangesNothing) {
  // Goal: one that dies with the sockets in its hands, and one that says it is ready and has none,
  // leave the gateway where it is.
  using Kind = app::TakeoverMessage::Kind;
  const auto pid = await_gateway();
  ASSERT_NE(pid, 0);
  const auto socket = stage().config().state_dir / "gateway" / app::takeover_socket(pid);
  {
    const auto line = line_to(socket);
    ASSERT_TRUE(app::send_takeover(line.get(), {.kind = Kind::Ask}));
    const auto given = app::receive_takeover(line.get());
    ASSERT_TRUE(given && *given);
    EXPECT_EQ((*given)->message.kind, Kind::Front);
    EXPECT_EQ((*given)->descriptors.size(), 2U);
  }
  EXPECT_EQ(test::refusal_of(url()), "");
  const auto line = line_to(socket);
  ASSERT_TRUE(app::send_takeover(line.get(), {.kind = Kind::Ready}));
  EXPECT_FALSE(app::receive_takeover(line.get()));  // its end
  EXPECT_EQ(test::refusal_of(url()), "");
  EXPECT_EQ(await_gateway(), pid);
}

TEST_F(GatewayTakeover, AnotherGuardKnowsWhichOneRuns) {
  // Goal: of two gateways, one of which only serves whom it has, the next guard keeps the other;
  // both follow it, and one that dies is replaced although the earlier is still there.
  const auto first = await_gateway();
  ASSERT_NE(first, 0);
  Session earlier(url());
  install(PGKEEL_BINARY);
  const auto second = await_gateway(first);
  ASSERT_NE(second, 0) << guard_log();
  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_TRUE(stage().start_guard({{"PGKEEL_GATEWAY_SIZE", "5"}}).has_value());
  ASSERT_TRUE(stage().await_ready().has_value());
  EXPECT_TRUE(test::wait_until([&] { return seen().value("ok", false); }, kPatience));
  const auto log = [&] {
    return runtime::read_file(stage().config().state_dir / "gateway.log", 1U << 20U).value_or("");
  };
  const auto followed = [&] {
    constexpr std::string_view kWord = "following the guard's orders";
    const auto text = log();
    const auto once = text.find(kWord);
    return once != std::string::npos && text.find(kWord, once + 1) != std::string::npos;
  };
  EXPECT_TRUE(test::wait_until(followed, kPatience)) << log();
  EXPECT_EQ(earlier("select 1"), "1");
  ASSERT_EQ(::kill(second, SIGKILL), 0);
  const auto third = await_gateway(second);
  EXPECT_NE(third, 0);
  EXPECT_NE(third, first);
  EXPECT_EQ(earlier("select 2"), "2");
}

}  // namespace
}  // namespace pgkeel::chaos
