// SPDX-License-Identifier: MIT
// "coppice.metric/1": cells of the node's metric board, under the id of the actor's plugin. Where there is no
// board (a file is only tried out) there is a cell that nobody sees. In the process's own turn.
#include "host/entry.hpp"
#include "host/metric_board.hpp"

namespace coppice::host {
namespace {

std::int64_t* cell(coppice_actor* self, std::int32_t kind, coppice_bytes name, coppice_bytes help,
                   const coppice_metric_label* labels, std::uint64_t label_count) {
  static std::int64_t unseen = 0; // only ever added to
  metric_board* const board = may_look(self) == COPPICE_OK ? self->image->metrics() : nullptr;
  if (board == nullptr) return &unseen;
  metric_board::labels of;
  // One too many is malformed, and enough to be found so.
  const std::uint64_t count =
      labels == nullptr ? 0 : std::min<std::uint64_t>(label_count, metric_board::most_labels + 1);
  for (std::uint64_t i = 0; i < count; ++i)
    of.emplace_back(text_of(labels[i].name).value_or(""), text_of(labels[i].value).value_or(""));
  const bool known = kind == COPPICE_METRIC_COUNTER || kind == COPPICE_METRIC_GAUGE;
  return board->cell(self->image->id(), kind == COPPICE_METRIC_COUNTER,
                     known ? text_of(name).value_or("") : std::string_view(), text_of(help).value_or(""),
                     std::move(of));
}

} // namespace

const coppice_metric_api* metric_interface() {
  static const coppice_metric_api table = {
      .size = sizeof(coppice_metric_api),
      .reserved = 0,
      .cell = &entry<&cell, marked::look>::call,
  };
  return &table;
}

} // namespace coppice::host
