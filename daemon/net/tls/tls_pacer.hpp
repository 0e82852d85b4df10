// SPDX-License-Identifier: MIT
// Limits what TLS handshakes cost a loop: in each turn of the loop, one of the handshakes that can go on
// takes one step, in order of arrival, so that established connections are served in between. Costs nothing
// when there is none. The loop's thread.
#pragma once

#include <uv.h>

#include <deque>

#include "base/uv.hpp"

namespace coppice::net {

class tls_pacer {
 public:
  // A connection whose handshake is under way. It leaves before it is destroyed.
  class client {
   public:
    // Takes one step of the handshake. True: another step can be taken now.
    virtual bool take_step() = 0;

   protected:
    ~client() = default;
  };

  // The pacer outlives its clients.
  explicit tls_pacer(uv_loop_t* on);

  // Queues the client for a step. No effect if it is queued already.
  void enter(client& who);
  void leave(client& who);

 private:
  void turn();

  std::deque<client*> row_;
  base::uv::idle each_turn_; // runs while a client is queued, and keeps the loop from waiting
};

} // namespace coppice::net
