// SPDX-License-Identifier: MIT
// What a core knows of one transaction, or of one step that it takes part in, while it is open. A step whose
// actor answers with steps of its own is both: the entry towards the coordinator above, and the transaction
// towards the steps below. One thread at a time.
#pragma once

#include <limits>
#include <optional>

#include "saga/effects.hpp"

namespace coppice::saga {

inline constexpr base::nanos never = std::numeric_limits<base::nanos>::max();

// A step that a transaction of this node has given out.
struct step {
  enum class state : std::uint8_t {
    planned,
    asked, // may have happened; the actor has not said yet what follows from it
    done,  // or prepared
    failed,
    reversed,
    confirmed,
    forgotten,
  } what = state::planned;
  std::uint32_t number = 0;
  std::uint32_t group = 0;   // begins when all steps of lower groups are over
  std::uint32_t order = 0;   // of its plan record. 0: it has none
  std::uint32_t retries = 0; // tries of the same step under other keys, before this one
  std::uint32_t tries = 0;   // times that the pending request was sent
  std::optional<request_kind> pending;
  base::nanos due = never;   // when the pending request is sent again, or a planned step may begin
  std::uint64_t calling = 0; // the token of handle_result or handle_failed. 0: none
  bool succeeded = false;    // what the actor is asked about
  bool parked = false;       // it cannot be undone
  bool skipped = false;      // it has a skip record
  term answer;
  step_spec spec;
};

// Steps that are given out, at the root or below a step.
struct transaction {
  enum class phase : std::uint8_t {
    starting, // the actor has not said yet what the steps are
    running,
    holding, // below a step: all is done, and the coordinator above has been told
    reversing,
    own_reverse, // below a step: the steps are reversed, the step itself is being
    confirming,
    own_confirm, // below a step: as own_reverse
    closed,      // below a step: it has ended and is kept until it is to be forgotten
    forgetting,
  } what = phase::starting;
  step_key self; // at the root the path is empty
  commit_kind kind = commit_kind::compensate;
  std::string starter; // of a root
  base::nanos deadline = 0;
  term value;              // of a root: what handle_start is called with
  std::vector<step> steps; // the one with number n is at n - 1
  std::uint32_t last_group = 0, plans = 0;
  bool planned = false; // there is a record of the first plan
  bool decided = false; // there is a decision record
  bool committed = false;
  std::optional<term> final;     // of `done`
  std::uint32_t final_group = 0; // of the step after which the actor said `done`
  term last_result;
  term end;                  // of a decision: the final value or the reason
  std::uint64_t calling = 0; // the token of handle_start. 0: none

  bool undecided() const { return what == phase::starting || what == phase::running; }
  // What the actor has decided about step `by`. 0: at the start.
  void take(std::uint32_t by, const plan_record& from);
};

// A step that this node takes part in.
struct entry : entry_record {
  std::uint64_t calling = 0;   // the token of what runs. 0: nothing
  bool reverse_wanted = false; // the coordinator, or an operator, has said so
  bool confirm_wanted = false;
  bool parked = false;     // it cannot be undone, and it was not the coordinator that wanted it
  std::uint32_t tries = 0; // questions asked, or times that a callback was to be called again
  base::nanos due = never;
  term word; // what comes with the coordinator's word: the value of an undo, the final value

  const address& coordinator() const { return key.step.path.back().saga; }
};

struct unit {
  std::uint64_t number = 0;
  std::uint64_t last_write = 0; // nothing is said of this unit before this write is on disk
  base::nanos timer_at = never;
  bool gone = false; // to be removed when the event has been dealt with
  std::optional<transaction> lead;
  std::optional<entry> part;
  std::optional<ended_record> ended;
};

} // namespace coppice::saga
