// SPDX-License-Identifier: MIT
// The checks of a simulated run.
#include "truth.hpp"

#include <algorithm>
#include <cstring>

namespace coppice::saga::simulation {

void fail(const std::string& what) {
  throw violation(what);
}

term order::encode() const {
  term made;
  made.encoded.resize(10);
  std::memcpy(made.encoded.data(), &amount, 4);
  std::memcpy(made.encoded.data() + 4, &salt, 4);
  made.encoded[8] = static_cast<char>(depth);
  made.encoded[9] = static_cast<char>(leads_on);
  return made;
}

order order::decode(const term& from) {
  order made;
  std::memcpy(&made.amount, from.encoded.data(), 4);
  std::memcpy(&made.salt, from.encoded.data() + 4, 4);
  made.depth = static_cast<std::uint8_t>(from.encoded[8]);
  made.leads_on = from.encoded[9] != 0;
  return made;
}

std::size_t key_hash::operator()(const step_key& of) const {
  std::uint64_t made = std::hash<std::string>()(of.tx);
  for (const hop& one : of.step.path) made = made * 31 + one.number;
  return mix(made);
}

std::string shown(const step_key& of) {
  std::string made = of.tx;
  for (const hop& one : of.step.path) made += "/" + one.saga.node() + ":" + std::to_string(one.number);
  return made;
}

step_key above(step_key of) {
  of.step.path = of.step.path.above();
  of.step.hops = of.step.path.empty() ? 0 : of.step.hops + 1;
  return of;
}

void truth::performs(const step_key& key, const address& at, std::uint32_t attempt, commit_kind kind) {
  for (const hop& one : key.step.path)
    if (one.saga == at) fail("loop: " + at.node() + " takes part below itself in " + shown(key));
  effect& of = effects_[key];
  if (of.kept) fail("kept answers: the step " + shown(key) + " runs again");
  if (of.ran && attempt <= of.attempt) fail("attempts: an earlier try of " + shown(key) + " is not told");
  if (of.runs) fail("one at a time: " + shown(key) + " begins while it runs");
  if (of.ran) ++repeat_count;
  of.ran = of.runs = true;
  of.attempt = attempt;
  of.kind = kind;
}

void truth::performed(const step_key& key) {
  effects_[key].runs = false;
}

bool truth::has_effect(const step_key& key) const {
  const auto at = effects_.find(key);
  return at != effects_.end() && (at->second.taken || at->second.prepared);
}

void truth::took_effect(const step_key& key, std::int32_t amount) {
  effect& of = effects_[key];
  of.amount = amount;
  (of.kind == commit_kind::two_phase ? of.prepared : of.taken) = true;
}

void truth::reverses(const step_key& key) {
  ++undo_count;
  effect& of = effects_[key];
  if (!of.begun) fail("undo: " + shown(key) + " is undone and never began");
  if (of.runs) fail("undo: " + shown(key) + " is undone while it runs");
  if (of.undone) fail("undo: " + shown(key) + " is undone again after that was kept");
  if (of.kind == commit_kind::two_phase) {
    const auto outcome = transactions_.find(key.tx);
    if (of.taken || (of.prepared && outcome->second.how == outcome_kind::committed))
      fail("one outcome: " + shown(key) + " is aborted in a committed transaction");
    return;
  }
  if (of.reversing) return; // the undo began before
  of.reversing = true;
  const step_key coordinator = above(key);
  const auto done = done_.find(coordinator);
  if (done == done_.end()) return;
  const auto self = std::find(done->second.begin(), done->second.end(), key.step.path.back().number);
  if (self == done->second.end()) return;
  for (auto later = self + 1; later != done->second.end(); ++later) {
    step_key other = key;
    other.step.path = coordinator.step.path.below({key.step.path.back().saga, *later});
    if (!effects_[other].reversing)
      fail("undo order: " + shown(key) + " is undone before " + shown(other) + ", which was done later");
  }
}

void truth::is_reversed(const step_key& key) {
  effect& of = effects_[key];
  of.taken = of.prepared = false;
}

void truth::confirms(const step_key& key) {
  const effect& of = effects_[key];
  if (of.kind != commit_kind::two_phase) fail("commit: " + shown(key) + " was not prepared");
  const outcome_kind how = transactions_[key.tx].how;
  if (how != outcome_kind::open && how != outcome_kind::committed)
    fail("one outcome: " + shown(key) + " is committed in an aborted transaction");
}

void truth::is_confirmed(const step_key& key) {
  effect& of = effects_[key];
  if (of.prepared) of.taken = true;
  of.prepared = false;
}

void truth::asks_about(callback what, const step_key& key) {
  const step_key coordinator = what == callback::start ? key : above(key);
  const std::uint32_t by = what == callback::start ? 0 : key.step.path.back().number;
  const auto at = answered_.find(coordinator);
  if (at != answered_.end() && std::find(at->second.begin(), at->second.end(), by) != at->second.end())
    fail("asked once: the actor is asked again about " + shown(key));
}

void truth::stored(const step_key& of_unit, const change& what) {
  if (!what.what) return;
  if (const auto* const plan = std::get_if<plan_record>(&*what.what)) {
    answered_[of_unit].push_back(what.key.step);
    if (what.key.step > 0 && plan->succeeded) done_[of_unit].push_back(what.key.step);
  }
  if (const auto* const decision = std::get_if<decision_record>(&*what.what)) {
    const auto [at, added] = logged_.emplace(of_unit, decision->committed);
    if (!added && at->second != decision->committed) fail("one outcome: two decisions of " + shown(of_unit));
    if (of_unit.step.path.empty() && decision->committed)
      transactions_[of_unit.tx].how = outcome_kind::committed;
    if (added && of_unit.step.path.empty()) ++(decision->committed ? committed_count : reversed_count);
  }
  if (const auto* const ended = std::get_if<ended_record>(&*what.what))
    if (logged_[{ended->tx, {}}] != (ended->how.what == outcome_kind::committed))
      fail("one outcome: " + ended->tx + " is kept with another than it had");
  const auto* const part = std::get_if<entry_record>(&*what.what);
  if (part == nullptr) return;
  effect& of = effects_[part->key];
  of.begun = true;
  if (part->state == entry_state::begun) return;
  of.kept = true;
  if (part->state == entry_state::reversed) of.undone = true;
}

void truth::begins(const std::string& tx, base::nanos deadline) {
  transactions_[tx].deadline = deadline;
}

void truth::sends(const request& what, base::nanos now) {
  const step_key coordinator = above(what.key);
  if (what.what == request_kind::perform) {
    const base::nanos until = now + static_cast<base::nanos>(what.left_ms) * base::nanos_per_ms;
    const base::nanos bound =
        coordinator.step.path.empty() ? transactions_[what.key.tx].deadline : bound_[coordinator];
    if (what.left_ms > 0 && until > bound)
      fail("deadline: that of " + shown(what.key) + " moves into the future");
    return;
  }
  // An abort may also answer a question about an unknown transaction.
  if (what.what == request_kind::confirm) {
    const auto logged = logged_.find(coordinator);
    if (logged == logged_.end() || !logged->second)
      fail("durable: a commit of " + shown(what.key) + " is told before it is kept");
  }
}

void truth::comes(const request& what, base::nanos now) {
  if (what.what != request_kind::perform) return;
  base::nanos& bound = bound_[what.key];
  bound = std::max(bound, now + static_cast<base::nanos>(what.left_ms) * base::nanos_per_ms);
}

void truth::interim_at(const step_key& of_coordinator) const {
  if (decided_.contains(of_coordinator)) fail("interim: told after the end of " + shown(of_coordinator));
}

void truth::ends(const std::string& tx, outcome_kind how) {
  transaction_truth& of = transactions_[tx];
  if (of.how != outcome_kind::open && of.how != how) fail("one outcome: " + tx + " has two");
  const auto logged = logged_.find({tx, {}});
  if (logged == logged_.end()) fail("durable: the outcome of " + tx + " is told before it is kept");
  of.how = how;
}

void truth::check_at_rest() const {
  std::unordered_map<std::string, std::int64_t> sums;
  for (const auto& [key, of] : effects_) {
    if (of.prepared) fail("in doubt: " + shown(key) + " still is");
    if (!of.taken) continue;
    sums[key.tx] += of.amount;
    const auto at = transactions_.find(key.tx);
    if (at == transactions_.end() || at->second.how != outcome_kind::committed)
      fail("one outcome: " + shown(key) + " has an effect, and its transaction is not committed");
  }
  for (const auto& [tx, sum] : sums)
    if (sum != 0) fail("money: " + tx + " made " + std::to_string(sum));
}

} // namespace coppice::saga::simulation
