// SPDX-License-Identifier: MIT
// The metrics of a node's plugins. Any thread.
#include "host/interfaces/metric_board.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "base/log.hpp"

namespace coppice::host {
namespace {

// Prometheus' default bounds for seconds, extended down to a millisecond.
constexpr std::array default_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

constexpr std::string_view malformed = "its kind, name, help, labels or bounds are malformed";

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > metric_board::longest_name || text[0] < 'a' || text[0] > 'z')
    return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// Help texts are written without escapes.
bool is_help(std::string_view text) {
  return text.size() <= metric_board::longest_text && std::ranges::all_of(text, [](char c) {
           return c != '\\' && c != '"' && static_cast<unsigned char>(c) >= 0x20;
         });
}

// Sorts by name and refuses names that come twice. A histogram's buckets use a label of their own.
bool put_in_order(metric_board::labels& all, metric_kind of) {
  if (all.size() > metric_board::most_labels) return false;
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_name(all[i].first) || all[i].second.size() > metric_board::longest_text) return false;
    if (i != 0 && all[i].first == all[i - 1].first) return false;
    if (of == metric_kind::histogram && all[i].first == "le") return false;
  }
  return true;
}

bool are_bounds(const std::vector<double>& all) {
  const auto not_below = [](double a, double b) { return !(a < b); };
  return all.size() <= metric_board::most_bounds &&
         std::ranges::all_of(all, [](double b) { return std::isfinite(b); }) &&
         std::ranges::adjacent_find(all, not_below) == all.end();
}

// Every name that a family has on the page, in either format.
std::vector<std::string> names_shown(const std::string& family, metric_kind kind) {
  std::vector<std::string> all{family};
  if (kind == metric_kind::counter) all.push_back(family + "_total");
  if (kind == metric_kind::histogram)
    for (const char* suffix : {"_bucket", "_sum", "_count"}) all.push_back(family + suffix);
  return all;
}

} // namespace

coppice_metric* metric_board::get(std::string_view plugin, wanted what) {
  const bool is_histogram = what.kind == metric_kind::histogram;
  if (!is_histogram)
    what.bounds.clear();
  else if (what.bounds.empty())
    what.bounds.assign(default_bounds.begin(), default_bounds.end());
  const bool fit =
      is_name(what.name) && is_help(what.help) && put_in_order(what.of, what.kind) && are_bounds(what.bounds);
  const std::lock_guard held(lock_);
  if (!fit) return refused(plugin, what.name, malformed);
  std::string full(plugin);
  (full += '_') += what.name;
  auto found = families_.find(full);
  const bool is_new = found == families_.end();
  const std::vector<std::string> names = is_new ? names_shown(full, what.kind) : std::vector<std::string>();
  if (!is_new && (found->second.kind != what.kind || found->second.bounds != what.bounds))
    return refused(plugin, what.name, "it is a metric of another kind or with other bounds already");
  if (std::ranges::any_of(names, [this](const auto& name) { return shown_.contains(name); }))
    return refused(plugin, what.name, "another metric is shown under a name of it");
  if (!is_new)
    if (const auto known = found->second.series.find(what.of); known != found->second.series.end())
      return known->second;
  const std::size_t size = is_histogram ? what.bounds.size() + 2 : 1;
  if (counted_ + size > most_series) return refused(plugin, what.name, "there are too many series");
  counted_ += size;
  if (is_new) {
    shown_.insert(names.begin(), names.end());
    family fresh{what.kind, std::string(what.help), std::move(what.bounds), {}};
    found = families_.emplace(std::move(full), std::move(fresh)).first;
  }
  coppice_metric& fresh = series_.emplace_back(what.kind, found->second.bounds);
  found->second.series.emplace(std::move(what.of), &fresh);
  return &fresh;
}

coppice_metric* metric_board::refuse(std::string_view plugin, std::string_view name) {
  const std::lock_guard held(lock_);
  return refused(plugin, name, malformed);
}

coppice_metric* metric_board::unseen() {
  static coppice_metric nothing;
  return &nothing;
}

coppice_metric* metric_board::refused(std::string_view plugin, std::string_view name, std::string_view why) {
  ++refused_;
  if (refused_to_[std::string(plugin)]++ == 0) {
    const bool printable = is_name(name);
    base::log::warning("metrics", "{}: the metric {} is not shown: {}", plugin,
                       printable ? name : "(no name)", why);
  }
  return unseen();
}

std::vector<metric_family> metric_board::families() const {
  std::vector<metric_family> out;
  const std::lock_guard held(lock_);
  for (const auto& [name, from] : families_) {
    metric_family& one = out.emplace_back(metric_family{name, from.kind, from.help, {}, from.bounds});
    for (const auto& [of, at] : from.series) {
      metric_series& series = one.series.emplace_back(metric_series{of, at->value(), {}, at->sum()});
      if (from.kind != metric_kind::histogram) continue;
      std::uint64_t so_far = 0;
      for (std::size_t i = 0; i <= from.bounds.size(); ++i)
        series.at_or_below.push_back(so_far += at->in_bucket(i));
    }
  }
  return out;
}

std::uint64_t metric_board::refused() const {
  const std::lock_guard held(lock_);
  return refused_;
}

} // namespace coppice::host
