// How much memory the archive takes beside a database: not more for a larger one. The real binary
// against a real server, measured by the kernel.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMegabyte = 1U << 20U;
constexpr std::size_t kMost = 100 * kMegabyte;
// Buffers that happened to be full at once, and what the allocator keeps.
constexpr std::size_t kNoise = 24 * kMegabyte;

class ArchiveMemory : public testing::Test {
 protected:
  void SetUp() override {
    binary_.write("pgkeel.toml",
                  "state_dir = \"state\"\n[instance]\nkind = \"managed\"\ndata_dir = \"" +
                      server_.data_dir().string() + "\"\n[archive]\nstore = \"store\"\n");
  }
  // What does not compress, and is sent with the database as every file in there is.
  void grow(const std::string& name, std::size_t megabytes) const {
    const auto path = server_.data_dir() / "base" / name;
    std::mt19937_64 random(megabytes);
    std::vector<std::uint64_t> block(kMegabyte / sizeof(std::uint64_t));
    std::ofstream file(path, std::ios::binary);
    for (std::size_t i = 0; i < megabytes; ++i) {
      for (auto& word : block) word = random();
      file.write(reinterpret_cast<const char*>(block.data()), kMegabyte);
    }
    file.close();
    ASSERT_TRUE(file.good());
    give_to_server(path);
  }
  // The most that `pgkeel backup now` had resident.
  [[nodiscard]] std::size_t backup() const {
    const auto pid = ::fork();
    if (pid == 0) {
      if (::chdir(binary_.dir().c_str()) == 0)
        ::execl(PGKEEL_BINARY, PGKEEL_BINARY, "backup", "now", "--json", nullptr);
      ::_exit(127);
    }
    int status = 0;
    rusage usage{};
    EXPECT_EQ(::wait4(pid, &status, 0, &usage), pid);
    EXPECT_EQ(status, 0);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  }
  [[nodiscard]] json receiver() const {
    std::ifstream file(binary_.dir() / "state" / "receive.json");
    return json::parse(file, nullptr, false);
  }
  // The most that the receiver has had resident.
  [[nodiscard]] std::size_t received() const {
    std::ifstream file("/proc/" + std::to_string(receiver().value("pid", 0)) + "/status");
    for (std::string word; file >> word;) {
      std::size_t kilobytes = 0;
      if (word == "VmHWM:" && file >> kilobytes) return kilobytes * 1024;
    }
    return 0;
  }
  // Through the receiver, to the archive's disk.
  void write_wal(int rows) {
    static_cast<void>(
        server_.rows("insert into t select repeat(md5(g::text), 60) from "
                     "generate_series(1, " +
                     std::to_string(rows) + ") g"));
    const auto lsn = server_.query("select pg_current_wal_flush_lsn()");
    ASSERT_TRUE(wait_until([&] {
      const auto status = receiver();
      return status.is_object() && server_.query("select '" + status.value("flushed_lsn", "0/0") +
                                                 "'::pg_lsn >= '" + lsn + "'") == "t";
    }));
  }

  PostgresServer server_;
  Binary binary_;
};

TEST_F(ArchiveMemory, DoesNotGrowWithTheDatabase) {
  // Goal: backup and receiver stay under 100 MB, and need no more for five times the bytes (X4).
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer's own memory is counted";
#endif
  static_cast<void>(server_.rows("create table t (x text)"));
  Background process(binary_, {"receive"});
  ASSERT_NO_FATAL_FAILURE(write_wal(15'000));
  ASSERT_NO_FATAL_FAILURE(grow("small", 100));
  const auto small = backup();
  const auto received_small = received();
  ASSERT_NO_FATAL_FAILURE(write_wal(60'000));
  ASSERT_NO_FATAL_FAILURE(grow("large", 400));
  const auto large = backup();
  const auto received_large = received();
  RecordProperty("backup_bytes", std::to_string(large));
  RecordProperty("receiver_bytes", std::to_string(received_large));
  EXPECT_LT(large, kMost);
  EXPECT_LT(large, small + kNoise);
  ASSERT_GT(received_small, 0U);
  EXPECT_LT(received_large, kMost);
  EXPECT_LT(received_large, received_small + kNoise);
  std::cout << "backup " << small / kMegabyte << " and " << large / kMegabyte << " MB, receiver "
            << received_small / kMegabyte << " and " << received_large / kMegabyte << " MB\n";
}

}  // namespace
}  // namespace pgkeel::test
