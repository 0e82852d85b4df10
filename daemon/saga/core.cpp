// SPDX-License-Identifier: MIT
// The parts that coordinator and participant share: which messages are accepted, records and the messages
// that wait for them, calls of the actor, time. One thread at a time.
#include "saga/core.hpp"

#include "saga/node_room.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace coppice::saga {

void core::put(unit& of, record_kind kind, std::uint32_t step, std::optional<record> what, effects& out,
               bool can_wait) {
  const std::size_t bytes = weight(what);
  if (out.writes.empty() || write_bytes_ + bytes > options_.longest_write) {
    out.writes.push_back({++last_write_, {}, can_wait});
    writes_.push_back({last_write_, 0, {}});
    write_bytes_ = 0;
  }
  write_bytes_ += bytes;
  handled_bytes_ += bytes;
  writes_.back().bytes += bytes;
  unwritten_ += bytes;
  write& last = out.writes.back();
  last.changes.push_back({{of.number, kind, step}, std::move(what)});
  last.can_wait = last.can_wait && can_wait;
  of.last_write = last_write_;
}

void core::release(held&& one, effects& out) const {
  if (auto* const timed = std::get_if<timed_message>(&one)) {
    const nanos left = std::max<nanos>(0, timed->deadline - now_);
    std::get<request>(timed->what.body).left_ms = static_cast<std::uint64_t>(left / base::nanos_per_ms);
    out.messages.push_back(std::move(timed->what));
  }
  if (auto* const message_ = std::get_if<message>(&one)) out.messages.push_back(std::move(*message_));
  if (auto* const call_ = std::get_if<call>(&one)) out.calls.push_back(std::move(*call_));
  if (auto* const notice_ = std::get_if<notice>(&one)) out.notices.push_back(std::move(*notice_));
  if (auto* const answer_ = std::get_if<answer>(&one)) out.answers.push_back(*answer_);
  if (auto* const stop_ = std::get_if<stop>(&one)) out.stops.push_back(stop_->token);
}

struct core::held_bytes {
  std::size_t operator()(const message& of) const {
    return std::visit(
        [](const auto& body) {
          std::size_t sum = weight(body.key);
          if constexpr (requires { body.value; }) sum += body.value.encoded.size();
          return sum;
        },
        of.body);
  }
  std::size_t operator()(const timed_message& of) const { return (*this)(of.what); }
  std::size_t operator()(const call& of) const { return weight(of.key) + of.value.encoded.size(); }
  std::size_t operator()(const notice& of) const { return weight(of.key) + of.value.encoded.size(); }
  std::size_t operator()(const answer&) const { return 64; }
  std::size_t operator()(const stop&) const { return 64; }
};

// Releases `what` as soon as this write is on the disk.
void core::say_after(std::uint64_t write, held what, effects& out) {
  const std::size_t bytes = std::visit(held_bytes(), what);
  handled_bytes_ += bytes;
  if (write <= written_) return release(std::move(what), out);
  pending_write& before = writes_[write - writes_.front().number];
  before.bytes += bytes;
  unwritten_ += bytes;
  before.after.push_back(std::move(what));
}

void core::written(nanos now, std::uint64_t number, effects& out) {
  enter(now);
  written_ = std::max(written_, std::min(number, last_write_));
  while (!writes_.empty() && writes_.front().number <= written_) {
    for (held& one : writes_.front().after) release(std::move(one), out);
    unwritten_ -= writes_.front().bytes;
    writes_.pop_front();
  }
}

std::uint64_t core::ask_actor(const unit& of, call what, std::uint32_t step, effects& out) {
  what.token = ++last_token_;
  asked_[last_token_] = {of.number, what.what, step};
  say(of, std::move(what), out);
  return last_token_;
}

void core::answered(nanos now, std::uint64_t token, verdict&& what, effects& out) {
  enter(now);
  const auto known = asked_.find(token);
  if (known == asked_.end()) return;
  const open_call about = known->second;
  asked_.erase(known);
  const auto at = units_.find(about.number);
  if (at == units_.end()) return;
  unit& of = at->second;
  if (about.what == callback::start) {
    if (of.lead && of.lead->calling == token) decide_start(of, std::move(what), out);
  } else if (about.what == callback::result || about.what == callback::failed) {
    step* const about_step =
        of.lead && about.step <= of.lead->steps.size() ? &of.lead->steps[about.step - 1] : nullptr;
    if (about_step != nullptr && about_step->calling == token)
      decide_step(of, *about_step, std::move(what), out);
  } else if (of.part && of.part->calling == token) {
    of.part->calling = 0;
    if (about.what == callback::perform) performed(of, std::move(what), out);
    if (about.what == callback::reverse) entry_reversed(of, std::move(what), out);
    if (about.what == callback::confirm) entry_confirmed(of, what, out);
  }
  settle(of);
}

