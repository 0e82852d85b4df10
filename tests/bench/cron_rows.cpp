// SPDX-License-Identifier: MIT
// How fast a timetable goes through its times: 10,000 jobs with expressions and zones of every kind, which
// become due one after the other. For each time that passes, the job is found due, nothing runs it, and its
// next time is computed. A smaller timetable beside it shows what the number of jobs costs. Prints `NAME
// VALUE UNIT` for each row.
// rooms: cron
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cron/timetable.hpp"
#include "rows.hpp"

namespace {

using namespace coppice;
using bench::setting;
using bench::wanted;
using namespace std::chrono;

constexpr std::size_t crowd = 10'000;
constexpr std::size_t few = 100;
constexpr const char* zones[] = {"UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"};

// Every hour, every day, on some weekdays, once a month. H spreads them.
std::vector<cron::job> jobs(std::size_t count) {
  constexpr const char* expressions[] = {"H * * * *", "H H * * *", "H H * * mon-fri", "H H H * *",
                                         "*/5 H L * *"};
  std::vector<cron::zone> known;
  for (const char* each : zones) known.push_back(cron::zone::find(each).value_or(cron::zone()));
  std::vector<cron::job> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    cron::job& one = all[i];
    one.name = "job_" + std::to_string(i);
    const auto read = cron::expression::parse(expressions[i % std::size(expressions)], one.name);
    if (!read) std::abort();
    one.at = *read;
    one.in = known[i % known.size()];
  }
  return all;
}

// Times a second, measured until `times` have passed.
double rate(std::size_t count, std::uint64_t times) {
  cron::moment now{sys_days(2026y / January / 1), hours(1)};
  cron::timetable of(jobs(count), {}, now);
  std::uint64_t passed = 0;
  const auto began = steady_clock::now();
  while (passed < times) {
    const auto wait = of.wait(now);
    if (!wait) std::abort();
    now.wall += *wait;
    now.steady += *wait;
    for (const cron::run& one : of.look(now)) {
      of.finished(one.number, true, now);
      ++passed;
    }
  }
  return static_cast<double>(passed) / duration<double>(steady_clock::now() - began).count();
}

void row(const char* name, std::size_t count, std::uint64_t times) {
  if (!wanted(name)) return;
  std::vector<double> rates;
  for (unsigned i = 0; i < std::max(1u, setting("PEER_BENCH_RUNS", 3)); ++i)
    rates.push_back(rate(count, times));
  std::sort(rates.begin(), rates.end());
  const double median = rates[rates.size() / 2];
  std::printf("%s %.0f times/s spread %.0f %.0f\n", name, median, rates.front(), rates.back());
  std::fflush(stdout);
}

} // namespace

int main() {
  const std::uint64_t times = std::uint64_t{200'000} * setting("PEER_BENCH_SCALE", 100) / 100 + 1;
  row("cron_next_10k_jobs", crowd, times);
  row("cron_next_100_jobs", few, times);
}
