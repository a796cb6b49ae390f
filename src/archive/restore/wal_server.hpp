// Gives WAL to a server that replays on this machine: restore_command runs `pgkeel wal-fetch
// --socket`, which asks here. So the server's account needs neither the configuration nor the
// store nor a key, and the next segments are fetched ahead of the replay.
// Protocol, one request a connection: "NAME\n" is answered with "file PATH\n", "none\n" or
// "error TEXT\n". The file belongs to whoever asked and is renamed by it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "archive/restore/wal_source.hpp"
#include "runtime/account.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::archive {

class WalServer {
 public:
  /// `directory`: for the socket and fetched segments; made by the caller, owned by the server's
  /// account, on the data directory's file system so that a segment can be renamed into it.
  static Result<std::unique_ptr<WalServer>> start(WalSource source,
                                                  const std::filesystem::path& directory,
                                                  std::optional<runtime::Account> owner,
                                                  std::uint64_t segment_bytes);
  ~WalServer();
  WalServer(const WalServer&) = delete;
  WalServer& operator=(const WalServer&) = delete;

  [[nodiscard]] std::filesystem::path socket() const;
  /// The segment that was asked for last; empty before the first.
  [[nodiscard]] std::string last_asked();
  /// The first error given as an answer: why replay could not go on.
  [[nodiscard]] std::optional<Error> failure();
  [[nodiscard]] std::uint64_t segments_given() const { return given_; }

 private:
  enum class Ahead { Fetching, There, NotThere };
  WalServer(WalSource source, std::filesystem::path directory,
            std::optional<runtime::Account> owner, std::uint64_t segment_bytes);
  Result<void> listen();
  void serve(const std::stop_token& stop);
  void answer(int client);
  std::string answer_to(const std::string& name);
  Result<Fetched> take(const std::string& name);
  Result<Fetched> fetch(const std::string& name);
  void plan_ahead(const std::string& name);
  void fetch_ahead(const std::stop_token& stop);
  [[nodiscard]] std::filesystem::path path_of(const std::string& name) const;

  WalSource source_;
  std::filesystem::path directory_;
  std::optional<runtime::Account> owner_;
  std::uint64_t segment_bytes_;
  runtime::Fd listener_;
  runtime::Fd wake_;
  std::atomic<std::uint64_t> given_{0};
  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::map<std::string, Ahead> ahead_;
  std::vector<std::string> wanted_;
  std::string last_asked_;
  std::optional<Error> failure_;
  std::vector<std::jthread> threads_;
};

/// The answer of the server behind `socket`: "file PATH", "none" or "error TEXT".
Result<std::string> ask_wal_server(const std::filesystem::path& socket, std::string_view name);
/// The client's side: asks the server behind `socket` and renames what it gets to `path`.
Result<Fetched> fetch_from_server(const std::filesystem::path& socket, std::string_view name,
                                  const std::filesystem::path& path);

}  // namespace pgkeel::archive
