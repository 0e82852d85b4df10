// SPDX-License-Identifier: MIT
// Times that have passed are searched from the newest back, so that a job of every second costs no more after
// a year asleep than after a minute.
#include "cron/timetable.hpp"

#include <algorithm>
#include <deque>

namespace coppice::cron {

namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

instant on_the_second(moment now) {
  return std::chrono::floor<seconds>(now.wall);
}

std::string text_of(const job& of) {
  return of.at.print() + " in " + of.in.name();
}

// The times in (after, until]. Empty: there are more than `limit`.
std::optional<std::vector<instant>> all_times(const job& of, instant after, instant until,
                                              std::size_t limit) {
  std::vector<instant> found;
  while (const auto one = next(of.at, of.in, of.changes, after)) {
    if (one->at > until) break;
    if (found.size() == limit) return std::nullopt;
    found.push_back(one->at);
    after = one->at;
  }
  return found;
}
// The newest times in (after, until], at most `limit`. Usually they are found by looking twice as far back
// each time. If the times are so dense that this finds far too many, the beginning is found by bisection.
std::vector<instant> newest_times(const job& of, instant after, instant until, std::size_t limit) {
  constexpr std::size_t too_many = 16; // times the limit
  const auto trimmed = [limit](std::vector<instant> all) {
    if (all.size() > limit) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(limit));
    return all;
  };
  if (auto all = all_times(of, after, until, limit)) return std::move(*all);
  instant begin = until, too_early = after;
  std::vector<instant> found;
  for (seconds span = std::chrono::minutes(1);; span *= 2) {
    const instant from = std::max(after, until - span);
    auto some = all_times(of, from, until, limit * too_many);
    if (!some) {
      too_early = from;
      break;
    }
    if (some->size() >= limit) return trimmed(std::move(*some));
    found = std::move(*some);
    begin = from;
  }
  while (begin - too_early > seconds(1)) {
    const instant middle = too_early + (begin - too_early) / 2;
    if (auto some = all_times(of, middle, until, limit)) {
      found = std::move(*some);
      begin = middle;
    } else {
      too_early = middle;
    }
  }
  return found;
}

// Equal on every node and after every restart; differs between jobs and times.
nanoseconds jitter_of(const job& of, instant at) {
  if (of.jitter <= seconds(0)) return {};
  std::uint64_t hash = 14695981039346656037u; // FNV-1a
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 1099511628211u; };
  for (const char c : of.name) mix(static_cast<std::uint8_t>(c));
  for (unsigned shift = 0; shift < 64; shift += 8)
    mix(static_cast<std::uint8_t>(static_cast<std::uint64_t>(at.time_since_epoch().count()) >> shift));
  return nanoseconds((hash >> 1) %
                     static_cast<std::uint64_t>(std::chrono::duration_cast<nanoseconds>(of.jitter).count()));
}

nanoseconds wait_before_retry(const retry_policy& policy, std::uint32_t attempt) {
  seconds wait = policy.first;
  for (std::uint32_t i = 0; i < attempt && wait < policy.longest; ++i) wait *= 2;
  return std::min(wait, policy.longest);
}

} // namespace

struct timetable::entry {
  job of;
  kept_state kept;
  job_report told; // its counters and the result of the last run
  std::optional<instant> due;
  std::optional<nanos> span_due;
  std::deque<run> waiting;
  bool held = false;   // its due times are not in by_wall_ and by_steady_
  nanos held_since{};  // steady; while it is held
  bool placed = false; // place() was called for it

  void become(job one) {
    of = std::move(one);
    kept.at = text_of(of);
  }
  bool is_enabled() const { return kept.switched.value_or(of.enabled); }
};

timetable::timetable(std::vector<job> jobs, const std::map<std::string, kept_state>& kept, moment now)
    : looked_(on_the_second(now)) {
  for (job& one : jobs) {
    auto made = std::make_unique<entry>();
    entry& its = *made;
    its.become(std::move(one));
    its.kept.seen = looked_;
    if (const auto before = kept.find(its.of.name); before != kept.end()) {
      its.kept.switched = before->second.switched;
      // A time from a clock that was ahead does not count.
      if (before->second.at == its.kept.at) its.kept.seen = std::min(before->second.seen, looked_);
    }
    jobs_.emplace(its.of.name, std::move(made));
    plan(its, now);
    if (its.of.at.is() == expression::kind::reboot && its.is_enabled())
      offer(its, looked_, run::cause::due, now);
  }
}
timetable::~timetable() = default;

