// SPDX-License-Identifier: MIT
// The work that a call of the core gives to its owner. The owner carries out the lists of one call and
// clears them before it makes the next call. Only writes may finish later; they finish in order, and the
// owner reports each by core::written(). Everything else may be done at once: an effect that depends on a
// write appears here only after that write is on the disk. Any thread.
#pragma once

#include "saga/message.hpp"
#include "saga/record.hpp"

namespace coppice::saga {

struct change {
  record_key key;
  std::optional<record> what; // empty: the record is erased
};

// The changes are made in this order. A crash may leave some first part of them. Together they are at most
// options::longest_write bytes, or one change.
struct write {
  std::uint64_t number = 0; // from 1, without gaps
  std::vector<change> changes;
  // Nothing depends on these changes, and a restart without them makes them again: the owner may submit them
  // with a later write.
  bool can_wait = false;
};

enum class callback : std::uint8_t {
  start,   // handle_start
  result,  // handle_result
  failed,  // handle_failed
  interim, // handle_interim; has no answer
  perform, // handle_do, handle_prepare
  reverse, // handle_undo, handle_abort
  confirm, // handle_commit
};

// A callback of the actor, answered by core::answered(). A call without an answer is repeated after a
// restart.
struct call {
  std::uint64_t token = 0; // 0: for handle_interim
  callback what = callback::start;
  commit_kind kind = commit_kind::compensate;
  step_key key;              // for `start` only the transaction is set
  term value;                // the start value, the result, the error, the step's value, or the final value
  std::uint32_t attempt = 1; // for `perform`: above 1, an earlier attempt may have had its effect
};

// The answer of an actor's callback.
struct verdict {
  enum class kind : std::uint8_t {
    ok,     // perform: the result is `value`. reverse and confirm: it happened
    error,  // perform: failed for good. reverse and confirm: to be called again later
    never,  // reverse: it can never be undone
    steps,  // start: the first steps. perform: these steps do the step. result: the steps after all planned
            // ones, perhaps none. failed: the steps that replace the failed one, all side by side
    done,   // start, result: no steps after the ones under way; the final value is `value`
    cancel, // start, result, failed: the reason is `value`
    retry,  // failed
  } what = kind::ok;
  term value;
  std::vector<step_spec> steps;
  bool too_large = false; // the steps together were above a bound, and are left out
};

// For subscribers, the health report and the audit log.
struct notice {
  enum class kind : std::uint8_t {
    interim,
    committed,
    compensated,
    aborted,
    parked,    // a step cannot be undone; `value` is the reason
    heuristic, // an operator has decided a step that was in doubt
    mismatch,  // the coordinator has decided differently from the operator
  } what = kind::interim;
  step_key key; // for a whole transaction: its path on this node, which is empty at the root
  term value;
};

// The answers of core::begin(), core::cancel() and core::resolve().
enum class client_answer : std::uint8_t {
  started,    // it is on the disk; also if it had been started before
  cancelled,  // it is on the disk that the transaction will not commit
  resolved,   // it is on the disk what the operator has decided
  over,       // cancel: how it ends had been decided before, and that is on the disk. resolve: nothing of the
              // transaction waits for this decision
  unknown,    // cancel, resolve: there is no such transaction
  overloaded, // max_transactions are open
  refused,    // another node has started the transaction with this id
  invalid,    // the id or the origin is empty or too long, the value too large
};

struct answer {
  std::uint64_t token = 0;
  client_answer what = client_answer::started;
  std::size_t parts = 0; // resolved: steps and transactions that were decided
};

struct effects {
  std::vector<message> messages;
  std::vector<write> writes;
  std::vector<call> calls;
  std::vector<notice> notices;
  std::vector<answer> answers;
  // Tokens of calls of `perform` that have no answer yet, and whose steps are to be undone. An owner that
  // can end the process that runs such a call does so and then calls core::call_ended(); the undo is called
  // after that, or after the answer. A token may come several times.
  std::vector<std::uint64_t> stops;

  void clear() {
    messages.clear();
    writes.clear();
    calls.clear();
    notices.clear();
    answers.clear();
    stops.clear();
  }
};

} // namespace coppice::saga
