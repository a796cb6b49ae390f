// See sheet.hpp. A column is a name and a member; the type of the member is that of the column.
#include "gateway/admin/sheet.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <concepts>
#include <variant>

namespace pgkeel::gateway::admin {
namespace {

using pg::wire::backend::kInt4Type;
using pg::wire::backend::kTextType;

constexpr Oid kNumericType{1700};  // PgBouncer's for all that is summed up

template <class Row>
struct Shown {
  using Member = std::variant<std::string Row::*, std::int32_t Row::*, std::int64_t Row::*,
                              std::optional<WallTime> Row::*>;
  std::string_view name;
  Member member;
};

constexpr Shown<PoolSnapshot> kPools[] = {
    {"database", &PoolSnapshot::database},
    {"user", &PoolSnapshot::user},
    {"cl_active", &PoolSnapshot::clients_active},
    {"cl_waiting", &PoolSnapshot::clients_waiting},
    {"cl_active_cancel_req", &PoolSnapshot::cancels_active},
    {"cl_waiting_cancel_req", &PoolSnapshot::cancels_waiting},
    {"sv_active", &PoolSnapshot::servers_active},
    {"sv_active_cancel", &PoolSnapshot::servers_active_cancel},
    {"sv_being_canceled", &PoolSnapshot::servers_being_canceled},
    {"sv_idle", &PoolSnapshot::servers_idle},
    {"sv_used", &PoolSnapshot::servers_used},
    {"sv_tested", &PoolSnapshot::servers_tested},
    {"sv_login", &PoolSnapshot::servers_login},
    {"maxwait", &PoolSnapshot::longest_wait_s},
    {"maxwait_us", &PoolSnapshot::longest_wait_us},
    {"pool_mode", &PoolSnapshot::pool_mode},
};

constexpr Shown<ConnectionSnapshot> kConnections[] = {
    {"type", &ConnectionSnapshot::type},
    {"user", &ConnectionSnapshot::user},
    {"database", &ConnectionSnapshot::database},
    {"state", &ConnectionSnapshot::state},
    {"addr", &ConnectionSnapshot::address},
    {"port", &ConnectionSnapshot::port},
    {"local_addr", &ConnectionSnapshot::local_address},
    {"local_port", &ConnectionSnapshot::local_port},
    {"connect_time", &ConnectionSnapshot::connected_at},
    {"request_time", &ConnectionSnapshot::requested_at},
    {"wait", &ConnectionSnapshot::wait_s},
    {"wait_us", &ConnectionSnapshot::wait_us},
    {"close_needed", &ConnectionSnapshot::close_needed},
    {"ptr", &ConnectionSnapshot::pointer},
    {"link", &ConnectionSnapshot::link},
    {"remote_pid", &ConnectionSnapshot::remote_pid},
    {"tls", &ConnectionSnapshot::tls},
    {"application_name", &ConnectionSnapshot::application_name},
    {"prepared_statements", &ConnectionSnapshot::prepared_statements},
    {"id", &ConnectionSnapshot::id},
};

constexpr Shown<DatabaseSnapshot> kDatabases[] = {
    {"name", &DatabaseSnapshot::name},
    {"host", &DatabaseSnapshot::host},
    {"port", &DatabaseSnapshot::port},
    {"database", &DatabaseSnapshot::database},
    {"force_user", &DatabaseSnapshot::force_user},
    {"pool_size", &DatabaseSnapshot::pool_size},
    {"min_pool_size", &DatabaseSnapshot::min_pool_size},
    {"reserve_pool", &DatabaseSnapshot::reserve_pool},
    {"pool_mode", &DatabaseSnapshot::pool_mode},
    {"max_connections", &DatabaseSnapshot::max_connections},
    {"current_connections", &DatabaseSnapshot::current_connections},
    {"paused", &DatabaseSnapshot::paused},
    {"disabled", &DatabaseSnapshot::disabled},
    {"max_client_connections", &DatabaseSnapshot::max_client_connections},
    {"current_client_connections", &DatabaseSnapshot::current_client_connections},
};

constexpr Shown<ConfigSnapshot> kConfig[] = {{"key", &ConfigSnapshot::key},
                                             {"value", &ConfigSnapshot::value},
                                             {"default", &ConfigSnapshot::default_value},
                                             {"changeable", &ConfigSnapshot::changeable}};
constexpr Shown<ListSnapshot> kLists[] = {{"list", &ListSnapshot::list},
                                          {"items", &ListSnapshot::items}};
constexpr Shown<UserSnapshot> kUsers[] = {
    {"name", &UserSnapshot::name},
    {"pool_mode", &UserSnapshot::pool_mode},
    {"max_user_connections", &UserSnapshot::max_user_connections},
    {"current_connections", &UserSnapshot::current_connections}};
constexpr Shown<PreparedStatementSnapshot> kPreparedStatements[] = {
    {"name", &PreparedStatementSnapshot::name},
    {"database", &PreparedStatementSnapshot::database},
    {"user", &PreparedStatementSnapshot::user},
    {"statement", &PreparedStatementSnapshot::statement},
    {"clients", &PreparedStatementSnapshot::clients},
    {"servers", &PreparedStatementSnapshot::servers}};
constexpr Shown<StateSnapshot> kState[] = {{"key", &StateSnapshot::key},
                                           {"value", &StateSnapshot::value}};

// A counter's name in SHOW STATS (behind total_ or avg_), in STATS_TOTALS and STATS_AVERAGES, and
// in TOTALS (behind total_ or avg_).
struct Counter {
  std::string_view in_stats;
  std::string_view in_part;
  std::string_view in_totals;
  std::int64_t StatsCounters::* member;
};
constexpr Counter kCounters[] = {
    {"xact_count", "xact_count", "xact_count", &StatsCounters::transactions},
    {"query_count", "query_count", "query_count", &StatsCounters::queries},
    {"received", "bytes_received", "client_bytes", &StatsCounters::received_bytes},
    {"sent", "bytes_sent", "server_bytes", &StatsCounters::sent_bytes},
    {"xact_time", "xact_time", "xact_time", &StatsCounters::transaction_us},
    {"query_time", "query_time", "query_time", &StatsCounters::query_us},
    {"wait_time", "wait_time", "wait_time", &StatsCounters::wait_us},
};
constexpr Counter kLaterCounters[] = {
    {"server_assignment_count", "server_assignment_count", "server_assignment_count",
     &StatsCounters::server_assignments},
    {"client_parse_count", "client_parse_count", "client_parse_count",
     &StatsCounters::client_parses},
    {"server_parse_count", "server_parse_count", "server_parse_count",
     &StatsCounters::server_parses},
    {"bind_count", "bind_count", "bind_count", &StatsCounters::binds},
};

// PgBouncer calls a received byte avg_recv where a total is total_received.
std::string average_name(std::string_view in_stats) {
  return "avg_" + std::string(in_stats == "received" ? "recv" : in_stats);
}

template <class Row>
Oid type_of(const Shown<Row>& shown) {
  constexpr Oid kTypes[] = {kTextType, kInt4Type, kNumericType, kTextType};
  return kTypes[shown.member.index()];
}

std::string text_of(const std::string& value) { return value; }
std::string text_of(std::integral auto value) { return std::to_string(value); }
std::string text_of(const std::optional<WallTime>& value) {
  return value ? fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", std::chrono::floor<Seconds>(*value)) : "";
}

template <class Columns, class Row>
Sheet sheet_of(const Columns& columns, std::span<const Row> rows) {
  Sheet sheet;
  for (const auto& column : columns)
    sheet.heads.push_back({std::string(column.name), type_of(column)});
  for (const auto& row : rows) {
    auto& texts = sheet.rows.emplace_back();
    for (const auto& column : columns)
      texts.push_back(std::visit([&](auto member) { return text_of(row.*member); }, column.member));
  }
  return sheet;
}

void add_counters(Sheet& sheet, std::span<const StatsSnapshot> stats,
                  std::span<const Counter> counters, StatsCounters StatsSnapshot::* part,
                  auto name_of) {
  for (const auto& counter : counters) {
    sheet.heads.push_back({name_of(counter), kNumericType});
    for (std::size_t i = 0; i < stats.size(); ++i)
      sheet.rows[i].push_back(std::to_string((stats[i].*part).*counter.member));
  }
}

Sheet by_database(std::span<const StatsSnapshot> stats) {
  Sheet sheet{.heads = {{"database", kTextType}}, .rows = {}};
  for (const auto& row : stats) sheet.rows.push_back({row.database});
  return sheet;
}

Sheet stats_sheet(std::span<const StatsSnapshot> stats) {
  auto sheet = by_database(stats);
  const auto total = [](const Counter& counter) {
    return "total_" + std::string(counter.in_stats);
  };
  const auto average = [](const Counter& counter) { return average_name(counter.in_stats); };
  for (const auto counters :
       {std::span<const Counter>(kCounters), std::span<const Counter>(kLaterCounters)}) {
    add_counters(sheet, stats, counters, &StatsSnapshot::totals, total);
    add_counters(sheet, stats, counters, &StatsSnapshot::averages, average);
  }
  return sheet;
}

Sheet stats_part_sheet(std::span<const StatsSnapshot> stats, StatsCounters StatsSnapshot::* part) {
  auto sheet = by_database(stats);
  const auto name = [](const Counter& counter) { return std::string(counter.in_part); };
  add_counters(sheet, stats, kCounters, part, name);
  add_counters(sheet, stats, kLaterCounters, part, name);
  return sheet;
}

Sheet totals_sheet(std::span<const StatsSnapshot> stats) {
  Sheet sheet{.heads = {{"name", kTextType}, {"value", kNumericType}}, .rows = {}};
  const auto add = [&](std::string_view prefix, std::span<const Counter> counters,
                       StatsCounters StatsSnapshot::* part) {
    for (const auto& counter : counters) {
      std::int64_t sum = 0;
      for (const auto& row : stats) sum += (row.*part).*counter.member;
      sheet.rows.push_back(
          {std::string(prefix) + std::string(counter.in_totals), std::to_string(sum)});
    }
  };
  add("total_", kCounters, &StatsSnapshot::totals);
  add("avg_", kCounters, &StatsSnapshot::averages);
  add("total_", kLaterCounters, &StatsSnapshot::totals);
  add("avg_", kLaterCounters, &StatsSnapshot::averages);
  return sheet;
}

}  // namespace

Sheet sheet_of(Topic topic, const Snapshots& from) {
  switch (topic) {
    case Topic::Help: return {};
    case Topic::Pools: return sheet_of(kPools, from.pools);
    case Topic::Clients: return sheet_of(kConnections, from.clients);
    case Topic::Servers: return sheet_of(kConnections, from.servers);
    case Topic::Stats: return stats_sheet(from.stats);
    case Topic::StatsTotals: return stats_part_sheet(from.stats, &StatsSnapshot::totals);
    case Topic::StatsAverages: return stats_part_sheet(from.stats, &StatsSnapshot::averages);
    case Topic::Totals: return totals_sheet(from.stats);
    case Topic::Databases: return sheet_of(kDatabases, from.databases);
    case Topic::Config: return sheet_of(kConfig, from.config);
    case Topic::PreparedStatements: return sheet_of(kPreparedStatements, from.prepared_statements);
    case Topic::Lists: return sheet_of(kLists, from.lists);
    case Topic::Users: return sheet_of(kUsers, from.users);
    case Topic::State: return sheet_of(kState, from.state);
    case Topic::Version:
      return {.heads = {{"version", kTextType}}, .rows = {{"pgkeel " + std::string(from.version)}}};
  }
  return {};
}

}  // namespace pgkeel::gateway::admin
