// SPDX-License-Identifier: MIT
// The server engine: OTP's gen_server. It sorts what arrives (sys, the parent's exit, calls, casts, the rest)
// and gives it to whoever implements the port below: a server written in the daemon (native_server.hpp) or a
// plugin's callbacks (daemon/host). One engine a process. In the process's own turn.
#pragma once

#include <memory>
#include <string>

#include "behaviours/gen/config_change.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/sys.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class server : public runtime::behaviour {
 public:
  runtime::outcome receive(runtime::process& self, runtime::message m) final;

 protected:
  // The port. `whole` is the message that arrived, of which the bytes beside it are parts; both last as long
  // as the call. handle_call's From is for gen::reply(), now or, a copy of it, later.
  virtual runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                                     etf::bytes request) = 0;
  virtual runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                                     etf::bytes request) = 0;
  virtual runtime::outcome take_info(runtime::process& self, const runtime::message& m) = 0;
  // After continue_first(), once.
  virtual runtime::outcome take_continue(runtime::process&) { return runtime::carry_on(); }
  // Answers `from`, as change_config() has it; by default `unhandled`.
  virtual runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                                       config_change to);
  // Likewise as change_options() has it.
  virtual runtime::outcome take_options(runtime::process& self, const runtime::message& from,
                                        runtime::message options);
  // For sys: the state as a term, and the callback module as get_status shows it.
  virtual runtime::message sys_state(runtime::process& self) = 0;
  virtual std::string sys_module() const = 0;
  // As sys::subject has them; by default a gen_server's.
  virtual std::string_view sys_engine() const { return "gen_server"; }
  virtual runtime::message sys_misc(runtime::process&, bool /*suspended*/) { return {}; }
  // What ask_shown_state() is told; none: nothing. Cheap, however large the state is.
  virtual runtime::message state_for_people(runtime::process&) { return {}; }
  // The report of the engine: a map with atoms as keys, which gets the key `kind`; none: `kind` is all of it.
  virtual runtime::message engine_for_people(runtime::process&) { return {}; }
  // Whether sys of other nodes may suspend, resume and terminate it.
  virtual bool obeys_peers(const runtime::process&) const { return true; }

  // From init, or between two messages: take_continue() comes before the next message, and if there is none,
  // soon; after the spawner has heard of success.
  void continue_first(runtime::process& self);
  // Whether a call may go to its handler at once: nothing comes before it, and nothing holds it back.
  bool takes_calls() const { return !continue_first_ && !attended(); }
  // For whoever answers a call in its handler; null: nobody wants to hear of it.
  sys::debugging* debug() const { return sys_ == nullptr ? nullptr : sys_->debug(); }

 private:
  class sys_subject;
  bool suspended() const { return sys_ != nullptr && sys_->suspended(); }
  // Messages are held back, or looked at.
  bool attended() const { return sys_ != nullptr && sys_->attends(); }
  runtime::outcome dispatch(runtime::process& self, const runtime::message& m, const gen::request_view& what);
  runtime::outcome hand_over(runtime::process& self, const runtime::message& m,
                             const gen::request_view& what);
  // Whatever is not certainly an ordinary message.
  [[gnu::noinline]] runtime::outcome sort(runtime::process& self, runtime::message m);
  runtime::outcome system_request(runtime::process& self, const gen::request& what);
  // Handles some of the messages that came while suspended, and sees to it that the others are handled.
  runtime::outcome catch_up(runtime::process& self);
  // The parent's exit, and the engine's own message. False: m is none.
  [[gnu::noinline]] bool own_info(runtime::process& self, const runtime::message& m, runtime::outcome& next);

  std::unique_ptr<sys::protocol> sys_; // made with the first sys request
  bool continue_first_ = false;
  bool continue_sent_ = false; // a message to itself is on its way, for when no other comes
};

} // namespace coppice::behaviours
