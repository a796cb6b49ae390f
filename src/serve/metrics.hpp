// /metrics: Prometheus text. postgres_exporter's names where the guard has the number already, so
// that existing dashboards and alerts keep working, and pgkeel_* for what only the guard knows.
// Nothing is asked of the database on a scrape; an unknown number is left out, never zero; the
// number of series is bounded and pgkeel_metrics_truncated says when the bound was met.
#pragma once

#include <string>

#include "serve/status.hpp"

namespace pgkeel::serve {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// A cluster with more databases than this is a hosting service; Prometheus pays per series.
inline constexpr std::size_t kMetricDatabasesMax = 200;
inline constexpr std::size_t kMetricTablesMax = 20;
inline constexpr std::size_t kMetricAlertChannelsMax = 20;

[[nodiscard]] std::string metrics_text(const Status& status, SteadyTime now);

}  // namespace pgkeel::serve
