// SPDX-License-Identifier: MIT
// The row is as long as there are handshakes at once, so it is searched linearly. The loop's thread.
#include "net/tls/tls_pacer.hpp"

#include <algorithm>
#include <cassert>

namespace coppice::net {

tls_pacer::tls_pacer(uv_loop_t* on) : each_turn_(on, [this] { turn(); }) {}

void tls_pacer::enter(client& who) {
  if (std::find(row_.begin(), row_.end(), &who) != row_.end()) return;
  if (row_.empty()) each_turn_.start();
  row_.push_back(&who);
}

void tls_pacer::leave(client& who) {
  std::erase(row_, &who);
  if (row_.empty()) each_turn_.stop();
}

// The client may be destroyed in its step.
void tls_pacer::turn() {
  client* next = row_.front();
  row_.pop_front();
  if (next->take_step()) row_.push_back(next);
  // A client that wants another step must not have left within this one, which would have stopped each_turn_.
  assert(row_.empty() || each_turn_.active());
  if (row_.empty()) each_turn_.stop();
}

} // namespace coppice::net
