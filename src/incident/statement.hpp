// A thin RAII layer over SQLite, private to the room: a handle, a prepared statement, a
// transaction. Every failure comes back as an Error whose code says what to do about it (DiskFull,
// Permission, Store); nothing throws. One thread at a time: Store::Connection's mutex sees to that.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace pgkeel::incident {

/// Bytes that are not text.
struct Blob {
  std::string_view bytes;
};

/// A prepared statement with its values bound. Rows are read with step() until it says false.
class Statement {
 public:
  /// True when a row is there to be read, false at the end.
  Result<bool> step();

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] WallTime time(int column) const;
  [[nodiscard]] std::optional<WallTime> optional_time(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  template <std::integral Number>
  void bind(int at, Number number) {
    bind_integer(at, static_cast<std::int64_t>(number));
  }
  void bind(int at, double number);
  void bind(int at, std::string_view text);
  void bind(int at, const std::string& text) { bind(at, std::string_view(text)); }
  void bind(int at, const char* text) { bind(at, std::string_view(text)); }
  void bind(int at, Blob blob);
  void bind(int at, WallTime time) { bind_integer(at, time.time_since_epoch().count()); }
  void bind(int at, Millis span) { bind_integer(at, span.count()); }
  template <class Value>
  void bind(int at, const std::optional<Value>& value) {
    if (value) bind(at, *value);  // an unbound parameter is NULL
  }
  void bind_integer(int at, std::int64_t number);
  void note(int code) {
    if (bind_code_ == 0) bind_code_ = code;
  }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_code_ = 0;  // the first failed bind, reported by step()
};

/// How a database file is opened; see Database::open.
enum class Durability {
  EveryCommit,  ///< synchronous=FULL: a commit is on disk when it returns
  Checkpoint,  ///< synchronous=NORMAL: survives the process at once, a power cut only from the last
               ///< checkpoint on, and is never damaged by either
};

/// A path inside a SQLite "file:" URI.
[[nodiscard]] std::string percent_encoded(const std::filesystem::path& path);

class Database {
 public:
  /// Opens or makes the file (0600) in WAL mode with foreign keys, a busy timeout and a small
  /// cache. Malformed when it is damaged (header, or quick_check says so).
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                Durability durability);
  /// Opens for reading; makes no file and changes none but the reader's marks in an existing -shm.
  static Result<std::unique_ptr<Database>> open_read_only(const std::filesystem::path& path);

  /// Prepares and binds; the statement must not outlive the database.
  template <class... Values>
  Result<Statement> query(std::string_view sql, const Values&... values) {
    TRY(statement, prepare(sql));
    int at = 0;
    (statement.bind(++at, values), ...);
    return std::move(statement);
  }
  /// Runs to the end and gives the number of rows changed.
  template <class... Values>
  Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    TRY(statement, query(sql, values...));
    return finish(std::move(statement));
  }
  /// Runs several statements without values, as a migration does.
  Result<void> run_script(const std::string& sql);
  [[nodiscard]] std::int64_t last_row_id() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(std::filesystem::path path) : path_(std::move(path)) {}
  static Result<std::unique_ptr<Database>> open_handle(const std::filesystem::path& path,
                                                       const std::string& uri, int flags);
  Result<void> configure(Durability durability);
  Result<void> check_integrity();
  Result<Statement> prepare(std::string_view sql);
  Result<std::int64_t> finish(Statement statement);

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// Rolls back on destruction unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

/// All rows of a query, each made by `make(statement)`.
template <class Make>
auto collect(Result<Statement> query, Make make)
    -> Result<std::vector<decltype(make(std::declval<const Statement&>()))>> {
  std::vector<decltype(make(std::declval<const Statement&>()))> rows;
  if (!query) return fail(std::move(query).error());
  while (true) {
    TRY(more, query->step());
    if (!more) return rows;
    rows.push_back(make(*query));
  }
}

/// The first row of a query, or nothing.
template <class Make>
auto collect_one(Result<Statement> query, Make make)
    -> Result<std::optional<decltype(make(std::declval<const Statement&>()))>> {
  if (!query) return fail(std::move(query).error());
  TRY(found, query->step());
  if (!found) return std::nullopt;
  return make(*query);
}

}  // namespace pgkeel::incident
