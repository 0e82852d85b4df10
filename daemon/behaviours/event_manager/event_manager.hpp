// SPDX-License-Identifier: MIT
// An event manager: to other processes OTP's gen_event. Its handlers are processes of their own, linked to
// it. Events go to all handlers, in batches of those that waited. Requests that show the effect of events
// (sync_notify, call, adding, removing, which_handlers) are answered once all handlers have handled the
// events before them, as if the handlers ran in the manager. A handler that ends is removed, and the others
// go on. A handler that asks for another one in its place leaves it all events after the one that it handled,
// unless some of these were dropped.
// A handler that is too slow is not waited for until it has caught up; what it is sent meanwhile is bounded.
// In the process's own turn.
#pragma once

#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/event_manager/event_counters.hpp"
#include "behaviours/event_manager/event_manager_spec.hpp"
#include "behaviours/event_manager/event_meter.hpp"
#include "behaviours/event_manager/event_protocol.hpp"
#include "behaviours/gen/server.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "metrics/board.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::behaviours {

class event_manager final : public server {
 public:
  // `of` says with which priority its handlers run and how long each may take to start; `label` is its place
  // in the tree.
  event_manager(std::shared_ptr<const child_spec> of, std::shared_ptr<const event_manager_spec> spec,
                std::shared_ptr<const supervision> shared, runtime::message env, std::string label);
  ~event_manager() override;

  runtime::outcome init(runtime::process& self) override;
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override { out.behaviour = "event_manager"; }

 private:
  // A call that a handler was asked and that was not waited for any more.
  struct late_call {
    std::uint64_t number; // of the calls that the handler's process was asked, from 1
    runtime::message from;
  };
  struct handler {
    event_handler_spec is;
    runtime::pid pid;
    runtime::pid added_by;               // by add_sup_handler; null: not supervised
    std::vector<base::nanos> restarts{}; // within the period
    std::uint64_t restarted = 0;
    std::shared_ptr<const event_meter> meter{}; // of its process
    event_meter::reading before{};              // of its earlier processes
    event_meter::reading sent{};                // events and bytes that its process was sent
    std::uint64_t behind = 0;                   // slow until it has handled so many events; 0: not slow
    std::uint64_t dropped = 0;                  // events that it had no room for
    bool misses = false;                        // it was not sent all of recent_
    std::uint64_t calls = 0;                    // that its process was asked
    std::vector<late_call> late{};              // the calls that it may not have handled
    std::string failure{};                      // why it was last begun again

    std::uint64_t waiting() const { return sent.events - meter->read().events; }
    bool is_behind() const { return behind != 0 && meter->read().events < behind; }
  };
  struct started {
    runtime::pid pid;
    std::shared_ptr<const event_meter> meter;
  };
  using start_result = expected<started, gen::start_error>;
  struct sent_batch {
    runtime::message all;
    std::uint32_t count = 0; // of its events
  };
  // The result of a call to a handler. If the handler has ended, that has been handled already.
  struct answer {
    runtime::message term; // none: it did not answer
    runtime::message end;  // if it has failed: the reason
  };
  using place = std::vector<handler>::iterator;

  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::message sys_state(runtime::process& self) override;
  std::string sys_module() const override { return "gen_event"; }
  std::string_view sys_engine() const override { return "gen_event"; }
  runtime::message engine_for_people(runtime::process& self) override;

  // Events that have come, and sending them to the handlers.
  void happened(runtime::process& self, events::kind what, etf::bytes term);
  void flush(runtime::process& self);
  bool has_room(const handler& one, std::uint32_t events, std::size_t bytes) const;
  // For events that a handler has no room for: they are counted, or the handler ends.
  void overrun(runtime::process& self, place of, std::uint32_t events);
  // Sends the handler the last `count` of recent_, or all if there are fewer.
  void hand_on(runtime::process& self, handler& to, std::uint64_t count);
  // Whether the log may get a line about slow handlers: once a second.
  bool tells_slow(runtime::process& self);
  // Waits until all handlers that are not behind have handled what they were sent. False: this process is
  // dead.
  bool settle(runtime::process& self);
  bool settle_once(runtime::process& self);
  void forget_handled();

