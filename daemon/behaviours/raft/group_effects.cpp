// SPDX-License-Identifier: MIT
// See group_effects.hpp. Saved as {LastTimer, LastMonitor, [{Key, Due, Span, Period, Fired, To, Term}],
// [{Key, Salt, Whom, Tag}]}, where To is [] for the state machine itself; both lists are ordered by key.
#include "behaviours/raft/group_effects.hpp"

#include <coppice/etf/cursor.hpp>

#include <algorithm>
#include <limits>

#include "behaviours/raft/machine_protocol.hpp"

namespace coppice::behaviours::raft {

using consensus::payload;

namespace {

// The node in the references of monitors. No node has this name, since a host's name is a domain or an
// address.
constexpr std::string_view reference_node = "coppice_raft@group";
constexpr unsigned first_word_bits = 18; // no node uses more of the first word

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t ns_per_ms = 1'000'000;

} // namespace

void group_effects::begin(std::int64_t time, std::uint64_t random) {
  now_ = std::clamp<std::int64_t>(time, 0, largest / ns_per_ms) * ns_per_ms;
  salt_ = static_cast<std::uint32_t>(random ^ (random >> 32));
  undo_.clear();
  first_timer_number_ = last_timer_;
  first_monitor_number_ = last_monitor_;
  first_message_ = messages_.size();
  first_change_ = changes_.size();
  entry_messages_ = entry_bytes_ = 0;
}

void group_effects::keep() {
  undo_.clear();
}

void group_effects::undo() {
  const std::vector<change> done = std::exchange(undo_, {});
  for (auto one = done.rbegin(); one != done.rend(); ++one) {
    remove(one->of);
    if (one->old_timer) put(one->of, *one->old_timer);
    if (one->old_monitor) put(one->of, *one->old_monitor);
  }
  undo_.clear();
  last_timer_ = first_timer_number_;
  last_monitor_ = first_monitor_number_;
  messages_.resize(std::min(messages_.size(), first_message_));
  changes_.resize(std::min(changes_.size(), first_change_));
}

// Called before a change of a timer or a monitor.
void group_effects::note(key of) {
  change one{of, {}, {}};
  if (const auto timer_at = timers_.find(of); timer_at != timers_.end()) one.old_timer = timer_at->second;
  if (const auto monitor_at = monitors_.find(of); monitor_at != monitors_.end())
    one.old_monitor = monitor_at->second;
  undo_.push_back(std::move(one));
  changes_.push_back(of);
}

void group_effects::put(key of, timer one) {
  kept_bytes_ += weight(one);
  timers_.insert_or_assign(of, std::move(one));
}

void group_effects::put(key of, monitor one) {
  kept_bytes_ += weight(one);
  monitors_.insert_or_assign(of, std::move(one));
}

void group_effects::remove(key of) {
  if (const auto timer_at = timers_.find(of); timer_at != timers_.end()) {
    kept_bytes_ -= weight(timer_at->second);
    timers_.erase(timer_at);
  }
  if (const auto monitor_at = monitors_.find(of); monitor_at != monitors_.end()) {
    kept_bytes_ -= weight(monitor_at->second);
    monitors_.erase(monitor_at);
  }
}

bool group_effects::has_room(std::size_t bytes) const {
  return timers_.size() + monitors_.size() < most_kept && kept_bytes_ + bytes <= most_kept_bytes;
}

group_effects::noted group_effects::send(const outgoing& one) {
  const std::size_t bytes = one.to.size() + one.term.size();
  if (entry_messages_ >= most_messages || entry_bytes_ + bytes > most_message_bytes) return noted::full;
  ++entry_messages_;
  entry_bytes_ += bytes;
  if (wants_messages_) messages_.push_back(one);
  return noted::done;
}

group_effects::noted group_effects::start(timer one, key& out) {
  if (!has_room(weight(one)) || weight(one) > most_message_bytes) return noted::full;
  out = first_timer + ++last_timer_;
  one.span = one.due > now_ ? one.due - now_ : 0;
  one.fired = 0;
  note(out);
  put(out, std::move(one));
  return noted::done;
}

group_effects::noted group_effects::watch(etf::bytes whom, etf::bytes tag, key& out) {
  monitor made{salt_, payload(whom), payload(tag)};
  if (!has_room(weight(made))) return noted::full;
  out = ++last_monitor_;
  note(out);
  put(out, std::move(made));
  return noted::done;
}

group_effects::noted group_effects::end(key of) {
  if (!timers_.contains(of) && !monitors_.contains(of)) return noted::unknown;
  note(of);
  remove(of);
  return noted::done;
}

void group_effects::write_reference(etf::writer& out, key of) const {
  const auto found = monitors_.find(of);
  etf::reference made;
  made.node = reference_node;
  made.creation = 1;
  made.count = 3;
  made.words[0] = static_cast<std::uint32_t>(of & ((std::uint64_t{1} << first_word_bits) - 1));
  made.words[1] = static_cast<std::uint32_t>(of >> first_word_bits);
  made.words[2] = found == monitors_.end() ? 0 : found->second.salt;
  out.reference(made);
}

group_effects::key group_effects::monitor_of(etf::bytes reference) const {
  etf::cursor at(reference);
  etf::reference given;
  if (!at.read_reference(given) || !at.at_end() || given.node != reference_node || given.count != 3 ||
      given.creation != 1)
    return 0;
  const key of = given.words[0] | std::uint64_t{given.words[1]} << first_word_bits;
  const auto found = monitors_.find(of);
  return found == monitors_.end() || found->second.salt != given.words[2] ? 0 : of;
}

void group_effects::write_timer(etf::writer& out, key of, std::uint64_t fired) {
  out.tuple(3);
  out.atom("timer");
  out.unsigned_integer(of);
  out.unsigned_integer(fired);
}

void group_effects::write_down(etf::writer& out, key of, etf::bytes whom, etf::bytes reason) {
  out.tuple(4);
  out.atom("down");
  out.unsigned_integer(of);
  out.raw(whom);
  out.raw(reason);
}

std::optional<group_effects::came> group_effects::read_came(etf::bytes term) {
  etf::cursor at(term);
  came out;
  std::uint32_t arity = 0;
  std::string_view word;
  if (!at.read_tuple(arity) || !at.read_atom(word) || !at.read_unsigned(out.of)) return std::nullopt;
  const bool timed = word == "timer" && arity == 3 && is_timer(out.of) && at.read_unsigned(out.fired);
  const bool down =
      word == "down" && arity == 4 && !is_timer(out.of) && at.read_term(out.whom) && at.read_term(out.reason);
  if ((!timed && !down) || !at.at_end()) return std::nullopt;
  return out;
}

std::optional<group_effects::came_entry> group_effects::read_came_entry(etf::bytes body) {
  etf::cursor at(body);
  came_entry out;
  etf::bytes what;
  if (!at.read_tuple_of(4) || !at.read_integer(out.time) || !at.read_unsigned(out.random) ||
      !at.read_atom_is(came_word) || !at.read_term(what) || !at.at_end())
    return std::nullopt;
  const auto read = read_came(what);
  if (!read) return std::nullopt;
  out.what = *read;
  return out;
}

bool group_effects::expects(const came& what) const {
  if (!is_timer(what.of)) return monitors_.contains(what.of);
  const auto found = timers_.find(what.of);
  return found != timers_.end() && found->second.fired == what.fired;
}

bool group_effects::take(const came& what, etf::writer& out) {
  note(what.of);
  if (!is_timer(what.of)) {
    out.tuple(5);
    out.raw(monitors_.at(what.of).tag.bytes());
    write_reference(out, what.of);
    out.atom("process");
    out.raw(what.whom);
    out.raw(what.reason);
    remove(what.of);
    return true;
  }
  const payload to = timers_.at(what.of).to;
  const payload term = timers_.at(what.of).term;
  go_on(what.of);
  if (to.size() == 0) {
    out.raw(term.bytes());
    return true;
  }
  (void)send({to, term, {}, false}); // an entry of a timer has room for its only message
  return false;
}

void group_effects::pass_over(const came_entry& one) {
  begin(one.time, one.random);
  note(one.what.of);
  if (is_timer(one.what.of))
    go_on(one.what.of);
  else
    remove(one.what.of);
  keep();
}

void group_effects::go_on(key of) {
  timer one = timers_.at(of);
  remove(of);
  // The times for which the group was too late are skipped. A leader's clock may be behind an earlier
  // leader's.
  const std::int64_t late = std::max(now_, one.due);
  const std::int64_t passed = one.period == 0 ? 0 : (late - one.due) / one.period;
  if (one.period != 0 && one.due <= largest - one.period && passed < (largest - one.due) / one.period) {
    one.due += (passed + 1) * one.period;
    one.span = one.due - late;
    ++one.fired;
    put(of, std::move(one));
  }
}

void group_effects::save(etf::writer& out) const {
  out.tuple(4);
  out.unsigned_integer(last_timer_);
  out.unsigned_integer(last_monitor_);
  if (!timers_.empty()) out.list(static_cast<std::uint32_t>(timers_.size()));
  for (const auto& [of, one] : timers_) {
    out.tuple(7);
    out.unsigned_integer(of);
    out.integer(one.due);
    out.integer(one.span);
    out.integer(one.period);
    out.unsigned_integer(one.fired);
    if (one.to.size() == 0)
      out.nil();
    else
      out.raw(one.to.bytes());
    out.raw(one.term.bytes());
  }
  out.nil();
  if (!monitors_.empty()) out.list(static_cast<std::uint32_t>(monitors_.size()));
  for (const auto& [of, one] : monitors_) {
    out.tuple(4);
    out.unsigned_integer(of);
    out.unsigned_integer(one.salt);
    out.raw(one.whom.bytes());
    out.raw(one.tag.bytes());
  }
  out.nil();
}

namespace {

// A proper list, or [].
bool read_length(etf::cursor& at, std::uint32_t& count) {
  count = 0;
  return at.peek() == etf::kind::nil || at.read_list(count);
}

bool read_timer(etf::cursor& at, group_effects::key& of, group_effects::timer& out) {
  etf::bytes to;
  etf::bytes term;
  if (!at.read_tuple_of(7) || !at.read_unsigned(of) || !at.read_integer(out.due) ||
      !at.read_integer(out.span) || !at.read_integer(out.period) || !at.read_unsigned(out.fired))
    return false;
  if (!at.read_nil() && !at.read_term(to)) return false;
  if (!at.read_term(term)) return false;
  if (out.due < 0 || out.span < 0 || (out.period != 0 && out.period < group_effects::shortest_period))
    return false;
  out.to = payload(to);
  out.term = payload(term);
  return true;
}

bool read_monitor(etf::cursor& at, group_effects::key& of, group_effects::monitor& out) {
  std::uint64_t salt = 0;
  etf::bytes whom;
  etf::bytes tag;
  if (!at.read_tuple_of(4) || !at.read_unsigned(of) || !at.read_unsigned(salt) || salt > UINT32_MAX ||
      !at.read_term(whom) || !at.read_term(tag))
    return false;
  out = {static_cast<std::uint32_t>(salt), payload(whom), payload(tag)};
  return true;
}

} // namespace

base::status group_effects::restore(etf::bytes term) {
  const auto damaged = [] {
    return base::fail(base::errc::invalid, "the saved timers and monitors make no sense");
  };
  group_effects read;
  etf::cursor at(term);
  std::uint32_t count = 0;
  key of = 0;
  if (!at.read_tuple_of(4) || !at.read_unsigned(read.last_timer_) || !at.read_unsigned(read.last_monitor_) ||
      read.last_timer_ >= first_timer || read.last_monitor_ >= first_timer || !read_length(at, count))
    return damaged();
  for (; count > 0; --count) {
    timer one;
    if (!read_timer(at, of, one) || of <= first_timer || of - first_timer > read.last_timer_ ||
        read.timers_.contains(of) || !read.has_room(weight(one)))
      return damaged();
    read.put(of, std::move(one));
  }
  if (!at.read_nil() || !read_length(at, count)) return damaged();
  for (; count > 0; --count) {
    monitor one;
    if (!read_monitor(at, of, one) || of == 0 || of > read.last_monitor_ || read.monitors_.contains(of) ||
        !read.has_room(weight(one)))
      return damaged();
    read.put(of, std::move(one));
  }
  if (!at.read_nil() || !at.at_end()) return damaged();
  read.wants_messages_ = wants_messages_;
  *this = std::move(read);
  return {};
}

} // namespace coppice::behaviours::raft
