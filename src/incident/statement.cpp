// SQLite's C interface, wrapped once. Its result codes become error codes in error_from() and
// nowhere else.
#include "incident/statement.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/check.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::incident {
namespace {

// Another process only ever reads (the CLI), so a wait is for its checkpoint lock: short.
constexpr int kBusyTimeoutMs = 2'000;
// Keeps the guard small; the working set of the ledger is a few pages.
constexpr int kCacheKilobytes = 256;
// After a burst the WAL file shrinks back to this at the next checkpoint.
constexpr int kWalBytesKept = 1 << 20;
// Above any text or dump we store (see kDumpBytesMax), so that a damaged length cannot take all
// memory.
constexpr int kValueBytesMax = 256 << 20;

ErrorCode code_for(sqlite3* handle, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return ErrorCode::DiskFull;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::Malformed;
    case SQLITE_READONLY:
    case SQLITE_PERM: return ErrorCode::Permission;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
      const int err = handle == nullptr ? 0 : sqlite3_system_errno(handle);
      const auto narrow = Error::from_errno(err, "").code;
      return err == 0 || narrow == ErrorCode::Io ? ErrorCode::Store : narrow;
    }
    default: return ErrorCode::Store;
  }
}

std::unexpected<Error> error_from(sqlite3* handle, int code, const std::filesystem::path& path) {
  const char* words = handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
  Error error(code_for(handle, code), fmt::format("state database {}: {}", path.string(), words));
  if (const int err = handle == nullptr ? 0 : sqlite3_system_errno(handle);
      err != 0 && error.code != ErrorCode::Malformed) {
    error.sys_errno = err;
    error.detail += fmt::format(" ({})", Error::from_errno(err, "system").detail);
  }
  return fail(std::move(error));
}

// SQLite would make the file with the umask's mode; the state is for its owner only.
Result<void> ensure_file(const std::filesystem::path& path) {
  const runtime::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.valid()) return runtime::fsync_directory(path.parent_path());
  if (errno == EEXIST) return {};
  return fail_errno(errno, fmt::format("make state database {}", path.string()));
}

}  // namespace

// For a URI: SQLite decodes %XX, and '?' and '#' would end the path.
std::string percent_encoded(const std::filesystem::path& path) {
  std::string encoded;
  for (const char c : path.string()) {
    if (c == '%' || c == '?' || c == '#') encoded += fmt::format("%{:02X}", c);
    else encoded += c;
  }
  return encoded;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<bool> Statement::step() {
  auto* handle = sqlite3_db_handle(statement_.get());
  const char* file = sqlite3_db_filename(handle, "main");
  const std::filesystem::path path = file == nullptr ? "" : file;
  if (bind_code_ != 0) return error_from(handle, bind_code_, path);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_from(handle, sqlite3_extended_errcode(handle), path);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

WallTime Statement::time(int column) const {
  return WallTime{std::chrono::microseconds(integer(column))};
}

std::optional<WallTime> Statement::optional_time(int column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

void Statement::bind(int at, double number) {
  note(sqlite3_bind_double(statement_.get(), at, number));
}

void Statement::bind(int at, std::string_view text) {
  note(sqlite3_bind_text64(statement_.get(), at, text.data() == nullptr ? "" : text.data(),
                           text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind(int at, Blob blob) {
  note(sqlite3_bind_blob64(statement_.get(), at, blob.bytes.data(), blob.bytes.size(),
                           SQLITE_TRANSIENT));
}

void Statement::bind_integer(int at, std::int64_t number) {
  note(sqlite3_bind_int64(statement_.get(), at, number));
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Result<std::unique_ptr<Database>> Database::open_handle(const std::filesystem::path& path,
                                                        const std::string& uri, int flags) {
  auto database = std::unique_ptr<Database>(new Database(path));
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(uri.c_str(), &handle, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);
  if (code != SQLITE_OK) return error_from(handle, code, path);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  TRY_VOID(database->run_script(fmt::format(
      "PRAGMA cache_size=-{}; PRAGMA mmap_size=0; PRAGMA trusted_schema=OFF;", kCacheKilobytes)));
  return database;
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path,
                                                 Durability durability) {
  TRY_VOID(ensure_file(path));
  TRY(database, open_handle(path, "file:" + percent_encoded(path), SQLITE_OPEN_READWRITE));
  // Closing a damaged file must not write into it nor take its -wal away.
  auto* handle = database->handle_.get();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  TRY_VOID(database->configure(durability));
  TRY_VOID(database->check_integrity());
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return std::move(database);
}

Result<std::unique_ptr<Database>> Database::open_read_only(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno(errno, fmt::format("state database {}", path.string()));
  // Without a -wal nobody has the file open; plain reading would make one and leave it.
  const bool in_use = ::stat((path.string() + "-wal").c_str(), &status) == 0;
  const auto uri =
      fmt::format("file:{}?mode=ro{}", percent_encoded(path), in_use ? "" : "&immutable=1");
  return open_handle(path, uri, SQLITE_OPEN_READONLY);
}

Result<void> Database::configure(Durability durability) {
  TRY(mode, collect_one(query("PRAGMA journal_mode=WAL"),
                        [](const Statement& row) { return row.text(0); }));
  if (mode != "wal") {
    return fail(Error(ErrorCode::Store, fmt::format("state database {}: this file system cannot "
                                                    "hold it (no shared memory for WAL mode)",
                                                    path_.string()))
                    .with_hint("Put state_dir on a local file system."));
  }
  return run_script(
      fmt::format("PRAGMA synchronous={}; PRAGMA foreign_keys=ON; PRAGMA journal_size_limit={};",
                  durability == Durability::EveryCommit ? "FULL" : "NORMAL", kWalBytesKept));
}

Result<void> Database::check_integrity() {
  TRY(verdict, collect_one(query("PRAGMA quick_check(1)"),
                           [](const Statement& row) { return row.text(0); }));
  if (verdict == "ok") return {};
  return fail(ErrorCode::Malformed, fmt::format("state database {} is damaged: {}", path_.string(),
                                                verdict.value_or("no verdict")));
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return error_from(handle_.get(), code, path_);
  CHECK(statement != nullptr);
  return Statement(statement);
}

Result<std::int64_t> Database::finish(Statement statement) {
  while (true) {
    TRY(more, statement.step());
    if (!more) return sqlite3_changes64(handle_.get());
  }
}

Result<void> Database::run_script(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    return error_from(handle_.get(), sqlite3_extended_errcode(handle_.get()), path_);
  return {};
}

std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(handle_.get()); }

Result<Transaction> Transaction::begin(Database& database) {
  TRY_VOID(database.run_script("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Result<void> Transaction::commit() {
  TRY_VOID(database_->run_script("COMMIT"));
  database_ = nullptr;
  return {};
}

Transaction::~Transaction() {
  // A rollback can only fail when SQLite has already rolled back by itself (disk full).
  if (database_ != nullptr) static_cast<void>(database_->run_script("ROLLBACK"));
}

}  // namespace pgkeel::incident
