// The edge of prometheus-cpp.
#include "serve/metric_set.hpp"

#include <algorithm>
#include <limits>

#include <prometheus/text_serializer.h>
#include <nlohmann/json.hpp>

#include "base/check.hpp"

namespace pgkeel::serve {
namespace {

// Names in a SQL_ASCII database may be any bytes, and one label that is not UTF-8 costs the whole
// scrape. The JSON writer knows how to replace them.
std::string as_utf8(std::string_view bytes) {
  const auto ascii = [](char letter) { return static_cast<unsigned char>(letter) < 0x80; };
  if (std::ranges::all_of(bytes, ascii)) return std::string(bytes);
  using Json = nlohmann::json;
  return Json::parse(Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace

MetricSet& MetricSet::begin(std::string_view name, std::string_view help,
                            prometheus::MetricType type) {
  CHECK(std::ranges::find(families_, name, &prometheus::MetricFamily::name) == families_.end());
  families_.push_back({std::string(name), std::string(help), type, {}});
  return *this;
}

MetricSet& MetricSet::gauge(std::string_view name, std::string_view help) {
  return begin(name, help, prometheus::MetricType::Gauge);
}

MetricSet& MetricSet::counter(std::string_view name, std::string_view help) {
  return begin(name, help, prometheus::MetricType::Counter);
}

MetricSet& MetricSet::histogram(std::string_view name, std::string_view help) {
  return begin(name, help, prometheus::MetricType::Histogram);
}

MetricSet& MetricSet::sample(const DurationHistogram& histogram) {
  CHECK(!families_.empty() && families_.back().type == prometheus::MetricType::Histogram);
  const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
  prometheus::ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < DurationHistogram::kBuckets; ++at) {
    count += static_cast<std::uint64_t>(histogram.counts()[at]);
    const auto bound = at < DurationHistogram::kBounds.size()
                           ? seconds(DurationHistogram::kBounds[at])
                           : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = seconds(histogram.sum());
  families_.back().metric.push_back(std::move(metric));
  return *this;
}

MetricSet& MetricSet::sample(double value, MetricLabels labels) {
  CHECK(!families_.empty());
  auto& family = families_.back();
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels)
    metric.label.push_back({std::string(name), as_utf8(text)});
  // A series told twice costs the whole scrape, and names that differ may be alike as UTF-8.
  const auto same = [&](const auto& other) { return other.label == metric.label; };
  if (std::ranges::any_of(family.metric, same)) return *this;
  if (family.type == prometheus::MetricType::Counter) metric.counter.value = value;
  else metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
  return *this;
}

std::string MetricSet::text() const {
  std::vector<prometheus::MetricFamily> filled;
  std::ranges::copy_if(families_, std::back_inserter(filled),
                       [](const auto& family) { return !family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(filled);
}

}  // namespace pgkeel::serve
