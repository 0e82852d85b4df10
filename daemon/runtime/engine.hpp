// SPDX-License-Identifier: MIT
// The rules of signals, links, monitors and death, between the public classes and the worker. Functions
// that take a process& as `p` run on its home worker's thread; those that take a system& run anywhere.
// Private to the room.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "runtime/block.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/exit_reason.hpp"
#include "runtime/flat_table.hpp"
#include "runtime/freeze_group.hpp"
#include "runtime/names.hpp"
#include "runtime/process.hpp"
#include "runtime/process_table.hpp"
#include "runtime/reclaim.hpp"
#include "runtime/relations.hpp"
#include "runtime/system.hpp"
#include "runtime/watchdog.hpp"
#include "runtime/worker.hpp"

namespace coppice::runtime {

// The system's insides.
struct system::parts {
  parts(system& host, const system_options& options);
  alignas(64) std::atomic<std::uint32_t> freezers{0}; // groups of processes that freezers have
  alignas(64) reclaimer readers;
  process_table table;
  names registered;
  std::vector<block_pool> pools; // one a driver
  fleet drivers{pools};
  std::vector<std::unique_ptr<worker>> workers;
  std::unique_ptr<watchdog> watch;
  blocking_pool blocking;
  std::atomic<std::uint64_t> spawned{0}; // by threads that are no workers
  std::atomic<std::uint64_t> dead_letters{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> lingering{0};
  std::atomic<std::uint64_t> abandoned{0};
  alignas(64) std::atomic<std::uint32_t> hungry{0}; // workers without work that want some
  std::atomic<std::uint32_t> stacks{0};             // of all workers
  std::atomic<bool> started{false};
  std::atomic<bool> stopping{false};
  std::mutex leader_lock; // guards default_leader
  pid default_leader;
};

// Senders parked at a full mailbox, first come first served, each with its message (those of other nodes do
// not wait, but what they send does, signals behind their own messages); or, where the policy is
// to drop what is old, what was sent to the full mailbox, whose senders (none) do not wait. And those who
// rest since much is in the mailbox (resting.cpp).
struct crowd {
  struct sender {
    pid who;
    std::uint64_t wait_number;
    signal_ptr what;
  };
  std::mutex lock; // guards what is no atomic
  std::deque<sender> waiting;
  // Of other nodes' senders: how many signals of each wait here, and the bytes of all.
  flat_table<pid, std::uint32_t, pid_hash> overflowing;
  std::uint64_t overflow = 0;
  std::atomic<std::size_t> size{0};
  std::uint32_t messages = 0; // among those waiting at a mailbox that drops what is old; under lock

  struct rester {
    pid who;
    std::uint64_t wait_number;
  };
  std::vector<rester> resting;
  std::atomic<bool> rests{false};   // there are some
  std::atomic<bool> stalled{false}; // somebody rested in vain, and the owner's turn goes on
};

struct engine {
  // While it lives, processes found stay valid. Workers are readers by themselves, others take a guard.
  class reading {
   public:
    explicit reading(const system& host);

   private:
    std::optional<reclaimer::guard> guard_;
  };
  static process* find(const system& host, const pid& of);
  static process* find(const system& host, const destination& to);

  // The way of most messages: between processes of one worker, with nothing before it. Whether `to` lives on
  // `here`, whose thread this is: else nothing of it may be looked at.
  static bool lives_on(const worker& here, const process& to) {
    return to.home_.load(std::memory_order_acquire) == &here;
  }
  // Whether one that does takes a message as it comes; it is counted then, and is for pass().
  static bool counts(process& to, std::uint32_t weight) {
    return !others_wait(to) && !to.exiting_ && !has_signals(to) && !block_memory::scarce() &&
           to.load_.hold(weight, bounds_of(to));
  }
  static void pass(worker& here, process& to, signal* what, std::uint32_t weight);
  static std::uint32_t weight_of(const message& m) {
    return static_cast<std::uint32_t>(m.size()) + static_cast<std::uint32_t>(sizeof(block));
  }

