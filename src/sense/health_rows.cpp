// The readers of health_rows.hpp; the statements are in health_statements.cpp.
#include <charconv>

#include "pg/sql_literals.hpp"
#include "sense/catalog_rows.hpp"
#include "sense/health_rows.hpp"

namespace pgkeel::sense {
namespace {

using client::Rows;

// The fields of one row, read one after another.
class Fields {
 public:
  Fields(const Rows& rows, std::size_t row) : rows_(rows), row_(row) {}
  std::string text() { return read_text(rows_, row_, at_++); }
  std::string statement() { return pg::hide_literals(text(), kStatementBytesMax); }
  std::int64_t number() { return rows_.int64(row_, at_++).value_or(0); }
  bool truth() { return read_text(rows_, row_, at_++) == "t"; }
  double real() { return rows_.real(row_, at_++).value_or(0); }
  std::optional<std::int64_t> known_number() {
    const auto number = rows_.int64(row_, at_++);
    return number ? std::optional(*number) : std::nullopt;
  }
  std::optional<double> known_real() {
    const auto real = rows_.real(row_, at_++);
    return real ? std::optional(*real) : std::nullopt;
  }
  // A clock that was set back makes no negative times.
  std::optional<Seconds> known_seconds() {
    const auto number = known_number();
    return number ? std::optional(Seconds(std::max<std::int64_t>(*number, 0))) : std::nullopt;
  }
  Seconds seconds() { return known_seconds().value_or(Seconds(0)); }
  std::optional<WallTime> time() {
    const auto number = known_number();
    return number ? std::optional(WallTime{Seconds(*number)}) : std::nullopt;
  }

 private:
  const Rows& rows_;
  std::size_t row_;
  std::size_t at_ = 0;
};

std::vector<pid_t> read_pids(std::string_view list) {
  std::vector<pid_t> pids;
  const auto* at = list.data();
  const auto* end = list.data() + list.size();
  while (at < end) {
    pid_t pid = 0;
    const auto parsed = std::from_chars(at, end, pid);
    if (parsed.ec != std::errc()) break;
    pids.push_back(pid);
    at = parsed.ptr + 1;
  }
  return pids;
}

template <class Item, class Read>
std::vector<Item> read_all(const Rows& rows, Read read) {
  std::vector<Item> items;
  for (std::size_t row = 0; row < rows.size(); ++row) items.push_back(read(Fields(rows, row)));
  return items;
}

}  // namespace

std::vector<HealthSession> read_sessions(const Rows& rows) {
  return read_all<HealthSession>(rows, [](Fields row) {
    HealthSession session;
    session.pid = static_cast<pid_t>(row.number());
    session.user = row.text();
    session.application = row.text();
    session.database = row.text();
    session.state = row.text();
    session.open_for = row.known_seconds();
    session.in_state_for = row.seconds();
    session.waiting_for = row.known_seconds();
    session.xmin_age = row.number();
    session.blockers = read_pids(row.text());
    session.statement = row.statement();
    return session;
  });
}

std::vector<XminHolder> read_holders(const Rows& rows) {
  return read_all<XminHolder>(rows, [](Fields row) {
    XminHolder holder;
    const auto kind = row.text();
    holder.kind = kind == "prepared" ? XminHolder::Kind::PreparedTransaction
                  : kind == "slot"   ? XminHolder::Kind::Slot
                                     : XminHolder::Kind::Standby;
    holder.name = row.text();
    holder.owner = row.text();
    holder.database = row.text();
    holder.xmin_age = row.number();
    holder.held_for = row.known_seconds();
    holder.active = row.truth();
    return holder;
  });
}

std::vector<ConnectionLimit> read_limits(const Rows& rows) {
  return read_all<ConnectionLimit>(rows, [](Fields row) {
    ConnectionLimit limit;
    limit.of = row.text() == "role" ? ConnectionLimit::Of::Role : ConnectionLimit::Of::Database;
    limit.name = row.text();
    limit.used = static_cast<int>(row.number());
    limit.limit = static_cast<int>(row.number());
    return limit;
  });
}

void read_databases(const Rows& rows, HealthFacts& facts) {
  constexpr std::size_t kSeesOthers = 5;
  facts.sees_others = rows.empty() || read_text(rows, 0, kSeesOthers) == "t";
  facts.databases = read_all<DatabaseHealth>(rows, [](Fields row) {
    DatabaseHealth database;
    database.name = row.text();
    database.bytes = row.known_number();
    database.temp_files = row.number();
    database.temp_bytes = row.number();
    database.counted_since = row.time();
    return database;
  });
}

std::optional<CheckpointFacts> read_checkpoints(const Rows& rows) {
  if (rows.size() != 1) return std::nullopt;
  Fields row(rows, 0);
  CheckpointFacts facts;
  facts.timed = row.number();
  facts.requested = row.number();
  facts.since = row.time();
  facts.max_wal_bytes = row.number();
  facts.timeout = row.seconds();
  return facts;
}

IoFacts read_io(const Rows& rows) {
  if (rows.size() != 1) return {};
  Fields row(rows, 0);
  IoFacts io;
  io.reads = row.number();
  io.read_ms = row.known_real();
  io.syncs = row.number();
  io.sync_ms = row.known_real();
  io.timed = row.truth();
  return io;
}

void read_tables(const Rows& rows, const std::string& database, std::vector<TableHealth>& tables) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Fields row(rows, i);
    auto& table = tables.emplace_back();
    table.database = database;
    table.schema = row.text();
    table.name = row.text();
    table.heap_bytes = row.number();
    table.index_bytes = row.number();
    table.toast_bytes = row.number();
    table.live_rows = row.number();
    table.dead_rows = row.number();
    table.last_vacuum = row.time();
  }
}

void read_dead_rows(const Rows& rows, const std::string& database,
                    std::vector<TableHealth>& tables) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Fields row(rows, i);
    auto& table = tables.emplace_back();
    table.database = database;
    table.schema = row.text();
    table.name = row.text();
    table.live_rows = row.number();
    table.dead_rows = row.number();
    table.last_vacuum = row.time();
  }
}

void read_invalid_indexes(const Rows& rows, const std::string& database,
                          std::vector<InvalidIndex>& indexes) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Fields row(rows, i);
    auto& index = indexes.emplace_back();
    index.database = database;
    index.schema = row.text();
    index.name = row.text();
    index.table = row.text();
    index.bytes = row.number();
    index.unique = row.truth();
    index.ready = row.truth();
    index.partitioned = row.truth();
    index.in_the_making = row.truth();
  }
}

std::vector<SlowStatement> read_statements(const Rows& rows) {
  return read_all<SlowStatement>(rows, [](Fields row) {
    SlowStatement statement;
    statement.user = row.text();
    statement.database = row.text();
    statement.calls = row.number();
    statement.total_ms = row.real();
    statement.mean_ms = row.real();
    statement.text = row.statement();
    return statement;
  });
}

}  // namespace pgkeel::sense
