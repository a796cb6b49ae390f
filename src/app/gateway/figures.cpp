// See figures.hpp.
#include "app/gateway/figures.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/json_read.hpp"

namespace pgkeel::app {
namespace {

using serve::GatewayFigures;
using std::chrono::microseconds;

std::string counted(std::int64_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

Json json_of(const DurationHistogram& histogram) {
  return {{"counts", histogram.counts()}, {"sum_us", histogram.sum().count()}};
}

// Of another version's, which may have other buckets, nothing is believed.
DurationHistogram histogram_of(const Json& json) {
  DurationHistogram histogram;
  const auto& counts = member(json, "counts");
  if (!counts.is_array() || counts.size() != DurationHistogram::kBuckets) return {};
  for (std::size_t at = 0; at < counts.size(); ++at) {
    if (!counts[at].is_number_integer()) return {};
    histogram.set(at, std::max<std::int64_t>(counts[at].get<std::int64_t>(), 0));
  }
  histogram.set_sum(microseconds(std::max<std::int64_t>(number_of(json, "sum_us").value_or(0), 0)));
  return histogram;
}

}  // namespace

GatewayFigures figures_of(gateway::Worker& worker) {
  GatewayFigures figures;
  const auto shown = worker.overview().show(gateway::admin::Topic::Pools);
  for (const auto& pool : shown.pools) {
    figures.clients += pool.clients_active + pool.clients_waiting;
    figures.clients_waiting += pool.clients_waiting;
    figures.longest_wait = std::max(
        figures.longest_wait, Millis(pool.longest_wait_s * 1'000LL + pool.longest_wait_us / 1'000));
    figures.servers_active += pool.servers_active;
    figures.servers_idle += pool.servers_idle;
    figures.servers_opening += pool.servers_login;
  }
  for (const auto& database : shown.stats) {
    const auto& totals = database.totals;
    figures.transactions += totals.transactions;
    figures.queries += totals.queries;
    figures.received_bytes += totals.received_bytes;
    figures.sent_bytes += totals.sent_bytes;
    figures.waited += microseconds(totals.wait_us);
  }
  figures.waits = worker.timings().waits();
  figures.added = worker.timings().added();
  return figures;
}

std::string to_json(const GatewayFigures& figures) {
  return to_line(Json{{"clients", figures.clients},
                      {"clients_waiting", figures.clients_waiting},
                      {"longest_wait_ms", figures.longest_wait.count()},
                      {"servers_active", figures.servers_active},
                      {"servers_idle", figures.servers_idle},
                      {"servers_opening", figures.servers_opening},
                      {"transactions", figures.transactions},
                      {"queries", figures.queries},
                      {"received_bytes", figures.received_bytes},
                      {"sent_bytes", figures.sent_bytes},
                      {"waited_us", figures.waited.count()},
                      {"waits", json_of(figures.waits)},
                      {"added", json_of(figures.added)}});
}

Result<GatewayFigures> parse_figures(std::string_view json) {
  TRY(read, parse_json(json));
  const auto number = [&read](const char* key) {
    return std::max<std::int64_t>(number_of(read, key).value_or(0), 0);
  };
  return GatewayFigures{.clients = number("clients"),
                        .clients_waiting = number("clients_waiting"),
                        .longest_wait = Millis(number("longest_wait_ms")),
                        .servers_active = number("servers_active"),
                        .servers_idle = number("servers_idle"),
                        .servers_opening = number("servers_opening"),
                        .transactions = number("transactions"),
                        .queries = number("queries"),
                        .received_bytes = number("received_bytes"),
                        .sent_bytes = number("sent_bytes"),
                        .waited = microseconds(number("waited_us")),
                        .waits = histogram_of(member(read, "waits")),
                        .added = histogram_of(member(read, "added"))};
}

std::string in_words(const GatewayFigures& figures) {
  auto words = counted(figures.clients, "client");
  if (figures.clients_waiting > 0)
    words += fmt::format(", {} of them waiting", figures.clients_waiting);
  return words + fmt::format(" over {} to the server",
                             counted(figures.servers_active + figures.servers_idle, "connection"));
}

}  // namespace pgkeel::app