timetable::entry* timetable::find(std::string_view name) const {
  const auto found = jobs_.find(name);
  return found == jobs_.end() ? nullptr : found->second.get();
}

void timetable::plan(entry& of, moment now) {
  unplan(of);
  if (!of.is_enabled()) return;
  if (of.of.at.is() == expression::kind::every) {
    of.span_due = now.steady + of.of.at.span();
    if (!of.held) by_steady_.emplace(*of.span_due, of.of.name);
  } else if (of.of.at.is() == expression::kind::calendar) {
    const auto found = next(of.of.at, of.of.in, of.of.changes, of.kept.seen);
    if (!found) return;
    of.due = found->at;
    if (!of.held) by_wall_.emplace(*of.due, of.of.name);
  }
}
void timetable::unplan(entry& of) {
  if (of.due) by_wall_.erase({*of.due, of.of.name});
  if (of.span_due) by_steady_.erase({*of.span_due, of.of.name});
  of.due.reset();
  of.span_due.reset();
}

void timetable::forget_runs(std::string_view job) {
  std::erase_if(delayed_, [job](const auto& one) { return one.second.job == job; });
  std::erase_if(under_way_, [job](const auto& one) { return one.second.of.job == job; });
  std::erase_if(ready_, [job](const run& one) { return one.job == job; });
}

void timetable::change(std::vector<job> jobs, moment now) {
  std::set<std::string, std::less<>> wanted;
  for (const job& one : jobs) wanted.insert(one.name);
  for (auto at = jobs_.begin(); at != jobs_.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    unplan(*at->second);
    forget_runs(at->first);
    at = jobs_.erase(at);
  }
  for (job& one : jobs) {
    entry* its = find(one.name);
    if (its == nullptr) {
      auto made = std::make_unique<entry>();
      its = made.get();
      jobs_.emplace(one.name, std::move(made));
    } else if (its->of == one) {
      continue;
    }
    unplan(*its);
    its->become(std::move(one));
    its->kept.seen = on_the_second(now);
    plan(*its, now);
  }
}

// Times that the wall clock shows a second time are due again, if it went back by more than a correction.
void timetable::set_back(moment now) {
  const instant shown = on_the_second(now);
  if (shown + correction >= looked_) {
    looked_ = std::max(looked_, shown);
    return;
  }
  looked_ = shown;
  for (const auto& [name, its] : jobs_) {
    if (its->kept.seen <= shown || !its->due) continue;
    unplan(*its);
    its->kept.seen = shown;
    plan(*its, now);
  }
}

void timetable::take_times(entry& of, moment now) {
  const instant until = on_the_second(now);
  std::vector<instant> passed = newest_times(of.of, of.kept.seen, until, max_caught_up + 1);
  of.kept.seen = until;
  plan(of, now);
  if (!of.told.here || passed.empty()) return;
  const instant newest = passed.back();
  const bool is_on_time = until - newest <= on_time;
  if (is_on_time) passed.pop_back();
  std::size_t first = passed.size(); // the first of the times that are made up for
  if (of.of.when_missed == missed::all) {
    first = passed.size() > max_caught_up ? passed.size() - max_caught_up : 0;
  } else if (of.of.when_missed == missed::once && !is_on_time) {
    first = passed.size() - 1;
  }
  while (first < passed.size() && until - passed[first] > of.of.within) ++first;
  // A run that is on time replaces the run that `once` would start.
  of.told.missed += first;
  for (; first < passed.size(); ++first) offer(of, passed[first], run::cause::missed, now);
  if (!is_on_time) return;
  if (const nanos later = jitter_of(of.of, newest); later > nanos(0))
    delayed_.emplace(now.steady + later, run{0, of.of.name, newest, 0, run::cause::due});
  else
    offer(of, newest, run::cause::due, now);
}