void core::actor_ended(nanos now, std::uint64_t token, effects& out) {
  enter(now);
  const auto known = asked_.find(token);
  const auto at = known == asked_.end() ? units_.end() : units_.find(known->second.number);
  if (at == units_.end()) return;
  unit& of = at->second;
  const std::uint32_t step = known->second.step;
  const bool is_open =
      (of.lead && (of.lead->calling == token || (step > 0 && step <= of.lead->steps.size() &&
                                                 of.lead->steps[step - 1].calling == token))) ||
      (of.part && of.part->calling == token);
  if (!is_open || of.last_write > written_) return;
  if (of.part) {
    ++of.part->ends;
    return put_entry(of, out);
  }
  ++of.lead->ends;
  put_begin(of, out);
}

void core::call_ended(nanos now, std::uint64_t token, effects& out) {
  enter(now);
  const auto known = asked_.find(token);
  if (known == asked_.end()) return;
  const open_call about = known->second;
  asked_.erase(known);
  const auto at = units_.find(about.number);
  if (at == units_.end() || !at->second.part || at->second.part->calling != token) return;
  unit& of = at->second;
  of.part->calling = 0;
  if (about.what == callback::perform)
    perform_ended(of, out);
  else
    of.part->due = now_ + delay(++of.part->tries);
  settle(of);
}

void core::receive(nanos now, message&& in, effects& out) {
  enter(now);
  if (in.to != options_.self) return count(drop::receiver);
  std::visit(
      [&](auto& body) {
        if (!is_sound(body.key) || body.key.step.path.empty()) return count(drop::malformed);
        on(in, body, out);
      },
      in.body);
}

unit& core::make_unit() {
  unit& made = units_[++last_number_];
  made.number = last_number_;
  return made;
}

unit* core::find_entry(const step_key& key) {
  const auto at = entries_.find(key);
  return at == entries_.end() ? nullptr : &units_.at(at->second);
}

// The unit of the transaction that has given out this step, open or ended.
unit* core::find_coordinator(const step_key& of_step) {
  if (of_step.step.path.size() == 1) {
    const auto at = roots_.find(of_step.tx);
    return at == roots_.end() ? nullptr : &units_.at(at->second);
  }
  step_key above = of_step;
  above.step.path = of_step.step.path.above();
  ++above.step.hops;
  unit* const found = find_entry(above);
  return found != nullptr && found->lead ? found : nullptr;
}

base::nanos core::delay(std::uint32_t tries, nanos first, nanos max) const {
  const nanos most = std::min(max, longest_delay);
  nanos after = std::min(first, most);
  for (std::uint32_t i = 1; i < tries && after < most; ++i) after *= 2;
  return std::min(after, most);
}

base::nanos core::patience(std::uint32_t tries) const {
  return std::max(options_.step_timeout, delay(tries));
}

base::nanos core::due_of(const unit& of) const {
  nanos due = of.part ? of.part->due : never;
  if (!of.lead) return due;
  if (of.lead->undecided()) due = std::min(due, of.lead->deadline);
  due = std::min(due, of.lead->due);
  for (const step& one : of.lead->steps) due = std::min(due, one.due);
  return due;
}

core::~core() {
  if (options_.room == nullptr) return;
  for (const auto& [node, its] : shares_) options_.room->change(node, its.bytes, 0);
}

// Brings the share of the node that the unit is open for up to date. No effect if the unit's share is still
// as it was counted.
void core::count_share(unit& of) {
  node_share now;
  if (!of.gone && of.part) {
    const entry& part = *of.part;
    now.entries = 1;
    now.two_phase = part.kind == commit_kind::two_phase ? 1 : 0;
    now.bytes =
        weight(part.key) + part.value.encoded.size() + part.answer.encoded.size() + part.word.encoded.size();
    now.words = part.word.encoded.empty() ? 0 : 1;
  } else if (!of.gone && of.lead) {
    now.transactions = 1;
    now.bytes = of.lead->self.tx.size() + of.lead->value.encoded.size();
  }
  if (now == of.counted) return;
  const node_share before = std::exchange(of.counted, now);
  const std::string& node = of.part   ? of.part->coordinator().node()
                            : of.lead ? of.lead->starter
                                      : of.ended->starter;
  if (node == options_.self.node()) return;
  node_share& whole = shares_[node];
  whole.transactions += now.transactions - before.transactions;
  whole.entries += now.entries - before.entries;
  whole.two_phase += now.two_phase - before.two_phase;
  whole.bytes += now.bytes - before.bytes;
  whole.words += now.words - before.words;
  bytes_for_others_ += now.bytes - before.bytes;
  if (options_.room != nullptr) options_.room->change(node, before.bytes, now.bytes);
  if (whole == node_share()) shares_.erase(node);
}