  // event_manager_commands.cpp: gen_event's requests. Each returns its answer; none: it is no such request.
  runtime::message command(runtime::process& self, etf::bytes request, const runtime::message& from,
                           bool here);
  runtime::message refused(runtime::process& self, const runtime::message& from, etf::bytes request);
  void tell_refused(runtime::process& self, etf::bytes from, etf::bytes request);
  runtime::message add(runtime::process& self, event_handler_spec what, const runtime::pid& added_by,
                       std::size_t at, bool here);
  runtime::message query(runtime::process& self, const runtime::message& name, const runtime::message& from,
                         etf::bytes request);
  runtime::message remove(runtime::process& self, const runtime::message& name, etf::bytes args);
  runtime::message swap(runtime::process& self, const runtime::message& name, etf::bytes args,
                        const runtime::message& to, etf::bytes next_args, const runtime::pid& added_by,
                        bool here);
  runtime::message names() const;
  runtime::message modules() const;

  // event_handlers.cpp: the handlers' processes. `args` are those that init gets.
  start_result start(runtime::process& self, const event_handler_spec& what, bool here);
  answer ask(runtime::process& self, place of, const runtime::message& body, base::nanos deadline);
  runtime::reference begin_ask(runtime::process& self, const runtime::pid& of, const runtime::message& body);
  // `reason`: that of the wait. Calls failed() or left() as needed.
  runtime::message take_end(runtime::process& self, const runtime::pid& of, runtime::message reason);
  // Handles the ends of these handlers that are among the messages that wait. False: this process is dead.
  bool take_ends(runtime::process& self, const std::vector<runtime::pid>& of);
  bool take_left(runtime::process& self, const runtime::message& m);
  void left(runtime::process& self, const runtime::pid& who, etf::bytes how);
  void failed(runtime::process& self, const runtime::pid& who, const runtime::message& reason);
  void exited(runtime::process& self, const runtime::pid& who, const runtime::message& reason);
  void linked_ended(runtime::process& self, const gen::exit_notice& exit);
  // Puts it at that place, or behind the last.
  void put_in(handler one, std::size_t at);
  // Takes it out, and tells the process that added it why.
  handler take_out(runtime::process& self, place of, const runtime::message& why);
  // Answers the calls that a handler has not handled and will not. `why`: as in take_out().
  void answer_late(runtime::process& self, handler& gone, const runtime::message& why);
  void begin_again(runtime::process& self, handler one, std::size_t at);
  void tell(runtime::process& self, const handler& one, const runtime::message& why);
  place find(const runtime::message& name);
  place find(const runtime::pid& process);
  base::nanos patience() const;

  const event_manager_spec& spec() const { return *spec_; }

  std::shared_ptr<const child_spec> child_;
  std::shared_ptr<const event_manager_spec> spec_;
  std::shared_ptr<const supervision> shared_;
  runtime::message env_;
  std::string label_;
  std::vector<handler> handlers_; // the one added last comes first, as in OTP
  // Handlers that have been taken out, but whose exit has not come yet.
  runtime::flat_table<runtime::pid, bool, runtime::pid_hash> gone_;
  const gen::exit_notice* handled_exit_ = nullptr; // of a handler, while it is handled; null: none
  etf::vector_writer batch_;                       // [{Kind, Term}] without its head
  std::uint32_t batched_ = 0;                      // events in it
  bool flush_sent_ = false;                        // a message to itself is on its way
  // The last batches, with all that a handler has not handled, for a handler that takes the place of another.
  std::vector<sent_batch> recent_;
  std::uint32_t unsettled_ = 0; // the number of those since the handlers were last waited for
  std::size_t unsettled_bytes_ = 0;
  const std::shared_ptr<event_counters> counters_ = std::make_shared<event_counters>();
  metrics::board::entry on_board_;
  base::nanos told_slow_ = 0;         // when the log last got a line about slow handlers
  base::nanos told_refused_ = 0;      // when it last got a line about a refused request
  std::vector<runtime::pid> refused_; // the latest senders in those lines
};

} // namespace coppice::behaviours
