// SPDX-License-Identifier: MIT
// The metrics of a node's plugins: series by plugin, name and labels, which plugins count in and /metrics
// reads. A series keeps its address as long as the board exists, so an actor counts without a look-up, and a
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

#include "host/interfaces/metric.hpp"

namespace coppice::host {

struct metric_series {
  std::vector<std::pair<std::string, std::string>> labels; // sorted by name
  std::int64_t value = 0;                                  // of a counter or a gauge
  // Of a histogram: how many values were at or below each bound, last the number of all values; and their
  // sum.
  std::vector<std::uint64_t> at_or_below{};
  double sum = 0;
};

struct metric_family {
  std::string name; // PLUGIN_NAME
  metric_kind kind = metric_kind::counter;
  std::string help;
  std::vector<metric_series> series;
  std::vector<double> bounds{}; // of a histogram
};

class metric_board {
 public:
  static constexpr std::size_t most_series = 10'000;
  static constexpr std::size_t most_labels = 8;
  static constexpr std::size_t most_bounds = 64;
  static constexpr std::size_t longest_name = 64;
  static constexpr std::size_t longest_text = 128;

  using labels = std::vector<std::pair<std::string, std::string>>;
  // A request for a metric.
  struct wanted {
    metric_kind kind = metric_kind::counter;
    std::string_view name;
    std::string_view help{};
    labels of{};
    std::vector<double> bounds{}; // of a histogram; empty: from a millisecond to ten seconds
  };

  metric_board() = default;
  metric_board(const metric_board&) = delete;
  metric_board& operator=(const metric_board&) = delete;

  // Never null: a metric that cannot be shown gets the handle that is not shown. The first refusal of each
  // plugin is logged. A histogram counts as the number of its bounds plus two series.
  coppice_metric* get(std::string_view plugin, wanted what);
  // Refuses a metric whose options cannot be read.
  coppice_metric* refuse(std::string_view plugin, std::string_view name);
  static coppice_metric* unseen();

  // A copy, sorted by names and labels.
  std::vector<metric_family> families() const;
  // How often a metric was refused.
  std::uint64_t refused() const;

 private:
  struct family {
    metric_kind kind = metric_kind::counter;
    std::string help;
    std::vector<double> bounds;
    std::map<labels, coppice_metric*> series;
  };

  // Requires the lock.
  coppice_metric* refused(std::string_view plugin, std::string_view name, std::string_view why);

  mutable std::mutex lock_;                             // guards all members but the values of the series
  std::map<std::string, family, std::less<>> families_; // by PLUGIN_NAME
  std::set<std::string, std::less<>> shown_;            // all names of their samples
  std::deque<coppice_metric> series_;                   // its elements keep their addresses
  std::size_t counted_ = 0;                             // series, counted as for most_series
  std::uint64_t refused_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused_to_; // by plugin
};

} // namespace coppice::host
