// SPDX-License-Identifier: MIT
// What the core wants done. Its owner carries out the lists of one call and clears them before it makes the
// next call, except that writes may finish later: in their order, each told by core::written(). All else may
// be done at once: what has to be on the disk before it is said does not appear here before it is. Any
// thread.
#pragma once

#include "saga/message.hpp"
#include "saga/record.hpp"

namespace coppice::saga {

struct change {
  record_key key;
  std::optional<record> what; // none: the record is erased
};

// In this order. A crash may leave the first of the changes.
struct write {
  std::uint64_t number = 0; // from 1, without gaps
  std::vector<change> changes;
};

enum class callback : std::uint8_t {
  start,   // handle_start
  result,  // handle_result
  failed,  // handle_failed
  interim, // handle_interim; nothing is answered
  perform, // handle_do, handle_prepare
  reverse, // handle_undo, handle_abort
  confirm, // handle_commit
};

// A callback of the actor, answered by core::answered(). One that is never answered is made again after a
// restart.
struct call {
  std::uint64_t token = 0; // 0: of interim
  callback what = callback::start;
  commit_kind kind = commit_kind::compensate;
  step_key key;              // of start: the transaction alone
  term value;                // what was started, the result, the error, the step's value, the final value
  std::uint32_t attempt = 1; // of perform: above 1 an earlier try may have had its effect
};

// What an actor's callback came to.
struct verdict {
  enum class kind : std::uint8_t {
    ok,     // of perform: the result is `value`. Of reverse and confirm: it happened
    error,  // of perform: failed for good. Of reverse and confirm: to be called again later
    never,  // of reverse: it can never be undone
    steps,  // of start: the first steps. Of perform: the step is done by these. Of result: what comes after
            // all that is planned; may be none. Of failed: what comes in the step's place, side by side
    done,   // of start, result: no steps behind those under way; the final value is `value`
    cancel, // of start, result, failed: the reason is `value`
    retry,  // of failed
  } what = kind::ok;
  term value;
  std::vector<step_spec> steps;
};

// For subscribers, health and the audit.
struct notice {
  enum class kind : std::uint8_t {
    interim,
    committed,
    compensated,
    aborted,
    parked,    // a step cannot be undone; `value` says why
    heuristic, // an operator has decided for a step that was in doubt
    mismatch,  // the coordinator has decided otherwise
  } what = kind::interim;
  step_key key; // of what concerns a whole transaction: its path is this node's, empty at the root
  term value;
};

enum class start_answer : std::uint8_t {
  started,    // it is on the disk; also where it was there already
  overloaded, // max_transactions are open
  refused,    // another node has started one with this id
  invalid,    // the id is empty or too long, the value too large
};

struct answer {
  std::uint64_t token = 0;
  start_answer what = start_answer::started;
};

struct effects {
  std::vector<message> messages;
  std::vector<write> writes;
  std::vector<call> calls;
  std::vector<notice> notices;
  std::vector<answer> answers;

  void clear() {
    messages.clear();
    writes.clear();
    calls.clear();
    notices.clear();
    answers.clear();
  }
};

} // namespace coppice::saga
