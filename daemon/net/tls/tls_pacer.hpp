// SPDX-License-Identifier: MIT
// Keeps handshakes off the hot path: of all that want to go on, one does one step a turn of the loop,
// first come first served. Idle it costs nothing. The loop's thread.
#pragma once

#include <uv.h>

#include <deque>

#include "base/uv.hpp"

namespace coppice::net {

class tls_pacer {
 public:
  // Someone whose handshake is to go on; leaves before it is destroyed.
  class client {
   public:
    // One step. True: has more to do now.
    virtual bool take_step() = 0;

   protected:
    ~client() = default;
  };

  // Outlives its clients.
  explicit tls_pacer(uv_loop_t* on);

  // Its turn comes; once however often it is said.
  void enter(client& who);
  void leave(client& who);

 private:
  void turn();

  std::deque<client*> row_;
  base::uv::idle each_turn_; // keeps the loop from waiting while there is a row
};

} // namespace coppice::net
