// A server with an archive_command of its own, a receiver beside it, and the comparison of what
// both have kept: the server's copies are the truth.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/storage/store.hpp"
#include "integration/archive/receive/receiver_process.hpp"
#include "support/postgres_server.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::test {

/// Options of a server that copies every finished segment to `directory`.
[[nodiscard]] PostgresOptions archiving(const std::filesystem::path& directory,
                                        PostgresOptions options = {});

class ReceiveFixture : public testing::Test {
 protected:
  ReceiveFixture();
  void start_server(PostgresOptions options = {});
  void receive_from(const PostgresServer& server);
  [[nodiscard]] PostgresServer& server() { return *server_; }
  [[nodiscard]] Lsn server_lsn();
  /// A load of small transactions in the background for so many seconds; wait_load() ends it.
  void start_load(int seconds);
  void wait_load();
  /// Starts the receiver and waits until it streams: what the server writes from here on is
  /// received, while a first receiver begins wherever the server is by then.
  void start_receiving();
  /// Ends the present segment and returns the last one that is whole.
  std::string switch_wal();
  /// Waits until the store and the server's own copies both have `segment`.
  [[nodiscard]] bool await_stored(const std::string& segment);
  /// Segments and histories in the store by name, decoded. Fails the test when one is there twice.
  [[nodiscard]] std::map<std::string, std::string> stored();
  /// Every segment from the first stored one to `last` is in the store, equal to the server's copy.
  void expect_equal_until(const std::string& last);
  [[nodiscard]] std::string receiver_log() const;

  TempDir temp_;
  std::filesystem::path copies_;
  std::unique_ptr<PostgresServer> server_;
  ReceiverProcess receiver_;

 private:
  pid_t load_ = 0;
};

}  // namespace pgkeel::test
