// SPDX-License-Identifier: MIT
// A timer on the same loop bounds the time. The loop's thread.
#include "net/http/last_answers.hpp"

namespace coppice::net {

void give_last_answers(base::uv::loop& on, const std::function<bool()>& owes_nobody) {
  bool over = false;
  base::uv::timer bound(on.raw(), [&over] { over = true; });
  bound.start(last_patience);
  while (!over && !owes_nobody()) on.turn(true);
}

} // namespace coppice::net
