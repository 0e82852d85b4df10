// SPDX-License-Identifier: MIT
// The interface between a stage's engine and the world: the author's callbacks, and all I/O. In a node an
// adapter implements it over a process; tests implement it over a script. An outcome that stops ends the
// stage, and the engine calls nothing more. In the stage's own turn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/stage/backlog.hpp"
#include "behaviours/stage/dispatcher.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

class stage_port {
 public:
  enum class peer : std::uint8_t { producer, consumer }; // what the other side of a subscription is
  enum class level : std::uint8_t { info, warning, error };

  virtual ~stage_port() = default;

  // Callbacks. `from`: {Pid, Tag} of the other side. `events`: a list that is not empty. Callbacks emit
  // events by stage_engine::emit().
  virtual runtime::outcome handle_demand(std::uint64_t count) = 0;
  virtual runtime::outcome handle_events(const runtime::message& events, const runtime::message& from) = 0;
  // `manual`: false on entry. True: only the author asks this producer for events.
  virtual runtime::outcome handle_subscribe(peer what, const runtime::message& options,
                                            const runtime::message& from, bool& manual) = 0;
  // `down`: the other side has ended. Otherwise it has cancelled.
  virtual runtime::outcome handle_cancel(bool down, const runtime::message& reason,
                                         const runtime::message& from) = 0;
  virtual dispatcher::outlet::choice choose(const runtime::message& event, std::uint64_t& partition) = 0;
  // So many events were dropped for lack of room. Returns whether to log it.
  virtual bool format_discarded(std::uint64_t count) = 0;

  // Sends to another stage. `connects`: also if its node is not connected yet.
  virtual void send(const runtime::destination& to, runtime::message m, bool connects) = 0;
  // Answers a message of a subscription that is refused or unknown. Left out if many such answers wait for
  // the receiver already, since then it takes none of them.
  virtual void send_refusal(const runtime::pid& to, runtime::message m) { send(to, std::move(m), false); }
  // Sends so many events of a subscription. If `to` has no room they wait, in at most `most` bytes of memory.
  // Returns the subscriptions that exceeded it, have lost their waiting events, and have to be ended.
  virtual std::vector<stage_overload> send_events(const runtime::pid& to, subscriber_id of,
                                                  std::uint64_t events, runtime::message m,
                                                  std::uint64_t most) = 0;
  // Bytes of a subscription's events that wait.
  virtual std::uint64_t backlog(const runtime::pid& to, subscriber_id of) const = 0;
  // Sends a message to the stage itself, as an ordinary message.
  virtual void send_self(runtime::message m) = 0;
  // Returns the monitor's reference. The end goes to stage_engine::down().
  virtual runtime::message monitor(const runtime::destination& to) = 0;
  virtual void demonitor(const runtime::message& reference) = 0;
  virtual runtime::message make_reference() = 0; // a new reference
  // The process that a term names, as in GenServer's calls. Empty: there is no such process.
  virtual std::optional<runtime::destination> find(etf::bytes name) = 0;
  // Calls stage_engine::go_on() after other messages.
  virtual void go_on_later() = 0;
  // Calls stage_engine::subscribe_again(which) after this time.
  virtual void subscribe_later(std::size_t which, base::nanos delay) = 0;
  // Whether `who` may have sent the current message: a message of another node must name one of its own
  // processes.
  virtual bool may_be_from(const runtime::pid& who) const = 0;
  virtual void tell(level how, std::string text) = 0;
  virtual base::nanos now() = 0; // monotonic
};

} // namespace coppice::behaviours
