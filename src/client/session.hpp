// What a Connection is inside: the libpq connection and what was learnt about it. Private to the
// room. Lives on the heap and does not move, because libpq keeps a pointer to it (notices).
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "client/cancel.hpp"
#include "client/commit_proof.hpp"
#include "client/connection.hpp"
#include "client/libpq.hpp"
#include "pg/sqlstate.hpp"

namespace pgkeel::client {

/// A server that warns in a loop must not fill our memory; the oldest notices go first.
inline constexpr std::size_t kNoticesMax = 32;
inline constexpr std::size_t kNoticeBytesMax = 2048;

struct Session {
  runtime::Loop* loop = nullptr;
  ConnectionPtr pq;
  std::string host;
  CancelKey cancel_key;
  std::deque<Notice> notices;
  /// SQLSTATE of a FATAL or of a killing WARNING that came as a notice: the reason the next read
  /// will find the connection closed.
  std::string farewell;
  /// The server said that a commit is on its own disk but its standbys did not confirm it.
  bool committed_locally = false;
  bool busy = false;
  pg::ConnectionFate fate = pg::ConnectionFate::Keep;
  std::optional<ServerIdentity> identity;
  /// The backend that told the identity. Behind a pooler the session may find itself on another
  /// one, after a crash even, and what it knew of the server is void.
  pid_t identity_backend = 0;
  bool identity_refused = false;  ///< this server does not let us ask; do not ask every time
  std::map<std::string, std::string> prepared;  ///< name -> SQL, to prepare again when stale

  Session(runtime::Loop& on, ConnectionPtr connection, std::string label);

  /// Registers for notices; call before the first byte is read.
  void listen_for_notices();
  /// Ends the session without waiting for anything.
  void close() { pq.reset(); }
  [[nodiscard]] bool usable() const { return pq != nullptr && PQstatus(pq.get()) == CONNECTION_OK; }
  /// Reads what has already arrived, without waiting; false when the server has gone.
  [[nodiscard]] bool absorb_input();
  void note(const PGresult* notice);
};

}  // namespace pgkeel::client
