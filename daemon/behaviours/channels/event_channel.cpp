// SPDX-License-Identifier: MIT
// Numbers, keeps and hands out events under one lock. With that lock held, a channel may call an outlet,
// which takes the outlet's lock for a moment; an outlet calls a channel without holding its own lock.
#include "behaviours/channels/event_channel.hpp"

#include <algorithm>
#include <utility>

#include "behaviours/channels/event_outlet.hpp"
#include "behaviours/channels/event_terms.hpp"

namespace coppice::behaviours {

namespace {
constexpr std::uint64_t nothing = UINT64_MAX; // no event is needed
} // namespace

event_channel::event_channel(runtime::message label, std::vector<event_outlet*> outlets,
                             std::function<void(std::size_t)> counted)
    : label_(std::move(label)),
      outlets_(std::move(outlets)),
      counted_(std::move(counted)),
      parts_(outlets_.size(), part{.needs_after = nothing, .lowest = nothing, .joining = {}}) {}

void event_channel::begin(std::uint32_t creation, std::uint64_t last, const channel_options& options) {
  const std::scoped_lock held(lock_);
  creation_ = creation;
  last_ = last;
  options_ = options;
  open_ = true;
}

void event_channel::change(const channel_options& options) {
  const std::scoped_lock held(lock_);
  options_ = options;
  trim();
  call_waiting();
}

channel_options event_channel::options() const {
  const std::scoped_lock held(lock_);
  return options_;
}

event_channel::outcome event_channel::publish(etf::bytes payload, std::uint64_t* seq) {
  const std::scoped_lock held(lock_);
  if (ended_ || !open_) return outcome::closed;
  if (payload.size() > options_.bytes) return outcome::too_large;
  if (is_full()) return outcome::full;
  ++published_;
  ++last_;
  if (seq != nullptr) *seq = last_;
  if (!subscribers_.empty() || options_.buffer != 0) keep(last_, base::wall_now(), payload);
  return outcome::published;
}

std::uint64_t event_channel::when_room(std::function<void()> then) {
  const std::scoped_lock held(lock_);
  const std::uint64_t number = ++last_waiting_;
  if (ended_ || !is_full())
    then();
  else
    waiting_.emplace(number, std::move(then));
  return number;
}

void event_channel::no_longer_waits(std::uint64_t number) {
  const std::scoped_lock held(lock_);
  waiting_.erase(number);
}

void event_channel::call_waiting() {
  if (waiting_.empty() || (!ended_ && is_full())) return;
  for (const auto& [number, then] : std::exchange(waiting_, {})) then();
}

// ---- a channel that follows another node's event ----

void event_channel::opened(const subscription_begin& how) {
  const std::scoped_lock held(lock_);
  if (ended_ || open_) return;
  creation_ = how.creation;
  last_ = how.first == 0 ? how.last : how.first - 1;
  live_after_ = how.last;
  follows_ = true;
  options_.buffer = how.buffer;
  if (how.queue != 0) options_.queue = how.queue;
  open_ = true;
  for (const early_subscriber& one : std::exchange(early_, {})) {
    const auto found = subscribers_.find(one.who);
    if (found != subscribers_.end())
      hand_over(found->second.outlet, place(one.who, found->second.id, one.how));
  }
}

void event_channel::append(std::uint64_t seq, std::int64_t time, etf::bytes payload) {
  const std::scoped_lock held(lock_);
  if (ended_ || !open_ || seq <= last_) return;
  ++published_;
  last_ = seq;
  if (!subscribers_.empty() || options_.buffer != 0) keep(seq, time, payload);
}

void event_channel::skip(std::uint64_t seq) {
  const std::scoped_lock held(lock_);
  if (ended_ || !open_ || seq <= last_) return;
  last_ = seq;
  tell_outlets();
}

// ---- kept events ----

void event_channel::keep(std::uint64_t seq, std::int64_t time, etf::bytes payload) {
  kept_.push_back({seq, event_term(label_.bytes(), seq, time, payload)});
  kept_bytes_ += kept_.back().event.size();
  tell_outlets();
  trim();
}

void event_channel::tell_outlets() {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].subscribers == 0 || std::exchange(parts_[i].has_news, true)) continue;
    outlets_[i]->take({channel_order::kind::news, shared_from_this()});
  }
}

