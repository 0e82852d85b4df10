// SPDX-License-Identifier: MIT
// The actor that a route has made for one client: made by the connection's process, which it is linked to, on
// the same worker; ended when the client has gone, behind what it was sent, and not started again. The
// connection's process lasts until the actor has ended. In that process's own turn.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/web/sites.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class client_actor {
 public:
  // From now on `self` traps exits. `site` and `counters`, which may be null, outlive it. Errors: there is no
  // such actor, or no room for another process.
  static base::result<std::unique_ptr<client_actor>> start(runtime::process& self, const child_spec& what,
                                                           web_sites& site, tcp_counters* counters);
  ~client_actor() { site_.actor_ended(); }
  client_actor(const client_actor&) = delete;
  client_actor& operator=(const client_actor&) = delete;

  const runtime::pid& who() const { return who_; }

  // From now on it has five seconds to end, then it is killed.
  void expect_end(runtime::process& self);
  // It is told to end, behind what it was sent; and has so long.
  void end(runtime::process& self);
  bool ended() const { return ended_; }

  // Of a notice; false: it is not of this.
  bool take(runtime::process& self, const runtime::message& m);

 private:
  client_actor(web_sites& site, tcp_counters* counters) : site_(site), counters_(counters) {
    site_.actor_began();
  }

  web_sites& site_;
  tcp_counters* const counters_;
  runtime::pid who_{};
  bool is_expected_ = false; // the timer runs
  bool is_told_ = false;
  bool ended_ = false;
};

} // namespace coppice::behaviours
