#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <csignal>

#include "instance/readiness.hpp"
#include "integration/instance/fixture.hpp"
#include "runtime/fd.hpp"
#include "runtime/proc.hpp"
#include "support/child.hpp"

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;

class StartTest : public InstanceTest {};

runtime::Fd listen_on(std::uint16_t port) {
  runtime::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  if (::listen(fd.get(), 1) != 0) return {};
  return fd;
}

TEST_F(StartTest, StartsAStoppedServerAndSaysWhoItIs) {
  // Goal: a stopped server is started as its owner, in its own session, and answers (A3 D3).
  const auto report = start();
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_TRUE(report->postmaster) << report->server_log;
  EXPECT_EQ(server().query("select 1"), "1");
  EXPECT_EQ(report->postmaster->file.port, server().port());
  EXPECT_EQ(report->postmaster->file.status, "ready");
  EXPECT_THAT(report->server_log, HasSubstr("ready to accept connections"));
  EXPECT_EQ(::getsid(report->postmaster->pid), report->postmaster->pid);
  EXPECT_EQ(instance().port(), server().port());
  EXPECT_FALSE(report->exit);
}

TEST_F(StartTest, SeesReadinessWithinAFewMilliseconds) {
  // Goal: start() returns soon after the server wrote that it is ready (budget of server_killed).
  ASSERT_TRUE(start());
  const auto ready_at = std::filesystem::last_write_time(server().data_dir() / "postmaster.pid");
  const auto seen_at = std::filesystem::file_time_type::clock::now();
  EXPECT_LT(std::chrono::duration_cast<Millis>(seen_at - ready_at), Millis(250));
}

TEST_F(StartTest, AdoptsARunningServerAndStartsNoSecond) {
  // Goal: a postmaster somebody else started is found by evidence and left alone.
  server().start();
  const auto postmaster = instance().find_postmaster();
  ASSERT_TRUE(postmaster);
  EXPECT_EQ(postmaster->pid, server().pid());
  EXPECT_EQ(postmaster->start_ticks, runtime::read_proc_stat(server().pid())->start_ticks);
  EXPECT_EQ(instance().inspect_lock().state, LockState::Live);
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::WrongState);
  EXPECT_EQ(server().query("select 1"), "1");
}

TEST_F(StartTest, RefusesAnotherIdentityAndChangesNothing) {
  // Goal: a stranger's data directory is never started, not even tidied (X8).
  const std::string before = listing(server().data_dir());
  const auto report = start({SystemId{identity().value + 1}, {}});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::WrongIdentity);
  EXPECT_EQ(report.error().exit_number(), 4);
  const auto unknown = run(instance().start({}, soon()));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::Refused);
  EXPECT_EQ(listing(server().data_dir()), before);
}

TEST_F(StartTest, ReportsWhatTheServerSaidWhenThePortIsTaken) {
  // Goal: a failed start brings the server's own reason with it (K40, port_taken).
  static_cast<void>(instance());
  const auto holder = listen_on(server().port());
  ASSERT_TRUE(holder.valid());
  const auto report = start();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->postmaster);
  ASSERT_TRUE(report->exit);
  EXPECT_EQ(report->exit->code, 1);
  EXPECT_THAT(report->server_log, HasSubstr("Address already in use"));
  EXPECT_EQ(instance().inspect_lock().state, LockState::None);
}

TEST_F(StartTest, ReadsTheCollectorsLogToo) {
  // Goal: with logging_collector the reason of a failed start is in another file; it is reported.
  auto options = stopped();
  options.settings = {{"logging_collector", "on"}, {"log_directory", "log"}};
  make_server(options);
  server().append_config("restore_command = ''\n");
  write_file(server().data_dir() / "standby.signal", "");
  std::filesystem::remove(server().data_dir() / "pg_hba.conf");
  const auto report = start();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->postmaster);
  EXPECT_THAT(report->server_log, HasSubstr("could not load pg_hba.conf"));
}

TEST_F(StartTest, TimesOutWhileTheServerStillRecovers) {
  // Goal: slow is not dead: at the deadline the server is left to recover and the caller is told.
  static_cast<void>(instance());
  server().append_config("hot_standby = off\n");
  write_file(server().data_dir() / "recovery.signal", "");
  server().append_config("restore_command = 'sleep 1000'\n");
  const auto report = run(instance().start({identity(), {}}, loop_.after(Millis(1'500))));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::TimedOut);
  EXPECT_THAT(report.error().message(), HasSubstr("starting"));
  EXPECT_TRUE(instance().find_postmaster());
}

TEST_F(StartTest, KeepsTheOptionsOfTheLastRun) {
  // Goal: a server that was run with options of its own is restarted with them (postmaster.opts).
  static_cast<void>(instance());
  const auto elsewhere = server().temp_dir() / "elsewhere.conf";
  write_file(elsewhere, read_all(server().data_dir() / "postgresql.conf") + "work_mem = '7MB'\n");
  write_file(server().data_dir() / "postmaster.opts",
             (server().bin_dir() / "postgres").string() +
                 " \"-D\" \"/gone\" \"-c\" \"config_file=" + elsewhere.string() +
                 "\" \"-c\" \"application_name=kept\"\n");
  test::give_to_server(server().data_dir() / "postmaster.opts");
  static_cast<void>(started());
  EXPECT_EQ(server().query("show work_mem"), "7MB");
  EXPECT_EQ(server().query("select reset_val from pg_settings where name = 'application_name'"),
            "kept");
}

TEST_F(StartTest, KeepsTheGuardsSecretsOutOfTheServersEnvironment) {
  // Goal: nothing of the guard's own environment that names a secret reaches the server.
  ::setenv("PGKEEL_ARCHIVE_SECRET", "hush", 1);
  ::setenv("PGPASSWORD", "hush", 1);
  ::setenv("DATABASE_URL", "postgresql://u:hush@h/d", 1);
  const Postmaster postmaster = started();
  const std::string environment = read_all("/proc/" + std::to_string(postmaster.pid) + "/environ");
  EXPECT_THAT(environment, HasSubstr("PG_OOM_ADJUST_FILE"));
  EXPECT_THAT(environment, testing::Not(HasSubstr("hush")));
  for (const char* name : {"PGKEEL_ARCHIVE_SECRET", "PGPASSWORD", "DATABASE_URL"}) ::unsetenv(name);
}

}  // namespace
}  // namespace pgkeel::instance
