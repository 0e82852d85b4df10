// SPDX-License-Identifier: MIT
// The effects that a replicated state machine's `apply` has asked for beside its reply: messages, timers and
// monitors. Timers and monitors are a part of the group's state and of its snapshots. Everything here
// follows from the entries alone, so it is equal in all members; the leader's effect_carrier carries it out.
// An entry's effects begin with begin() and end with keep(), or with undo() if the entry is discarded. In
// the turn of the process that applies.
#pragma once

#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "consensus/types.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours::raft {

class group_effects {
 public:
  // Bounds. They are constants, since a member that refuses what another member accepts has another state.
  static constexpr std::size_t most_messages = 10'000;                         // of one entry
  static constexpr std::size_t most_message_bytes = std::size_t{16} << 20;     // of one entry
  static constexpr std::size_t most_kept = 100'000;                            // timers and monitors
  static constexpr std::size_t most_kept_bytes = std::size_t{32} << 20;        // of their terms
  static constexpr std::int64_t shortest_period = 1'000'000;                   // ns
  static constexpr std::int64_t earliest_deadline = 1'000'000'000'000'000'000; // ns since 1970: in 2001

  // A timer or a monitor; from 1. Timers begin at first_timer, so no process has a timer with such an id.
  using key = std::uint64_t;
  static constexpr key first_timer = std::uint64_t{1} << 62;
  static constexpr bool is_timer(key of) { return of >= first_timer; }

  struct outgoing {
    consensus::payload to{}, term{};
    runtime::sending how{};
    bool cast = false; // as gen_server:cast
  };
  struct timer {
    std::int64_t due = 0;    // ns since 1970 by the entries' time
    std::int64_t span = 0;   // ns from the entry that set it to `due`
    std::int64_t period = 0; // ns. 0: it fires once
    std::uint64_t fired = 0; // times
    consensus::payload to{}; // empty: the state machine itself
    consensus::payload term{};
  };
  struct monitor {
    std::uint32_t salt = 0; // a word of its reference
    consensus::payload whom{}, tag{};
  };

  // `time`: ms since 1970, `random`: both of the entry.
  void begin(std::int64_t time, std::uint64_t random);
  void keep();
  void undo();

  // While an entry's effects are open.
  enum class noted : std::uint8_t { done, full, unknown };
  noted send(const outgoing& one);
  // `due`, `period`, `to` and `term` are the caller's; `out`: the new timer.
  noted start(timer one, key& out);
  noted watch(etf::bytes whom, etf::bytes tag, key& out);
  noted end(key of); // a timer or a monitor
  // The reference that stands for a monitor in the group. It belongs to no process.
  void write_reference(etf::writer& out, key of) const;
  // 0: the reference stands for no monitor of this group.
  key monitor_of(etf::bytes reference) const;

  // The outcome of a timer or a monitor, as an entry has it: {timer, Key, Fired} or {down, Key, Whom,
  // Reason}.
  struct came {
    key of = 0;
    std::uint64_t fired = 0;     // of a timer: the times before this one
    etf::bytes whom{}, reason{}; // of a monitor
  };
  static std::optional<came> read_came(etf::bytes term);
  // The body of an entry that brings an outcome: {Time, Random, came, Came}. `what` borrows from the body.
  struct came_entry {
    std::int64_t time = 0; // ms since 1970
    std::uint64_t random = 0;
    came what{};
  };
  static std::optional<came_entry> read_came_entry(etf::bytes body);
  static void write_timer(etf::writer& out, key of, std::uint64_t fired);
  static void write_down(etf::writer& out, key of, etf::bytes whom, etf::bytes reason);
  // False: the timer or monitor was cancelled, or another entry has brought the same outcome. The entry is
  // passed over.
  bool expects(const came& what) const;
  // Applies an outcome that is expected: the monitor or the timer ends, or the timer goes on to its next
  // time. True: `out` has the term for the state machine. False: the term was sent to another process.
  bool take(const came& what, etf::writer& out);
  // In place of begin(), take() and keep(), for an entry over which the group passes. The monitor or the
  // timer ends, or the timer goes on to its next time, but no process gets the term: such an entry has no
  // other effects.
  void pass_over(const came_entry& one);

  // For the carrier.
  void want_messages(bool wanted) { wants_messages_ = wanted; } // not wanted: send() only counts
  std::vector<outgoing> take_messages() { return std::exchange(messages_, {}); }
  // Timers and monitors that were set or have ended since.
  std::vector<key> take_changes() { return std::exchange(changes_, {}); }
  const std::map<key, timer>& timers() const { return timers_; }
  const std::map<key, monitor>& monitors() const { return monitors_; }
  std::int64_t now() const { return now_; } // of the last entry, in ns since 1970

  // Writes one term that depends on the state alone.
  void save(etf::writer& out) const;
  // errc::invalid: malformed, and the object is unchanged.
  base::status restore(etf::bytes term);

 private:
  struct change {
    key of = 0;
    std::optional<timer> old_timer{};
    std::optional<monitor> old_monitor{};
  };
  void note(key of);
  // The timer fired: it ends, or goes on to its next time.
  void go_on(key of);
  void put(key of, timer one);
  void put(key of, monitor one);
  void remove(key of);
  bool has_room(std::size_t bytes) const;
  static std::size_t weight(const timer& one) { return one.to.size() + one.term.size(); }
  static std::size_t weight(const monitor& one) { return one.whom.size() + one.tag.size(); }

  std::map<key, timer> timers_;
  std::map<key, monitor> monitors_;
  std::uint64_t last_timer_ = 0, last_monitor_ = 0; // numbers, which are never used again
  std::size_t kept_bytes_ = 0;
  std::int64_t now_ = 0;
  std::uint32_t salt_ = 0;

  bool wants_messages_ = false;
  std::vector<outgoing> messages_;
  std::vector<key> changes_;

  // The entry in hand.
  std::vector<change> undo_;
  std::uint64_t first_timer_number_ = 0, first_monitor_number_ = 0;
  std::size_t first_message_ = 0, first_change_ = 0;
  std::size_t entry_messages_ = 0, entry_bytes_ = 0;
};

} // namespace coppice::behaviours::raft
