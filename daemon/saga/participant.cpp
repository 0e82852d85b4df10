// SPDX-License-Identifier: MIT
// A step that this node takes part in. A record that the step has begun is on the disk before the actor is
// called, and the actor's answer is on the disk before it is sent. From then on a repeated request gets that
// answer without a call, until the coordinator says that the step may be forgotten. One thread at a time.
#include <algorithm>

#include "saga/core.hpp"
#include "saga/node_room.hpp"

namespace coppice::saga {

using phase = transaction::phase;

// A key belongs to the node that gives out its step. The node of a message is that of its connection.
void core::on(const message& of, request& in, effects& out) {
  if (in.key.step.path.back().saga.node() != of.from.node()) return count(drop::origin);
  unit* const known = find_entry(in.key);
  if (in.what == request_kind::perform) {
    perform(known, of, in, out);
    return;
  }
  if (known == nullptr) return answer_unknown(of, in, out);
  if (in.what != request_kind::forget && known->part->kind != in.kind) {
    // A coordinator that does not know the transaction answers a question with words of two phases.
    if (!known->part->asks) count(drop::malformed);
    return;
  }
  if (in.what == request_kind::reverse) reverse(*known, in, out);
  if (in.what == request_kind::confirm) confirm(*known, in, out);
  if (in.what == request_kind::forget) forget(*known, out);
  settle(*known);
}

// The step was forgotten, or never came. If its request comes now, it is too late. The answer waits for the
// last write, because the record that it was forgotten may not be on the disk yet.
void core::answer_unknown(const message& of, const request& in, effects& out) {
  if (in.what == request_kind::reverse) remember_forgotten(in.key);
  say_after(last_write_, message{options_.self, of.from, reply{in.what, answer_kind::ok, in.key, {}}}, out);
}

std::optional<reply> core::refusal(const request& in) {
  const auto no = [&](answer_kind what, std::string_view word) {
    return reply{request_kind::perform, what, in.key, reason(word)};
  };
  const step_path& path = in.key.step.path;
  if (forgotten_.contains(in.key)) return no(answer_kind::error, "cancelled");
  if (in.key.step.hops == 0 || path.size() > options_.hops) return no(answer_kind::error, "hop_limit");
  const bool loops =
      std::any_of(path.begin(), path.end(), [&](const hop& one) { return one.saga == options_.self; });
  if (loops) return no(answer_kind::error, "loop");
  // A prepared step has to be known after any restart.
  if (in.kind == commit_kind::two_phase && !options_.durable) return no(answer_kind::error, "volatile");
  if (in.value.encoded.size() > options_.max_value) return no(answer_kind::error, "limit");
  const bool two_phase = in.kind == commit_kind::two_phase;
  const node_share more{0, 1, two_phase ? std::size_t{1} : 0, weight(in.key) + in.value.encoded.size()};
  const bool is_full =
      entries_.size() >= options_.keep_count || (two_phase && two_phase_ >= options_.max_in_doubt);
  if (!is_full && !exceeds_share(path.back().saga.node(), more)) return std::nullopt;
  if (!is_full) ++counted_.over_share;
  return no(answer_kind::busy, "overloaded");
}

void core::perform(unit* known, const message& of, request& in, effects& out) {
  if (known != nullptr) {
    if (known->part->kind != in.kind) return count(drop::malformed);
    perform_again(*known, in, out);
    return settle(*known);
  }
  if (auto refused = refusal(in))
    return out.messages.push_back({options_.self, of.from, std::move(*refused)});
  unit& made = make_unit();
  entry& part = made.part.emplace();
  part.key = in.key;
  part.kind = in.kind;
  const auto left = static_cast<nanos>(std::min<std::uint64_t>(in.left_ms, std::uint64_t{1} << 40));
  part.self = options_.self;
  part.deadline = now_ + std::min(left * base::nanos_per_ms, options_.lifespan);
  part.value = std::move(in.value);
  entries_[in.key] = made.number;
  if (part.kind == commit_kind::two_phase) ++two_phase_;
  put_entry(made, out);
  part.calling = ask_actor(made, {0, callback::perform, part.kind, part.key, part.value, 1}, 0, out);
  settle(made);
}

void core::perform_again(unit& of, const request& in, effects& out) {
  entry& part = *of.part;
  if (part.state == entry_state::begun) {
    if (part.calling != 0) return; // its callback has not answered yet
    if (part.reverse_wanted)       // its undo has failed, and is called again later
      return tell(of, request_kind::perform, answer_kind::busy, reason("cancelled"), out);
    if (in.value.encoded.size() > options_.max_value) // it was taken under another bound
      return tell(of, request_kind::perform, answer_kind::busy, reason("limit"), out);
    const std::size_t has = part.value.encoded.size();
    const std::size_t more = std::max(in.value.encoded.size(), has) - has;
    if (more > 0 && !has_bytes_for(part.coordinator().node(), more)) {
      ++counted_.over_share;
      return tell(of, request_kind::perform, answer_kind::busy, reason("overloaded"), out);
    }
    if (part.ends >= most_ends) {
      part.value = in.value;
      return undo_own(of, reason("exit"), out);
    }
    if (now_ < part.hold) return tell(of, request_kind::perform, answer_kind::busy, reason("exit"), out);
    ++part.attempt;
    part.value = in.value;
    put_entry(of, out);
    part.calling =
        ask_actor(of, {0, callback::perform, part.kind, part.key, part.value, part.attempt}, 0, out);
    return;
  }
  if (part.state == entry_state::coordinating) {
    const auto left = static_cast<nanos>(std::min<std::uint64_t>(in.left_ms, std::uint64_t{1} << 40));
    of.lead->deadline = std::min(of.lead->deadline, now_ + left * base::nanos_per_ms);
    return;
  }
  ++counted_.kept_answers;
  switch (part.state) {
    case entry_state::done:
    case entry_state::confirmed:
      return tell(of, request_kind::perform, answer_kind::ok, part.answer, out);
    case entry_state::reversed:
      return tell(of, request_kind::perform, answer_kind::error, reason("cancelled"), out);
    default:
      return tell(of, request_kind::perform, answer_kind::error, part.answer, out);
  }
}

void core::performed(unit& of, verdict&& what, effects& out) {
  entry& part = *of.part;
  if (what.what == verdict::kind::steps && part.reverse_wanted) return call_reverse(of, out);
  if (what.what == verdict::kind::steps) return lead_steps(of, std::move(what), out);
  const bool good = what.what == verdict::kind::ok || what.what == verdict::kind::done;
  if (good && what.value.encoded.size() > options_.max_value) { // it happened, and cannot be told
    if (part.reverse_wanted) return call_reverse(of, out);
    return undo_own(of, reason("limit"), out);
  }
  part.state = good ? entry_state::done : entry_state::failed;
  part.answer = what.value.encoded.size() <= options_.max_value ? std::move(what.value) : reason("limit");
  part.value = {};
  put_entry(of, out);
  tell(of, request_kind::perform, good ? answer_kind::ok : answer_kind::error, part.answer, out);
  if (!part.reverse_wanted) {
    if (is_in_doubt(of)) part.due = now_ + patience(1);
    return await_forget(of, out);
  }
  if (good) return call_reverse(of, out);
  tell(of, request_kind::reverse, answer_kind::ok, {}, out);
}

// A `perform` has ended without an answer: the step may have happened, or not.
void core::perform_ended(unit& of, effects& out) {
  entry& part = *of.part;
  if (part.reverse_wanted) return call_reverse(of, out);
  if (++part.ends >= most_ends) return undo_own(of, reason("exit"), out);
  put_entry(of, out);
  tell(of, request_kind::perform, answer_kind::busy, reason("exit"), out);
}

transaction& core::make_lead(unit& of) {
  entry& part = *of.part;
  transaction& made = of.lead.emplace();
  made.self = part.key;
  made.kind = part.kind;
  made.hops = part.key.step.hops - 1;
  made.deadline = part.deadline;
  part.leads = true;
  part.state = entry_state::coordinating;
  return made;
}

// The actor has answered with steps, which do this step.
void core::lead_steps(unit& of, verdict&& what, effects& out) {
  transaction& made = make_lead(of);
  if (too_much(made, what)) return undo_own(of, reason("limit"), out);
  plan_record first;
  first.order = first.first = 1;
  first.steps = std::move(what.steps);
  put(of, record_kind::plan, 0, first, out);
  put_entry(of, out);
  made.take(0, first);
  go_on(of, out);
}

// Undoes a step whose result cannot be used, and then answers with this error. Until it is undone it is kept
// as a step that leads to no steps, and that is not committed. A crash may leave the first of these records
// alone. So the entry comes last: an entry that leads to no steps, without the decision, would be one that is
// done.
void core::undo_own(unit& of, term why, effects& out) {
  transaction& made = make_lead(of);
  plan_record none;
  none.order = none.first = 1;
  put(of, record_kind::plan, 0, none, out);
  made.take(0, none);
  decide_against(of, std::move(why), out);
  put_entry(of, out);
  go_on(of, out);
}

void core::interim(nanos now, const step_key& key, term value, effects& out) {
  enter(now);
  const unit* const of = find_entry(key);
  if (of == nullptr) return;
  const entry& part = *of->part;
  if (part.state != entry_state::begun && part.state != entry_state::coordinating) return;
  say(*of, message{options_.self, part.coordinator(), interim_message{key, std::move(value)}}, out);
}

// A demand comes with a value, which is kept until it is carried out. One demand of each node always has
// room: the answers of the node's steps may have taken all of the room, and go only after the demands.
bool core::has_room_for_word(const entry& part, const term& word) const {
  const std::string& node = part.coordinator().node();
  const std::size_t size = word.encoded.size();
  const auto known = shares_.find(node);
  if (size == 0 || node == options_.self.node() || known == shares_.end() || known->second.words == 0)
    return true;
  const std::size_t most = options_.max_bytes_for_others;
  return bytes_for_others_ + size <= most &&
         (options_.room == nullptr || options_.room->taken() + size <= most);
}

void core::reverse(unit& of, const request& in, effects& out) {
  entry& part = *of.part;
  switch (part.state) {
    case entry_state::failed:
    case entry_state::reversed:
      ++counted_.kept_answers;
      return tell(of, request_kind::reverse, answer_kind::ok, {}, out);
    case entry_state::confirmed:
      if (!part.heuristic) return count(drop::impossible);
      ++counted_.heuristic_mismatch;
      say(of, notice{notice::kind::mismatch, part.key, {}}, out);
      return tell(of, request_kind::reverse, answer_kind::ok, {}, out);
    default:
      break;
  }
  if (part.heuristic && part.heuristic_commit) return; // under way; answered when it is over
  if (of.lead && of.lead->committed) return count(drop::impossible);
  if (!part.reverse_wanted || part.word.encoded.empty()) {
    if (!has_room_for_word(part, in.value)) {
      ++counted_.over_share;
      return tell(of, request_kind::reverse, answer_kind::busy, reason("overloaded"), out);
    }
    part.word = in.value;
  }
  part.reverse_wanted = true;
  reverse_entry(of, out);
}

// Reverses first the steps below this one, then the step itself.
void core::reverse_entry(unit& of, effects& out) {
  if (!of.lead) {
    const std::uint64_t calling = of.part->calling;
    if (calling == 0) return call_reverse(of, out);
    const auto about = asked_.find(calling);
    if (about != asked_.end() && about->second.what == callback::perform) say(of, stop{calling}, out);
    return;
  }
  if (of.lead->what == phase::running || of.lead->what == phase::holding) turn(of, reason("undone"), out);
  if (of.lead->what == phase::own_reverse && of.part->calling == 0) call_reverse(of, out);
}

void core::call_reverse(unit& of, effects& out) {
  entry& part = *of.part;
  part.due = now_ < part.hold ? part.hold : never;
  if (part.due != never) return;
  const term& value = part.reverse_wanted ? part.word : part.value;
  part.calling = ask_actor(of, {0, callback::reverse, part.kind, part.key, value, part.attempt}, 0, out);
}

void core::entry_reversed(unit& of, verdict&& what, effects& out) {
  entry& part = *of.part;
  if (of.lead && of.lead->what != phase::own_reverse) return; // the step is being forgotten
  if (what.what == verdict::kind::ok) return finish_reversal(of, out);
  if (what.what != verdict::kind::never) {
    part.due = now_ + delay(++part.tries);
    return;
  }
  // The coordinator marks its transaction as parked, unless it has already demanded to forget the step.
  if (part.reverse_wanted && !part.heuristic && !part.forget_wanted) {
    part.word = {}; // another demand brings it again
    return tell(of, request_kind::reverse, answer_kind::error, what.value, out);
  }
  part.parked = true;
  ++counted_.undo_failures;
  say(of, notice{notice::kind::parked, part.key, std::move(what.value)}, out);
}

void core::finish_reversal(unit& of, effects& out) {
  entry& part = *of.part;
  part.parked = false;
  if (of.lead) of.lead->what = phase::closed;
  const bool wanted = part.reverse_wanted;
  part.state = wanted ? entry_state::reversed : entry_state::failed;
  part.answer = wanted || !of.lead ? term{} : of.lead->end;
  part.value = part.word = {};
  put_entry(of, out);
  if (wanted)
    tell(of, request_kind::reverse, answer_kind::ok, {}, out);
  else
    tell(of, request_kind::perform, answer_kind::error, part.answer, out);
  await_forget(of, out);
}

void core::confirm(unit& of, const request& in, effects& out) {
  entry& part = *of.part;
  if (part.kind != commit_kind::two_phase) return count(drop::malformed);
  if (part.state == entry_state::confirmed) {
    ++counted_.kept_answers;
    return tell(of, request_kind::confirm, answer_kind::ok, {}, out);
  }
  if (part.state == entry_state::reversed && part.heuristic) {
    ++counted_.heuristic_mismatch;
    say(of, notice{notice::kind::mismatch, part.key, {}}, out);
    return tell(of, request_kind::confirm, answer_kind::ok, {}, out);
  }
  if (part.heuristic && !part.heuristic_commit) return; // under way
  if (part.state != entry_state::done || part.reverse_wanted ||
      (of.lead && of.lead->decided && !of.lead->committed))
    return count(drop::impossible);
  if (part.calling != 0) return;
  // A commit is never refused. It becomes a record if the step has steps below it.
  term final = in.value.encoded.size() <= options_.max_value ? in.value : term{};
  if (part.word.encoded.empty() && !has_room_for_word(part, final)) {
    ++counted_.over_share;
    return tell(of, request_kind::confirm, answer_kind::busy, reason("overloaded"), out);
  }
  part.word = std::move(final);
  part.confirm_wanted = true;
  confirm_entry(of, out);
}

// Confirms first the steps below this one, then the step itself.
void core::confirm_entry(unit& of, effects& out) {
  entry& part = *of.part;
  if (!of.lead || of.lead->what == phase::own_confirm) return call_confirm(of, out);
  if (of.lead->what != phase::holding) return;
  transaction& below = *of.lead;
  below.end = part.word;
  below.decided = below.committed = true;
  put(of, record_kind::decision, 0, decision_record{true, below.end}, out);
  below.what = phase::confirming;
  part.due = never;
  go_on(of, out);
}

void core::call_confirm(unit& of, effects& out) {
  entry& part = *of.part;
  part.due = now_ < part.hold ? part.hold : never;
  if (part.due != never) return;
  const term& final = of.lead ? of.lead->end : part.word;
  part.calling = ask_actor(of, {0, callback::confirm, part.kind, part.key, final, part.attempt}, 0, out);
}

void core::entry_confirmed(unit& of, const verdict& what, effects& out) {
  entry& part = *of.part;
  if (what.what != verdict::kind::ok) { // a commit can only be late; it cannot fail
    part.due = now_ + delay(++part.tries);
    return;
  }
  if (of.lead) of.lead->what = phase::closed;
  part.state = entry_state::confirmed;
  part.value = part.answer = part.word = {};
  put_entry(of, out);
  tell(of, request_kind::confirm, answer_kind::ok, {}, out);
  await_forget(of, out);
}

// Whether nothing is done here any more unless the coordinator says so. A step that is done, and that a
// reversal may still undo, is over if no decision about it is to come, as without two phases.
bool core::is_over(const unit& of) {
  if (!of.part) return false;
  const entry& part = *of.part;
  switch (part.state) {
    case entry_state::failed:
    case entry_state::reversed:
    case entry_state::confirmed:
      return true;
    case entry_state::done:
      return part.kind == commit_kind::compensate && !part.reverse_wanted && part.calling == 0 &&
             (!of.lead || of.lead->what == phase::holding);
    default:
      return false;
  }
}

// The step is over. Usually its coordinator lets it be forgotten next. If the coordinator may not know that
// it waits for that, the step asks: soon if it has asked before, or else after the time in which a
// coordinator that is there would have done so, since an operator there may have taken this participant for
// gone. A coordinator without a log may have forgotten the transaction, at the latest when that has reached
// its deadline.
void core::await_forget(unit& of, effects& out) {
  entry& part = *of.part;
  if (!is_over(of)) return;
  if (part.forget_wanted) return forget(of, out);
  const bool was_decided = part.state == entry_state::confirmed || part.state == entry_state::reversed;
  part.tries = 0;
  if (part.asks)
    part.due = now_ + patience(1);
  else
    part.due = (was_decided ? now_ : std::max(now_, part.deadline)) + grace();
}

void core::forget(unit& of, effects& out) {
  entry& part = *of.part;
  if (of.lead && of.lead->what == phase::forgetting) return;
  const bool two_phase_done = part.state == entry_state::done && part.kind == commit_kind::two_phase;
  const bool under_way =
      part.calling != 0 || part.due != never ||
      (of.lead && (of.lead->what == phase::reversing || of.lead->what == phase::confirming));
  if (two_phase_done && (part.reverse_wanted || part.confirm_wanted) && under_way) {
    part.forget_wanted = true; // forgotten once that is done
    return;
  }
  const bool open = part.state == entry_state::begun || part.state == entry_state::coordinating ||
                    (two_phase_done && !part.reverse_wanted);
  const bool below_open = of.lead && of.lead->what != phase::holding && of.lead->what != phase::closed &&
                          of.lead->what != phase::own_reverse;
  if (open || below_open) return count(drop::impossible);
  if (!of.lead) return forget_entry(of, out);
  of.lead->what = phase::forgetting;
  go_on(of, out);
}

void core::forget_entry(unit& of, effects& out) {
  put(of, record_kind::entry, 0, std::nullopt, out);
  if (of.lead) erase_plans(of, out);
  tell(of, request_kind::forget, answer_kind::ok, {}, out);
  remember_forgotten(of.part->key);
  if (of.part->kind == commit_kind::two_phase) --two_phase_;
  entries_.erase(of.part->key);
  of.gone = true;
}

void core::tell(const unit& of, request_kind to, answer_kind what, const term& value, effects& out) {
  say(of, message{options_.self, of.part->coordinator(), reply{to, what, of.part->key, value}}, out);
}

void core::put_entry(unit& of, effects& out) {
  entry_record kept = *of.part;
  if (!kept.leads) kept.value = {};
  put(of, record_kind::entry, 0, std::move(kept), out);
}

void core::remember_forgotten(const step_key& key) {
  if (key.step.path.size() > options_.hops) return; // refused in any case
  const auto [at, added] = forgotten_.emplace(key, now_ + options_.keep);
  if (!added) return;
  const std::string& node = key.step.path.back().saga.node();
  const auto of = forgotten_by_node_.try_emplace(node).first;
  most_forgotten_.change(of->first, of->second.order.size(), of->second.order.size() + 1);
  longest_forgotten_.change(of->first, of->second.bytes, of->second.bytes + weight(key));
  of->second.order.push_back(at);
  of->second.bytes += weight(key);
  forgotten_bytes_ += weight(key);
  forgotten_due_ = std::min(forgotten_due_, at->second);
  const bool is_own = node == options_.self.node();
  const auto has_too_many = [this](const forgotten_keys& its) {
    return its.order.size() > share_of_one(options_.keep_count) ||
           its.bytes > share_of_one(options_.keep_bytes);
  };
  // The new key itself stays, whatever its size.
  while (!is_own && of->second.order.size() > 1 && has_too_many(of->second)) drop_forgotten(of);
  while (forgotten_.size() > 1 &&
         (forgotten_.size() > options_.keep_count || forgotten_bytes_ > options_.keep_bytes)) {
    const bool by_count = forgotten_.size() > options_.keep_count;
    drop_forgotten(forgotten_by_node_.find((by_count ? most_forgotten_ : longest_forgotten_).largest()));
  }
}

// Whether the step is prepared, without a decision. Then it keeps its preparation, and asks the coordinator.
bool core::is_in_doubt(const unit& of) const {
  if (!of.part || of.part->kind != commit_kind::two_phase || of.part->state != entry_state::done)
    return false;
  return !of.part->reverse_wanted && !of.part->confirm_wanted && of.part->calling == 0 &&
         (!of.lead || of.lead->what == phase::holding);
}

void core::entry_due(unit& of, effects& out) {
  entry& part = *of.part;
  part.due = never;
  if (is_in_doubt(of) || is_over(of)) {
    part.asks = true;
    part.due = now_ + patience(++part.tries);
    return say(of, message{options_.self, part.coordinator(), question{part.key}}, out);
  }
  if (part.calling != 0 || part.parked) return;
  if (of.lead) {
    if (of.lead->what == phase::own_reverse) call_reverse(of, out);
    if (of.lead->what == phase::own_confirm) call_confirm(of, out);
  } else if (part.reverse_wanted) {
    call_reverse(of, out);
  } else if (part.confirm_wanted) {
    call_confirm(of, out);
  }
}

std::size_t core::resolve_part(unit& of, bool commit, effects& out) {
  entry& part = *of.part;
  if (part.parked && !commit) {
    finish_reversal(of, out);
    return 1;
  }
  // Its coordinator does not come back. A done step stays: only the coordinator could say how to undo it.
  if (is_over(of) && is_overdue(part.deadline) && (commit || part.state != entry_state::done)) {
    forget(of, out);
    return 1;
  }
  if (!is_in_doubt(of)) return 0;
  part.heuristic = true;
  part.heuristic_commit = commit;
  part.asks = true;
  ++counted_.heuristic;
  put_entry(of, out);
  say(of, notice{notice::kind::heuristic, part.key, {}}, out);
  follow_operator(of, out);
  return 1;
}

void core::follow_operator(unit& of, effects& out) {
  entry& part = *of.part;
  part.confirm_wanted = part.heuristic_commit;
  part.reverse_wanted = !part.heuristic_commit;
  if (part.heuristic_commit)
    confirm_entry(of, out);
  else
    reverse_entry(of, out);
}

} // namespace coppice::saga
