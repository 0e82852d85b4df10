// SPDX-License-Identifier: MIT
// Delivers signals: finds the process of a destination, pushes into its mailbox within its bound, and answers
// for processes that do not exist. Any thread, unless a comment says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "runtime/processes/process_record.hpp"
#include "runtime/scheduling/worker.hpp"
#include "runtime/structures/reclaim.hpp"
#include "runtime/system_core.hpp"

namespace coppice::runtime::delivery {

// While it lives, processes that are found stay valid. A worker is a reader of its own; other threads take a
// guard.
class reading {
 public:
  explicit reading(const system& host);

 private:
  std::optional<reclaimer::guard> guard_;
};

// Under `reading`. Null: there is no such process.
[[gnu::always_inline]] inline process_record* find(const system& host, const pid& of) {
  if (!of.here() || of.creation != host.creation()) return nullptr;
  return host.core().table.find(of.id, of.serial);
}
process_record* find(const system& host, const destination& to);
// The process that may have made a cut reference: the one that has its slot. Null: none.
process_record* find_maker(const system& host, const reference& cut);

// Whether the signal may go there. False: it would open a connection, which `how` forbids.
bool may_go(const system& host, const destination& to, const sending& how);
// Whether a request or reply of that size may go to the other node in short form, see
// remote_router::takes_bare_calls(). Longer ones get gen's tuples, which are small beside them. So if the
// connection adds the tuples after all, the message does not grow into a large one (dist/large_messages.hpp).
inline constexpr std::size_t longest_bare = 64 * 1024;
bool goes_bare(const system& host, std::uint32_t node, std::size_t bytes);
inline std::uint16_t flags_of(const sending& how) {
  return static_cast<std::uint16_t>((how.urgency == urgency::priority ? signal::priority : 0) |
                                    (how.connects ? 0 : signal::no_connect) |
                                    (how.waits ? 0 : signal::no_wait));
}
// `sender`: the process whose turn it is and which may park; null: none. deliver() is for destinations on
// this node.
send_status deliver(system& host, const destination& to, signal_ptr what, process_record* sender);
send_status dispatch(system& host, const destination& to, signal_ptr what, process_record* sender);
// dispatch() to another node for a payload that may leave. delivery.cpp.
send_status dispatch_sound(system& host, const destination& to, signal_ptr what, process_record* sender);
// Regardless of the mailbox's bound.
void push(process_record& to, signal_ptr what);
// Within the mailbox's bound.
send_status send_bounded(process_record& to, signal_ptr what, process_record* sender);
// Tells the sender of `what` that the receiver does not exist.
void answer_for_missing(system& host, const pid& missing, signal_ptr what, message reason);
// Ends the wait of a parked process.
void go_on(system& host, const waiting_line::sleeper& parked);

// Sends to another node. The sender may have to wait, as at a full mailbox; `full`: it would have to wait but
// does not want to. sends_away.cpp.
send_status send_away(system& host, const destination& to, signal_ptr what, process_record& sender);
// Whether the payload of a signal for another node is one well-formed term. If it is not, this is counted and
// logged, and an exit reason is replaced by `bad_term`. `sender`: as in dispatch(); it may yield while a long
// message is read. outgoing.cpp.
bool is_sound(system& host, signal_ptr& leaving, process_record* sender);
// The reason as other nodes are told it: `reason`, or `bad_term` if that may not leave the node.
// outgoing.cpp.
message sound_reason(system& host, const pid& from, const message& reason);
// Puts a message into the waiting line of a mailbox with policy drop_old. `here`: the worker whose thread
// this is; null: none. bounded_sends.cpp.
void push_newest(worker* here, process_record& to, signal_ptr what);
// Drops a message of a full mailbox: counts it, and tells the caller if it is a call. bounded_sends.cpp.
void drop(process_record& from, signal_ptr what);
// For a signal from another node: if earlier ones of its sender still wait in the line, it goes behind them.
// False: none waits. bounded_sends.cpp.
bool follow_overflow(worker* here, process_record& to, signal_ptr& what);
// From a thread that is not the owner's. `here`: the worker whose thread this is; null: none.
void push_from(worker* here, process_record& to, signal_ptr what);

// After a message to `to`: the sender may pause, see resting.cpp.
[[gnu::noinline]] void rest_at(process_record& to, process_record& sender);
inline void let_rest(process_record& to, process_record& sender) {
  constexpr std::uint64_t much = 2'000; // messages
  constexpr std::uint32_t few = 16;     // reductions of the turn so far
  if (to.mailbox.messages() > much && sender.reductions_this_turn > few) [[unlikely]]
    rest_at(to, sender);
}

// The path of most messages: between two processes of one worker, with nothing before them.
// Whether `to`, which lives here, takes the message at once. True: the message is counted, and pass() has to
// follow.
inline bool counts(process_record& to, std::uint32_t weight) {
  return !to.mailbox.others_wait() && !to.dead && !to.mailbox.has_signals() && to.mailbox.count_own(weight);
}
[[gnu::always_inline]] inline void pass(worker& here, process_record& to, signal* what, std::uint32_t weight,
                                        worker::order of = worker::order::last) {
  what->weight = weight;
  what->number = static_cast<std::uint64_t>(here.recent());
  to.mailbox.enqueue(what);
  here.wake(to, of);
}

} // namespace coppice::runtime::delivery
