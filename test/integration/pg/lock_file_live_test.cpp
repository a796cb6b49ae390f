// The lock files of a living server, and what a second server says that meets them.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <map>

#include "integration/pg/majors.hpp"
#include "pg/log_signature.hpp"
#include "pg/postmaster_pid.hpp"
#include "support/child.hpp"

namespace pgkeel::test {
namespace {

using pg::Signature;

class LockFileLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(LockFileLive);

TEST_P(LockFileLive, says_who_runs_where) {
  // Goal: D12 D13: both lock files name the running postmaster, its port and its socket.
  PostgresServer server(options());
  const auto file = pg::parse_postmaster_pid(read_file(server.data_dir() / "postmaster.pid"));
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->pid, server.pid());
  EXPECT_EQ(file->data_dir, server.data_dir());
  EXPECT_EQ(file->port, server.port());
  EXPECT_EQ(file->socket_dir, server.socket_dir());
  EXPECT_EQ(file->listen_address, "127.0.0.1");
  EXPECT_EQ(file->status, "ready");
  const auto lock =
      pg::parse_socket_lock(read_file(server.socket_dir() / pg::socket_lock_name(server.port())));
  ASSERT_TRUE(lock.has_value()) << lock.error().message();
  EXPECT_EQ(lock->pid, server.pid());
  EXPECT_EQ(lock->port, server.port());
  EXPECT_EQ(lock->started_epoch_s, file->started_epoch_s);
}

/// Starts a server that must fail, to its end; the signatures of what it printed, with their
/// numbers.
std::map<Signature, std::int64_t> refused_start(const PostgresServer& server,
                                                const std::vector<std::string>& arguments) {
  const auto output = server.temp_dir() / "second.log";
  std::filesystem::remove(output);
  std::vector<std::string> argv = {(server.bin_dir() / "postgres").string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  int status = 0;
  EXPECT_GT(::waitpid(start_child(argv, output), &status, 0), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << read_file(output);
  std::map<Signature, std::int64_t> found;
  for (const auto& line : parse_log(pg::ServerLogFormat::Stderr, read_file(output)))
    if (const auto signature = classify(line))
      found[*signature] = signature_number(*signature, line).value_or(0);
  return found;
}

TEST_P(LockFileLive, a_second_server_is_refused_and_the_first_is_named) {
  // Goal: D12 D13 K40: the same directory, the same socket, the same port: each refused by name.
  PostgresServer first(options());
  auto found = refused_start(first, {"-D", first.data_dir().string()});
  EXPECT_EQ(found[Signature::LockFileExists], first.pid());

  auto not_started = options();
  not_started.start = FirstStart::No;
  const PostgresServer second(not_started);
  const auto data_dir = second.data_dir().string();
  const auto port = std::to_string(first.port());
  found = refused_start(second, {"-D", data_dir, "-p", port, "-c", "listen_addresses=", "-k",
                                 first.socket_dir().string()});
  EXPECT_EQ(found[Signature::SocketLockExists], first.pid());
  found = refused_start(second, {"-D", data_dir, "-p", port});
  EXPECT_EQ(found[Signature::PortTaken], first.port());
  EXPECT_TRUE(found.contains(Signature::NoListenSockets));
  EXPECT_TRUE(first.accepts_login());
}

}  // namespace
}  // namespace pgkeel::test
