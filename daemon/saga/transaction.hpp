// SPDX-License-Identifier: MIT
// The state of an open transaction, and of an open step that this node takes part in. A step whose actor
// answers with further steps has both: the entry towards the coordinator above, and the transaction towards
// the steps below. One thread at a time.
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
    asked, // may have happened; the actor has not decided yet what follows
    done,  // done, or prepared
    failed,
    reversed,
    confirmed,
    forgotten,
  } what = state::planned;
  std::uint32_t number = 0;
  std::uint32_t group = 0;   // it begins when all steps of lower groups are over
  std::uint32_t order = 0;   // of its plan record. 0: there is no plan record
  std::uint32_t retries = 0; // earlier attempts of the same step, under other keys
  std::uint32_t tries = 0;   // times that the pending request was sent
  std::optional<request_kind> pending;
  base::nanos asked_at = 0;  // when the pending request was first sent, in this life of the saga
  base::nanos due = never;   // when the pending request is sent again, or a planned step may begin
  std::uint64_t calling = 0; // the token of handle_result or handle_failed. 0: none
  bool succeeded = false;    // true: the actor is asked about a result; false: about a failure
  bool parked = false;       // it cannot be undone
  bool skipped = false;      // it has a skip record
  bool gone = false;         // an operator has taken its participant for gone
  term answer;
  step_key key; // set once the step was requested
  step_spec spec;
};

// A transaction, or the part of one below a step, which this node coordinates.
struct transaction {
  enum class phase : std::uint8_t {
    starting, // the actor has not named the first steps yet
    running,
    holding, // below a step: all is done, and the coordinator above was told
    reversing,
    own_reverse, // below a step: its steps are reversed, and now the step itself is
    confirming,
    own_confirm, // below a step: its steps are confirmed, and now the step itself is
    closed,      // below a step: it has ended, and is kept until the coordinator lets it be forgotten
    forgetting,
  } what = phase::starting;
  step_key self; // at the root the path is empty
  commit_kind kind = commit_kind::compensate;
  std::uint32_t hops = 0; // for its steps
  std::string starter;    // root only
  base::nanos deadline = 0;
  term value;              // root only: the value for handle_start
  std::vector<step> steps; // the step with number n is at n - 1
  std::uint32_t last_group = 0, plans = 0;
  bool planned = false; // there is a record of the first plan
  bool decided = false; // there is a decision record
  bool committed = false;
  bool reversed = false;         // there is a record that all steps are reversed
  std::optional<term> final;     // set when the actor said `done`
  std::uint32_t final_group = 0; // group of the step after which the actor said `done`
  term last_result;
  term end;                  // of the decision: the final value or the reason
  std::uint64_t calling = 0; // the token of handle_start. 0: none
  base::nanos due = never;   // when handle_start is called, if an earlier call has ended the actor
  std::uint32_t ends = 0;    // root only: callbacks that ended the actor

  bool undecided() const { return what == phase::starting || what == phase::running; }
  // Takes what the actor has decided about step `by`. 0: at the start.
  void take(std::uint32_t by, const plan_record& from);
};

// A step that this node takes part in.
struct entry : entry_record {
  std::uint64_t calling = 0;   // the token of the running callback. 0: none
  bool reverse_wanted = false; // the coordinator or an operator has demanded it
  bool confirm_wanted = false;
  bool parked = false; // it cannot be undone, and the reversal was not the coordinator's
  bool asks = false;   // it has asked the coordinator, or may have before a restart; once over it asks soon
  bool forget_wanted = false; // the coordinator has said so, while it was being reversed or confirmed
  std::uint32_t tries = 0;    // questions asked, or times that a callback was to be repeated
  base::nanos due = never;
  base::nanos hold = 0; // no callback before this, because earlier ones have ended the actor
  term word; // the value that came with the coordinator's demand: that of an undo, or the final value

  const address& coordinator() const { return key.step.path.back().saga; }
};

// Counts what is kept open for one node: the transactions that it has started, and the steps that it has
// asked for.
struct node_share {
  std::size_t transactions = 0;
  std::size_t entries = 0;
  std::size_t two_phase = 0; // of the entries
  std::size_t bytes = 0;     // see options::max_bytes_for_others
  std::size_t words = 0;     // entries with an entry::word
  bool operator==(const node_share&) const = default;
};

struct unit {
  std::uint64_t number = 0;
  std::uint64_t last_write = 0;    // no message about this unit leaves before this write is on the disk
  std::uint64_t decided_write = 0; // of the decision. 0: none, or it was made before the start
  base::nanos timer_at = never;
  base::nanos in_doubt_since = never; // never: it is not in doubt
  base::nanos ending = never;         // its deadline. never: it does not end, or waits for an operator
  std::size_t parked = 0;             // steps of it that cannot be undone
  bool gone = false;                  // removed when the event has been handled
  node_share counted;                 // its part of the share of the node that it is open for
  std::optional<transaction> lead;
  std::optional<entry> part;
  std::optional<ended_record> ended;
};

} // namespace coppice::saga