std::uint64_t event_channel::needed_after() const {
  std::uint64_t least = nothing;
  for (const part& each : parts_) {
    if (each.subscribers == 0) continue;
    least = std::min(least, each.needs_after);
    for (const joining_subscriber& one : each.joining) least = std::min(least, one.cursor);
  }
  return least;
}

bool event_channel::is_over() const {
  return kept_.size() > std::size_t{options_.buffer} + options_.queue || kept_bytes_ > most_queued_bytes;
}

bool event_channel::is_full() const {
  return options_.slow == slow_subscriber::park && !kept_.empty() &&
         (kept_.size() >= std::size_t{options_.buffer} + options_.queue || kept_bytes_ > most_queued_bytes) &&
         kept_.front().seq > needed_after();
}

void event_channel::trim() {
  const std::uint64_t needed = needed_after();
  const auto is_buffered = [this] {
    return kept_.size() <= options_.buffer && !(follows_ && kept_bytes_ > most_queued_bytes);
  };
  while (!kept_.empty() && !is_buffered() && (kept_.front().seq <= needed || is_over())) {
    kept_bytes_ -= kept_.front().event.size();
    kept_.pop_front();
  }
}

// ---- the end ----

void event_channel::end(runtime::message reason) {
  const std::scoped_lock held(lock_);
  if (ended_) return;
  ended_ = std::move(reason);
  const bool any = !subscribers_.empty();
  // Subscribers of a channel that is not open begin now, to be told of the end.
  if (!open_) {
    open_ = true;
    for (const early_subscriber& one : std::exchange(early_, {})) {
      const auto found = subscribers_.find(one.who);
      if (found != subscribers_.end()) hand_over(found->second.outlet, place(one.who, found->second.id, {}));
    }
  }
  tell_outlets();
  subscribers_.clear();
  if (any && counted_) counted_(0);
  call_waiting();
}

bool event_channel::ended() const {
  const std::scoped_lock held(lock_);
  return ended_.has_value();
}

bool event_channel::end_if_idle() {
  const std::scoped_lock held(lock_);
  if (!subscribers_.empty()) return false;
  if (!ended_) ended_ = runtime::message::atom("normal");
  return true;
}

// ---- subscribers ----

joining_subscriber event_channel::place(const runtime::pid& who, std::uint64_t id,
                                        const event_subscribe_options& how) const {
  using kind = event_subscribe_options::kind;
  const std::size_t old = kept_.size() > options_.buffer ? kept_.size() - options_.buffer : 0;
  const std::uint64_t buffered = old < kept_.size() ? kept_[old].seq - 1 : last_;
  joining_subscriber out{.id = id, .who = who, .cursor = buffered, .foreign = false, .link = how.link};
  if (how.begin == kind::now) out.cursor = std::max(last_, live_after_);
  if (how.begin != kind::after) return out;
  const bool is_known = how.after.creation == 0 || how.after.creation == creation_;
  out.foreign = !is_known || how.after.seq > std::max(last_, live_after_);
  if (!out.foreign) out.cursor = how.after.seq;
  return out;
}

void event_channel::hand_over(std::size_t outlet, joining_subscriber one) {
  parts_[outlet].joining.push_back(one);
  outlets_[outlet]->take({channel_order::kind::join, shared_from_this(), one});
}

subscription_begin event_channel::state_after(std::uint64_t cursor) const {
  return {creation_, cursor + 1, std::max(last_, live_after_), options_.buffer, options_.queue};
}

base::result<subscription_begin> event_channel::subscribe(const runtime::pid& who, std::size_t outlet,
                                                          const event_subscribe_options& how) {
  const std::scoped_lock held(lock_);
  if (ended_) return unexpected(base::error{base::errc::closed, "the event has ended"});
  if (subscribers_.size() >= most_subscribers && !subscribers_.contains(who))
    return unexpected(base::error{base::errc::limit, "the event has too many subscribers"});
  const auto [at, is_new] = subscribers_.try_emplace(who, registration{last_id_ + 1, outlet});
  if (!is_new) return unexpected(base::error{base::errc::exists, "it has subscribed"});
  ++last_id_;
  ++parts_[outlet].subscribers;
  subscription_begin out;
  if (open_) {
    const joining_subscriber one = place(who, last_id_, how);
    hand_over(outlet, one);
    out = state_after(one.cursor);
  } else {
    early_.push_back({who, how});
  }
  if (subscribers_.size() == 1 && counted_) counted_(1);
  return out;
}

