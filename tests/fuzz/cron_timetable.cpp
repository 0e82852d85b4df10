// SPDX-License-Identifier: MIT
// A timetable under arbitrary scripts: clocks that run, jump and stand still, jobs that change, runs that end
// well, badly, late or never, and questions of operators. No run goes to a job that does not exist, a run's
// number comes once, no job has more runs under way or waiting than its policy allows, nothing is due after a
// look, and the saved state makes another timetable.
// rooms: cron
#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "cron/timetable.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using namespace std::chrono;
using fuzz::check;
using fuzz::script;

constexpr const char* texts[] = {"* * * * *",  "*/7 * * * * *", "30 2 * * *",     "0 0 29 2 *",
                                 "@every 90s", "@reboot",       "15 */3 * * 1-5", "59 23 L * *"};
constexpr const char* names[] = {"a", "b", "c", "d"};

cron::job job_of(script& from, const char* name) {
  cron::job one;
  one.at = *cron::expression::parse(texts[from.byte() % std::size(texts)]);
  one.name = name;
  one.when_busy = static_cast<cron::overlap>(from.byte() % 3);
  one.when_missed = static_cast<cron::missed>(from.byte() % 3);
  one.within = minutes(from.byte() * 10);
  one.jitter = seconds(from.byte() % 2 * 30);
  one.on_failure = {from.byte() % 4u, seconds(from.byte() % 50), seconds(from.byte())};
  one.enabled = from.byte() % 8 != 0;
  return one;
}
std::vector<cron::job> jobs_of(script& from) {
  const std::uint8_t which = from.byte();
  std::vector<cron::job> out;
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (which >> i & 1) out.push_back(job_of(from, names[i]));
  return out;
}

class play {
 public:
  explicit play(script from) : from_(from), now_{sys_days(2028y / January / 31), {}} {
    const auto jobs = jobs_of(from_);
    remember(jobs);
    of_.emplace(jobs, std::map<std::string, cron::kept_state>{}, now_);
  }
  void run() {
    for (int steps = 0; !from_.ended() && steps < 100; ++steps) step();
    cron::timetable later(list_, of_->keep(), now_);
    later.look(now_);
    check(later.keep().size() <= list_.size());
  }

 private:
  const char* name() { return names[from_.byte() % std::size(names)]; }
  bool has(std::string_view name) const {
    return std::any_of(list_.begin(), list_.end(), [&](const cron::job& one) { return one.name == name; });
  }
  void remember(std::vector<cron::job> jobs) {
    list_ = std::move(jobs);
    std::erase_if(begun_, [this](const cron::run& one) { return !has(one.job); });
  }
  void pass(nanoseconds span) {
    now_.wall += span;
    now_.steady += span;
  }
  void step() {
    switch (from_.byte() % 10) {
      case 0:
        if (const auto wait = of_->wait(now_)) pass(std::min<nanoseconds>(*wait, hours(24 * 366)));
        break;
      case 1:
        pass(milliseconds(from_.byte() * 700));
        break;
      case 2:
        now_.wall += minutes(from_.byte() * 11);
        break;
      case 3:
        now_.wall -= minutes(from_.byte() * 3);
        break;
      case 4:
      case 5:
        if (begun_.empty()) break;
        of_->finished(begun_.front().number, from_.byte() % 2 == 0, now_);
        begun_.pop_front();
        break;
      case 6: {
        const char* whose = name();
        check((of_->ask(whose, now_) != cron::asked::no_such_job) == has(whose));
        check(of_->coming(now_, hours(1), 10).size() <= 10);
        break;
      }
      case 7: {
        const char* whose = name();
        check(of_->enable(whose, from_.byte() % 2 == 0, now_) == has(whose));
        break;
      }
      case 8: {
        const char* whose = name();
        const bool here = from_.byte() % 2 == 0;
        check(of_->place(whose, here, from_.byte() % 2 == 0, now_) == has(whose));
        break;
      }
      default: {
        auto jobs = jobs_of(from_);
        remember(jobs);
        of_->change(std::move(jobs), now_);
      }
    }
    look();
  }
  void look() {
    const auto runs = of_->look(now_);
    check(std::is_sorted(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
    for (const cron::run& one : runs) {
      check(has(one.job));
      check(numbers_.insert(one.number).second);
      begun_.push_back(one);
    }
    const auto wait = of_->wait(now_);
    check(!wait || *wait > nanoseconds(0));
    check(of_->look(now_).empty());
    const auto told = of_->report(now_);
    check(told.size() == list_.size());
    for (const cron::job_report& one : told) {
      check(one.under_way <= cron::timetable::max_under_way);
      check(one.waiting <= cron::timetable::max_waiting);
      check(one.enabled || !one.next);
      check(one.retries <= one.failures && one.failures <= one.runs);
    }
  }

  script from_;
  cron::moment now_;
  std::vector<cron::job> list_;
  std::deque<cron::run> begun_;
  std::set<std::uint64_t> numbers_;
  std::optional<cron::timetable> of_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play(script({data, size})).run();
  return 0;
}
