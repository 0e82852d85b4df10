// SPDX-License-Identifier: MIT
// The runtime's record of a process, for the runtime's own files; behaviours see a `process`. Every process
// is a process_record. Data and functions are for the process's owner, the thread that holds its home
// worker's token (scheduling/placement.cpp), unless a comment says otherwise. A node may hold a million idle
// records, so they are packed.
//
// Each part with an invariant of its own is a class of its own: the mailbox, the calls still to be answered
// (received_calls), links, monitors, calls and names (relations). The functions here are the process's
// reactions to signals; each group has a file of its own in this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "runtime/messages/mailbox.hpp"
#include "runtime/messages/sent_compressed.hpp"
#include "runtime/process.hpp"
#include "runtime/processes/own_pid.hpp"
#include "runtime/processes/received_calls.hpp"
#include "runtime/processes/relations.hpp"
#include "runtime/processes/started_timers.hpp"
#include "runtime/scheduling/schedule_entry.hpp"
#include "runtime/scheduling/wait.hpp"

namespace coppice::runtime {

class process_record final : public process {
 public:
  // `notified`: worker::notify will tell the home worker of the process.
  process_record(worker& home, bool notified, const pid& self, std::unique_ptr<behaviour> does,
                 const spawn_options& options);
  ~process_record();

  // The worker whose thread owns the process. During a turn: the worker that runs it, which may change in a
  // wait.
  worker& home() const { return *schedule.home.load(std::memory_order_relaxed); }
  // Whether `here`, whose thread this is, is its home; null: not. If it is not, nothing else of the process
  // may be read; if it is, all that a former home has written can be.
  bool lives_on(const worker* here) const { return schedule.home.load(std::memory_order_acquire) == here; }
  // The stack that it is parked on. Null: it is not parked.
  fiber* parked_on() const { return waiting == nullptr ? nullptr : waiting->stack; }
  void set_status(process_status to) { status.store(to, std::memory_order_relaxed); }
  // Counts 1 reduction. Yields if the turn's budget is used up.
  void spend() {
    if (++reductions_this_turn >= turn_reductions) [[unlikely]]
      used_up();
  }
  // Adds the reductions of this turn to the total.
  void settle_reductions() { add_reductions(std::exchange(reductions_this_turn, std::uint16_t{0})); }
  // Any thread. At the moment the total passes a multiple of 2^32, the result may be too high by 2^32 or too
  // low.
  std::uint64_t reductions_done() const;

  // Adds reductions that are not to count for the turn.
  void add_reductions(std::uint32_t count) {
    const std::uint32_t before = reductions_done_.load(std::memory_order_relaxed);
    const std::uint32_t now = before + count;
    if (now < before) [[unlikely]]
      carry_reductions();
    reductions_done_.store(now, std::memory_order_relaxed);
  }
  // Counts reductions that a behaviour names.
  void note_reductions(std::uint32_t count);

  // Adds processor time in units of `time_unit`. Returns how many times it has completed another `full`
  // units, counted from a beginning that differs for each process: a process that has used a tenth of `full`
  // in its life has completed them with the probability 1/10.
  std::uint64_t add_time(std::uint64_t units) {
    const std::uint32_t before = ran_.load(std::memory_order_relaxed);
    if (units > UINT16_MAX - before) [[unlikely]]
      return add_more_time(units);
    ran_.store(static_cast<std::uint16_t>(before + units), std::memory_order_relaxed);
    const std::uint64_t from = before + phase();
    return (from + units) / full - from / full;
  }
  static constexpr std::uint64_t time_unit = 1024; // ns
  static constexpr std::uint64_t full = 1024;
  // Any thread. Processor time of its turns that are over, in ns.
  base::nanos time_used() const;

  // Any thread.
  pid id() const; // worker.hpp
  // Any thread. Writes the process's choice of compression into a signal that leaves the node.
  void choose_compression(signal& leaving) const {
    const auto chosen = compression.load(std::memory_order_relaxed);
    leaving.compression = chosen.choice_for(leaving.payload().size());
  }

