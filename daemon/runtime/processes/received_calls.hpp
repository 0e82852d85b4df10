// SPDX-License-Identifier: MIT
// The calls that a process has received and not answered: each caller is told when the process ends. One is
// at hand in the process itself, since most calls are answered before the next one comes; the others are in a
// table that is made when it is needed. The owner's thread only.
//
// Only calls of processes here, and of other Coppice nodes, are among them: their request is the monitor too,
// and the answer ends it. Others come with a monitor of their own (relations.hpp).
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/messages/ids.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::runtime {

class received_calls {
 public:
  using table = flat_table<reference, pid, reference_hash>;

  // `starter`: who waits for the process's start with that call, at hand until it is answered; none: nobody.
  explicit received_calls(const reference& starter) : at_hand_(starter ? call_id::of(starter) : call_id{}) {}

  // Which one a call that comes is to be: at hand, in the place of one that is being handled or was left for
  // later; at hand if nothing is there; or in the table, since the one at hand will be answered before it.
  enum class place : std::uint8_t { at_hand, at_hand_if_free, table };
  // `others()` is the table, made if there is none.
  template <class Others>
  [[gnu::always_inline]] void add(const call_id& call, place where, Others others) {
    if (where == place::table || at_hand_.who) [[unlikely]]
      return add_beside(call, where, others);
    at_hand_ = call;
  }

  // It is answered, or its caller gave up. False: it is not the one at hand, so perhaps in the table.
  bool remove(const call_id& call) {
    if (!at_hand_.who || call.number != at_hand_.number || call.who != at_hand_.who) return false;
    at_hand_.who = {};
    return true;
  }

  bool has(const call_id& call) const {
    return at_hand_.who && call.number == at_hand_.number && call.who == at_hand_.who;
  }

  // Who waits for the one at hand; none: nobody.
  const pid& caller_at_hand() const { return at_hand_.who; }
  // The one at hand, which is so no longer; none: nobody.
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
