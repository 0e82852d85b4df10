// SPDX-License-Identifier: MIT
// "coppice.metric/draft-1" for tests, and access to the values. Series outlive the actors that count in them,
// as in a node. A metric that a node would not show is a complaint here. Counting and reading on
// any thread.
#pragma once

#include <coppice/draft/metric.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/etf/needs_cpp20.hpp>

namespace coppice::testing {

using metric_labels = std::vector<std::pair<std::string, std::string>>;

/// The values observed by a histogram.
struct observations {
  std::uint64_t count = 0;
  double sum = 0;
  /// A bound, and how many values were at or below it; ascending, as in Prometheus.
  std::vector<std::pair<double, std::uint64_t>> buckets;
};

namespace detail {
const coppice_metric_api* metric_interface();
} // namespace detail

/// The sum that actors of this program have counted under a name and labels; 0: no such metric.
std::int64_t metric(std::string_view name, metric_labels labels = {});
/// The values that a histogram of that name and labels has observed.
observations histogram(std::string_view name, metric_labels labels = {});

} // namespace coppice::testing
