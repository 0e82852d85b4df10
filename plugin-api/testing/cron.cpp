// SPDX-License-Identifier: MIT
// Fires the jobs of the cron under test as the wall clock passes their times. In the test's thread.
#include <coppice/testing/cron.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace coppice::testing {

bool cron_run::succeeded() const {
  if (ended || (reply && !*reply)) return false;
  if (!reply) return true;
  etf::cursor at_reply(reply->reply().bytes());
  if (at_reply.read_atom_is("error")) return false;
  return !at_reply.read_tuple_of(2) || !at_reply.read_atom_is("error");
}

void cron_clock::add(cron_job one) {
  std::sort(one.times.begin(), one.times.end());
  const auto past = std::upper_bound(one.times.begin(), one.times.end(), now());
  one.times.erase(one.times.begin(), past);
  jobs_.push_back(std::move(one));
}

std::vector<cron_run> cron_clock::advance(nanoseconds span) {
  const auto end = now() + span;
  std::vector<cron_run> runs;
  while (cron_job* const next = first_until(end)) {
    actor_.advance(next->times.front() - now());
    runs.push_back(run(*next, take_time(*next)));
  }
  actor_.advance(end - now());
  return runs;
}

std::vector<cron_run> cron_clock::set(std::chrono::sys_time<nanoseconds> to) {
  actor_.set_wall(to);
  std::vector<std::pair<std::chrono::sys_seconds, cron_job*>> late;
  for (cron_job& each : jobs_) {
    std::vector<std::chrono::sys_seconds> over;
    while (!each.times.empty() && each.times.front() <= to) over.push_back(take_time(each));
    const std::size_t wanted = each.missed == cron_job::none   ? on_time(over, to)
                               : each.missed == cron_job::once ? 1
                                                               : most_caught_up;
    for (std::size_t i = over.size() - std::min(wanted, over.size()); i < over.size(); ++i)
      late.emplace_back(over[i], &each);
  }
  std::stable_sort(late.begin(), late.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<cron_run> runs;
  for (const auto& [at, job] : late) runs.push_back(run(*job, at));
  return runs;
}

std::size_t cron_clock::on_time(const std::vector<std::chrono::sys_seconds>& times,
                                std::chrono::sys_time<nanoseconds> now) {
  return !times.empty() && now - times.back() <= delay ? 1 : 0;
}

std::chrono::sys_seconds cron_clock::take_time(cron_job& of) {
  const auto first = of.times.front();
  of.times.erase(of.times.begin());
  return first;
}

cron_job* cron_clock::first_until(std::chrono::sys_time<nanoseconds> end) {
  cron_job* found = nullptr;
  for (cron_job& each : jobs_)
    if (!each.times.empty() && each.times.front() <= end &&
        (found == nullptr || each.times.front() < found->times.front()))
      found = &each;
  return found;
}

cron_run cron_clock::run(const cron_job& of, std::chrono::sys_seconds at) {
  cron_run made{of.name, at};
  const value term = of.message ? of.message : usual(of.name, at);
  if (!actor_.alive()) {
    made.ended = true;
    return made;
  }
  if (of.how == cron_job::call)
    made.reply = actor_.call(term);
  else if (of.how == cron_job::cast)
    actor_.cast(term);
  else
    actor_.send(term);
  made.ended = !actor_.alive();
  return made;
}

value cron_clock::usual(const std::string& name, std::chrono::sys_seconds at) {
  etf::vector_writer out(name.size() + 32);
  out.tuple(3);
  out.atom("cron");
  out.binary(name);
  out.integer(at.time_since_epoch().count());
  return value::of(out.take());
}

} // namespace coppice::testing
