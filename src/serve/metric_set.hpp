// Metric families in the order they were first named, written out by prometheus-cpp's serializer.
// The serializer alone is used, without its registry: the guard's snapshot is the registry. It
// costs about 130 kB resident for the shared library.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "base/duration_histogram.hpp"

namespace pgkeel::serve {

using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class MetricSet {
 public:
  /// Begins a family; the samples that follow belong to it. Names are unique, `help` is one line.
  MetricSet& gauge(std::string_view name, std::string_view help);
  MetricSet& counter(std::string_view name, std::string_view help);
  MetricSet& histogram(std::string_view name, std::string_view help);
  /// Labels that are there already in this family are not added again: the first sample stays.
  MetricSet& sample(double value, MetricLabels labels = {});

  /// Of a histogram, in seconds.
  MetricSet& sample(const DurationHistogram& histogram);

  /// Families without a sample are left out.
  [[nodiscard]] std::string text() const;

 private:
  MetricSet& begin(std::string_view name, std::string_view help, prometheus::MetricType type);
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace pgkeel::serve
