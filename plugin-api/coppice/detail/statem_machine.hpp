// SPDX-License-Identifier: MIT
// The algorithm of gen_statem alone: which event comes next, what the actions of a callback do, which
// time-outs run. The host's engine and the test kit both use it, so that a test behaves as a node does. It
// calls no callback: its owner makes the callback that the returned step names and reports when it has
// returned. Source: lib/stdlib gen_statem.erl, from loop_state_callback_result to loop_done. Header-only. One
// thread at a time.
#pragma once

#include <coppice/draft/statem.h>
#include <coppice/etf/needs_cpp20.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice {

/// Term is copyable and movable, has == and bytes(), and is false if it is empty.
template <class Term>
struct statem_event {
  std::uint32_t type = COPPICE_STATEM_EVENT_INFO; ///< COPPICE_EVENT_…
  Term about{};                                   ///< a call's From, a named time-out's name
  Term content{};
  std::uint64_t id = 0; ///< id, tag and status belong to a response
  std::uint64_t tag = 0;
  std::int32_t status = 0;
};

template <class Term>
struct statem_action {
  enum class kind : std::uint8_t { reply, postpone, next_event, set_timeout, update_timeout, cancel_timeout };
  kind what = kind::postpone;
  bool absolute = false;
  std::uint32_t type = 0; ///< of the event, or the time-out
  Term about{};           ///< as an event's; for a reply: its From
  Term content{};
  std::int64_t time = 0; ///< ns
};

/// Why a transition is not possible.
enum class statem_fault : std::uint8_t {
  none,
  action,       ///< bad_action_from_state_function
  enter_action, ///< bad_state_enter_action_from_state_function
  enter_return, ///< bad_state_enter_return_from_state_function: enter changed the state
  reply_action, ///< bad_reply_action_from_state_function
  time,         ///< badarg: the time is too long for a timer
  postponed     ///< more events are postponed than the limit allows
};

/// What happens to an event that is postponed when the limit is reached.
enum class statem_overflow : std::uint8_t { exit, drop_new, drop_old };

/// Effects of a transition outside the machine.
template <class Term>
class statem_effects {
 public:
  /// False: `from` does not belong to a call that can be answered.
  virtual bool reply(const Term& from, Term answer) = 0;
  /// Starts a timer that leads to fire(type, about, serial). Returns its handle.
  virtual std::uint64_t arm(const statem_action<Term>& timeout, std::uint64_t serial) = 0;
  virtual void disarm(std::uint32_t type, std::uint64_t handle) = 0;
  /// The present event is kept beyond its callback: an owner that lent its terms makes copies here.
  virtual void keep(statem_event<Term>&) {}
  /// A postponed event is dropped, since too many are postponed. It is not answered any more.
  virtual void dropped(const statem_event<Term>&) {}

 protected:
  ~statem_effects() = default;
};

template <class Term>
class statem_machine {
 public:
  using event = statem_event<Term>;
  using action = statem_action<Term>;
  using effects = statem_effects<Term>;

  /// The owner's next step.
  enum class step : std::uint8_t {
    handle, ///< calls handle_event with current() and state(), then finish()
    enter,  ///< calls enter with old_state() and state(), then finish()
    idle,   ///< wait for the next event and call begin()
    failed  ///< ends: fault()
  };
  struct timeout {
    Term about{};
    Term content{};
    std::uint64_t serial = 0; ///< of its timer; 0: a zero time-out, which waits until no event waits
    std::uint64_t handle = 0;
    std::uint64_t turn = 0; ///< of a zero time-out: its position among them
  };

  /// The limit of postponed events, and what happens to more.
  void bound(std::size_t postponed, statem_overflow then) {
    limit_ = postponed;
    overflow_ = then;
  }

  // Actions of a callback.
  void next_state(Term to) {
    next_ = std::move(to);
    repeat_ = false;
  }
  void repeat_state() {
    next_ = Term();
    repeat_ = true;
  }
  void keep_state() {
    next_ = Term();
    repeat_ = false;
  }
  void add(action one) { actions_.push_back(std::move(one)); }
  /// As add() of that action. If it is the callback's first action, no other one is checked before it.
  void postpone() {
    if (actions_.empty() && !entering_)
      postpone_ = true;
    else
      add({.what = action::kind::postpone});
  }
  /// Drops the transition of a callback that failed.
  void drop_transition() {
    keep_state();
    actions_.clear();
    if (!entering_) postpone_ = false; // while entering, the flag belongs to the event before
  }