  // Null: it has no relations yet. Most processes have none.
  runtime::relations* related() const { return relations_.load(std::memory_order_relaxed); }
  runtime::relations& needs_relations();
  // related(), for any thread.
  const runtime::relations* published_relations() const { return relations_.load(std::memory_order_acquire); }

  // Whether it is a part of the node (spawn_options::of_node). Any thread.
  bool of_node() const;
  // The group leader. Any thread.
  pid leader() const;
  // The label, else the name. For a signal handler on the process's own thread.
  std::string_view label_in_crash() const;

  // Taking signals: signals.cpp.
  void take_signals();
  // Moves signals that other threads have pushed behind the pending ones.
  void take_pushed();
  // Takes a signal from a process of the same worker at once, if that needs no turn. False: a turn is needed.
  bool accept(signal_ptr& what);
  bool flush_down(const reference& ref);

  // Waiting: scheduling/waits.cpp. Returns when `what` is ready, the deadline (monotonic) has passed or the
  // process is dead. False: there was no stack for the worker to continue with.
  bool wait_for(wait& what, base::nanos deadline);

  // Exits and death: exits.cpp.
  void handle_exit(signal_ptr what);
  // `answer`: sent to the process that waits for this one's start, once the name is free again. None: {error,
  // reason} if init has not returned, else nothing.
  void die(message reason, message answer = {});
  void finish(); // after its last callback
  void answer_ack(message answer);

  // Links and monitors: links.cpp, monitors.cpp.
  void handle_link(const signal& what);
  void handle_unlink(const signal& what);
  void handle_unlink_ack(const signal& what);
  void handle_monitor(const signal& what);
  void handle_demonitor(const signal& what);
  void handle_down(const signal& what);
  reference reference_of(std::uint64_t number) const { return reference::made_by(id(), number); }
  std::uint64_t new_number(); // of a reference: worker.hpp
  // Its number differs from those of all calls, monitors and aliases in use.
  reference new_reference(std::uint64_t kind = 0);
  // The number of a wait that is not for a call. Differs from the number of every reference.
  std::uint64_t new_wait() { return ++next_count | std::uint64_t{1} << 63; }
  bool is_in_use(std::uint64_t number) const;
  // Returns the process that is monitored; none: not known (a name on another node) or not existing. `flags`:
  // of the signal, of_call and no_connect.
  pid send_monitor(const reference& ref, const destination& to, std::uint16_t flags);
  void send_demonitor(std::uint64_t number, const pid& target, const destination* by_name);
  void end_monitor(std::uint64_t number, const monitor_state& state);

  // Calls it made: calls.cpp.
  call_state* find_call(std::uint64_t number) const;
  bool expects_answers() const {
    if (direct != nullptr) return true;
    const runtime::relations* mine = related();
    return mine != nullptr && !mine->calls.empty();
  }
  // Takes the answer to a process::ask(), or if `down` the news that none will come, and puts it into the
  // mailbox. False: this process has no such request open.
  bool take_answer(signal_ptr& what, bool down);
  void acknowledge(const call_id& asker); // see signal::acknowledged
  // True: the message answered a call of this process and is consumed.
  bool handle_reply(signal_ptr& what);
  void handle_alias(signal_ptr what);
  // Whether a message sent to the alias now would be received. `of_priority`: it is a priority alias.
  bool is_alias(const reference& ref, bool& of_priority) const;
  void settle(std::uint64_t number, bool down, message result, bool bare = false);
  // Answers this process's call without a signal; for a callee on the same worker. False, and `reply` is
  // unchanged: no such call waits, or other signals are to be handled first.
  bool settle_here(std::uint64_t number, const pid& from, message& reply);
  // Waits for the answer of a call that has been sent; `mine` is on this process's stack.
  answer_to_call answer_to(direct_call& mine, base::nanos deadline);
  void handle_spawn_reply(const signal& what); // remote_spawn.cpp
  // After this process's call to `called` timed out: finds out whether it is part of a circle of calls, which
  // is then named in the log. call_circle.cpp
  void look_for_circle(const pid& called);
  void tell_whom_it_waits_for(const signal& question);
  void tell_what_it_waits_for(const signal& question);

