// SPDX-License-Identifier: MIT
// The actor that a route makes for one client. The connection's process makes it, on the same worker, and
// links to it. It is told to end when the client has gone, after it has had all of the client's messages, and
// is never restarted. The connection's process waits until it has ended. In the turns of that process.
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
  // Makes the actor; `self` traps exits from now on. `site` and `counters` (may be null) outlive this object.
  // Errors: there is no such actor, or no room for another process.
  static base::result<std::unique_ptr<client_actor>> start(runtime::process& self, const child_spec& what,
                                                           web_sites& site, tcp_counters* counters);
  ~client_actor() { site_.actor_ended(); }
  client_actor(const client_actor&) = delete;
  client_actor& operator=(const client_actor&) = delete;

  const runtime::pid& who() const { return who_; }

  // Kills the actor in five seconds, unless it has ended.
  void expect_end(runtime::process& self);
  // Tells the actor to end, after the messages sent to it before; then as expect_end().
  void end(runtime::process& self);
  bool ended() const { return ended_; }

  // Takes a notice. False: it is not about this actor.
  bool take(runtime::process& self, const runtime::message& m);

 private:
  client_actor(web_sites& site, tcp_counters* counters) : site_(site), counters_(counters) {
    site_.actor_began();
  }

  web_sites& site_;
  tcp_counters* const counters_;
  runtime::pid who_{};
  bool is_expected_ = false; // the timer of expect_end() runs
  bool is_told_ = false;
  bool ended_ = false;
};

} // namespace coppice::behaviours
