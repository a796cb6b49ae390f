// See guard.hpp. What the guard costs inside PostgreSQL is the server's processor time with it less
// the time without it, over windows as long as autovacuum_naptime, so that each holds the same
// background work.
#include <fmt/format.h>

#include <thread>

#include "bench/guard.hpp"
#include "bench/support/cpu_meter.hpp"

namespace pgkeel::bench {
namespace {

constexpr Seconds kWindow{60};  // the default autovacuum_naptime, and one write probe
constexpr Seconds kSettle{8};   // the guard's dump of definitions and the first probes

constexpr double kResidentMbMax = 30;
constexpr double kPercentMax = 0.2;
constexpr double kConnectionsMax = 1;

Result<pid_t> postmaster_pid(app::Stage& stage) {
  const auto postmaster = stage.instance().find_postmaster();
  if (!postmaster) return fail(ErrorCode::ServerNotRunning, "the server does not run");
  return postmaster->pid;
}

// A probe's session lives for milliseconds; one that has seen several probes is kept.
constexpr std::string_view kKept =
    "select datname, count(*) from pg_stat_activity"
    " where application_name like 'pgkeel%' and pid <> pg_backend_pid()"
    " and backend_start < now() - interval '2 s' group by datname order by datname";

Result<Cells> kept_connections(app::Stage& stage) {
  TRY(rows, stage.sql("postgres", std::string(kKept)));
  Cells cells;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    TRY(count, rows.int64(row, 1));
    cells.push_back({fmt::format("kept connections, database {}", rows.text(row, 0).value_or("")),
                     "connections", static_cast<double>(count), kConnectionsMax});
  }
  return cells;
}

Result<double> server_percent_over_window(pid_t postmaster) {
  const auto started = SteadyClock::now();
  TRY(before, cpu_of_server(postmaster));
  std::this_thread::sleep_for(kWindow);
  TRY(after, cpu_of_server(postmaster));
  return percent_of_core(after - before, SteadyClock::now() - started);
}

}  // namespace

Result<Cells> measure_cost(app::Stage& stage) {
  std::this_thread::sleep_for(kSettle);
  TRY(cells, kept_connections(stage));
  TRY(postmaster, postmaster_pid(stage));
  say(fmt::format("at rest with the guard, {}", humane_duration(kWindow)));
  const auto started = SteadyClock::now();
  TRY(before, cpu_of(stage.guard_pid()));
  TRY(guarded, server_percent_over_window(postmaster));
  TRY(after, cpu_of(stage.guard_pid()));
  const auto guard = percent_of_core(after - before, SteadyClock::now() - started);
  TRY(resident, resident_mb(stage.guard_pid()));

  stage.end_guard();
  std::this_thread::sleep_for(kSettle);
  say(fmt::format("at rest without the guard, {}", humane_duration(kWindow)));
  TRY(alone, server_percent_over_window(postmaster));
  TRY_VOID(stage.start_guard());
  TRY_VOID(stage.await_ready());

  cells.push_back({"guard resident at rest", "MB", resident, kResidentMbMax});
  cells.push_back({"guard cpu at rest", "% of a core", guard, kPercentMax});
  cells.push_back({"server cpu at rest with the guard", "% of a core", guarded, {}});
  cells.push_back({"server cpu at rest without the guard", "% of a core", alone, {}});
  cells.push_back({"server cpu caused by the guard", "% of a core", guarded - alone, kPercentMax});
  return std::move(cells);
}

}  // namespace pgkeel::bench
