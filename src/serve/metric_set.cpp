// The edge of prometheus-cpp.
#include "serve/metric_set.hpp"

#include <algorithm>

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

MetricSet& MetricSet::sample(double value, MetricLabels labels) {
  CHECK(!families_.empty());
  auto& family = families_.back();
  auto& metric = family.metric.emplace_back();
  for (const auto& [name, text] : labels)
    metric.label.push_back({std::string(name), as_utf8(text)});
  if (family.type == prometheus::MetricType::Counter) metric.counter.value = value;
  else metric.gauge.value = value;
  return *this;
}

std::string MetricSet::text() const {
  std::vector<prometheus::MetricFamily> filled;
  std::ranges::copy_if(families_, std::back_inserter(filled),
                       [](const auto& family) { return !family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(filled);
}

}  // namespace pgkeel::serve
