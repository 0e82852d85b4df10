// SPDX-License-Identifier: MIT
// Rebuilds the open transactions from the records on the disk and continues them: a decision is sent again,
// and everything undecided is asked again. A crash may have cut the last write anywhere between two records.
// One thread at a time.
#include <algorithm>
#include <map>

#include "saga/core.hpp"

namespace coppice::saga {

using base::errc;
using phase = transaction::phase;

// Numbers are given out one by one and never come so far.
constexpr std::uint64_t highest_number = std::uint64_t{1} << 62;

// The records of one number.
struct core::found_records {
  std::optional<begin_record> begin;
  std::optional<entry_record> part;
  std::optional<decision_record> decision;
  std::optional<ended_record> ended;
  std::optional<reversed_record> reversed;
  std::map<std::uint32_t, plan_record> plans;
  std::map<std::uint32_t, skip_record> skips;

  void take(kept_record& one) {
    if (auto* const has_begin = std::get_if<begin_record>(&one.what)) begin = std::move(*has_begin);
    if (auto* const has_part = std::get_if<entry_record>(&one.what)) part = std::move(*has_part);
    if (auto* const has_decision = std::get_if<decision_record>(&one.what))
      decision = std::move(*has_decision);
    if (auto* const has_ended = std::get_if<ended_record>(&one.what)) ended = std::move(*has_ended);
    if (const auto* const has_reversed = std::get_if<reversed_record>(&one.what)) reversed = *has_reversed;
    if (auto* const has_plan = std::get_if<plan_record>(&one.what))
      plans[one.key.step] = std::move(*has_plan);
    if (const auto* const has_skip = std::get_if<skip_record>(&one.what)) skips[one.key.step] = *has_skip;
  }
};

base::result<std::unique_ptr<core>> core::start(const options& how, std::vector<kept_record> kept, nanos now,
                                                effects& out) {
  if (how.self.name().empty() || how.self.node().empty() || how.self.name().size() > longest_name ||
      how.self.node().size() > longest_name)
    return base::fail(errc::invalid, "a saga needs a name and a node of at most 255 bytes");
  if (how.hops == 0 || how.hops > deepest_path)
    return base::fail(errc::invalid, "hops has to be from 1 to 255");
  if (how.lifespan <= 0 || how.retry_first <= 0 || how.retry_max < how.retry_first || how.step_timeout <= 0)
    return base::fail(errc::invalid, "a time is not above zero, or retry.max below retry.first");
  std::unique_ptr<core> made(new core(how));
  made->now_ = now;
  if (auto read = made->recover(std::move(kept), out); !read)
    return base::fail(read.error().code, read.error().text);
  return made;
}

base::status core::recover(std::vector<kept_record> kept, effects& out) {
  const auto by_key = [](const kept_record& a, const kept_record& b) { return a.key < b.key; };
  if (!std::is_sorted(kept.begin(), kept.end(), by_key)) std::sort(kept.begin(), kept.end(), by_key);
  std::vector<std::uint64_t> numbers;
  for (auto at = kept.begin(); at != kept.end();) {
    const std::uint64_t number = at->key.number;
    found_records what;
    bool fits = number <= highest_number;
    for (; at != kept.end() && at->key.number == number; ++at) {
      fits = fits && static_cast<std::size_t>(at->key.kind) == at->what.index();
      what.take(*at);
    }
    if (!fits) return base::fail(errc::invalid, "a record does not belong to its key");
    if (auto read = recover_one(number, what, out); !read)
      return base::fail(read.error().code,
                        "records of number " + std::to_string(number) + ": " + read.error().text);
    numbers.push_back(number);
  }
  last_number_ = numbers.empty() ? 0 : numbers.back();
  for (const std::uint64_t number : numbers) {
    const auto at = units_.find(number);
    if (at == units_.end()) continue;
    resume(at->second, out);
    settle(at->second);
  }
  return {};
}

namespace {

// The keys of steps contain the saga's name and node, and other sagas ask it under these. Under another name
// steps would be run twice, or never end.
base::status same_name(const address& was, const address& is, const std::string& tx) {
  if (was == is) return {};
  return base::fail(errc::invalid, "the transaction " + tx + " is open under the name " + was.name() +
                                       " at " + was.node() + ", and the saga is now " + is.name() + " at " +
                                       is.node() + "; start it under its old name until nothing is open");
}

} // namespace

base::status core::recover_one(std::uint64_t number, found_records& what, effects& out) {
  unit& of = units_[number];
  of.number = number;
  if (what.ended || (!what.begin && !what.part)) {
    // It has ended; a crash has left some of its records.
    if (what.begin) put(of, record_kind::begin, 0, std::nullopt, out);
    for (const auto& [step, plan] : what.plans) put(of, record_kind::plan, step, std::nullopt, out);
    for (const auto& [step, skip] : what.skips) put(of, record_kind::skip, step, std::nullopt, out);
    if (what.reversed) put(of, record_kind::reversed, 0, std::nullopt, out);
    if (what.decision) put(of, record_kind::decision, 0, std::nullopt, out);
    if (!what.ended) {
      units_.erase(number);
      return {};
    }
    of.ended = std::move(what.ended);
    const nanos most = of.ended->gone ? longest_delay : options_.keep;
    of.ended->until = std::min(of.ended->until, now_ + most); // the clock may have been ahead
    note_ended(*of.ended, number);
    if (!roots_.emplace(of.ended->tx, number).second)
      return base::fail(errc::invalid, "two transactions have one id");
    return {};
  }
  if (what.begin && what.part) return base::fail(errc::invalid, "a transaction and an entry have one number");
  if (what.begin) {
    if (auto same = same_name(what.begin->self, options_.self, what.begin->tx); !same) return same;
    transaction& made = of.lead.emplace();
    made.self.tx = what.begin->tx;
    made.ends = what.begin->ends;
    made.kind = what.begin->kind;
    made.hops = what.begin->hops;
    made.starter = what.begin->starter;
    made.deadline = std::min(what.begin->deadline, now_ + options_.lifespan); // the clock may have been ahead
    made.value = what.begin->value;
    ++open_;
    if (!roots_.emplace(made.self.tx, number).second)
      return base::fail(errc::invalid, "two transactions have one id");
    return rebuild(of, what);
  }
  static_cast<entry_record&>(of.part.emplace()) = std::move(*what.part);
  entry& part = *of.part;
  if (auto same = same_name(part.self, options_.self, part.key.tx); !same) return same;
  part.deadline = std::min(part.deadline, now_ + options_.lifespan); // the clock may have been ahead
  if (part.ends > 0) part.hold = now_ + patience(part.ends);
  if (part.key.step.path.empty() || part.key.step.hops == 0)
    return base::fail(errc::invalid, "an entry without a path");
  if ((part.state == entry_state::coordinating && !part.leads) ||
      (part.heuristic && part.kind != commit_kind::two_phase))
    return base::fail(errc::invalid, "an entry contradicts itself");
  if (!entries_.emplace(part.key, number).second)
    return base::fail(errc::invalid, "two entries have one key");
  if (part.kind == commit_kind::two_phase) ++two_phase_;
  if (!part.leads) {
    // The step has begun, and the actor's answer was not completely on the disk.
    for (const auto& [step, plan] : what.plans) put(of, record_kind::plan, step, std::nullopt, out);
    if (what.decision) put(of, record_kind::decision, 0, std::nullopt, out);
    return {};
  }
  transaction& made = of.lead.emplace();
  made.self = part.key;
  made.kind = part.kind;
  made.hops = part.key.step.hops - 1;
  made.deadline = part.deadline;
  if (!what.plans.contains(0)) return base::fail(errc::invalid, "an entry that leads has no plan");
  return rebuild(of, what);
}

base::status core::rebuild(unit& of, found_records& what) {
  transaction& in = *of.lead;
  std::map<std::uint32_t, std::uint32_t> by_order;
  for (const auto& [by, plan] : what.plans) by_order[plan.order] = by;
  for (const auto& [order, by] : by_order) {
    const plan_record& one = what.plans.at(by);
    const bool fits = order == in.plans + 1 && one.first == in.steps.size() + 1 &&
                      (by == 0) == (order == 1) && by <= in.steps.size();
    if (!fits) return base::fail(errc::invalid, "plans do not fit together");
    in.take(by, one);
  }
  if (by_order.size() != what.plans.size()) return base::fail(errc::invalid, "two plans have one place");
  for (const auto& [number, skip] : what.skips) {
    if (number == 0 || number > in.steps.size()) return base::fail(errc::invalid, "no such step was skipped");
    in.steps[number - 1].skipped = true;
    in.steps[number - 1].gone = skip.gone;
    in.steps[number - 1].what = skip.gone ? step::state::forgotten : step::state::reversed;
  }
  // Steps without an answer that may have been requested before the restart.
  std::uint32_t group = std::numeric_limits<std::uint32_t>::max();
  for (const step& one : in.steps)
    if (one.what == step::state::planned) group = std::min(group, one.group);
  const bool may_be_asked = !in.final || group <= in.final_group;
  for (step& one : in.steps)
    if (may_be_asked && one.what == step::state::planned && one.group == group) one.what = step::state::asked;

  if (what.decision) {
    in.decided = true;
    in.committed = what.decision->committed;
    in.end = std::move(what.decision->value);
    in.what = !in.committed                       ? phase::reversing
              : in.kind == commit_kind::two_phase ? phase::confirming
                                                  : phase::forgetting;
  }
  if (what.reversed) {
    if (of.part || !in.decided || in.committed)
      return base::fail(errc::invalid, "a transaction is reversed that was not to be");
    in.reversed = true;
    in.what = phase::forgetting;
    for (step& one : in.steps)
      if (one.what == step::state::asked || one.what == step::state::done) one.what = step::state::reversed;
  }
  if (!of.part) return {};
  if (of.part->state == entry_state::begun)
    return base::fail(errc::invalid, "an entry that leads has not begun");
  if (of.part->state == entry_state::done && !in.decided) in.what = phase::holding;
  if (of.part->state != entry_state::done && of.part->state != entry_state::coordinating)
    in.what = phase::closed;
  return {};
}

// Continues the unit from the phase that it had reached.
void core::resume(unit& of, effects& out) {
  if (of.part && of.part->heuristic && of.part->state == entry_state::done &&
      (!of.lead || of.lead->what == phase::holding))
    return follow_operator(of, out);
  if (is_in_doubt(of)) of.part->due = now_ + delay(1);
  if (is_over(of)) { // what it asked, or was told, before the restart is not known
    of.part->asks = of.part->kind == commit_kind::two_phase;
    await_forget(of, out);
  }
  if (!of.lead) return;
  transaction& in = *of.lead;
  // After a long absence the deadlines of many transactions have passed. Their timers turn them in portions,
  // and the actor is not asked about them.
  if (in.undecided() && in.deadline <= now_) return;
  const std::uint32_t ends = of.part ? of.part->ends : in.ends;
  if (in.undecided() && ends >= most_ends) return turn(of, reason("exit"), out);
  if (in.what == phase::starting && (ends > 0 || has_portion())) {
    in.due = ends > 0 ? now_ + patience(ends) : now_;
    return;
  }
  if (in.what == phase::starting) {
    in.calling = ask_actor(of, {0, callback::start, in.kind, in.self, in.value, 1}, 0, out);
    return;
  }
  if (in.what == phase::running)
    for (step& one : in.steps)
      if (one.what == step::state::asked) {
        if (ends == 0) {
          ask(of, one, request_kind::perform, out);
        } else { // its answer calls the actor again
          one.key = key_of(in, one);
          one.pending = request_kind::perform;
          one.due = now_ + patience(ends);
        }
      }
  go_on(of, out);
}

} // namespace coppice::saga
