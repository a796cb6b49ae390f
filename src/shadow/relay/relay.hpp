// Streams the archive's WAL to standbys on this machine, over a Unix socket, on a thread of its
// own: what the receiver has written goes on at once.
// It guarantees: the receiver never waits for a standby. It lets in root, the account it runs as
// and the owner of the socket's directory, by what the kernel says of who connects; there is no
// password to lose.
#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/account.hpp"
#include "runtime/fd.hpp"
#include "shadow/relay/session.hpp"

namespace pgkeel::shadow {

struct RelayOptions {
  /// Made by the caller, owned by the standby's account; the socket is .s.PGSQL.5432 in it.
  std::filesystem::path directory;
  SystemId system_id;
  ShelfPlaces places;
  /// Nothing beyond is given until received() says so; nothing: all that the archive has.
  std::optional<HeldWal> up_to = {};
};

/// As libpq names the socket in a directory.
inline constexpr int kRelayPort = 5432;

class Relay {
 public:
  /// More than a small house has standbys.
  static constexpr std::size_t kStandbysMax = 8;

  static Result<std::unique_ptr<Relay>> start(RelayOptions options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// From the receiver's thread: see Shelf::received().
  void received(TimelineId timeline, Lsn end);
  [[nodiscard]] std::vector<StandbyView> standbys() const;
  [[nodiscard]] std::filesystem::path socket() const;

 private:
  struct Connection {
    runtime::Fd fd;
    RelaySession session;
  };
  explicit Relay(RelayOptions options) : options_(std::move(options)) {}
  Result<void> listen();
  void run(const std::stop_token& stop);
  void serve(const std::stop_token& stop);
  void let_in();
  [[nodiscard]] bool may_come_in(int fd) const;
  enum class News { Now, Later };
  bool turn(Connection& connection, short events, News news);
  [[nodiscard]] bool somebody_is_behind() const;
  void note_refusal(const StandbyView& view);
  void show();

  RelayOptions options_;
  std::unique_ptr<Shelf> shelf_;
  runtime::Fd listener_;
  runtime::Fd wake_;
  std::list<Connection> connections_;
  std::map<std::string, StandbyView> refused_;  ///< by application name, the last time
  mutable std::mutex mutex_;                    // guards what follows
  std::vector<StandbyView> views_;
  std::jthread thread_;
};

}  // namespace pgkeel::shadow
