// SPDX-License-Identifier: MIT
// All that the runtime keeps of a process, for the runtime's own files; behaviours see a `process`. Every
// process is one of these. What is not marked otherwise belongs to the process's owner, the thread that has
// its home worker (scheduling/placement.cpp); its functions are for the owner too. A million of these lie
// idle on a node: they are packed.
//
// Each part with an invariant of its own is a class of its own: what came (mailbox), the calls it owes an
// answer (received_calls), its links, monitors, calls and names (relations). The functions here are what a
// process does with signals; each group has a file of its own in this folder.
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
#include "runtime/scheduling/wait.hpp"
#include "runtime/scheduling/wake_history.hpp"

namespace coppice::runtime {

class worker;

class process_record final : public process {
 public:
  // `notified`: its home will be told of it by worker::notify.
  process_record(worker& home, bool notified, const pid& self, std::unique_ptr<behaviour> does,
                 const spawn_options& options);
  ~process_record();

  // The worker whose thread owns it. In its turn: where it runs, which may be another one after a wait.
  worker& home() const { return *home_worker.load(std::memory_order_relaxed); }
  // The stack that it is parked on; null: it is not.
  fiber* parked_on() const { return waiting == nullptr ? nullptr : waiting->stack; }
  void set_status(process_status to) { status.store(to, std::memory_order_relaxed); }
  // Counts what it did that costs one.
  void spend() {
    if (++reductions_this_turn >= turn_reductions) [[unlikely]]
      used_up();
  }
  // Adds what it did in this turn to what it has done.
  void settle_reductions() {
    const std::uint32_t before = reductions_done_.load(std::memory_order_relaxed);
    const std::uint32_t now = before + std::exchange(reductions_this_turn, 0);
    if (now < before) [[unlikely]]
      carry_reductions();
    reductions_done_.store(now, std::memory_order_relaxed);
  }
  // Any thread. While a 2^32nd is added one may see it before what it is made of.
  std::uint64_t reductions_done() const;

  // Any thread.
  pid id() const; // worker.hpp
  // Of a signal to another node.
  void choose_compression(signal& leaving) const {
    const auto chosen = compression.load(std::memory_order_relaxed);
    leaving.compression = chosen.choice_for(leaving.payload().size());
  }

  // What few processes have; null: it has none.
  runtime::relations* related() const { return relations_.load(std::memory_order_relaxed); }
  runtime::relations& needs_relations();
  // The same for any thread.
  const runtime::relations* published_relations() const { return relations_.load(std::memory_order_acquire); }

  // Any thread.
  pid leader() const;
  // In a signal handler on its own thread.
  std::string_view label_in_crash() const;

  // Taking what came: signals.cpp.
  void take_signals();
  // Moves what others pushed behind what is pending.
  void take_pushed();
  // A signal that just came from this worker and needs no turn to be taken; false: it does.
  bool accept(signal_ptr& what);
  bool flush_down(const reference& ref);

  // Waiting: scheduling/waits.cpp. False: there is no stack to go on with.
  bool wait_for(wait& what, base::nanos deadline);

  // Exits and death: exits.cpp.
  void handle_exit(signal_ptr what);
  // `answer`: what the process that started it hears, once its name is free: it may start another at once.
  // Null: that it failed, if its first callback has not returned.
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
  // Of another number than all that are in use.
  reference new_reference(std::uint64_t kind = 0);
  // Of a wait: never that of a reference, which a wait for a call has.
  std::uint64_t new_wait() { return ++next_count | std::uint64_t{1} << 63; }
  bool is_in_use(std::uint64_t number) const;
  // Returns whom the monitor went to; none if that is not known (a name elsewhere) or nobody.
  // `flags` of the signal: of_call, no_connect.
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
  // The answer to what it has asked, or (`down`) word that there will be none: into its mailbox. False: it
  // has not asked that, or not him.
  bool take_answer(signal_ptr& what, bool down);
  void acknowledge(const call_id& asker); // see signal::acknowledged
  // True if the message was the answer to a call and is settled.
  bool handle_reply(signal_ptr& what);
  void handle_alias(signal_ptr what);
  // Whether what is sent to it now comes to it; `of_priority`: before ordinary messages, if so asked for.
  bool is_alias(const reference& ref, bool& of_priority) const;
  void settle(std::uint64_t number, bool down, message result, bool bare = false);
  // The reply to a call of this one, from a process of the same worker, without a signal. False, and `reply`
  // is left: there is no such call that just waits for it.
  bool settle_here(std::uint64_t number, const pid& from, message& reply);
  // What `mine` of this stack came to, once it has been sent.
  answer_to_call answer_to(direct_call& mine, base::nanos deadline);
  void handle_spawn_reply(const signal& what); // remote_spawn.cpp
  // Its call to `called` was not answered in time: a circle of calls that this is part of is named in the
  // log. call_circle.cpp
  void look_for_circle(const pid& called);
  void tell_whom_it_waits_for(const signal& question);
  void tell_what_it_waits_for(const signal& question);

