// SPDX-License-Identifier: MIT
// Events are sent in rounds. A round sends all events that were read to one subscriber in step, then to the
// next, so that each has several to handle when it is woken. Between two rounds, subscribers that are behind
// get the events they have missed, as far as they have room.
#include "behaviours/channels/event_outlet.hpp"

#include <algorithm>
#include <utility>

#include "base/bound.hpp"
#include "behaviours/channels/event_terms.hpp"

namespace coppice::behaviours {

namespace {

const base::bound<std::size_t> batch("events: events read at once", 64);
constexpr base::nanos first_delay = base::nanos_per_ms;
constexpr base::nanos most_delay = 64 * base::nanos_per_ms;

} // namespace

class event_outlet::station {
 public:
  station(event_outlet& with, std::shared_ptr<event_channel> of, std::uint64_t head)
      : outlet_(with), of_(std::move(of)), head_(head) {}

  void join(event_port& by, const joining_subscriber& one);
  void leave(event_port& by, const runtime::pid& who, std::uint64_t id);
  // The subscriber's process has ended.
  void gone(const runtime::pid& who);

  bool active = false; // it is in the outlet's list of stations with work

  void ask_again() { ask_ = true; }
  bool has_behind() const { return !behind_.empty(); }

  struct result {
    bool more = false;     // the budget is used up
    bool over = false;     // there is no subscriber left
    bool improved = false; // a subscriber that was behind got something
  };
  result run(event_port& by, std::size_t& budget);

 private:
  struct subscriber {
    std::uint64_t id = 0;
    runtime::pid who;         // none: it has left
    std::uint64_t cursor = 0; // the last event that it was sent
    bool foreign = false;     // it has to be told of a gap before its first event
    bool link = false;
    bool behind = false;
    bool refused = false; // it had no room; otherwise it has only just come
  };
  using event = event_channel::entry; // an entry without a message: no event up to its number is left

  bool fill();
  bool play_round(event_port& by, std::size_t& budget);
  bool give(event_port& by, subscriber& to, const event& what);
  bool send_gap(event_port& by, subscriber& to, std::uint64_t last);
  void refuse(event_port& by, subscriber& one);
  bool catch_up(event_port& by, std::size_t& budget);
  bool bring_up(event_port& by, subscriber& one, std::size_t& budget);
  bool tell_end(event_port& by, std::size_t& budget);
  void end_of(event_port& by, subscriber& one, const runtime::message& reason);
  void drop(subscriber& one);
  void compact();
  outlet_report report();

  event_outlet& outlet_;
  const std::shared_ptr<event_channel> of_;
  std::uint64_t head_; // number of the event that subscribers in step were sent last
  std::vector<subscriber> all_;
  std::unordered_map<runtime::pid, std::size_t, runtime::pid_hash> index_;
  std::vector<runtime::pid> behind_;
  bool ask_ = false;      // behind_ are to be tried again
  bool has_gone_ = false; // some of all_ have left

