// A session that speaks the replication protocol: commands with several results, and COPY in both
// directions. Blocking, for the processes that move base backups and WAL and have nothing else to
// do on that thread; every wait has a limit and can be ended through a wake-up descriptor.
// It guarantees: a copy is only "done" when the server said so; what the server said in an error is
// kept with its SQLSTATE. It refuses SQL with parameters: that is Connection's.
// https://www.postgresql.org/docs/current/protocol-replication.html
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"

namespace pgkeel::client {

enum class ReplicationMode {
  Physical,  ///< replication=true: base backups, WAL, no SQL
  Sql,       ///< an ordinary session, for the few statements that go with it
};

struct ReplicationOptions {
  ReplicationMode mode = ReplicationMode::Physical;
  std::string application_name = "pgkeel";
  Millis timeout{10'000};         ///< of the login
  Millis answer_timeout{10'000};  ///< of every command's first answer
  int wake_fd = -1;               ///< when readable, every wait ends with Cancelled
  std::optional<runtime::Account> connect_as = {};  ///< for peer authentication; needs root
};

/// The rows of one result, as text; SQL NULL is nullopt.
struct TextRows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  /// The value at `row` in the column of that name; nullptr when there is none or it is NULL.
  [[nodiscard]] const std::string* at(std::size_t row, std::string_view column) const;
};

class ReplicationSession {
 public:
  /// ConnectionFailed, AuthFailed, TimedOut; when pg_hba.conf has no line for it, the error's hint
  /// is the exact line to add.
  static Result<ReplicationSession> open(const pg::Conninfo& conninfo,
                                         const ReplicationOptions& options);
  ReplicationSession(ReplicationSession&& other) noexcept;
  ReplicationSession& operator=(ReplicationSession&& other) noexcept;
  ~ReplicationSession();

  /// A command (or SQL) with at most one result of rows.
  Result<TextRows> run(const std::string& command);

  /// Sends a command whose results are then taken one by one with next().
  Result<void> send(const std::string& command);
  enum class Step { Rows, CopyOut, CopyBoth, Done };
  /// What comes next. Rows: take them with rows(). CopyOut, CopyBoth: read with read_copy() until
  /// nullopt. Waits at most `limit`; TimedOut leaves the session as it was.
  Result<Step> next(Millis limit);
  [[nodiscard]] const TextRows& rows() const;

  /// One message of the copy, valid until the next call; nullopt when the server ended the copy.
  /// TimedOut: nothing came within `limit`, ask again. ConnectionLost, Query.
  Result<std::optional<ByteSpan>> read_copy(Millis limit);
  /// CopyBoth only. Waits until the bytes are handed to the kernel.
  Result<void> write_copy(ByteSpan message, Millis limit);
  /// CopyBoth only: we are done sending; the server's own end follows in read_copy().
  Result<void> end_copy(Millis limit);

  [[nodiscard]] int server_version_num() const;  ///< 150020
  [[nodiscard]] int major() const { return server_version_num() / 10'000; }
  [[nodiscard]] int socket() const;
  [[nodiscard]] std::string_view parameter(std::string_view name) const;

 private:
  struct State;
  explicit ReplicationSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pgkeel::client
