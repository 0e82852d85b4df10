// SPDX-License-Identifier: MIT
// OTP's sys protocol for every server we have: get_state, get_status, suspend and resume, log, statistics and
// trace, as `sys` of an Erlang node, observer and etop ask for them; other nodes suspend, resume and end
// none of the node's own. While suspended a process answers nothing but these; what arrives meanwhile is
// held back in order, at most `max_held` messages. In the process's own turn.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/sys_debug.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::behaviours::sys {

// What sys asks of the process it talks to.
class subject {
 public:
  virtual ~subject() = default;
  // The state as a term.
  virtual runtime::message sys_state(runtime::process& self) = 0;
  // The callback module as get_status shows it.
  virtual std::string sys_module() const = 0;
  // What get_status says of an engine that is no gen_server: its module, and the last element of the status,
  // a list. An empty message: it is one.
  virtual std::string_view sys_engine() const { return "gen_server"; }
  virtual runtime::message sys_misc(runtime::process&, bool /*suspended*/) { return {}; }
  // Whether other nodes may suspend, resume and terminate it.
  virtual bool obeys_peers(const runtime::process& self) const = 0;
};

// What came while suspended, and from whom.
struct held_message {
  runtime::message what;
  runtime::message_origin origin;
};

class protocol {
 public:
  // Of a process whose mailbox takes more.
  static constexpr std::size_t max_held = 100'000;

  bool suspended() const { return suspended_; }
  // Who wants to hear of each message that is handled; null: nobody.
  debugging* debug() { return debug_.on() ? &debug_ : nullptr; }
  // True: `m` said that a node is gone that had switched something on, or had suspended the process. Both end
  // then, and what was held is to be caught up with.
  bool lost(runtime::process& self, const runtime::message& m);
  std::string words(const runtime::process& self) const { return debug_.words(self); }

  // Answers one system request. The outcome stops the process after {terminate, Reason}.
  runtime::outcome handle(runtime::process& self, subject& about, const gen::request& what);

  // Resumed, and messages are left that came while suspended. What comes now is to be kept behind them.
  bool catches_up() const { return !suspended_ && !held_.empty(); }
  // A message to the process itself is on its way, by which it goes on to catch up.
  bool notice_sent = false;
  // Whether each message has to come by here.
  bool attends() const {
    return suspended_ || debug_.on() || debug_.watches() || !held_.empty() || notice_sent;
  }

  // Keeps a message that came while suspended. False: so much is kept that it is left as it is, for the
  // caller to drop; the first one of them is told in the log. The bounds are those of the process's mailbox;
  // and where half of the memory for messages is in use, an ordinary message is kept only if no other is.
  // What the node itself tells is always kept.
  [[nodiscard]] bool hold(runtime::process& self, held_message& m);
  // Keeps a message that came while catching up. The caller takes one for it.
  void keep(held_message m) {
    held_bytes_ += m.what.size();
    held_.push_back(std::move(m));
  }
  // Takes the oldest one held back, once resumed. False: none, or suspended (again).
  bool next(held_message& out);

 private:
  void suspend(runtime::process& self);
  bool has_room(const runtime::process& self, const held_message& m) const;

  bool suspended_ = false;
  std::uint32_t suspended_by_ = 0; // index of the node; 0: this one
  debugging debug_;
  std::uint64_t dropped_ = 0;
  runtime::mailbox_bounds bounds_; // of the process, once it was suspended
  std::deque<held_message> held_;
  std::size_t held_bytes_ = 0;
};

} // namespace coppice::behaviours::sys
