// SPDX-License-Identifier: MIT
// From a destination to a process: finding it, pushing into its mailbox within its bounds, answering for
// those that are not there. Any thread, unless it says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "runtime/processes/process_record.hpp"
#include "runtime/scheduling/worker.hpp"
#include "runtime/structures/reclaim.hpp"
#include "runtime/system_core.hpp"

namespace coppice::runtime::delivery {

// While it lives, processes found stay valid. Workers are readers by themselves, others take a guard.
class reading {
 public:
  explicit reading(const system& host);

 private:
  std::optional<reclaimer::guard> guard_;
};

// Under `reading`.
[[gnu::always_inline]] inline process_record* find(const system& host, const pid& of) {
  if (!of.here() || of.creation != host.creation()) return nullptr;
  return host.core().table.find(of.id, of.serial);
}
process_record* find(const system& host, const destination& to);
// Who may have made a reference that is cut: the process that has its slot. Null: nobody.
process_record* find_maker(const system& host, const reference& cut);

// Whether a signal sent so may go there: not if it would open a connection that it may not.
bool may_go(const system& host, const destination& to, const sending& how);
// Whether a request of so many bytes to that other node may go bare, see remote_router. Long ones go in gen's
// tuples, which are nothing beside them: so what the connection puts into those after all never becomes one
// of those that take turns there (dist/large_messages.hpp).
inline constexpr std::size_t longest_bare = 64 * 1024;
bool goes_bare(const system& host, std::uint32_t node, std::size_t bytes);
inline std::uint16_t flags_of(const sending& how) {
  return static_cast<std::uint16_t>((how.urgency == urgency::priority ? signal::priority : 0) |
                                    (how.connects ? 0 : signal::no_connect) |
                                    (how.waits ? 0 : signal::no_wait));
}
// `sender`: the process whose turn it is and that may park, or null. deliver() is for a destination here.
send_status deliver(system& host, const destination& to, signal_ptr what, process_record* sender);
send_status dispatch(system& host, const destination& to, signal_ptr what, process_record* sender);
// Without asking the bound.
void push(process_record& to, signal_ptr what);
// Within it.
send_status send_bounded(process_record& to, signal_ptr what, process_record* sender);
// What the sender of this hears who found nobody.
void answer_for_missing(system& host, const pid& missing, signal_ptr what, message reason);
// The parked one's wait is over.
void go_on(system& host, const waiting_line::sleeper& parked);

// To another node, where the sender may have to wait as it does at a full mailbox; `full` if it does not.
// bounded_sends.cpp.
send_status send_away(system& host, const destination& to, signal_ptr what, process_record& sender);
// Of a signal for another node: whether what it carries is one well-formed term. If not, it is counted and
// logged, and a reason becomes one. outgoing.cpp.
bool is_sound(system& host, signal_ptr& leaving);
// Leaves it outside of a mailbox that drops what is old; `here`: the worker whose thread it is, or null.
// bounded_sends.cpp.
void push_newest(worker* here, process_record& to, signal_ptr what);
// A full mailbox drops this: it is counted, and a caller told. bounded_sends.cpp.
void drop(process_record& from, signal_ptr what);
// A signal of another node whose sender's earlier ones wait outside: behind them. False: none does.
// bounded_sends.cpp.
bool follow_overflow(worker* here, process_record& to, signal_ptr& what);
// From another thread than to's owner; `here` as above.
void push_from(worker* here, process_record& to, signal_ptr what);

// Resting: resting.cpp. After a message to `to`, wherever that lives.
[[gnu::noinline]] void rest_at(process_record& to, process_record& sender);
inline void let_rest(process_record& to, process_record& sender) {
  constexpr std::uint64_t much = 2'000; // messages
  constexpr std::uint32_t few = 16;     // of a turn's reductions
  if (to.mailbox.messages() > much && sender.reductions_this_turn > few) [[unlikely]]
    rest_at(to, sender);
}

// The way of most messages: between processes of one worker, with nothing before it. Whether `to` lives on
// `here`, whose thread this is: else nothing of it may be looked at.
inline bool lives_on(const worker& here, const process_record& to) {
  return to.home_worker.load(std::memory_order_acquire) == &here;
}
// Whether one that does takes a message as it comes; it is counted then, and is for pass().
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
