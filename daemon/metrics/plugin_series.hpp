// SPDX-License-Identifier: MIT
// The metrics of a node's plugins: series that plugins count in and /metrics reads, by plugin, name and
// labels. A series stays where it is as long as the board, so that an actor counts without asking, and a
// later generation goes on where the former one was. The number of series is bounded. Any thread.
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
    // Of a histogram: how many observations were at or below each bound, of all of them last; and their sum.
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

  using labels = std::vector<std::pair<std::string, std::string>>;
  // What a plugin asks for.
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

  // Never null: what cannot be shown gets the metric that nobody sees. Its first refusal of each plugin is
  // logged. A histogram counts as so many series as it has bounds, and two.
  series* get(std::string_view plugin, wanted what);
  // The same for one that cannot even be read.
  series* refuse(std::string_view plugin, std::string_view name);
  static series* unseen();

  // A copy, in the order of names and labels.
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

  // Under the lock.
  series* refused(std::string_view plugin, std::string_view name, std::string_view why);

  mutable std::mutex lock_;                             // guards all but what the series hold
  std::map<std::string, family, std::less<>> families_; // by PLUGIN_NAME
  std::set<std::string, std::less<>> shown_;            // all names that samples of them have
  std::deque<series> series_;                           // its elements stay where they are
  std::size_t counted_ = 0;                             // series, as most_series counts them
  std::uint64_t refused_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused_to_; // by plugin
};

} // namespace coppice::metrics
