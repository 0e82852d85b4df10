// SPDX-License-Identifier: MIT
// The server engine: OTP's gen_server. It sorts incoming messages (sys, the parent's exit, calls, casts,
// others) and passes them to a derived class: a server written in the daemon (native_server.hpp) or one that
// runs a plugin's callbacks (daemon/host). Each process has one engine. In the process's own turn.
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
  runtime::outcome receive_io(runtime::process& self) final;
  // Takes one of the messages that came while it was suspended.
  runtime::message take_held(const message_test& wanted) final;

 protected:
  // The functions that a derived class implements. `whole` is the message that arrived, and the byte spans
  // are parts of it; they are valid until the function returns. take_call()'s `from` is for gen::reply(),
  // now or, as a copy, later.
  virtual runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                                     etf::bytes request) = 0;
  virtual runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                                     etf::bytes request) = 0;
  virtual runtime::outcome take_info(runtime::process& self, const runtime::message& m) = 0;
  // The work of receive_io(). The default does nothing.
  virtual runtime::outcome take_io(runtime::process&) { return runtime::carry_on(); }
  // Called once after continue_first().
  virtual runtime::outcome take_continue(runtime::process&) { return runtime::carry_on(); }
  // Takes a change of change_config(), and answers `from` as described there. By default `unhandled`.
  virtual runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                                       config_change to);
  // Takes a change of change_options(), and answers `from` as described there. By default `unhandled`.
  virtual runtime::outcome take_options(runtime::process& self, const runtime::message& from,
                                        runtime::message options);
  // For sys: the state as a term, and the callback module that get_status shows.
  virtual runtime::message sys_state(runtime::process& self) = 0;
  virtual std::string sys_module() const = 0;
  // As in sys::subject. The defaults are those of a gen_server.
  virtual std::string_view sys_engine() const { return "gen_server"; }
  virtual runtime::message sys_misc(runtime::process&, bool /*suspended*/) { return {}; }
  // The state text for ask_shown_state(). Empty: none. Must be cheap, however large the state is.
  virtual runtime::message state_for_people(runtime::process&) { return {}; }
  // The report of the engine, for ask_shown_state(): a map with atoms as keys, to which the key `kind` is
  // added. Empty: the report has `kind` only. Must be cheap.
  virtual runtime::message engine_for_people(runtime::process&) { return {}; }
  // Whether sys requests of other nodes may suspend, resume and terminate it.
  virtual bool obeys_peers(const runtime::process&) const { return true; }

  // Called in init or between two messages. take_continue() then runs before the next message and before
  // take_io(), or soon if none comes, and after the spawner was told of the successful start.
  void continue_first(runtime::process& self);
  // Whether a call may be handled at once: no other work comes first, and messages are not held back.
  bool takes_calls() const { return !continue_first_ && !attended(); }
  // For a derived class that answers a call in its handler. Null: debugging is off.
  sys::debugging* debug() const { return sys_ == nullptr ? nullptr : sys_->debug(); }

 private:
  class sys_subject;
  bool suspended() const { return sys_ != nullptr && sys_->suspended(); }
  // Whether messages are held back or debugged.
  bool attended() const { return sys_ != nullptr && sys_->attends(); }
  runtime::outcome dispatch(runtime::process& self, const runtime::message& m, const gen::request_view& what);
  runtime::outcome hand_over(runtime::process& self, const runtime::message& m,
                             const gen::request_view& what);
  // Calls take_continue() if it is due.
  runtime::outcome continue_now(runtime::process& self);
  // The path of all messages that are not certainly ordinary ones.
  [[gnu::noinline]] runtime::outcome sort(runtime::process& self, runtime::message m);
  runtime::outcome system_request(runtime::process& self, const gen::request& what);
  // Handles some of the messages that came while suspended, and makes sure that the others follow.
  runtime::outcome catch_up(runtime::process& self);
  // Handles the parent's exit and the engine's own message. False: m is another message.
  [[gnu::noinline]] bool own_info(runtime::process& self, const runtime::message& m, runtime::outcome& next);

  std::unique_ptr<sys::protocol> sys_; // made with the first sys request
  bool continue_first_ = false;
  bool continue_sent_ = false; // a message to itself is on its way, in case no other comes
};

} // namespace coppice::behaviours
