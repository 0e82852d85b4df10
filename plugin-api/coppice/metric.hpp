// SPDX-License-Identifier: MIT
// Counters, gauges and histograms of a plugin, as members of an actor:
//
//   coppice::counter orders_{*this, "orders", "Orders taken"};
//
// The node keeps the values, and other actors of the plugin, restarted actors and later versions continue
// them. A draft of the ABI: on a host without it they do nothing. Header-only. Made in an actor's constructor
// or callbacks; counting is allowed on any thread of the plugin and costs a few nanoseconds.
#pragma once

#include <coppice/draft/metric.h>
#include <coppice/actor.hpp>

#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

namespace coppice {

/// A label's name and value. Use few values, never ones that clients choose.
using metric_label = std::pair<std::string_view, std::string_view>;

namespace detail {

inline constinit draft<coppice_metric_api> metric{COPPICE_METRIC_DRAFT_1};

inline coppice_metric* get_metric(const actor& of, std::int32_t kind, std::string_view name,
                                  std::string_view help, std::initializer_list<metric_label> labels,
                                  std::initializer_list<double> bounds = {}) {
  const coppice_metric_api* const api = metric.find();
  if (api == nullptr) return nullptr;
  coppice_metric_label raw[8]; // the maximum; the host refuses a larger count
  for (std::size_t i = 0; i < labels.size() && i < std::size(raw); ++i)
    raw[i] = {plain(labels.begin()[i].first), plain(labels.begin()[i].second)};
  coppice_metric_options options{};
  options.size = sizeof options;
  options.kind = kind;
  options.name = plain(name);
  options.help = plain(help);
  options.labels = raw;
  options.label_count = labels.size();
  options.bounds = std::data(bounds);
  options.bound_count = bounds.size();
  return api->get(of.handle(), &options);
}

} // namespace detail

/// Only goes up. The node shows it as coppice_plugin_ID_NAME_total.
class counter {
 public:
  counter() = default; // counts nothing
  counter(const actor& of, std::string_view name, std::string_view help,
          std::initializer_list<metric_label> labels = {})
      : metric_(detail::get_metric(of, COPPICE_METRIC_COUNTER, name, help, labels)) {}

  /// Any thread.
  void add(std::uint64_t n = 1) const noexcept {
    if (metric_ != nullptr) detail::metric.found().add(metric_, static_cast<std::int64_t>(n));
  }

 private:
  coppice_metric* metric_ = nullptr;
};

/// Goes up and down. Use add() if several actors share it, set() if it belongs to one actor.
class gauge {
 public:
  gauge() = default;
  gauge(const actor& of, std::string_view name, std::string_view help,
        std::initializer_list<metric_label> labels = {})
      : metric_(detail::get_metric(of, COPPICE_METRIC_GAUGE, name, help, labels)) {}

  /// Any thread. `n` may be negative.
  void add(std::int64_t n) const noexcept {
    if (metric_ != nullptr) detail::metric.found().add(metric_, n);
  }
  /// Any thread. Replaces the value.
  void set(std::int64_t value) const noexcept {
    if (metric_ != nullptr) detail::metric.found().set(metric_, value);
  }

 private:
  coppice_metric* metric_ = nullptr;
};

/// Counts observations at or below each bound, and their sum and number.
class histogram {
 public:
  histogram() = default;
  /// `bounds`: ascending, at most 64; empty: a default for seconds, 0.001 to 10.
  histogram(const actor& of, std::string_view name, std::string_view help,
            std::initializer_list<double> bounds = {}, std::initializer_list<metric_label> labels = {})
      : metric_(detail::get_metric(of, COPPICE_METRIC_HISTOGRAM, name, help, labels, bounds)) {}

  /// Any thread. Counts one observation.
  void observe(double value) const noexcept {
    if (metric_ != nullptr) detail::metric.found().observe(metric_, value);
  }

 private:
  coppice_metric* metric_ = nullptr;
};

} // namespace coppice