void timetable::take_span(entry& of, moment now) {
  const nanos span = of.of.at.span();
  const nanos due = *of.span_due;
  const auto passed = (now.steady - due) / span; // besides this one
  unplan(of);
  of.span_due = due + span * (passed + 1);
  by_steady_.emplace(*of.span_due, of.of.name);
  if (!of.told.here) return;
  of.told.missed += static_cast<std::uint64_t>(passed);
  offer(of, on_the_second(now), run::cause::due, now);
}

void timetable::take_delayed(moment now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now.steady) {
    const run one = std::move(delayed_.extract(delayed_.begin()).mapped());
    entry& its = *find(one.job);
    if (one.why == run::cause::retry) {
      ++its.told.retries;
      begin(its, one, now);
    } else if (its.is_enabled()) {
      offer(its, one.at, one.why, now);
    }
  }
}

// Starts a due run, subject to the policy for overlaps. A missed run may always wait for the run under way.
asked timetable::offer(entry& of, instant at, run::cause why, moment now) {
  run one{0, of.of.name, at, 0, why};
  const bool may_wait = of.of.when_busy == overlap::queue || why == run::cause::missed;
  const std::size_t side_by_side = of.of.when_busy == overlap::allow ? max_under_way : 1;
  if (of.told.under_way < side_by_side) {
    ++of.told.under_way;
    begin(of, std::move(one), now);
    return asked::under_way;
  }
  if (why == run::cause::due) ++of.told.overlapped;
  if (may_wait && of.waiting.size() < max_waiting) {
    of.waiting.push_back(std::move(one));
    return asked::waiting;
  }
  ++of.told.skipped;
  return asked::skipped;
}
// The run is counted in under_way already.
void timetable::begin(entry& of, run one, moment now) {
  one.number = ++last_number_;
  of.told.last = one.at;
  ++of.told.runs;
  under_way_.emplace(one.number, under_way{one, now.steady});
  ready_.push_back(std::move(one));
}

std::vector<run> timetable::look(moment now) {
  set_back(now);
  const instant shown = on_the_second(now);
  while (!by_wall_.empty() && by_wall_.begin()->first <= shown)
    take_times(*find(by_wall_.begin()->second), now);
  while (!by_steady_.empty() && by_steady_.begin()->first <= now.steady)
    take_span(*find(by_steady_.begin()->second), now);
  take_delayed(now);
  std::vector<run> out = std::exchange(ready_, {});
  std::stable_sort(out.begin(), out.end(), [](const run& a, const run& b) { return a.at < b.at; });
  return out;
}

std::optional<nanoseconds> timetable::wait(moment now) const {
  if (!ready_.empty()) return nanos(0);
  std::optional<nanos> least;
  const auto consider = [&least](nanos one) {
    one = std::max(one, nanos(0));
    if (!least || one < *least) least = one;
  };
  // The wall time is split: an instant centuries away does not fit into nanoseconds.
  if (!by_wall_.empty()) {
    const auto whole = by_wall_.begin()->first - on_the_second(now);
    consider(nanos(whole) - (now.wall - on_the_second(now)));
  }
  if (!by_steady_.empty()) consider(by_steady_.begin()->first - now.steady);
  if (!delayed_.empty()) consider(delayed_.begin()->first - now.steady);
  return least;
}

void timetable::finished(std::uint64_t number, bool succeeded, moment now) {
  const auto found = under_way_.find(number);
  if (found == under_way_.end()) return;
  under_way ended = std::move(found->second);
  under_way_.erase(found);
  entry& its = *find(ended.of.job);
  its.told.last_succeeded = succeeded;
  its.told.overlapped = 0;
  its.told.last_took = now.steady - ended.began;
  if (!succeeded) {
    ++its.told.failures;
    if (ended.of.attempt < its.of.on_failure.attempts) {
      const nanos later = wait_before_retry(its.of.on_failure, ended.of.attempt);
      ++ended.of.attempt;
      ended.of.why = run::cause::retry;
      delayed_.emplace(now.steady + later, std::move(ended.of));
      return;
    }
  }
  --its.told.under_way;
  if (its.waiting.empty()) return;
  run one = std::move(its.waiting.front());
  its.waiting.pop_front();
  ++its.told.under_way;
  begin(its, std::move(one), now);
}