  // Calls that it has received.
  [[gnu::always_inline]] void note_call(const call_id& call) {
    using place = received_calls::place;
    const place where = !started                 ? place::table
                        : mailbox.has_messages() ? place::at_hand_if_free
                                                 : place::at_hand;
    received_calls.add(call, where, [this]() -> received_calls::table& { return needs_relations().callers; });
  }
  void enqueue_call(signal_ptr what) {
    note_call({what->from, what->ref.number()});
    mailbox.enqueue(std::move(what));
  }
  void forget_caller(const reference& to) { // it is answered, or its caller has given up
    if (!received_calls.remove({to.owner(), to.number()})) forget_other_caller(to);
  }
  void forget_other_caller(const reference& to);

  // Messages that wait outside its full mailbox, and its own wait outside another's: full_mailbox.cpp.
  void drop_excess();             // of old messages, where the policy is to drop them
  void let_in();                  // as many as there is room for
  void send_away_those_outside(); // after its death
  bool leave_line();              // true: its message was still waiting there
  void wake_resting(waiting_line& line);

  // Small fields use the padding of the base class, of the mailbox and of the schedule.
  // Inspection reads priority, traps_exits and status from other threads.
  std::atomic<runtime::priority> priority;
  std::atomic<bool> traps_exits;

  bool dead : 1 = false;      // for all other processes
  bool started : 1 = false;   // init has returned
  bool finished : 1 = false;  // no callback will run any more
  bool lingering : 1 = false; // dead, with its last turn still to come: it died while parked or before init
  bool exits_first : 1 = false;
  bool uses_reserve : 1 = false;  // may wait on one of system_options::reserved_stacks
  bool origin_notice : 1 = false; // the message that is being handled is a notice
  std::uint32_t origin_node = 0;  // of the message that is being handled

  // Any thread may push into it.
  [[no_unique_address]] runtime::mailbox mailbox;
  std::uint16_t reductions_this_turn = 0;
  std::uint32_t next_count; // of references and waits

  [[no_unique_address]] schedule_entry schedule;
  std::atomic<process_status> status{process_status::starting};

 private:
  std::atomic<std::uint16_t> ran_{0}; // units of add_time(); relations have what goes beyond
 public:
  // Members that every message needs are kept together.
  direct_call* direct = nullptr; // the call of call(), call_away() or start(); on its stack. Null: none
 private:
  std::atomic<runtime::relations*> relations_{nullptr}; // made when first needed
 public:
  wait* waiting = nullptr; // its wait while it is parked or about to park, on the stack that it parks on
  std::unique_ptr<runtime::behaviour> behaviour;
  runtime::received_calls received_calls; // until init returns, also the process that waits for its start
  const own_pid self_here;

 private:
  std::atomic<std::uint32_t> reductions_done_{0}; // modulo 2^32; relations have the rest
 public:
  std::atomic<sent_compressed> compression; // any thread writes it

  const own_pid parent_here; // none: see relations::parent
  // The root of the application that it is a part of; none: it is a part of none.
  const own_pid application_here;

  // The running timers that it started. Null: none.
  started_timers* timers() const {
    const runtime::relations* mine = related();
    return mine == nullptr ? nullptr : mine->timers.get();
  }

 private:
  [[gnu::noinline]] void used_up();
  [[gnu::cold]] void carry_reductions();
  [[gnu::noinline]] std::uint64_t add_more_time(std::uint64_t units);
  // Below `full`, each as probable as any other.
  std::uint32_t phase() const { return (self_here.id * 2654435761U + self_here.serial * 2246822519U) >> 22; }
};
// There may be a million: with malloc's header, a record fills one of malloc's size classes.
static_assert(sizeof(void*) != 8 || sizeof(process_record) <= 200);

inline process_record& record_of(process& p) {
  return static_cast<process_record&>(p);
}
inline const process_record& record_of(const process& p) {
  return static_cast<const process_record&>(p);
}

} // namespace coppice::runtime
