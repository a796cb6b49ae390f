// /proc and the user database of this machine.
#include "runtime/proc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/account.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::runtime {
namespace {

constexpr pid_t kNoSuchPid = 0x3FFFFFFF;  // above the kernel's largest pid_max

TEST(Proc, KnowsThisProcess) {
  // Goal: stat, executable, directory and arguments of a process are read.
  const auto stat = read_proc_stat(::getpid());
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->pid, ::getpid());
  EXPECT_EQ(stat->parent, ::getppid());
  EXPECT_GT(stat->rss_bytes, 0U);
  EXPECT_EQ(read_proc_exe(::getpid())->filename(), "integration_runtime");
  EXPECT_EQ(*read_proc_cwd(::getpid()), std::filesystem::current_path());
  EXPECT_THAT(read_proc_cmdline(::getpid())->front(), testing::HasSubstr("integration_runtime"));
  EXPECT_TRUE(read_proc_io_bytes(::getpid()).has_value());
  EXPECT_THAT(list_pids(), testing::Contains(::getpid()));
}

TEST(Proc, KnowsWhenAProcessStarted) {
  // Goal: the start time lies between boot and now, close to now for this process.
  const auto stat = read_proc_stat(::getpid());
  ASSERT_TRUE(stat.has_value());
  const auto started = proc_started_at(*stat);
  ASSERT_TRUE(started.has_value());
  EXPECT_GT(*started, boot_time());
  EXPECT_LE(*started, wall_now() + Seconds(1));
  EXPECT_GT(*started, wall_now() - std::chrono::minutes(30));
}

TEST(Proc, AMissingProcessIsNotFound) {
  // Goal: every reader says NotFound for a process that is gone.
  EXPECT_EQ(read_proc_stat(kNoSuchPid).error().code, ErrorCode::NotFound);
  EXPECT_EQ(read_proc_io_bytes(kNoSuchPid).error().code, ErrorCode::NotFound);
  EXPECT_EQ(read_proc_exe(kNoSuchPid).error().code, ErrorCode::NotFound);
  EXPECT_EQ(read_proc_cmdline(kNoSuchPid).error().code, ErrorCode::NotFound);
}

TEST(Proc, FindsWhoListens) {
  // Goal: the pid and command behind a taken port; nobody behind a free one.
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto port = ntohs(address.sin_port);
  EXPECT_FALSE(find_tcp_listener(port).has_value());  // bound, but not listening
  ASSERT_EQ(::listen(fd.get(), 1), 0);
  const auto listener = find_tcp_listener(port);
  ASSERT_TRUE(listener.has_value());
  EXPECT_EQ(listener->address, "127.0.0.1:" + std::to_string(port));
  EXPECT_EQ(listener->pid, ::getpid());
  EXPECT_EQ(listener->command, "integration_run");
}

TEST(Account, IsFoundByUidAndName) {
  // Goal: both ways give the same account; an unknown one is NotFound.
  const auto root = account_by_uid(0);
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->name, "root");
  EXPECT_EQ(account_by_name("root").value(), *root);
  EXPECT_EQ(account_by_name("no-such-user").error().code, ErrorCode::NotFound);
  EXPECT_EQ(account_by_uid(4'000'000'000U).error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace pgkeel::runtime
