// SPDX-License-Identifier: MIT
// A transaction on its way forward: the actor starts it, its steps are requested, their answers go to the
// actor, and each decision of the actor is on the disk before anything follows from it. One thread at a time.
#include <algorithm>

#include "saga/core.hpp"

namespace coppice::saga {

using phase = transaction::phase;

void core::begin(nanos now, std::uint64_t token, const std::string& origin, start_request&& what,
                 effects& out) {
  enter(now);
  if (!is_sound(what.tx) || !is_sound(origin) || what.value.encoded.size() > options_.max_value)
    return out.answers.push_back({token, client_answer::invalid});
  if (const auto known = roots_.find(what.tx); known != roots_.end()) {
    const unit& of = units_.at(known->second);
    const std::string& starter = of.lead ? of.lead->starter : of.ended->starter;
    return say(of, answer{token, starter == origin ? client_answer::started : client_answer::refused}, out);
  }
  const node_share more{1, 0, 0, what.tx.size() + what.value.encoded.size()};
  const bool is_full = open_ >= options_.max_transactions;
  if (is_full || exceeds_share(origin, more)) {
    ++counted_.refused;
    if (!is_full) ++counted_.over_share;
    return out.answers.push_back({token, client_answer::overloaded});
  }
  unit& of = make_unit();
  transaction& made = of.lead.emplace();
  made.self.tx = what.tx;
  made.kind = options_.commit;
  made.hops = options_.hops;
  made.starter = origin;
  const nanos span = what.lifespan > 0 ? std::min(what.lifespan, options_.lifespan) : options_.lifespan;
  made.deadline = now_ + span;
  made.value = std::move(what.value);
  roots_[what.tx] = of.number;
  ++open_;
  ++counted_.started;
  put_begin(of, out);
  say(of, answer{token, client_answer::started}, out);
  made.calling = ask_actor(of, {0, callback::start, made.kind, made.self, made.value, 1}, 0, out);
  settle(of);
}

void core::put_begin(unit& of, effects& out) {
  const transaction& in = *of.lead;
  put(of, record_kind::begin, 0,
      begin_record{in.self.tx, in.starter, in.kind, in.hops, in.deadline, in.value, options_.self, in.ends},
      out);
}

void core::cancel(nanos now, std::uint64_t token, const std::string& origin, const std::string& tx, term why,
                  effects& out) {
  enter(now);
  const auto known = roots_.find(tx);
  if (known == roots_.end()) return out.answers.push_back({token, client_answer::unknown});
  unit& of = units_.at(known->second);
  if ((of.lead ? of.lead->starter : of.ended->starter) != origin) {
    count(drop::origin);
    return out.answers.push_back({token, client_answer::refused});
  }
  if (!of.lead || !of.lead->undecided()) return say(of, answer{token, client_answer::over}, out);
  turn(of, std::move(why), out);
  say(of, answer{token, client_answer::cancelled}, out);
  settle(of);
}

void core::interim(nanos now, const std::string& tx, term value, effects& out) {
  enter(now);
  const auto known = roots_.find(tx);
  if (known == roots_.end()) return;
  const unit& of = units_.at(known->second);
  if (of.lead && of.lead->undecided())
    say(of, notice{notice::kind::interim, of.lead->self, std::move(value)}, out);
}

bool core::too_much(const transaction& in, const verdict& what) const {
  const std::size_t added = what.what == verdict::kind::retry ? 1 : what.steps.size();
  return (added > 0 && in.steps.size() + added > options_.max_steps) ||
         what.value.encoded.size() > options_.max_value || what.too_large ||
         std::any_of(what.steps.begin(), what.steps.end(), [&](const step_spec& one) {
           return one.value.encoded.size() > options_.max_value || one.to.name().empty() ||
                  one.to.node().empty() || one.to.name().size() > longest_name ||
                  one.to.node().size() > longest_name;
         });
}

void core::decide_start(unit& of, verdict&& what, effects& out) {
  of.lead->calling = 0;
  if (too_much(*of.lead, what)) return turn(of, reason("limit"), out);
  if (what.what != verdict::kind::steps && what.what != verdict::kind::done)
    return turn(of, std::move(what.value), out);
  plan_record first;
  if (what.what == verdict::kind::done) {
    first.what = plan_record::verdict::done;
    first.final = std::move(what.value);
  }
  first.steps = std::move(what.steps);
  plan(of, 0, std::move(first), out);
}

void core::decide_step(unit& of, step& about, verdict&& what, effects& out) {
  using kind = verdict::kind;
  about.calling = 0;
  const bool failed = !about.succeeded;
  if (failed && about.what == step::state::asked) about.what = step::state::failed;
  if (too_much(*of.lead, what)) return turn(of, reason("limit"), out);
  const bool cancels = failed ? what.what != kind::retry && (what.what != kind::steps || what.steps.empty())
                              : what.what != kind::ok && what.what != kind::steps && what.what != kind::done;
  if (cancels) return turn(of, std::move(what.value), out);
  plan_record next;
  next.succeeded = about.succeeded;
  next.answer = std::move(about.answer);
  next.steps = std::move(what.steps);
  if (failed) {
    next.what = what.what == kind::retry ? plan_record::verdict::retry : plan_record::verdict::replace;
    if (what.what == kind::retry) next.steps.clear();
  } else if (what.what == kind::done) {
    next.what = plan_record::verdict::done;
    next.final = std::move(what.value);
  }
  plan(of, about.number, std::move(next), out);
}

// Keeps what the actor has decided, and then acts on it.
void core::plan(unit& of, std::uint32_t by, plan_record&& what, effects& out) {
  transaction& in = *of.lead;
  what.order = in.plans + 1;
  what.first = static_cast<std::uint32_t>(in.steps.size() + 1);
  put(of, record_kind::plan, by, what, out);
  in.take(by, what);
  if (what.what == plan_record::verdict::retry) {
    step& again = in.steps.back();
    const nanos first = again.spec.retry_first > 0 ? again.spec.retry_first : options_.retry_first;
    const nanos max = again.spec.retry_max > 0 ? again.spec.retry_max : options_.retry_max;
    again.due = now_ + delay(again.retries, first, max);
  }
  go_on(of, out);
}

void transaction::take(std::uint32_t by, const plan_record& from) {
  using next = plan_record::verdict;
  plans = from.order;
  if (what == phase::starting) what = phase::running;
  if (by == 0) planned = true;
  step* const about = by > 0 ? &steps[by - 1] : nullptr;
  std::uint32_t group = 0, retries = 0;
  std::vector<step_spec> added = from.steps;
  if (about != nullptr) {
    about->what = from.succeeded ? step::state::done : step::state::failed;
    about->order = from.order;
    group = from.succeeded ? 0 : about->group;
    if (from.what == next::retry) {
      added = {about->spec};
      retries = about->retries + 1;
    }
    if (from.succeeded) last_result = from.answer;
  }
  if (from.what == next::done) {
    final = from.final;
    final_group = about != nullptr ? about->group : 0;
  }
  for (step_spec& one : added) {
    step made;
    made.number = static_cast<std::uint32_t>(steps.size() + 1);
    const bool alone = !one.beside || &one == added.data();
    if (group > 0)
      made.group = group;
    else
      made.group = alone ? ++last_group : last_group;
    made.retries = retries;
    made.spec = std::move(one);
    steps.push_back(std::move(made));
  }
}

step_key core::key_of(const transaction& in, const step& which) const {
  step_key made = in.self;
  made.step.hops = in.hops;
  made.step.path = in.self.step.path.below({options_.self, which.number});
  return made;
}

void core::ask(unit& of, step& whom, request_kind what, effects& out) {
  whom.pending = what;
  whom.asked_at = now_;
  whom.tries = 0;
  if (whom.key.tx.empty()) whom.key = key_of(*of.lead, whom);
  if (what == request_kind::perform) whom.what = step::state::asked;
  if (has_portion())
    whom.due = now_; // its timer sends it
  else
    send(of, whom, out);
}

void core::send(unit& of, step& to, effects& out) {
  const transaction& in = *of.lead;
  request made;
  made.what = *to.pending;
  made.kind = in.kind;
  made.key = to.key;
  const bool performs = made.what == request_kind::perform;
  if (performs || (made.what == request_kind::reverse && in.kind == commit_kind::compensate))
    made.value = to.spec.value;
  if (made.what == request_kind::confirm) made.value = in.end;
  to.due = now_ + patience(++to.tries);
  message sent{options_.self, to.spec.to, std::move(made)};
  if (performs)
    say(of, timed_message{std::move(sent), in.deadline}, out);
  else
    say(of, std::move(sent), out);
}

void core::on(const message& of, reply& in, effects& out) {
  if (in.key.step.path.back().saga != options_.self) return count(drop::receiver);
  const bool too_large = in.value.encoded.size() > options_.max_value;
  if (too_large) in.value = reason("limit");
  unit* const found = find_coordinator(in.key);
  const std::uint32_t number = in.key.step.path.back().number;
  if (found == nullptr || !found->lead || number == 0 || number > found->lead->steps.size())
    return count(drop::stale);
  step& from = found->lead->steps[number - 1];
  if (of.from.node() != from.spec.to.node()) return count(drop::origin);
  if (from.pending != in.to) return count(drop::stale);
  const bool again =
      in.what == answer_kind::busy ||
      (in.what == answer_kind::error && in.to != request_kind::perform && in.to != request_kind::reverse);
  if (again) {
    const nanos first = from.spec.retry_first > 0 ? from.spec.retry_first : options_.retry_first;
    const nanos max = from.spec.retry_max > 0 ? from.spec.retry_max : options_.retry_max;
    from.due = now_ + delay(from.tries, first, max);
    return settle(*found);
  }
  from.pending.reset();
  from.due = never;
  if (in.to == request_kind::perform && in.what == answer_kind::ok && too_large) {
    turn(*found, std::move(in.value), out); // the step is done, and is undone with the others
  } else if (in.to == request_kind::perform) {
    from.succeeded = in.what == answer_kind::ok;
    from.answer = in.value;
    const callback what = from.succeeded ? callback::result : callback::failed;
    from.calling =
        ask_actor(*found, {0, what, found->lead->kind, from.key, std::move(in.value), 1}, number, out);
  } else if (in.what == answer_kind::error) {
    park(*found, from, std::move(in.value), out);
  } else {
    from.what = in.to == request_kind::reverse   ? step::state::reversed
                : in.to == request_kind::confirm ? step::state::confirmed
                                                 : step::state::forgotten;
    go_on(*found, out);
  }
  settle(*found);
}

void core::on(const message& of, interim_message& in, effects& out) {
  if (in.key.step.path.back().saga != options_.self) return count(drop::receiver);
  if (in.value.encoded.size() > options_.max_value) return count(drop::malformed);
  const unit* const found = find_coordinator(in.key);
  const std::uint32_t number = in.key.step.path.back().number;
  if (found == nullptr || !found->lead || number == 0 || number > found->lead->steps.size())
    return count(drop::stale);
  const step& from = found->lead->steps[number - 1];
  if (of.from.node() != from.spec.to.node()) return count(drop::origin);
  if (!found->lead->undecided() || from.what != step::state::asked) return count(drop::stale);
  if (found->lead->self.step.path.empty())
    say(*found, notice{notice::kind::interim, found->lead->self, in.value}, out);
  say(*found, call{0, callback::interim, found->lead->kind, from.key, std::move(in.value), 1}, out);
}

// A participant is in doubt, or has waited for long to be forgotten. A transaction that is not known here was
// aborted, or has been acknowledged, or this saga keeps no log and has forgotten it.
void core::on(const message& of, const question& in, effects& out) {
  if (in.key.step.path.back().saga != options_.self) return count(drop::receiver);
  unit* const found = find_coordinator(in.key);
  if (found == nullptr || !found->lead) {
    const bool committed =
        found != nullptr && found->ended && found->ended->how.what == outcome_kind::committed;
    return say_last(of.from, in.key, committed ? &found->ended->how.value : nullptr, out);
  }
  const std::uint32_t number = in.key.step.path.back().number;
  if (number == 0 || number > found->lead->steps.size()) return count(drop::stale);
  step& from = found->lead->steps[number - 1];
  if (of.from.node() != from.spec.to.node()) return count(drop::origin);
  // The participant was taken for gone, or it has acknowledged the decision and lost that with a restart.
  if (from.gone || from.skipped || from.pending == request_kind::forget)
    return say_last(of.from, in.key, found->lead->committed ? &found->lead->end : nullptr, out);
  if (from.pending != request_kind::confirm && from.pending != request_kind::reverse) return;
  send(*found, from, out);
  settle(*found);
}

// Sends the last request about a step to a participant whose answer is not awaited: the transaction is over,
// or an operator has taken the participant for gone. `final`: the value of a commit. Null: the transaction
// was aborted.
void core::say_last(const address& to, const step_key& key, const term* final, effects& out) {
  request made;
  made.what = final != nullptr ? request_kind::confirm : request_kind::reverse;
  made.kind = commit_kind::two_phase;
  made.key = key;
  if (final != nullptr) made.value = *final;
  say_after(last_write_, message{options_.self, to, made, false}, out);
  made.what = request_kind::forget;
  made.value = {};
  say_after(last_write_, message{options_.self, to, std::move(made), false}, out);
}

void core::go_on(unit& of, effects& out) {
  switch (of.lead->what) {
    case phase::running:
      return run_steps(of, out);
    case phase::reversing:
      return reverse_steps(of, out);
    case phase::confirming:
      return confirm_steps(of, out);
    case phase::forgetting:
      return forget_steps(of, out);
    default:
      return;
  }
}

void core::run_steps(unit& of, effects& out) {
  transaction& in = *of.lead;
  // After `done` no later group begins. In its own group a step is tried again, or replaced, as before.
  const auto is_to_run = [&](const step& one) {
    return one.what == step::state::planned && (!in.final || one.group <= in.final_group);
  };
  const auto waits = [&](const step& one) { return one.what == step::state::asked || is_to_run(one); };
  std::uint32_t group = std::numeric_limits<std::uint32_t>::max();
  for (const step& one : in.steps)
    if (waits(one)) group = std::min(group, one.group);
  if (group == std::numeric_limits<std::uint32_t>::max()) return complete(of, out);
  if (in.deadline <= now_) return turn(of, reason("lifespan"), out);
  for (step& one : in.steps)
    if (one.group == group && is_to_run(one) && (one.due == never || one.due <= now_))
      ask(of, one, request_kind::perform, out);
}

// All steps are done. At the root this is the decision to commit; below a step it is the answer to the
// coordinator above.
void core::complete(unit& of, effects& out) {
  transaction& in = *of.lead;
  const term& final = in.final ? *in.final : in.last_result;
  if (of.part) {
    in.what = phase::holding;
    of.part->state = entry_state::done;
    of.part->answer = final;
    put_entry(of, out);
    tell(of, request_kind::perform, answer_kind::ok, final, out);
    if (in.kind == commit_kind::two_phase) of.part->due = now_ + patience(1);
    return await_forget(of, out);
  }
  in.end = final;
  in.decided = in.committed = true;
  put(of, record_kind::decision, 0, decision_record{true, in.end}, out);
  of.decided_write = last_write_;
  ++counted_.committed;
  in.what = in.kind == commit_kind::two_phase ? phase::confirming : phase::forgetting;
  say(of, notice{notice::kind::committed, in.self, in.end}, out);
  go_on(of, out);
}

} // namespace coppice::saga
