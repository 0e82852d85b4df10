// SPDX-License-Identifier: MIT
// Totals over all actors of one type, which stay when the code of the type is replaced. Any thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "metrics/board.hpp"

namespace coppice::host {

// The totals on the board that have these labels. `board`: null: they are not shown.
template <class Totals>
std::shared_ptr<Totals> totals_on(metrics::board* board, metrics::board::labels of) {
  return board != nullptr ? board->total<Totals>(std::move(of)) : std::make_shared<Totals>();
}

} // namespace coppice::host
