// SPDX-License-Identifier: MIT
// The metrics of a node's plugins: series by plugin, name and labels, which plugins count in and /metrics
// reads. A series keeps its address as long as this exists, so an actor counts without a look-up, and a
// later generation continues the same series. The number of series is bounded. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/exposition.hpp"
#include "metrics/series.hpp"

namespace coppice::metrics {

class plugin_series {
 public:
  // A copy of one series.
  struct shown_series {
    std::vector<std::pair<std::string, std::string>> labels; // in the order of their names
    std::int64_t value = 0;                                  // of a counter, a gauge
    // For a histogram: the number of observations at or below each bound, then the number of all; and their
    // sum.
    std::vector<std::uint64_t> at_or_below{};
    double sum = 0;
  };
  struct shown_family {
    std::string name; // PLUGIN_NAME
    kind what = kind::counter;
    std::string help;
    std::vector<shown_series> series;
    std::vector<double> bounds{}; // of a histogram
  };

  static constexpr std::size_t most_series = 10'000;
  static constexpr std::size_t most_labels = 8;
  static constexpr std::size_t most_bounds = 64;
  static constexpr std::size_t longest_name = 64;
  static constexpr std::size_t longest_text = 128;
  static constexpr std::size_t most_told = 32;

  using labels = std::vector<std::pair<std::string, std::string>>;
  // A request for a metric.
  struct wanted {
    metrics::kind kind = metrics::kind::counter;
    std::string_view name;
    std::string_view help{};
    labels of{};
    std::vector<double> bounds{}; // of a histogram; empty: from a millisecond to ten seconds
  };

  plugin_series() = default;
  plugin_series(const plugin_series&) = delete;
  plugin_series& operator=(const plugin_series&) = delete;

  // Never null: a metric that cannot be shown gets the handle that is not shown. It is logged, once for each
  // name and reason, and for most_told of them in a plugin. A histogram counts as the number of its bounds
  // plus two series.
  series* get(std::string_view plugin, wanted what);
  // Refuses a metric whose options cannot be read.
  series* refuse(std::string_view plugin, std::string_view name);
  static series* unseen();

  // A copy, sorted by names and labels.
  std::vector<shown_family> families() const;
  // How often a metric was refused.
  std::uint64_t refused() const;
  // All of them, after a family that says how often a metric was refused.
  void write(exposition& to) const;

 private:
  struct family {
    metrics::kind kind = metrics::kind::counter;
    std::string help;
    std::vector<double> bounds;
    std::map<labels, metrics::series*> series;
  };

  // Requires the lock.
  series* refused(std::string_view plugin, std::string_view name, std::string_view why);

  mutable std::mutex lock_;                             // guards all members but the values of the series
  std::map<std::string, family, std::less<>> families_; // by PLUGIN_NAME
  std::set<std::string, std::less<>> shown_;            // all names of the families' samples
  std::deque<series> series_;                           // its elements keep their addresses
  std::size_t counted_ = 0;                             // series, counted as for most_series
  std::uint64_t refused_ = 0;
  // By plugin: names of metrics with the reasons that were logged, and one more once there were most_told.
  std::map<std::string, std::set<std::pair<std::string, std::string_view>>, std::less<>> told_;
};

} // namespace coppice::metrics