asked timetable::ask(std::string_view name, moment now) {
  entry* its = find(name);
  return its == nullptr ? asked::no_such_job : offer(*its, on_the_second(now), run::cause::asked, now);
}
bool timetable::enable(std::string_view name, bool on, moment now) {
  entry* its = find(name);
  if (its == nullptr) return false;
  if (its->is_enabled() != on) {
    its->kept.switched = on;
    its->kept.seen = on_the_second(now);
    plan(*its, now);
  }
  return true;
}
void timetable::take_overdue(entry& of, moment now) {
  if (of.due && *of.due <= on_the_second(now)) take_times(of, now);
  if (of.span_due && *of.span_due <= now.steady) take_span(of, now);
}

bool timetable::place(std::string_view name, bool here, bool overdue, moment now) {
  entry* its = find(name);
  if (its == nullptr) return false;
  if (std::exchange(its->held, false)) {
    its->told.here = overdue;
    if (its->due) by_wall_.emplace(*its->due, its->of.name);
    if (its->span_due) by_steady_.emplace(*its->span_due, its->of.name);
  }
  take_overdue(*its, now);
  its->told.here = here;
  its->placed = true;
  return true;
}

bool timetable::hold(std::string_view name, moment now) {
  entry* its = find(name);
  if (its == nullptr) return false;
  if (its->held) return true;
  if (its->placed) take_overdue(*its, now); // until now it was known where these run
  its->held = true;
  its->held_since = now.steady;
  if (its->due) by_wall_.erase({*its->due, its->of.name});
  if (its->span_due) by_steady_.erase({*its->span_due, its->of.name});
  return true;
}

void timetable::put_back(const run& one) {
  if (under_way_.contains(one.number)) ready_.push_back(one);
}

std::map<std::string, kept_state> timetable::keep() const {
  std::map<std::string, kept_state> out;
  for (const auto& [name, its] : jobs_) {
    if (its->of.when_missed == missed::none && !its->kept.switched) continue;
    kept_state& one = out.emplace(name, its->kept).first->second;
    // Times that pass while the job is disabled are not missed, even if it is enabled after the next start.
    if (!its->is_enabled()) one.seen = std::max(one.seen, looked_);
  }
  return out;
}

std::vector<job_report> timetable::report(moment now) const {
  std::map<std::string_view, nanos> began; // of each job's run under way that began first
  for (const auto& [number, one] : under_way_) began.try_emplace(one.of.job, one.began);
  std::vector<job_report> out;
  for (const auto& [name, its] : jobs_) {
    job_report one = its->told;
    if (const auto first = began.find(name); first != began.end()) one.running = now.steady - first->second;
    if (its->held) one.held = now.steady - its->held_since;
    one.name = name;
    one.enabled = its->is_enabled();
    one.switched_off = its->of.enabled && !one.enabled;
    one.here = one.here && !its->held;
    one.waiting = static_cast<std::uint32_t>(its->waiting.size());
    if (its->due) one.next = its->due;
    if (its->span_due) one.next = std::chrono::ceil<seconds>(now.wall + (*its->span_due - now.steady));
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<std::pair<instant, std::string>> timetable::coming(moment now, seconds span,
                                                               std::size_t limit) const {
  const instant begin = on_the_second(now), end = begin + span;
  std::set<std::pair<instant, std::string>> heads;
  const auto push = [&](const entry& of, instant after) {
    const auto found = next(of.of.at, of.of.in, of.of.changes, after);
    if (found && found->at <= end) heads.emplace(found->at, of.of.name);
  };
  for (const auto& [name, its] : jobs_)
    if (its->due) push(*its, std::max(begin, its->kept.seen));
  std::vector<std::pair<instant, std::string>> out;
  while (!heads.empty() && out.size() < limit) {
    out.push_back(std::move(heads.extract(heads.begin()).value()));
    push(*find(out.back().second), out.back().first);
  }
  return out;
}

} // namespace coppice::cron
