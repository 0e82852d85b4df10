// SPDX-License-Identifier: MIT
// OTP's sys protocol for the daemon's servers: get_state, get_status, suspend, resume, log, statistics and
// trace, as requested by `sys` of an Erlang node, observer and etop. Other nodes cannot suspend, resume or
// end the node's own servers. While suspended, a process answers only these requests; other messages are held
// in order, at most `max_held`. In the process's own turn.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/sys_debug.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::behaviours::sys {

// The data that sys needs from the process that it runs in.
class subject {
 public:
  virtual ~subject() = default;
  // The state as a term.
  virtual runtime::message sys_state(runtime::process& self) = 0;
  // The callback module that get_status shows.
  virtual std::string sys_module() const = 0;
  // For get_status of an engine other than gen_server: its module, and the last element of the status, a
  // list. An empty message: the list of a gen_server.
  virtual std::string_view sys_engine() const { return "gen_server"; }
  virtual runtime::message sys_misc(runtime::process&, bool /*suspended*/) { return {}; }
  // Whether other nodes may suspend, resume and terminate the process.
  virtual bool obeys_peers(const runtime::process& self) const = 0;
};

// A message that came while suspended, and its origin.
struct held_message {
  runtime::message what;
  runtime::message_origin origin;
};

class protocol {
 public:
  // Bound for a process whose mailbox bound is larger.
  static constexpr std::size_t max_held = 100'000;

  bool suspended() const { return suspended_; }
  // The object that is told of each message that is handled. Null: debugging is off.
  debugging* debug() { return debug_.on() ? &debug_ : nullptr; }
  // True: `m` says that a node is gone which had switched something on, or had suspended the process. Both
  // end then, and the held messages are to be handled.
  bool lost(runtime::process& self, const runtime::message& m);
  std::string words(const runtime::process& self) const { return debug_.words(self); }

  // Answers one system request. The outcome stops the process after {terminate, Reason}.
  runtime::outcome handle(runtime::process& self, subject& about, const gen::request& what);

  // True: resumed, but messages that came while suspended are left. A message that comes now is kept after
  // them.
  bool catches_up() const { return !suspended_ && !held_.empty(); }
  // A message to the process itself is on its way, which makes it handle the next held messages.
  bool notice_sent = false;
  // Whether each message has to pass through this object.
  bool attends() const {
    return suspended_ || debug_.on() || debug_.watches() || !held_.empty() || notice_sent;
  }

  // Keeps a message that came while suspended. False: too much is kept already; `m` is unchanged and the
  // caller drops it. The first drop is logged. The bounds are those of the process's mailbox. When half of
  // the memory for messages is in use, an ordinary message is kept only if no other is. Notices are always
  // kept.
  [[nodiscard]] bool hold(runtime::process& self, held_message& m);
  // Keeps a message that came while catching up. The caller takes a held message instead.
  void keep(held_message m) {
    held_bytes_ += m.what.size();
    held_.push_back(std::move(m));
  }
  // Takes the oldest held message once resumed. False: there is none, or the process is suspended.
  bool next(held_message& out);
  // Takes the oldest held message for which `wanted` is true. None: there is no such message.
  runtime::message take(const runtime::behaviour::message_test& wanted);

 private:
  void suspend(runtime::process& self);
  bool has_room(const runtime::process& self, const held_message& m) const;

  bool suspended_ = false;
  std::uint32_t suspended_by_ = 0; // index of the node. 0: this node
  debugging debug_;
  std::uint64_t dropped_ = 0;
  runtime::mailbox_bounds bounds_; // of the process; set when it is suspended
  std::deque<held_message> held_;
  std::size_t held_bytes_ = 0;
};

} // namespace coppice::behaviours::sys
