// SPDX-License-Identifier: MIT
// Counters and gauges of a plugin: get them in init and in restore_state, keep them in the actor, count. A
// draft of the ABI: on a host without it they count nowhere. Header-only. Getting them is for callbacks,
// counting for any thread of the plugin.
#pragma once

#include <coppice/metric.h>
#include <coppice/actor.hpp>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace coppice {

/// A label's name and value. Few values, and none that clients choose.
using metric_label = std::pair<std::string_view, std::string_view>;

namespace detail {

inline std::int64_t* metric_cell(const actor& of, std::int32_t kind, std::string_view name,
                                 std::string_view help, std::initializer_list<metric_label> labels) {
  if (host.metric == nullptr) return nullptr;
  std::vector<coppice_metric_label> raw;
  for (const auto& [label, value] : labels) raw.push_back({plain(label), plain(value)});
  return host.metric->cell(of.handle(), kind, plain(name), plain(help), raw.data(), raw.size());
}

} // namespace detail

/// Only goes up. The node shows it as coppice_plugin_ID_NAME_total.
class counter {
 public:
  counter() = default; // counts nowhere
  counter(const actor& of, std::string_view name, std::string_view help,
          std::initializer_list<metric_label> labels = {})
      : cell_(detail::metric_cell(of, COPPICE_METRIC_COUNTER, name, help, labels)) {}

  void add(std::uint32_t n = 1) const noexcept {
    if (cell_ != nullptr) coppice_metric_add(cell_, n);
  }

 private:
  std::int64_t* cell_ = nullptr;
};

/// Goes up and down. add() where several actors share it, set() where it is one actor's.
class gauge {
 public:
  gauge() = default;
  gauge(const actor& of, std::string_view name, std::string_view help,
        std::initializer_list<metric_label> labels = {})
      : cell_(detail::metric_cell(of, COPPICE_METRIC_GAUGE, name, help, labels)) {}

  void add(std::int64_t n) const noexcept {
    if (cell_ != nullptr) coppice_metric_add(cell_, n);
  }
  void set(std::int64_t value) const noexcept {
    if (cell_ != nullptr) coppice_metric_set(cell_, value);
  }

 private:
  std::int64_t* cell_ = nullptr;
};

} // namespace coppice
