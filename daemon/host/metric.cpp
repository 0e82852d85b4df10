// SPDX-License-Identifier: MIT
// "coppice.metric/draft-1": series of the node's metric board, under the id of the actor's plugin. Where
// there is no board (a file is only tried out) there is one that nobody sees. In the process's own turn;
// counting on any thread.
#include "host/metric.hpp"

#include "host/entry.hpp"
#include "host/metric_board.hpp"
#include "host/sized.hpp"

namespace coppice::host {
namespace {

// How many of those that are given are looked at: one too many is enough to be found malformed.
std::size_t up_to(std::uint64_t given, std::size_t most) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(given, most + 1));
}

// Without a name where it is malformed.
metric_board::wanted wanted_of(const coppice_metric_options* options) {
  metric_board::wanted what;
  const auto given = sized(options, COPPICE_METRIC_OPTIONS_LEAST);
  if (!given || (given->labels == nullptr && given->label_count != 0) ||
      (given->bounds == nullptr && given->bound_count != 0))
    return what;
  switch (given->kind) {
    case COPPICE_METRIC_COUNTER:
      what.kind = metric_kind::counter;
      break;
    case COPPICE_METRIC_GAUGE:
      what.kind = metric_kind::gauge;
      break;
    case COPPICE_METRIC_HISTOGRAM:
      what.kind = metric_kind::histogram;
      what.bounds.assign(given->bounds, given->bounds + up_to(given->bound_count, metric_board::most_bounds));
      break;
    default:
      return what;
  }
  const auto text = [](coppice_bytes from) { return text_of(from).value_or("\n"); }; // which fits nowhere
  what.name = text(given->name);
  what.help = text(given->help);
  for (std::size_t i = 0; i < up_to(given->label_count, metric_board::most_labels); ++i)
    what.of.emplace_back(text_of(given->labels[i].name).value_or(""),
                         text_of(given->labels[i].value).value_or(""));
  return what;
}

coppice_metric* get(coppice_actor* self, const coppice_metric_options* options) {
  metric_board* const board = may_look(self) == COPPICE_OK ? self->image->metrics() : nullptr;
  return board == nullptr ? metric_board::unseen() : board->get(self->image->id(), wanted_of(options));
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
      .add = &add,
      .set = &set,
      .observe = &observe,
  };
  return &table;
}

} // namespace coppice::host