bool core::exceeds_share(const std::string& node, const node_share& more) const {
  if (node == options_.self.node()) return false;
  const auto known = shares_.find(node);
  const node_share has = known == shares_.end() ? node_share() : known->second;
  return has.transactions + more.transactions > share_of_one(options_.max_transactions) ||
         has.entries + more.entries > share_of_one(options_.keep_count) ||
         has.two_phase + more.two_phase > share_of_one(options_.max_in_doubt) ||
         !has_bytes_for(node, more.bytes);
}

bool core::has_bytes_for(const std::string& node, std::size_t more) const {
  if (node == options_.self.node()) return true;
  const std::size_t most = options_.max_bytes_for_others;
  const auto known = shares_.find(node);
  const std::size_t has = known == shares_.end() ? 0 : known->second.bytes;
  return has + more <= share_of_one(most) && bytes_for_others_ + more <= most &&
         (options_.room == nullptr || options_.room->has(node, more, most));
}

// Keeps the lists of units that wait for other nodes or an operator, so that a look at them only costs what
// it shows.
void core::list(unit& of) {
  const auto place = [&](by_time& in, nanos& is, nanos wanted) {
    if (is == wanted) return;
    if (is != never) in.erase({is, of.number});
    if (wanted != never) in.emplace(wanted, of.number);
    is = wanted;
  };
  nanos since = never;
  if (!of.gone && is_in_doubt(of))
    since = of.in_doubt_since != never ? of.in_doubt_since : std::min(now_, of.part->deadline);
  place(in_doubt_, of.in_doubt_since, since);
  std::size_t parked = !of.gone && of.part && of.part->parked ? 1 : 0;
  if (!of.gone && of.lead)
    for (const step& one : of.lead->steps) parked += one.parked ? 1 : 0;
  const bool ends = !of.gone && parked == 0 && is_ending(of);
  place(ending_, of.ending, !ends ? never : of.lead ? of.lead->deadline : of.part->deadline);
  if (parked == of.parked) return;
  if (of.parked == 0) parked_units_.insert(of.number);
  if (parked == 0) parked_units_.erase(of.number);
  parked_ = parked_ + parked - of.parked;
  of.parked = parked;
}

// Whether the unit's end is decided and not yet carried out by all participants, or here by the actor.
bool core::is_ending(const unit& of) {
  using phase = transaction::phase;
  if (of.lead) {
    const phase at = of.lead->what;
    return !of.lead->undecided() && at != phase::holding && at != phase::closed;
  }
  if (!of.part || (of.part->state != entry_state::begun && of.part->state != entry_state::done)) return false;
  return of.part->reverse_wanted || of.part->confirm_wanted;
}

// Called after each event: lists the unit, removes it, or sets its timer.
void core::settle(unit& of) {
  count_share(of);
  list(of);
  if (of.gone) {
    units_.erase(of.number);
    return;
  }
  const nanos due = due_of(of);
  if (due >= of.timer_at) return;
  of.timer_at = due;
  timers_.push_back({due, of.number});
  std::push_heap(timers_.begin(), timers_.end(), std::greater<>());
}

base::nanos core::wake() const {
  if (keeps_too_many()) return now_;
  const nanos at = timers_.empty() ? never : timers_.front().at;
  return std::min({at, ended_due_, forgotten_due_});
}

void core::advance(nanos now, effects& out) {
  enter(now);
  while (!timers_.empty() && timers_.front().at <= now_ && !has_portion()) {
    const timer due = timers_.front();
    std::pop_heap(timers_.begin(), timers_.end(), std::greater<>());
    timers_.pop_back();
    const auto at = units_.find(due.number);
    if (at == units_.end() || at->second.timer_at != due.at) continue;
    at->second.timer_at = never;
    on_due(at->second, out);
    settle(at->second);
  }
  expire(out);
}

void core::on_due(unit& of, effects& out) {
  if (of.part && of.part->due <= now_) entry_due(of, out);
  if (!of.lead) return;
  if (of.lead->undecided() && of.lead->deadline <= now_) return turn(of, reason("lifespan"), out);
  if (of.lead->due <= now_) {
    transaction& in = *of.lead;
    in.due = never;
    in.calling = ask_actor(of, {0, callback::start, in.kind, in.self, in.value, 1}, 0, out);
  }
  bool begins = false;
  for (step& one : of.lead->steps) {
    if (one.due > now_) continue;
    one.due = never;
    if (one.pending) {
      if (one.tries > 0) ++counted_.asked_again;
      send(of, one, out);
    } else {
      begins = true;
    }
  }
  if (begins) go_on(of, out);
}