  // delivery.cpp. `sender`: the process whose turn it is and that may park, or null.
  static void push(process& to, signal_ptr what);
  // From another thread than to's home; `here`: the worker whose thread it is, or null.
  static void push_from(worker* here, process& to, signal_ptr what);
  static send_status deliver(system& host, const destination& to, signal_ptr what, process* sender);
  static send_status dispatch(system& host, const destination& to, signal_ptr what, process* sender);
  // To another node, where the sender may have to wait as it does at a full mailbox.
  static void send_away(system& host, const destination& to, signal_ptr what, process& sender);
  static void answer_for_missing(system& host, const pid& missing, signal_ptr what, message reason);

  // leaving.cpp. Of a signal for another node: whether what it carries is one well-formed term. If not, it is
  // counted and logged, and a reason becomes one.
  static bool is_sound(system& host, signal_ptr& leaving);

  // bounds.cpp
  static send_status send_bounded(process& to, signal_ptr what, process* sender);
  static mailbox_load::bounds bounds_of(const process& p) { return {p.messages_limit_, p.bytes_limit_}; }
  // From another node: waits behind what does not fit. False: that would be more than may wait.
  static bool overflow(worker* here, process& to, signal_ptr& what);
  // The same, if something of the same sender waits there already.
  static bool follow_overflow(worker* here, process& to, signal_ptr& what);
  // Whether somebody's message waits at its full mailbox: others' go behind it.
  static bool others_wait(const process& to) {
    const crowd* line = to.crowd_.load(std::memory_order_acquire);
    return line != nullptr && line->size.load(std::memory_order_relaxed) != 0;
  }
  static crowd& crowd_of(process& p);
  static void push_newest(worker* here, process& to, signal_ptr what);
  static void take_newest(process& p);
  static void drop_oldest(process& p);
  static void drop(process& from, signal_ptr what);
  static void uncount(process& p, const signal& handled) {
    if (handled.weight != 0) p.load_.remove(mailbox_load::share(handled.weight));
  }
  static void admit_crowd(process& p);
  static bool leave_crowd(process& p); // p no longer waits at someone's mailbox; true: its message was there
  static void scatter_crowd(process& p); // p dies with others parked at its own
  static void go_on(system& host, const pid& parked, std::uint64_t wait_number);

  // resting.cpp
  // After a message to `to`, wherever that lives.
  static void let_rest(process& to, process& sender) {
    if (to.load_.messages() > much && sender.turn_reductions_ > few) [[unlikely]]
      rest_at(to, sender);
  }
  [[gnu::noinline]] static void rest_at(process& to, process& sender);
  static void note_stalled(const system& host, const pid& receiver, std::uint64_t reductions);
  static void wake_resting(process& p, crowd& line);
  static constexpr std::uint64_t much = 2'000; // messages
  static constexpr std::uint64_t little = 1'000;
  static constexpr std::uint32_t few = 16; // of a turn's reductions

