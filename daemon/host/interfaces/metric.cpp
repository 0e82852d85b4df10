// SPDX-License-Identifier: MIT
// "coppice.metric/draft-1": series of the node's metric board, under the id of the actor's plugin. Without a
// board (a file is only being checked) all handles are the one that is not shown. In the process's own turn;
// counting on any thread.
#include "host/interfaces/metric.hpp"

#include <optional>
#include <span>

#include "host/boundary/entry.hpp"
#include "host/boundary/sized.hpp"
#include "host/interfaces/metric_board.hpp"

namespace coppice::host {
namespace {

std::optional<metric_kind> kind_of(std::int32_t number) {
  switch (number) {
    case COPPICE_METRIC_COUNTER:
      return metric_kind::counter;
    case COPPICE_METRIC_GAUGE:
      return metric_kind::gauge;
    case COPPICE_METRIC_HISTOGRAM:
      return metric_kind::histogram;
    default:
      return std::nullopt;
  }
}

// Empty: the options cannot be read. Lists that are too long are not read.
std::optional<metric_board::wanted> wanted_of(const coppice_metric_options& given) {
  const auto readable = [](const auto* first, std::uint64_t count, std::size_t most) {
    return count <= most && (first != nullptr || count == 0);
  };
  const auto kind = kind_of(given.kind);
  const auto name = text_of(given.name);
  const auto help = text_of(given.help);
  if (!kind || !name || !help || !readable(given.labels, given.label_count, metric_board::most_labels) ||
      !readable(given.bounds, given.bound_count, metric_board::most_bounds))
    return std::nullopt;
  metric_board::wanted what{*kind, *name, *help, {}, {}};
  for (const coppice_metric_label& each : std::span(given.labels, given.label_count)) {
    const auto value = text_of(each.value);
    if (!value) return std::nullopt;
    what.of.emplace_back(text_of(each.name).value_or(""), *value);
  }
  what.bounds.assign(given.bounds, given.bounds + given.bound_count);
  return what;
}

coppice_metric* get(coppice_actor* self, const coppice_metric_options* options) {
  metric_board* const board = may_look(self) == COPPICE_OK ? self->image->metrics() : nullptr;
  if (board == nullptr) return metric_board::unseen();
  const auto given = sized(options, COPPICE_METRIC_OPTIONS_LEAST);
  auto what = given ? wanted_of(*given) : std::nullopt;
  if (what) return board->get(self->image->id(), std::move(*what));
  return board->refuse(self->image->id(), given ? text_of(given->name).value_or("") : "");
}

void add(coppice_metric* metric, std::int64_t n) {
  if (metric != nullptr) metric->add(n);
}

void set(coppice_metric* metric, std::int64_t value) {
  if (metric != nullptr) metric->set(value);
}

void observe(coppice_metric* metric, double value) {
  if (metric != nullptr) metric->observe(value);
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
