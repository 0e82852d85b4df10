// SPDX-License-Identifier: MIT
// The metrics that plugins ask for. Any thread.
#include "metrics/plugin_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "base/log.hpp"
#include "base/printable.hpp"

namespace coppice::metrics {
namespace {

// Prometheus' default bounds for seconds, extended down to a millisecond.
constexpr std::array default_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

constexpr std::string_view malformed = "its kind, name, help, labels or bounds are malformed";

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > plugin_series::longest_name || text[0] < 'a' || text[0] > 'z')
    return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// Help texts are written without escapes.
bool is_help(std::string_view text) {
  return text.size() <= plugin_series::longest_text && std::ranges::all_of(text, [](char c) {
           return c != '\\' && c != '"' && static_cast<unsigned char>(c) >= 0x20;
         });
}

// Sorts by name and refuses names that come twice. A histogram's buckets use a label of their own.
bool put_in_order(plugin_series::labels& all, kind of) {
  if (all.size() > plugin_series::most_labels) return false;
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_name(all[i].first) || all[i].second.size() > plugin_series::longest_text) return false;
    if (i != 0 && all[i].first == all[i - 1].first) return false;
    if (of == kind::histogram && all[i].first == "le") return false;
  }
  return true;
}

bool are_bounds(const std::vector<double>& all) {
  const auto not_below = [](double a, double b) { return !(a < b); };
  return all.size() <= plugin_series::most_bounds &&
         std::ranges::all_of(all, [](double b) { return std::isfinite(b); }) &&
         std::ranges::adjacent_find(all, not_below) == all.end();
}

// Why a metric's options do not fit. Empty: they do. Sorts the labels.
std::string_view unfit(plugin_series::wanted& what) {
  if (!is_name(what.name))
    return "a name has 1 to 64 characters of a to z, 0 to 9 and _, and begins with a letter";
  if (!is_help(what.help)) return "its help is longer than 128 bytes, or has \\, \" or a control character";
  if (!put_in_order(what.of, what.kind))
    return "it has more than 8 labels, one of them twice, \"le\" in a histogram, a value longer than 128 "
           "bytes, "
           "or a name of other characters than a to z, 0 to 9 and _";
  if (!are_bounds(what.bounds)) return "its bounds are more than 64, do not rise, or are no finite numbers";
  return {};
}

// Every name that a family has on the page, in either format.
std::vector<std::string> names_shown(const std::string& family, kind what) {
  std::vector<std::string> all{family};
  if (what == kind::counter) all.push_back(family + "_total");
  if (what == kind::histogram)
    for (const char* suffix : {"_bucket", "_sum", "_count"}) all.push_back(family + suffix);
  return all;
}

} // namespace

series* plugin_series::get(std::string_view plugin, wanted what) {
  const bool is_histogram = what.kind == kind::histogram;
  if (!is_histogram)
    what.bounds.clear();
  else if (what.bounds.empty())
    what.bounds.assign(default_bounds.begin(), default_bounds.end());
  const std::string_view why = unfit(what);
  const std::lock_guard held(lock_);
  if (!why.empty()) return refused(plugin, what.name, why);
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
  series& fresh = series_.emplace_back(what.kind, found->second.bounds);
  found->second.series.emplace(std::move(what.of), &fresh);
  return &fresh;
}

series* plugin_series::refuse(std::string_view plugin, std::string_view name) {
  const std::lock_guard held(lock_);
  return refused(plugin, name, malformed);
}

series* plugin_series::unseen() {
  static series nothing;
  return &nothing;
}

series* plugin_series::refused(std::string_view plugin, std::string_view name, std::string_view why) {
  ++refused_;
  auto& told = told_[std::string(plugin)];
  if (told.size() > most_told) return unseen();
  const std::string shown = is_name(name) ? std::string(name) : base::in_quotes(name);
  if (!told.emplace(shown, why).second) return unseen();
  if (told.size() <= most_told)
    base::log::warning("metrics", "{}: the metric {} is not shown: {}", plugin, shown, why);
  else
    base::log::warning("metrics",
                       "{}: further metrics are not shown, and only counted: "
                       "coppice_refused_plugin_metrics_total",
                       plugin);
  return unseen();
}

std::vector<plugin_series::shown_family> plugin_series::families() const {
  std::vector<shown_family> out;
  const std::lock_guard held(lock_);
  for (const auto& [name, from] : families_) {
    shown_family& one = out.emplace_back(shown_family{name, from.kind, from.help, {}, from.bounds});
    for (const auto& [of, at] : from.series) {
      shown_series& shown = one.series.emplace_back(shown_series{of, at->value(), {}, at->sum()});
      if (from.kind == kind::histogram) shown.at_or_below = at->at_or_below();
    }
  }
  return out;
}

std::uint64_t plugin_series::refused() const {
  const std::lock_guard held(lock_);
  return refused_;
}

void plugin_series::write(exposition& to) const {
  to.counter("refused_plugin_metrics", "Metrics of plugins that are not shown: too many, or malformed",
             refused());
  for (const shown_family& one : families()) {
    to.family(one.what, "plugin_" + one.name, one.help);
    for (const shown_series& each : one.series) {
      exposition::labels of;
      for (const auto& [name, value] : each.labels) of.push_back({name, value});
      if (one.what == kind::histogram)
        to.histogram(of, one.bounds, each.at_or_below, each.sum);
      else
        to.signed_sample(of, each.value);
    }
  }
}

} // namespace coppice::metrics