  // signals.cpp
  static bool has_signals(const process& p) { return p.pending_first_ != nullptr || !p.inbox_.empty(); }
  static void take_signals(process& p);
  // Moves what others pushed behind what is pending.
  static void take_inbox(process& p);
  static void take_pushed(process& p);
  static void add_pending(process& p, signal_ptr what);
  // A signal that just came from this worker and needs no turn to be taken; false: it does.
  static bool accept(process& p, signal_ptr& what);
  static void enqueue(process& p, signal_ptr&& what) { enqueue(p, what.release()); }
  static void enqueue(process& p, signal* raw) {
    raw->next = nullptr;
    if (p.first_ == nullptr) {
      p.first_ = raw;
      note_oldest(p);
    } else {
      p.last_->next = raw;
    }
    p.last_ = raw;
  }
  // Behind those enqueued so before, in front of all others.
  static void enqueue_urgent(process& p, signal_ptr what);
  static void enqueue(process& p, signal_ptr what, bool urgent) {
    urgent ? enqueue_urgent(p, std::move(what)) : enqueue(p, std::move(what));
  }
  static signal_ptr next_message(process& p) {
    signal_ptr first(p.first_);
    if (first == nullptr) return first;
    p.first_ = first->next;
    if (p.first_ == nullptr) p.last_ = nullptr;
    note_oldest(p);
    uncount(p, *first);
    return first;
  }
  static bool expects_answers(const process& p) {
    if (p.direct_ != nullptr) return true;
    const relations* mine = p.relations_.load(std::memory_order_relaxed);
    return mine != nullptr && !mine->calls.empty();
  }
  static void note_oldest(process& p) {
    const std::uint64_t sent = p.first_ == nullptr ? 0 : p.first_->number;
    p.oldest_.store(sent == 0 ? 0 : coarse(sent) | 1, std::memory_order_relaxed);
  }
  // What oldest_ keeps of a time in ns: about milliseconds, which come round after seven weeks. 0: none.
  static constexpr unsigned coarse_shift = 20;
  static std::uint32_t coarse(std::uint64_t time) { return static_cast<std::uint32_t>(time >> coarse_shift); }
  static base::nanos age_of_oldest(const process& p); // 0: there is none, or it is not known
  // The stack that it is parked on; null: it is not.
  static fiber* parked_on(const process& p) { return p.waiting_ == nullptr ? nullptr : p.waiting_->stack; }
  static bool flush_down(process& p, const reference& ref);

  // waits.cpp. False: there is no stack to go on with.
  static bool wait_for(process& p, wait& what, base::nanos deadline);

  // exits.cpp
  static void handle_exit(process& p, signal_ptr what);
  static void die(process& p, message reason);
  static void finish(process& p);
  static void answer_ack(process& p, message answer);

  // links.cpp
  static void handle_link(process& p, const signal& what);
  static void handle_unlink(process& p, const signal& what);
  static void handle_unlink_ack(process& p, const signal& what);

  // monitors.cpp
  static reference new_reference(process& p);
  static reference reference_of(const process& p, std::uint64_t number);
  static void handle_monitor(process& p, const signal& what);
  static void handle_demonitor(process& p, const signal& what);
  static void handle_down(process& p, const signal& what);
  static pid send_monitor(process& p, const reference& ref, const destination& to, bool of_call);
  static void send_demonitor(process& p, std::uint64_t number, const pid& target, const destination* by_name);

  // calls.cpp
  // True if the message was the answer to a call and is settled.
  static bool handle_reply(process& p, signal_ptr& what);
  static void handle_alias(process& p, signal_ptr what);
  // Whether what is sent to it now comes to p; `of_priority`: before ordinary messages, if so asked for.
  static bool is_alias(const process& p, const reference& ref, bool& of_priority);
  static void settle(process& p, std::uint64_t number, bool down, message result, bool bare = false);
  // The reply to a call of p, from a process of the same worker, without a signal. False, and `reply` is
  // left: there is no such call that just waits for it.
  static bool settle_here(process& p, std::uint64_t number, const pid& from, message& reply);
  static call_state* find_call(const process& p, std::uint64_t number);

  // calls.cpp, the callee's side. A call is among `callers` until it is answered, but for the one that came
  // to an empty mailbox: it is known by the message, then by process::asker_, and most are answered by then.
  static void enqueue_call(process& p, signal_ptr&& what) {
    if (p.first_ != nullptr || p.asker_) keep_among_callers(p, *what);
    enqueue(p, std::move(what));
  }
  static void keep_among_callers(process& p, signal& call);
  static void take_in_hand(process& p, const signal& call);
  static void keep_caller(process& p);                        // not answered yet: among the callers
  static void forget_caller(process& p, const reference& to); // answered, or the caller gave up
  // The first step of that. False: this is not the call it has in hand.
  static bool let_go_of(process& p, const call_id& call) {
    if (!p.asker_ || call.number != p.asked_ || call.who != p.asker_) return false;
    p.asker_ = {};
    return true;
  }

