// SPDX-License-Identifier: MIT
// The calls that a process has received and not yet answered; each caller is told when the process ends. One
// call is kept in the process itself ("at hand"), since most calls are answered before the next one comes.
// The others are in a table, which is made when it is first needed. For the owner's thread.
//
// Only calls of processes of this node and of other Coppice nodes are here: their request is also their
// monitor, which the answer ends. Other calls come with a monitor of their own (relations.hpp).
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/messages/ids.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::runtime {

class received_calls {
 public:
  using table = flat_table<reference, pid, reference_hash>;

  // `starter`: the ack reference of the process that waits for this one's start; it is at hand until the
  // start is acknowledged. None: no process waits.
  explicit received_calls(const reference& starter) : at_hand_(starter ? call_id::of(starter) : call_id{}) {}

  // Where a new call is kept. at_hand: in the process; a call that is there moves to the table, since it is
  // being handled or was left for later. at_hand_if_free: in the process if no call is there. table: in the
  // table, since the call at hand will be answered first.
  enum class place : std::uint8_t { at_hand, at_hand_if_free, table };
  // `others()` returns the table; it makes it if there is none.
  template <class Others>
  [[gnu::always_inline]] void add(const call_id& call, place where, Others others) {
    if (where == place::table || at_hand_.who) [[unlikely]]
      return add_beside(call, where, others);
    at_hand_ = call;
  }

  // The call was answered, or its caller gave up. False: it is not the call at hand; it may be in the table.
  bool remove(const call_id& call) {
    if (!at_hand_.who || call.number != at_hand_.number || call.who != at_hand_.who) return false;
    at_hand_.who = {};
    return true;
  }

  bool has(const call_id& call) const {
    return at_hand_.who && call.number == at_hand_.number && call.who == at_hand_.who;
  }

  // The caller of the call at hand; none: there is no such call.
  const pid& caller_at_hand() const { return at_hand_.who; }
  // Removes and returns the call at hand; its `who` is none if there is none.
  call_id take() { return std::exchange(at_hand_, {}); }

 private:
  template <class Others>
  [[gnu::noinline]] void add_beside(call_id call, place where, Others others) {
    if (where != place::at_hand) {
      others()[call.ref()] = call.who;
      return;
    }
    others()[at_hand_.ref()] = at_hand_.who;
    at_hand_ = call;
  }

  call_id at_hand_;
};

} // namespace coppice::runtime