  std::vector<event> events_; // events after head_
  std::size_t next_ = 0;      // index in all_ at which this round continues. 0: no round has begun
  std::size_t told_ = 0;      // index in all_: the subscribers before it were told of the end
  bool ended_ = false;        // no event is published any more
  runtime::message reason_;
  slow_subscriber slow_ = slow_subscriber::drop_old;
  std::uint64_t lost_ = 0, sent_here_ = 0, sent_away_ = 0; // not reported yet
};

void event_outlet::station::join(event_port& by, const joining_subscriber& one) {
  const bool in_step = one.cursor >= head_ && !one.foreign;
  index_[one.who] = all_.size();
  all_.push_back({.id = one.id,
                  .who = one.who,
                  .cursor = one.cursor,
                  .foreign = one.foreign,
                  .link = one.link,
                  .behind = !in_step});
  outlet_.hold(by, one.who, of_.get());
  if (!in_step) {
    behind_.push_back(one.who);
    ask_ = true;
  }
  of_->joined(outlet_.index_, one);
}

void event_outlet::station::drop(subscriber& one) {
  index_.erase(one.who);
  one.who = {};
  has_gone_ = true;
}

void event_outlet::station::leave(event_port& by, const runtime::pid& who, std::uint64_t id) {
  const auto found = index_.find(who);
  if (found == index_.end() || all_[found->second].id != id) return;
  outlet_.release(by, who, of_.get());
  drop(all_[found->second]);
}

void event_outlet::station::gone(const runtime::pid& who) {
  const auto found = index_.find(who);
  if (found == index_.end()) return;
  const std::uint64_t id = all_[found->second].id;
  drop(all_[found->second]);
  of_->left(who, id);
}

// Called between two rounds. Does nothing once subscribers are being told of the end, since told_ needs the
// order.
void event_outlet::station::compact() {
  if (told_ != 0 || !std::exchange(has_gone_, false)) return;
  std::erase_if(all_, [](const subscriber& one) { return !one.who; });
  for (std::size_t i = 0; i < all_.size(); ++i) index_[all_[i].who] = i;
}

bool event_outlet::station::send_gap(event_port& by, subscriber& to, std::uint64_t last) {
  const std::uint64_t first = to.foreign ? 0 : to.cursor + 1;
  if (!by.send(to.who, event_gap_term(of_->label().bytes(), first, last))) return false;
  if (!to.foreign) lost_ += last - to.cursor;
  to.foreign = false;
  to.cursor = last;
  return true;
}

// False: no room for the event, or for the gap before it.
bool event_outlet::station::give(event_port& by, subscriber& to, const event& what) {
  if (!what.event) return send_gap(by, to, what.seq);
  if (what.seq > to.cursor + 1 && !send_gap(by, to, what.seq - 1)) return false;
  if (!by.send(to.who, what.event)) return false;
  ++(to.who.here() ? sent_here_ : sent_away_);
  to.cursor = what.seq;
  return true;
}

void event_outlet::station::end_of(event_port& by, subscriber& one, const runtime::message& reason) {
  runtime::message end = event_end_term(of_->label().bytes(), reason.bytes());
  if (one.link)
    by.exit(one.who, std::move(end));
  else
    by.send_unbounded(one.who, std::move(end));
  outlet_.release(by, one.who, of_.get());
  drop(one);
}

// Called when a subscriber has no room.
void event_outlet::station::refuse(event_port& by, subscriber& one) {
  if (slow_ == slow_subscriber::unsubscribe) {
    of_->left(one.who, one.id);
    return end_of(by, one, runtime::message::atom("overloaded"));
  }
  one.refused = true;
  if (!std::exchange(one.behind, true)) behind_.push_back(one.who);
}

// Reads events for the next round. False: there are none.
bool event_outlet::station::fill() {
  if (!events_.empty()) return true;
  event_channel::reading had = of_->read(outlet_.index_, head_, batch);
  ended_ = had.ended;
  reason_ = std::move(had.reason);
  slow_ = had.slow;
  events_ = std::move(had.entries);
  if (events_.empty() && had.last > head_) events_.push_back({had.last, {}});
  return !events_.empty();
}

// Sends events_, which is not empty. True: all subscribers were sent them. False: the budget is used up.
bool event_outlet::station::play_round(event_port& by, std::size_t& budget) {
  for (; next_ < all_.size(); ++next_) {
    subscriber& one = all_[next_];
    if (!one.who || one.behind) continue;
    for (const event& what : events_) {
      if (one.cursor >= what.seq) continue;
      if (budget == 0) return false;
      --budget;
      if (give(by, one, what)) continue;
      refuse(by, one);
      break;
    }
  }
  head_ = events_.back().seq;
  events_.clear();
  next_ = 0;
  return true;
}

// True: the subscriber is in step now. False: it has no room, or the budget is used up.
bool event_outlet::station::bring_up(event_port& by, subscriber& one, std::size_t& budget) {
  if (one.foreign && !send_gap(by, one, one.cursor)) return false;
  if (one.refused && slow_ == slow_subscriber::drop_new)
    return one.cursor >= head_ || send_gap(by, one, head_);
  while (one.cursor < head_) {
    const auto kept = of_->read(outlet_.index_, one.cursor, batch).entries;
    if (kept.empty() || kept.front().seq > head_) return give(by, one, {head_, {}});
    for (const event& each : kept) {
      if (each.seq > head_) break;
      if (budget == 0) return false;
      --budget;
      if (!give(by, one, each)) return false;
    }
  }
  return true;
}

// Returns whether any subscriber that was behind got something.
bool event_outlet::station::catch_up(event_port& by, std::size_t& budget) {
  if (!std::exchange(ask_, false)) return false;
  bool improved = false;
  std::vector<runtime::pid> behind; // each once: a subscriber that left and came again is in behind_ twice
  for (const runtime::pid& who : std::exchange(behind_, {})) {
    const auto found = index_.find(who);
    if (found != index_.end() && std::exchange(all_[found->second].behind, false)) behind.push_back(who);
  }
  for (const runtime::pid& who : behind) {
    const auto found = index_.find(who);
    if (found == index_.end()) continue;
    subscriber& one = all_[found->second];
    const std::uint64_t before = one.cursor;
    const bool is_up = budget != 0 && bring_up(by, one, --budget);
    improved |= one.cursor != before;
    if (is_up) {
      one.refused = false;
    } else if (budget == 0) {
      one.behind = true;
      behind_.push_back(who);
      ask_ = true;
    } else {
      refuse(by, one);
    }
  }
  return improved;
}

// True: all were told. False: the budget is used up, and the next run continues.
bool event_outlet::station::tell_end(event_port& by, std::size_t& budget) {
  for (; told_ < all_.size(); ++told_) {
    if (budget == 0) return false;
    subscriber& one = all_[told_];
    if (!one.who) continue;
    --budget;
    if (one.cursor < head_ && !one.link)
      by.send_unbounded(one.who, event_gap_term(of_->label().bytes(), one.cursor + 1, head_));
    end_of(by, one, reason_);
  }
  return true;
}

outlet_report event_outlet::station::report() {
  outlet_report out{.needed_after = head_,
                    .lowest = head_,
                    .lost = std::exchange(lost_, 0),
                    .sent_here = std::exchange(sent_here_, 0),
                    .sent_away = std::exchange(sent_away_, 0)};
  for (const runtime::pid& who : behind_) {
    const auto found = index_.find(who);
    if (found == index_.end()) continue;
    const subscriber& one = all_[found->second];
    const bool needs =
        !one.refused || slow_ == slow_subscriber::drop_old || (slow_ == slow_subscriber::park && who.here());
    if (needs) out.needed_after = std::min(out.needed_after, one.cursor);
    out.lowest = std::min(out.lowest, one.cursor);
  }
  return out;
}

event_outlet::station::result event_outlet::station::run(event_port& by, std::size_t& budget) {
  result out;
  for (;;) {
    if (next_ == 0) {
      compact();
      const bool any = fill();
      out.improved |= catch_up(by, budget);
      if (!any) break;
    }
    if (!play_round(by, budget)) {
      out.more = true;
      break;
    }
  }
  out.more |= ask_;
  if (!out.more && ended_) out.more = !tell_end(by, budget);
  out.over = index_.empty();
  of_->passed(outlet_.index_, report());
  return out;
}

// ---- the outlet ----

event_outlet::event_outlet(std::size_t index, std::function<void()> wake)
    : index_(index), wake_(std::move(wake)) {}
event_outlet::~event_outlet() = default;

void event_outlet::take(channel_order order) {
  const std::scoped_lock held(lock_);
  inbox_.push_back(std::move(order));
  if (!std::exchange(awake_, true)) wake_();
}

void event_outlet::hold(event_port& by, const runtime::pid& who, event_channel* in) {
  watched& one = watched_[who];
  if (one.in.empty()) one.by = by.watch(who);
  one.in.push_back(in);
}

void event_outlet::release(event_port& by, const runtime::pid& who, event_channel* in) {
  const auto found = watched_.find(who);
  if (found == watched_.end()) return;
  std::erase(found->second.in, in);
  if (!found->second.in.empty()) return;
  by.unwatch(found->second.by);
  watched_.erase(found);
}

void event_outlet::gone(const runtime::pid& who) {
  const auto found = watched_.find(who);
  if (found == watched_.end()) return;
  for (event_channel* const each : found->second.in) {
    stations_.at(each)->gone(who);
    activate(each);
  }
  watched_.erase(found);
}

void event_outlet::rewatch(event_port& by) {
  for (auto& [who, one] : watched_) one.by = by.watch(who);
  for (event_channel* const each : lagging_) activate(each);
}

void event_outlet::activate(event_channel* of) {
  if (!std::exchange(stations_.at(of)->active, true)) active_.push_back(of);
}

void event_outlet::ask_again() {
  for (event_channel* const each : lagging_) {
    stations_.at(each)->ask_again();
    activate(each);
  }
}

void event_outlet::carry_out(event_port& by, const channel_order& order) {
  using kind = channel_order::kind;
  event_channel* const of = order.of.get();
  auto found = stations_.find(of);
  if (found == stations_.end()) {
    if (order.what != kind::join) return;
    found = stations_.emplace(of, std::make_unique<station>(*this, order.of, order.one.cursor)).first;
  }
  if (order.what == kind::join) found->second->join(by, order.one);
  if (order.what == kind::leave) found->second->leave(by, order.one.who, order.one.id);
  activate(of);
}

event_outlet::progress event_outlet::run(event_port& by, std::size_t budget) {
  std::vector<channel_order> orders;
  {
    const std::scoped_lock held(lock_);
    orders.swap(inbox_);
  }
  for (const channel_order& one : orders) carry_out(by, one);
  progress out;
  bool improved = false;
  for (event_channel* const each : std::exchange(active_, {})) {
    if (budget == 0) {
      active_.push_back(each);
      continue;
    }
    const auto found = stations_.find(each);
    found->second->active = false;
    const station::result did = found->second->run(by, budget);
    improved |= did.improved;
    if (did.over) {
      lagging_.erase(each);
      stations_.erase(found);
      continue;
    }
    if (did.more) activate(each);
    if (found->second->has_behind())
      lagging_.insert(each);
    else
      lagging_.erase(each);
  }
  if (!lagging_.empty()) {
    delay_ = improved ? first_delay : std::clamp(delay_ * 2, first_delay, most_delay);
    out.again_in = delay_;
  }
  const std::scoped_lock held(lock_);
  out.more = !active_.empty() || !inbox_.empty();
  awake_ = out.more;
  return out;
}

} // namespace coppice::behaviours
