// SPDX-License-Identifier: MIT
// What a stage's engine needs of the world: the author's callbacks, and everything that is I/O. The adapter
// in a node implements it over a process, tests over a script. An outcome that stops ends the stage, and the
// engine calls nothing more. In the stage's own turn.
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

  // Callbacks. `from` is {Pid, Tag} of the other side; `events` a list that is not empty. They emit by
  // stage_engine::emit().
  virtual runtime::outcome handle_demand(std::uint64_t count) = 0;
  virtual runtime::outcome handle_events(const runtime::message& events, const runtime::message& from) = 0;
  // `manual`: nothing is asked of this producer but by the author. It is false before.
  virtual runtime::outcome handle_subscribe(peer what, const runtime::message& options,
                                            const runtime::message& from, bool& manual) = 0;
  // `down`: the other side has ended, else it cancelled.
  virtual runtime::outcome handle_cancel(bool down, const runtime::message& reason,
                                         const runtime::message& from) = 0;
  virtual dispatcher::outlet::choice choose(const runtime::message& event, std::uint64_t& partition) = 0;
  // So many events were dropped for want of room. Whether to log it.
  virtual bool format_discarded(std::uint64_t count) = 0;

  // To another stage. `connects`: also if its node is not connected yet.
  virtual void send(const runtime::destination& to, runtime::message m, bool connects) = 0;
  // The answer to a message of a subscription that is refused or that the stage does not have. It is left out
  // if many such answers wait for the receiver already, since the receiver takes none of them.
  virtual void send_refusal(const runtime::pid& to, runtime::message m) { send(to, std::move(m), false); }
  // So many events of a subscription. Where `to` has no room they wait, in at most `most` bytes of memory.
  // The subscriptions that are returned had more, have lost what waited, and are to be ended.
  virtual std::vector<stage_overload> send_events(const runtime::pid& to, subscriber_id of,
                                                  std::uint64_t events, runtime::message m,
                                                  std::uint64_t most) = 0;
  // The memory of a subscription's events that wait so.
  virtual std::uint64_t backlog(const runtime::pid& to, subscriber_id of) const = 0;
  // A message to itself, as anybody might send it.
  virtual void send_self(runtime::message m) = 0;
  // The monitor's reference; its end comes to stage_engine::down().
  virtual runtime::message monitor(const runtime::destination& to) = 0;
  virtual void demonitor(const runtime::message& reference) = 0;
  virtual runtime::message make_reference() = 0; // of nothing
  // Whom a term names, as GenServer's calls take it; nothing: nobody who lives.
  virtual std::optional<runtime::destination> find(etf::bytes name) = 0;
  // stage_engine::go_on() is to be called after other messages.
  virtual void go_on_later() = 0;
  // stage_engine::subscribe_again(which) is to be called after this time.
  virtual void subscribe_later(std::size_t which, base::nanos delay) = 0;
  // Whether `who` may have sent what is being handled: another node's messages are of its own processes.
  virtual bool may_be_from(const runtime::pid& who) const = 0;
  virtual void tell(level how, std::string text) = 0;
  virtual base::nanos now() = 0; // monotonic
};

} // namespace coppice::behaviours