  /// After init: whether it named the first state.
  bool has_started() const { return static_cast<bool>(state_) || static_cast<bool>(next_); }
  /// Applies init's transition. Its events come once begin() or go_on() is called. Result: `idle` or
  /// `failed`.
  step start(effects& to) {
    state_ = std::exchange(next_, Term());
    repeat_ = false;
    current_ = event{COPPICE_STATEM_EVENT_INTERNAL, {}, {}};
    for (action& each : actions_)
      if (!take(each, to)) return step::failed;
    actions_.clear();
    postpone_ = false;
    starting_ = true;
    return step::idle;
  }
  /// Takes the next waiting event, if there is one. Call it after start() or after the timers were restarted.
  step go_on(effects& to, bool enters) {
    if (!std::exchange(starting_, false)) return next();
    if (enters) {
      entering_ = true;
      return step::enter;
    }
    return commit(to);
  }
  /// Only in step `idle`. The event's terms may be lent until the step is `idle` again; see effects::keep().
  step begin(event&& one) {
    current_ = std::move(one);
    return step::handle;
  }
  /// A timer has fired. Empty: it was cancelled or replaced before.
  std::optional<event> fire(std::uint32_t type, const Term& about, std::uint64_t serial) {
    timeout* const found = find(type, about);
    if (found == nullptr || serial == 0 || found->serial != serial) return std::nullopt;
    event made{type, std::move(found->about), std::move(found->content)};
    erase(type, made.about);
    return made;
  }
  /// The callback has returned. `enters`: there is an enter callback.
  step finish(effects& to, bool enters) {
    bool enter_again = std::exchange(repeat_, false);
    if (next_) {
      const bool changes = !(next_ == state());
      if (changes && entering_) {
        failed_.content = std::move(next_);
        return fail(statem_fault::enter_return);
      }
      if (changes) candidate_ = std::move(next_);
      next_ = Term();
      enter_again = enter_again || changes;
    }
    if (!actions_.empty()) {
      for (action& each : actions_)
        if (!take(each, to)) return step::failed;
      actions_.clear();
    }
    if (enter_again && enters) {
      entering_ = true;
      return step::enter;
    }
    return commit(to);
  }
  /// The callback ends the machine: sends its replies. False: there is another action; see fault().
  bool reply_only(effects& to) {
    if (postpone_ && !entering_) return refuse({.what = action::kind::postpone}, statem_fault::reply_action);
    for (action& each : actions_) {
      if (each.what == action::kind::reply && to.reply(each.about, each.content)) continue;
      return refuse(std::move(each), statem_fault::reply_action);
    }
    actions_.clear();
    return true;
  }

  const event& current() const { return current_; }
  const Term& state() const { return candidate_ ? candidate_ : state_; }
  /// The state before the transition that is being made.
  const Term& old_state() const { return state_; }
  bool entering() const { return entering_; }
  /// The state before the last change. None: it has not changed yet.
  const Term& previous() const { return previous_; }

  statem_fault fault() const { return fault_; }
  /// The action that failed. For enter_return its content is the state that enter named.
  const action& failed_action() const { return failed_; }

  /// Oldest first.
  std::size_t postponed_count() const { return postponed_.size() - first_; }
  const event& postponed(std::size_t i) const { return postponed_[first_ + i]; }
  std::uint64_t dropped() const { return dropped_; }
  /// The number of state changes.
  std::uint64_t changes() const { return changes_; }
  /// The limit of postponed events.
  std::size_t limit() const { return limit_; }
  /// Events that come before any other message.
  std::size_t queued() const { return queue_.size() - front_; }
  /// Calls use(type, const timeout&) for each running time-out; named ones in no order.
  template <class Use>
  void each_timeout(Use use) const {
    if (event_timeout_) use(COPPICE_STATEM_EVENT_TIMEOUT, *event_timeout_);
    if (state_timeout_) use(COPPICE_STATEM_EVENT_STATE_TIMEOUT, *state_timeout_);
    for (const auto& [name, one] : named_) use(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, one);
  }

 private:
  static bool is_timeout(std::uint32_t type) {
    return type >= COPPICE_STATEM_EVENT_TIMEOUT && type <= COPPICE_STATEM_EVENT_NAMED_TIMEOUT;
  }
  static bool is_event(std::uint32_t type) {
    return type >= COPPICE_STATEM_EVENT_CALL && type <= COPPICE_STATEM_EVENT_NAMED_TIMEOUT;
  }
  static std::string_view key(const Term& name) {
    const auto encoded = name.bytes();
    return {reinterpret_cast<const char*>(encoded.data()), encoded.size()};
  }