  // Calls it got.
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
  void forget_caller(const reference& to) { // answered, or the caller gave up
    if (!received_calls.remove({to.owner(), to.number()})) forget_other_caller(to);
  }
  void forget_other_caller(const reference& to);

  // What waits outside of its full mailbox, and itself outside of another's: full_mailbox.cpp.
  void drop_excess();             // of what is old
  void let_in();                  // as far as there is room
  void send_away_those_outside(); // it is dead
  bool leave_line();              // true: its message was there
  void wake_resting(waiting_line& line);

  // The small ones first, in what padding the base leaves.
  std::atomic<runtime::priority> priority; // inspection reads these three
  std::atomic<bool> traps_exits;
  std::atomic<process_status> status{process_status::starting};

  bool scheduled : 1 = false; // in the run queue, on its way to another worker's, or in a turn
  bool dead : 1 = false;      // to all others
  bool started : 1 = false;   // init has returned
  bool finished : 1 = false;  // no callback will run any more
  bool gated : 1 = false;     // a freezer's member: stays where it is
  bool lingering : 1 = false; // dead, its last turn to come: it died while parked, or unborn
  bool arriving : 1 = false;  // given to its home, which has not taken it in
  bool reclaimable : 1 = false;
  bool placed : 1 = false; // stays where it was spawned, or said so
  bool exits_first : 1 = false;
  bool of_node : 1 = false;       // see spawn_options
  bool origin_notice : 1 = false; // the message that is being handled is one
  wake_history woken_from;

  // Any thread pushes into it.
  [[no_unique_address]] runtime::mailbox mailbox;

  // Where it runs: scheduling/placement.cpp.
  static constexpr std::uint16_t nowhere = UINT16_MAX;
  std::uint16_t waker = nowhere;           // the index of the worker where the one works who notified it
  std::uint32_t next_count;                // of references and waits
  std::atomic<worker*> home_worker;        // written by the owner
  process_record* next_notified = nullptr; // link in a worker's list of notifications

  // What every message looks at lies together.
  direct_call* direct = nullptr; // of call(), call_away() or start(), on its stack
 private:
  std::atomic<runtime::relations*> relations_{nullptr}; // made when first needed
 public:
  wait* waiting = nullptr;                 // what it is, or will be, parked for; lives on that stack
  process_record* next_in_queue = nullptr; // link in a run queue, or among arrivals
  std::unique_ptr<runtime::behaviour> behaviour;
  runtime::received_calls received_calls; // before init is through also that of who waits for it
  const own_pid self_here;
  std::uint32_t reductions_this_turn = 0;

 private:
  std::atomic<std::uint32_t> reductions_done_{0}; // modulo 2^32: relations have the rest
 public:
  std::uint32_t origin_node = 0;            // of the message that is being handled
  std::atomic<sent_compressed> compression; // written by any thread

  const own_pid parent_here; // none: relations may know one
  const own_pid leader_here; // the group leader it began with; none: that of its relations, or the node's

  // Those that it started and that run; null: none.
  started_timers* timers() const {
    const runtime::relations* mine = related();
    return mine == nullptr ? nullptr : mine->timers.get();
  }

 private:
  [[gnu::noinline]] void used_up();
  [[gnu::cold]] void carry_reductions();
};
// A million of them: with what malloc keeps beside each it fills one of its sizes.
static_assert(sizeof(void*) != 8 || sizeof(process_record) <= 200);

inline process_record& record_of(process& p) {
  return static_cast<process_record&>(p);
}
inline const process_record& record_of(const process& p) {
  return static_cast<const process_record&>(p);
}

} // namespace coppice::runtime