void event_channel::forget(const runtime::pid& who) {
  const auto found = subscribers_.find(who);
  part& of = parts_[found->second.outlet];
  --of.subscribers;
  std::erase_if(of.joining, [id = found->second.id](const auto& one) { return one.id == id; });
  std::erase_if(early_, [&who](const auto& one) { return one.who == who; });
  subscribers_.erase(found);
  if (of.subscribers == 0) of.needs_after = of.lowest = nothing;
  trim();
  if (subscribers_.empty() && counted_) counted_(0);
}

bool event_channel::has(const runtime::pid& who) const {
  const std::scoped_lock held(lock_);
  return subscribers_.contains(who);
}

std::vector<runtime::pid> event_channel::some_subscribers(std::size_t most) const {
  const std::scoped_lock held(lock_);
  std::vector<runtime::pid> out;
  for (auto at = subscribers_.begin(); at != subscribers_.end() && out.size() < most; ++at)
    out.push_back(at->first);
  return out;
}

bool event_channel::unsubscribe(const runtime::pid& who) {
  const std::scoped_lock held(lock_);
  const auto found = subscribers_.find(who);
  if (found == subscribers_.end()) return false;
  const registration was = found->second;
  forget(who);
  if (open_)
    outlets_[was.outlet]->take({channel_order::kind::leave, shared_from_this(), {.id = was.id, .who = who}});
  call_waiting();
  return true;
}

void event_channel::left(const runtime::pid& who, std::uint64_t id) {
  const std::scoped_lock held(lock_);
  const auto found = subscribers_.find(who);
  if (found == subscribers_.end() || found->second.id != id) return;
  forget(who);
  call_waiting();
}

// ---- outlets ----

event_channel::reading event_channel::read(std::size_t outlet, std::uint64_t after, std::size_t most) {
  const std::scoped_lock held(lock_);
  parts_[outlet].has_news = false;
  reading out{.entries = {}, .last = last_, .ended = ended_.has_value(), .slow = options_.slow};
  if (ended_) out.reason = *ended_;
  const auto first = std::ranges::upper_bound(kept_, after, {}, &entry::seq);
  const auto count = std::min(most, static_cast<std::size_t>(kept_.end() - first));
  out.entries.assign(first, first + static_cast<std::ptrdiff_t>(count));
  return out;
}

void event_channel::joined(std::size_t outlet, const joining_subscriber& one) {
  const std::scoped_lock held(lock_);
  part& of = parts_[outlet];
  std::erase_if(of.joining, [&one](const auto& each) { return each.id == one.id; });
  of.needs_after = std::min(of.needs_after, one.cursor);
  of.lowest = std::min(of.lowest, one.cursor);
}

void event_channel::passed(std::size_t outlet, const outlet_report& what) {
  const std::scoped_lock held(lock_);
  parts_[outlet].needs_after = what.needed_after;
  parts_[outlet].lowest = what.lowest;
  lost_ += what.lost;
  sent_here_ += what.sent_here;
  sent_away_ += what.sent_away;
  trim();
  call_waiting();
}

// ---- for people ----

channel_counts event_channel::counts() const {
  const std::scoped_lock held(lock_);
  std::uint64_t lowest = last_;
  for (const part& each : parts_)
    if (each.subscribers != 0) lowest = std::min(lowest, each.lowest);
  return {published_,   lost_,      last_,      subscribers_.size(),
          kept_.size(), sent_here_, sent_away_, last_ - lowest};
}

std::uint32_t event_channel::creation() const {
  const std::scoped_lock held(lock_);
  return creation_;
}

std::uint64_t event_channel::last() const {
  const std::scoped_lock held(lock_);
  return last_;
}

} // namespace coppice::behaviours
