// SPDX-License-Identifier: MIT
// "coppice.metric/draft-1": series of the node's board of metrics, under the id of the actor's plugin.
// Without a board (a file is only being checked) all handles are the same series, which is not shown. A
// plugin's coppice_metric* is a pointer to a metrics::series under another type. In the process's own turn;
// counting on any thread.
#include <optional>
#include <span>

#include "host/boundary/entry.hpp"
#include "host/boundary/host.hpp"
#include "host/boundary/sized.hpp"
#include "metrics/board.hpp"

namespace coppice::host {
namespace {

using metrics::plugin_series;

coppice_metric* handle_of(metrics::series* of) {
  return reinterpret_cast<coppice_metric*>(of);
}

metrics::series* series_of(coppice_metric* handle) {
  return reinterpret_cast<metrics::series*>(handle);
}

std::optional<metrics::kind> kind_of(std::int32_t number) {
  switch (number) {
    case COPPICE_METRIC_COUNTER:
      return metrics::kind::counter;
    case COPPICE_METRIC_GAUGE:
      return metrics::kind::gauge;
    case COPPICE_METRIC_HISTOGRAM:
      return metrics::kind::histogram;
    default:
      return std::nullopt;
  }
}

// Empty: the options cannot be read. Lists that are too long are not read.
std::optional<plugin_series::wanted> wanted_of(const coppice_metric_options& given) {
  const auto readable = [](const auto* first, std::uint64_t count, std::size_t most) {
    return count <= most && (first != nullptr || count == 0);
  };
  const auto kind = kind_of(given.kind);
  const auto name = text_of(given.name);
  const auto help = text_of(given.help);
  if (!kind || !name || !help || !readable(given.labels, given.label_count, plugin_series::most_labels) ||
      !readable(given.bounds, given.bound_count, plugin_series::most_bounds))
    return std::nullopt;
  plugin_series::wanted what{*kind, *name, *help, {}, {}};
  for (const coppice_metric_label& each : std::span(given.labels, given.label_count)) {
    const auto value = text_of(each.value);
    if (!value) return std::nullopt;
    what.of.emplace_back(text_of(each.name).value_or(""), *value);
  }
  what.bounds.assign(given.bounds, given.bounds + given.bound_count);
  return what;
}

coppice_metric* get(coppice_actor* self, const coppice_metric_options* options) {
  metrics::board* const board = may_look(self) == COPPICE_OK ? self->image->metrics() : nullptr;
  if (board == nullptr) return handle_of(plugin_series::unseen());
  plugin_series& all = board->of_plugins();
  const auto given = sized(options, COPPICE_METRIC_OPTIONS_LEAST);
  auto what = given ? wanted_of(*given) : std::nullopt;
  return handle_of(what ? all.get(self->image->id(), std::move(*what))
                        : all.refuse(self->image->id(), given ? text_of(given->name).value_or("") : ""));
}

void add(coppice_metric* metric, std::int64_t n) {
  if (metric != nullptr) series_of(metric)->add(n);
}

void set(coppice_metric* metric, std::int64_t value) {
  if (metric != nullptr) series_of(metric)->set(value);
}

void observe(coppice_metric* metric, double value) {
  if (metric != nullptr) series_of(metric)->observe(value);
}

} // namespace

const coppice_metric_api* metric_interface() {
  static const coppice_metric_api table = {
      .size = sizeof(coppice_metric_api),
      .reserved = 0,
      .get = &entry<&get, marked::look>::call,
      .add = &plain_entry<&add>::call,
      .set = &plain_entry<&set>::call,
      .observe = &plain_entry<&observe>::call,
  };
  return &table;
}

} // namespace coppice::host
