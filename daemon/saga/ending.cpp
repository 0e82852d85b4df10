// SPDX-License-Identifier: MIT
// A transaction on its way to its end: its steps are undone in the reverse order in which they were done, or
// aborted, or told to commit. Then the participants forget it, and the coordinator last. One thread at a
// time.
#include <algorithm>

#include "saga/core.hpp"

namespace coppice::saga {

using phase = transaction::phase;

// The transaction will not be committed. As soon as that is on the disk, its steps are reversed.
void core::turn(unit& of, term why, effects& out) {
  decide_against(of, std::move(why), out);
  go_on(of, out);
}

void core::decide_against(unit& of, term why, effects& out) {
  transaction& in = *of.lead;
  in.end = std::move(why);
  in.decided = true;
  in.what = phase::reversing;
  in.calling = 0;
  in.due = never;
  for (step& one : in.steps) {
    one.pending.reset();
    one.due = never;
    one.calling = 0;
  }
  put(of, record_kind::decision, 0, decision_record{false, in.end}, out);
  of.decided_write = last_write_;
}

// Reverses first the steps that may or may not have happened, then the others in the reverse order in which
// they were done, each after the one before it is undone. In two phases no step has had an effect yet, so the
// order does not matter.
void core::reverse_steps(unit& of, effects& out) {
  transaction& in = *of.lead;
  step* next = nullptr;
  bool over = true;
  for (step& one : in.steps) {
    if (one.what != step::state::asked && one.what != step::state::done) continue;
    over = false;
    if (in.kind == commit_kind::two_phase) {
      if (!one.pending && !one.parked) ask(of, one, request_kind::reverse, out);
      continue;
    }
    if (next == nullptr || one.what == step::state::asked ||
        (next->what == step::state::done && one.order > next->order))
      next = &one;
  }
  if (over) return reversed(of, out);
  if (next != nullptr && !next->pending && !next->parked) ask(of, *next, request_kind::reverse, out);
}

void core::reversed(unit& of, effects& out) {
  transaction& in = *of.lead;
  if (of.part) {
    in.what = phase::own_reverse;
    return call_reverse(of, out);
  }
  // The outcome is on the disk before it is told, so that a restart neither takes it back nor reverses
  // anything again.
  in.reversed = std::any_of(in.steps.begin(), in.steps.end(),
                            [](const step& one) { return one.what != step::state::planned; });
  if (in.reversed) {
    put(of, record_kind::reversed, 0, reversed_record{}, out);
    of.decided_write = last_write_;
  }
  const bool compensates = in.kind == commit_kind::compensate;
  ++(compensates ? counted_.compensated : counted_.aborted);
  in.what = phase::forgetting;
  say(of, notice{compensates ? notice::kind::compensated : notice::kind::aborted, in.self, in.end}, out);
  go_on(of, out);
}

void core::confirm_steps(unit& of, effects& out) {
  transaction& in = *of.lead;
  bool over = true;
  for (step& one : in.steps) {
    if (one.what != step::state::done) continue;
    over = false;
    if (!one.pending) ask(of, one, request_kind::confirm, out);
  }
  if (!over) return;
  if (of.part) {
    in.what = phase::own_confirm;
    return call_confirm(of, out);
  }
  in.what = phase::forgetting;
  go_on(of, out);
}

void core::forget_steps(unit& of, effects& out) {
  bool over = true;
  for (step& one : of.lead->steps) {
    if (one.what == step::state::planned || one.what == step::state::forgotten) continue;
    over = false;
    if (one.pending != request_kind::forget) ask(of, one, request_kind::forget, out);
  }
  if (!over) return;
  if (of.part)
    forget_entry(of, out);
  else
    end(of, out);
}

void core::park(unit& of, step& which, term why, effects& out) {
  which.parked = true;
  ++counted_.undo_failures;
  say(of, notice{notice::kind::parked, key_of(*of.lead, which), std::move(why)}, out);
}

// All participants have forgotten the transaction. Its outcome is kept for a while.
void core::end(unit& of, effects& out) {
  const transaction& in = *of.lead;
  const bool gone = in.committed && in.kind == commit_kind::two_phase &&
                    std::any_of(in.steps.begin(), in.steps.end(), [](const step& one) { return one.gone; });
  // A participant that is away may be prepared. Without the outcome it would be told to abort.
  ended_record last{in.self.tx, in.starter, {}, now_ + (gone ? longest_delay : options_.keep), gone};
  last.how.value = of.lead->end;
  last.how.what = of.lead->committed                         ? outcome_kind::committed
                  : of.lead->kind == commit_kind::compensate ? outcome_kind::compensated
                                                             : outcome_kind::aborted;
  put(of, record_kind::ended, 0, last, out);
  put(of, record_kind::begin, 0, std::nullopt, out);
  erase_plans(of, out);
  note_ended(last, of.number);
  of.ended = std::move(last);
  of.lead.reset();
  --open_;
}

void core::erase_plans(unit& of, effects& out) {
  const transaction& in = *of.lead;
  if (in.planned) put(of, record_kind::plan, 0, std::nullopt, out);
  for (const step& one : in.steps) {
    if (one.order > 0) put(of, record_kind::plan, one.number, std::nullopt, out);
    if (one.skipped) put(of, record_kind::skip, one.number, std::nullopt, out);
  }
  if (in.reversed) put(of, record_kind::reversed, 0, std::nullopt, out);
  if (in.decided) put(of, record_kind::decision, 0, std::nullopt, out);
}

// Whether the transaction is overdue and ends as the operator says, and this participant has had its request
// for grace(), too.
bool core::is_silent(const transaction& in, const step& which, bool commit) const {
  return which.pending && *which.pending != request_kind::perform && commit == in.committed &&
         is_overdue(std::max(in.deadline, which.asked_at));
}

std::size_t core::resolve_lead(unit& of, bool commit, effects& out) {
  if (!of.lead) return 0;
  std::size_t changed = 0;
  for (step& one : of.lead->steps) {
    const bool gone = is_silent(*of.lead, one, commit);
    if (!gone && (commit || !one.parked)) continue;
    one.parked = false;
    one.skipped = true;
    one.pending.reset();
    one.due = never;
    one.gone = gone;
    one.what = gone ? step::state::forgotten : step::state::reversed;
    put(of, record_kind::skip, one.number, skip_record{gone}, out);
    ++changed;
    if (!gone) continue;
    ++counted_.heuristic;
    say(of, notice{notice::kind::heuristic, one.key, {}}, out);
  }
  if (changed > 0) {
    go_on(of, out);
    return changed;
  }
  if (commit || of.part || !of.lead->undecided()) return 0;
  turn(of, reason("resolved"), out);
  return 1;
}

} // namespace coppice::saga