  // spawn.cpp
  static base::result<pid> spawn(system& host, process* spawner, spawn_options options,
                                 std::unique_ptr<behaviour> does);
  static pid leader_of(const process& p);

  // remote_spawn.cpp
  static void handle_spawn_reply(process& p, const signal& what);

  // In a signal handler on p's own thread.
  static std::string_view label_in_crash(const process& p) {
    const relations* mine = p.relations_.load(std::memory_order_relaxed);
    if (mine == nullptr) return {};
    return mine->label.empty() ? mine->name : mine->label;
  }
  // hold.cpp. Any thread: members are made, or get the newest order, or are let go, where they live.
  static std::shared_ptr<freeze_group> new_group(system& host);
  static void make_members(system& host, const std::shared_ptr<freeze_group>& group,
                           std::span<freeze_group::member* const> who);
  static void give_order(system& host, const std::shared_ptr<freeze_group>& group);
  static void disband(system& host, const std::shared_ptr<freeze_group>& group);
  // Finds out through whom the calls of these go.
  static void follow_calls(system& host, const std::shared_ptr<freeze_group>& group, std::vector<pid> of);
  // Frozen members look at all their messages again, for calls that hold somebody up.
  static void look_everywhere(system& host, const std::shared_ptr<freeze_group>& group);
  static void prepare_turn(const freeze_group::cell& here);
  static void join(process& p, const std::shared_ptr<freeze_group>& group, freeze_group::member& as);
  static void leave(process& p);
  static void follow(process& p, const std::shared_ptr<freeze_group>& group);
  static frost* ice_of(const process& p) {
    const relations* mine = p.relations_.load(std::memory_order_relaxed);
    return mine == nullptr ? nullptr : mine->ice.get();
  }
  static bool is_member(const process& p, const freeze_group& of);
  static bool look_for_calls(process& p, frost& ice);
  static void look_again(process& p);
  static void enter_callback(process& p, frost& ice);
  static void leave_callback(frost& ice);

  // inspection.cpp; under `reading`.
  static process_summary summarise(const process& p);
  static process_info examine(const process& p);

  // For those who look for processes by what they do; under `reading`.
  template <class Each>
  static void for_each(const system& host, Each each) {
    host.parts_->table.for_each([&](const process& p) { each(p); });
  }

  static void set_status(process& p, process_status to) { p.status_.store(to, std::memory_order_relaxed); }
};

[[gnu::always_inline]] inline process* engine::find(const system& host, const pid& of) {
  if (!of.here() || of.creation != host.creation()) return nullptr;
  return host.parts_->table.find(of.id, of.serial);
}

[[gnu::always_inline]] inline void engine::pass(worker& here, process& to, signal* what,
                                                std::uint32_t weight) {
  what->weight = weight;
  what->number = static_cast<std::uint64_t>(here.recent());
  enqueue(to, what);
  here.wake(to);
}

// It has a message more: nothing to one that waits for something else.
[[gnu::always_inline]] inline void worker::wake(process& p) {
  if (p.scheduled_ || (engine::parked_on(p) != nullptr && !p.waiting_->ready)) return;
  p.followed_ = 0;
  schedule(p);
}

[[gnu::always_inline]] inline void worker::schedule(process& p) {
  if (p.scheduled_) return;
  p.scheduled_ = true;
  queue_.push(&p, p.priority_.load(std::memory_order_relaxed));
}

inline bool worker::rest(process& p) {
  if (!p.inbox_.idle()) {
    if (!p.inbox_.empty()) return false;
    if (!p.announced_ && !p.inbox_.try_idle()) return false;
  }
  p.scheduled_ = false;
  return true;
}

inline bool worker::halted(const process& p) {
  if (p.exiting_) return true;
  if (!p.cold_) [[likely]]
    return false;
  const frost* ice = engine::ice_of(p);
  return ice->here.now != nullptr && !ice->running;
}

} // namespace coppice::runtime
