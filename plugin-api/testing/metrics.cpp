// SPDX-License-Identifier: MIT
// Where the plugin under test counts: the host's interface for metrics, and all series of this program, under
// one lock.
#include <coppice/testing/metrics.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

#include <coppice/testing/processes.hpp>

namespace coppice::testing {

namespace detail {

namespace {

constexpr std::int32_t unseen_metric = -1;

/// The object behind a `coppice_metric*`.
struct metric_series {
  std::int32_t kind = unseen_metric;
  std::int64_t value = 0;
  observations seen;
};
struct metric_family {
  std::int32_t kind = unseen_metric;
  std::vector<double> bounds;
  std::map<metric_labels, metric_series> series;
};
struct metric_board {
  std::mutex lock;
  std::map<std::pair<std::string, std::string>, metric_family> families; ///< by plugin and name
  metric_series unseen;
};
// From before the first object of the test to after its last one.
[[gnu::init_priority(1000)]] metric_board metrics;

bool is_metric_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}
/// Sorted by name. Empty: a node would refuse them.
std::optional<metric_labels> labels_of(const coppice_metric_options& how) {
  if (how.label_count > 8 || (how.label_count != 0 && how.labels == nullptr)) return std::nullopt;
  metric_labels all;
  for (std::uint64_t i = 0; i < how.label_count; ++i)
    all.emplace_back(text_of(how.labels[i].name), text_of(how.labels[i].value));
  std::ranges::sort(all);
  const auto malformed = [&how](const auto& each) { // histogram buckets use a label of their own
    return !is_metric_name(each.first) || each.second.size() > 128 ||
           (how.kind == COPPICE_METRIC_HISTOGRAM && each.first == "le");
  };
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (std::ranges::any_of(all, malformed) || std::ranges::adjacent_find(all, same_name) != all.end())
    return std::nullopt;
  return all;
}
std::optional<std::vector<double>> bounds_of(const coppice_metric_options& how) {
  if (how.kind != COPPICE_METRIC_HISTOGRAM) return std::vector<double>();
  if (how.bound_count == 0)
    return std::vector<double>{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  if (how.bound_count > 64 || how.bounds == nullptr) return std::nullopt;
  std::vector<double> all(how.bounds, how.bounds + how.bound_count);
  const auto endless = [](double each) { return !std::isfinite(each); };
  const auto not_rising = [](double a, double b) { return a >= b; };
  if (std::ranges::any_of(all, endless) || std::ranges::adjacent_find(all, not_rising) != all.end())
    return std::nullopt;
  return all;
}
bool is_help(std::string_view text) {
  return text.size() <= 128 && std::ranges::all_of(text, [](char c) {
           return c != '\\' && c != '"' && static_cast<unsigned char>(c) >= 0x20;
         });
}
/// Every name under which a node shows a family.
std::set<std::string> names_shown(const std::string& name, std::int32_t kind) {
  if (kind == COPPICE_METRIC_COUNTER) return {name, name + "_total"};
  if (kind == COPPICE_METRIC_GAUGE) return {name};
  return {name, name + "_bucket", name + "_sum", name + "_count"};
}
/// Whether a plugin's new family would use a name that another of its families has.
bool is_taken(const std::string& plugin, const std::string& name, std::int32_t kind) {
  const auto wanted = names_shown(name, kind);
  return std::ranges::any_of(metrics.families, [&](const auto& other) {
    if (other.first.first != plugin || other.first.second == name) return false;
    const auto shown = names_shown(other.first.second, other.second.kind);
    return std::ranges::any_of(shown, [&](const auto& each) { return wanted.contains(each); });
  });
}

coppice_metric* handle_of(metric_series& series) {
  return reinterpret_cast<coppice_metric*>(&series);
}
coppice_metric* nobody_sees(const std::string& name, const char* why) {
  const std::string shown = is_metric_name(name) ? name : "'" + name + "'";
  complain("the metric " + shown + " is not shown: " + why);
  return handle_of(metrics.unseen);
}
coppice_metric* get_metric(coppice_actor* self, const coppice_metric_options* options) {
  if (may_look(self, COPPICE_METRIC_DRAFT_1 "'s get") != COPPICE_OK) return handle_of(metrics.unseen);
  const auto how = sized(options, COPPICE_METRIC_OPTIONS_LEAST);
  if (!how) return nobody_sees({}, "its options are too small");
  const std::string name = text_of(how->name);
  const bool is_known = how->kind >= COPPICE_METRIC_COUNTER && how->kind <= COPPICE_METRIC_HISTOGRAM;
  const auto labels = labels_of(*how);
  const auto bounds = bounds_of(*how);
  if (!is_known || !is_metric_name(name) || !is_help(text_of(how->help)) || !labels || !bounds)
    return nobody_sees(name, "its kind, name, help, labels or bounds are malformed");
  const std::string& plugin = of(self)->plugin;
  const std::scoped_lock held(metrics.lock);
  if (is_taken(plugin, name, how->kind))
    return nobody_sees(name, "another metric is shown under a name of it");
  const auto [place, is_new] = metrics.families.try_emplace({plugin, name});
  metric_family& family = place->second;
  if (is_new) family = {how->kind, *bounds, {}};
  if (family.kind != how->kind || family.bounds != *bounds)
    return nobody_sees(name, "it is a metric of another kind or with other bounds already");
  metric_series& series = family.series[*labels];
  series.kind = family.kind;
  if (series.seen.buckets.empty())
    for (const double bound : family.bounds) series.seen.buckets.emplace_back(bound, 0);
  return handle_of(series);
}
/// Calls `does` with the series of a handleif it is of that kind.
template <class Does>
void count_in(coppice_metric* metric, const char* function, std::initializer_list<std::int32_t> kinds,
              Does does) {
  auto* const series = reinterpret_cast<metric_series*>(metric);
  if (series == nullptr) return complain(std::string(function) + " was called without a metric");
  const std::scoped_lock held(metrics.lock);
  if (series->kind == unseen_metric) return;
  if (std::ranges::find(kinds, series->kind) == kinds.end())
    return complain(std::string(function) + " was called for a metric of another kind");
  does(*series);
}
void add_to_metric(coppice_metric* metric, std::int64_t n) {
  count_in(metric, COPPICE_METRIC_DRAFT_1 "'s add", {COPPICE_METRIC_COUNTER, COPPICE_METRIC_GAUGE},
           [n](metric_series& series) {
             if (n < 0 && series.kind == COPPICE_METRIC_COUNTER)
               complain(COPPICE_METRIC_DRAFT_1 "'s add was called for a counter with less than 0");
             else
               series.value += n;
           });
}
void set_metric(coppice_metric* metric, std::int64_t value) {
  count_in(metric, COPPICE_METRIC_DRAFT_1 "'s set", {COPPICE_METRIC_GAUGE},
           [value](metric_series& series) { series.value = value; });
}
void observe_metric(coppice_metric* metric, double value) {
  count_in(metric, COPPICE_METRIC_DRAFT_1 "'s observe", {COPPICE_METRIC_HISTOGRAM},
           [value](metric_series& series) {
             if (std::isnan(value))
               return complain(COPPICE_METRIC_DRAFT_1 "'s observe was called with no number");
             ++series.seen.count;
             series.seen.sum += value;
             for (auto& [bound, count] : series.seen.buckets) count += value <= bound ? 1 : 0;
           });
}

/// Calls `does` with each series of that name and labels: one of each plugin that has it.
template <class Does>
void for_each_series(std::string_view name, metric_labels labels, bool is_histogram, Does does) {
  std::ranges::sort(labels);
  const std::scoped_lock held(metrics.lock);
  for (const auto& [key, family] : metrics.families) {
    const auto found = family.series.find(labels);
    if (key.second != name || found == family.series.end()) continue;
    if ((family.kind == COPPICE_METRIC_HISTOGRAM) != is_histogram)
      throw failure(std::string(name) + (is_histogram ? " is no histogram" : " is a histogram"));
    does(found->second);
  }
}

} // namespace

const coppice_metric_api* metric_interface() {
  static constexpr coppice_metric_api table = {
      .size = sizeof(coppice_metric_api),
      .reserved = 0,
      .get = &get_metric,
      .add = &add_to_metric,
      .set = &set_metric,
      .observe = &observe_metric,
  };
  return &table;
}

} // namespace detail
std::int64_t metric(std::string_view name, metric_labels labels) {
  std::int64_t sum = 0;
  detail::for_each_series(name, std::move(labels), false, [&sum](const auto& each) { sum += each.value; });
  return sum;
}

observations histogram(std::string_view name, metric_labels labels) {
  observations all;
  detail::for_each_series(name, std::move(labels), true, [&](const detail::metric_series& each) {
    if (all.count != 0 && each.seen.count != 0)
      throw failure(std::string(name) + " is a histogram of several plugins");
    if (all.count == 0) all = each.seen;
  });
  return all;
}

} // namespace coppice::testing