void core::note_ended(const ended_record& what, std::uint64_t number) {
  const auto of = ended_by_node_.try_emplace(what.starter).first;
  ended_units& its = of->second;
  most_ended_.change(of->first, its.order.size(), its.order.size() + 1);
  longest_ended_.change(of->first, its.bytes, its.bytes + weight(what));
  its.order.emplace(what.until, number);
  its.bytes += weight(what);
  ++ended_;
  ended_bytes_ += weight(what);
  ended_due_ = std::min(ended_due_, what.until);
}

core::ended_by_node::iterator core::next_to_expire() {
  if (ended_ > options_.keep_count) return ended_by_node_.find(most_ended_.largest());
  if (keeps_too_many()) return ended_by_node_.find(longest_ended_.largest());
  if (ended_due_ > now_) return ended_by_node_.end();
  ended_due_ = never;
  for (auto at = ended_by_node_.begin(); at != ended_by_node_.end(); ++at) {
    ended_due_ = std::min(ended_due_, at->second.order.begin()->first);
    if (ended_due_ <= now_) return at;
  }
  return ended_by_node_.end();
}

// Drops outcomes and keys that were kept for long enough, and the oldest ones if there are too many. The
// node that has the most loses them, so a node that ends very many transactions pushes out its own.
void core::expire(effects& out) {
  while (!has_portion()) {
    const auto from = next_to_expire();
    if (from == ended_by_node_.end()) break;
    ended_units& its = from->second;
    unit& of = units_.at(its.order.begin()->second);
    const std::size_t bytes = weight(*of.ended);
    --ended_;
    ended_bytes_ -= bytes;
    most_ended_.change(from->first, its.order.size(), its.order.size() - 1);
    longest_ended_.change(from->first, its.bytes, its.bytes - bytes);
    its.bytes -= bytes;
    its.order.erase(its.order.begin());
    if (its.order.empty()) ended_by_node_.erase(from);
    put(of, record_kind::ended, 0, std::nullopt, out, true);
    roots_.erase(of.ended->tx);
    of.gone = true;
    settle(of);
  }
  if (forgotten_due_ > now_) return;
  forgotten_due_ = never;
  for (auto of = forgotten_by_node_.begin(); of != forgotten_by_node_.end();) {
    const auto next = std::next(of);
    for (std::size_t left = of->second.order.size(); left > 0; --left) {
      const nanos goes = of->second.order.front()->second;
      if (goes > now_) {
        forgotten_due_ = std::min(forgotten_due_, goes);
        break;
      }
      drop_forgotten(of);
    }
    of = next;
  }
}

void core::drop_forgotten(forgotten_by_node::iterator of) {
  forgotten_keys& its = of->second;
  const auto oldest = its.order.front();
  const std::size_t bytes = weight(oldest->first);
  most_forgotten_.change(of->first, its.order.size(), its.order.size() - 1);
  longest_forgotten_.change(of->first, its.bytes, its.bytes - bytes);
  forgotten_bytes_ -= bytes;
  its.bytes -= bytes;
  its.order.pop_front();
  forgotten_.erase(oldest);
  if (its.order.empty()) forgotten_by_node_.erase(of);
}

void core::resolve(nanos now, std::uint64_t token, const std::string& tx, bool commit, effects& out) {
  enter(now);
  std::size_t changed = 0;
  const std::vector<std::uint64_t> numbers = numbers_of(tx);
  for (const std::uint64_t number : numbers) {
    unit& of = units_.at(number);
    if (of.part) changed += resolve_part(of, commit, out);
    changed += resolve_lead(of, commit, out);
    settle(of);
  }
  if (changed > 0) return say_after(last_write_, answer{token, client_answer::resolved, changed}, out);
  const bool known = !numbers.empty() || roots_.contains(tx);
  out.answers.push_back({token, known ? client_answer::over : client_answer::unknown});
}

outcome core::outcome_of(const std::string& tx) const {
  const auto at = roots_.find(tx);
  if (at == roots_.end()) return {};
  const unit& of = units_.at(at->second);
  if (of.decided_write > written_) return {outcome_kind::open, {}}; // after a crash it may be another one
  if (of.ended) return of.ended->how;
  const transaction& in = *of.lead;
  using phase = transaction::phase;
  if (in.committed) return {outcome_kind::committed, in.end};
  if (in.what != phase::forgetting) return {outcome_kind::open, {}};
  return {in.kind == commit_kind::compensate ? outcome_kind::compensated : outcome_kind::aborted, in.end};
}

term reason(std::string_view word) {
  term made;
  made.encoded = {'w', static_cast<char>(word.size())}; // SMALL_ATOM_UTF8_EXT
  made.encoded += word;
  return made;
}

} // namespace coppice::saga