  step fail(statem_fault why) {
    fault_ = why;
    return step::failed;
  }
  bool refuse(action&& one, statem_fault why) {
    failed_ = std::move(one);
    fail(why);
    return false;
  }
  // Takes an action, in the order given: sends replies now and keeps the other actions for commit().
  bool take(action& one, effects& to) {
    using kind = typename action::kind;
    switch (one.what) {
      case kind::reply:
        return to.reply(one.about, one.content) || refuse(std::move(one), statem_fault::action);
      case kind::postpone:
        if (entering_) return refuse(std::move(one), statem_fault::enter_action);
        postpone_ = true;
        return true;
      case kind::next_event:
        if (entering_) return refuse(std::move(one), statem_fault::enter_action);
        if (!is_event(one.type)) return refuse(std::move(one), statem_fault::action);
        inserted_.push_back({one.type, std::move(one.about), std::move(one.content)});
        return true;
      case kind::set_timeout:
        if (one.time < 0 && !one.absolute) return refuse(std::move(one), statem_fault::action);
        break;
      case kind::update_timeout:
      case kind::cancel_timeout:
        break;
    }
    if (!is_timeout(one.type)) return refuse(std::move(one), statem_fault::action);
    timeouts_.push_back(std::move(one));
    return true;
  }

  step commit(effects& to) {
    entering_ = false;
    const bool change = static_cast<bool>(candidate_);
    if (std::exchange(postpone_, false) && !postpone_current(change, to))
      return fail(statem_fault::postponed);
    if (change) {
      ++changes_;
      previous_ = std::move(state_);
      state_ = std::exchange(candidate_, Term());
      if (postponed_count() != 0) retry_postponed();
      if (state_timeout_) cancel(COPPICE_STATEM_EVENT_STATE_TIMEOUT, {}, to);
    }
    if (event_timeout_) cancel(COPPICE_STATEM_EVENT_TIMEOUT, {}, to);
    if (!timeouts_.empty() && !start_timeouts(to)) return step::failed;
    if (!inserted_.empty()) {
      put_in_front(inserted_, 0);
      inserted_.clear();
    }
    return next();
  }
  void retry_postponed() {
    put_in_front(postponed_, first_);
    postponed_.clear();
    first_ = 0;
  }
  // Puts events[from…] before all that wait, in order. `events` is unspecified afterwards.
  void put_in_front(std::vector<event>& events, std::size_t from) {
    if (front_ == queue_.size()) {
      queue_.clear();
      queue_.swap(events);
      front_ = from;
      return;
    }
    const auto first = events.begin() + static_cast<std::ptrdiff_t>(from);
    const std::size_t count = events.size() - from;
    const std::size_t gap = std::min(count, front_); // free places of events that were taken
    front_ -= gap;
    const auto at = queue_.begin() + static_cast<std::ptrdiff_t>(front_);
    std::move(first, first + static_cast<std::ptrdiff_t>(gap), at);
    queue_.insert(at + static_cast<std::ptrdiff_t>(gap),
                  std::make_move_iterator(first + static_cast<std::ptrdiff_t>(gap)),
                  std::make_move_iterator(events.end()));
  }
  bool postpone_current(bool change, effects& to) {
    if (!change && postponed_count() >= limit_) {
      if (overflow_ == statem_overflow::exit) return false;
      ++dropped_;
      if (overflow_ == statem_overflow::drop_new || limit_ == 0) return to.dropped(current_), true;
      to.dropped(postponed_[first_]);
      postponed_[first_++] = event();
      if (first_ > 64 && first_ * 2 > postponed_.size()) {
        postponed_.erase(postponed_.begin(), postponed_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
      }
    }
    to.keep(current_);
    postponed_.push_back(std::move(current_));
    return true;
  }
  step next() {
    if (front_ != queue_.size()) {
      current_ = std::move(queue_[front_++]);
      if (front_ == queue_.size()) {
        queue_.clear();
        front_ = 0;
        if (queue_.capacity() > idle_room) queue_ = {};
      }
      return step::handle;
    }
    return zeros_ == 0 ? step::idle : next_zero();
  }
  // The zero time-outs, in the order in which they were set.
  step next_zero() {
    std::uint32_t type = 0;
    const timeout* first = nullptr;
    each_timeout([&](std::uint32_t of, const timeout& one) {
      if (one.serial != 0 || (first != nullptr && first->turn < one.turn)) return;
      type = of;
      first = &one;
    });
    current_ = event{type, first->about, first->content};
    erase(type, current_.about);
    return step::handle;
  }

  // The last action for each time-out counts.
  bool start_timeouts(effects& to) {
    for (std::size_t i = 0; i < timeouts_.size(); ++i) {
      action& one = timeouts_[i];
      const auto same = [&one](const action& later) {
        return later.type == one.type &&
               (one.type != COPPICE_STATEM_EVENT_NAMED_TIMEOUT || later.about == one.about);
      };
      const auto rest = timeouts_.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      if (std::any_of(rest, timeouts_.end(), same)) continue;
      if (!start_timeout(one, to)) return false;
    }
    timeouts_.clear();
    return true;
  }
  bool start_timeout(action& one, effects& to) {
    using kind = typename action::kind;
    timeout* const found = find(one.type, one.about);
    if (one.what == kind::cancel_timeout || (one.what == kind::set_timeout && one.time == INT64_MAX)) {
      if (found != nullptr) cancel(one.type, one.about, to);
      return true;
    }
    if (one.what == kind::update_timeout && found != nullptr) {
      found->content = std::move(one.content);
      return true;
    }
    if (one.what == kind::set_timeout && one.time > COPPICE_STATEM_LONGEST)
      return refuse(std::move(one), statem_fault::time);
    if (found != nullptr) cancel(one.type, one.about, to);
    timeout made;
    if (one.what == kind::set_timeout && one.time != 0) {
      made.serial = ++serial_;
      made.handle = to.arm(one, made.serial);
    } else {
      made.turn = ++turn_;
      ++zeros_;
    }
    made.about = std::move(one.about);
    made.content = std::move(one.content);
    if (one.type == COPPICE_STATEM_EVENT_TIMEOUT) {
      event_timeout_ = std::move(made);
    } else if (one.type == COPPICE_STATEM_EVENT_STATE_TIMEOUT) {
      state_timeout_ = std::move(made);
    } else {
      std::string name(key(made.about));
      named_.insert_or_assign(std::move(name), std::move(made));
    }
    return true;
  }
  void cancel(std::uint32_t type, const Term& about, effects& to) {
    if (const timeout* const found = find(type, about); found->serial != 0) to.disarm(type, found->handle);
    erase(type, about);
  }
  timeout* find(std::uint32_t type, const Term& about) {
    if (type == COPPICE_STATEM_EVENT_TIMEOUT) return event_timeout_ ? &*event_timeout_ : nullptr;
    if (type == COPPICE_STATEM_EVENT_STATE_TIMEOUT) return state_timeout_ ? &*state_timeout_ : nullptr;
    if (named_.empty()) return nullptr;
    const auto found = named_.find(std::string(key(about)));
    return found == named_.end() ? nullptr : &found->second;
  }
  void erase(std::uint32_t type, const Term& about) {
    if (find(type, about)->serial == 0) --zeros_;
    if (type == COPPICE_STATEM_EVENT_TIMEOUT) {
      event_timeout_.reset();
    } else if (type == COPPICE_STATEM_EVENT_STATE_TIMEOUT) {
      state_timeout_.reset();
    } else {
      named_.erase(std::string(key(about)));
    }
  }

  static constexpr std::size_t idle_room = 64;

  Term state_{};
  Term candidate_{}; // the next state, until the transition is made; none: it is kept
  Term next_{};      // the state that the callback named
  Term previous_{};
  bool repeat_ = false;
  bool postpone_ = false;
  bool entering_ = false;
  bool starting_ = false;
  statem_fault fault_ = statem_fault::none;
  statem_overflow overflow_ = statem_overflow::exit;
  event current_{};
  action failed_{};
  std::vector<action> actions_;  // actions of the callback
  std::vector<action> timeouts_; // time-outs of the transition and of enter
  std::vector<event> inserted_;  // inserted events of the transition and of enter
  std::vector<event> queue_;     // from front_ on, in order of delivery
  std::size_t front_ = 0;
  std::vector<event> postponed_; // from first_ on, in order of arrival
  std::size_t first_ = 0;
  std::size_t limit_ = SIZE_MAX;
  std::uint64_t dropped_ = 0;
  std::uint64_t changes_ = 0;
  std::optional<timeout> event_timeout_;
  std::optional<timeout> state_timeout_;
  std::unordered_map<std::string, timeout> named_; // by the bytes of the name
  std::size_t zeros_ = 0;                          // number of zero time-outs
  std::uint64_t serial_ = 0;
  std::uint64_t turn_ = 0;
};

} // namespace coppice
