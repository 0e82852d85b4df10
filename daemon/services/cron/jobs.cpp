// SPDX-License-Identifier: MIT
// The jobs of a running node, and the file that keeps their states. Any thread.
#include "services/cron/jobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log_event.hpp"
#include "base/suggest.hpp"

namespace coppice::services {

namespace {

constexpr std::string_view module = "cron";

std::vector<cron::job> timings(const std::vector<cron_job>& jobs) {
  std::vector<cron::job> out;
  out.reserve(jobs.size());
  for (const cron_job& one : jobs) out.push_back(one.timing);
  return out;
}

std::map<std::string, cron_job, std::less<>> by_name(std::vector<cron_job> jobs) {
  std::map<std::string, cron_job, std::less<>> out;
  for (cron_job& one : jobs) {
    std::string name = one.timing.name;
    out.emplace(std::move(name), std::move(one));
  }
  return out;
}

cron_row row_of(const cron_job& of, cron::job_report told) {
  return {std::move(told), of.timing.at.print(), of.timing.in, of.on_one_node, of.action.group};
}

// A job that is due often may be late a few times, and a change of the nodes that have a job delays it.
constexpr std::uint32_t often_overlapped = 3;
constexpr std::chrono::seconds too_long{60};

} // namespace

std::string warning_of(const cron_row& row) {
  const cron::job_report& of = row.told;
  const auto in_seconds = [](std::chrono::nanoseconds span) { return span / std::chrono::seconds(1); };
  if (of.running && *of.running >= too_long && of.overlapped >= often_overlapped)
    return fmt::format("a run has not ended for {} s, and is in the way of the last {} times that it was due",
                       in_seconds(*of.running), of.overlapped);
  if (of.enabled && of.held && *of.held >= too_long && !row.group.empty())
    return fmt::format(
        "does not run: for {} s this node has had no member '{}' of a Raft group, or that member has known "
        "no leader",
        in_seconds(*of.held), row.group);
  if (of.enabled && of.held && *of.held >= too_long)
    return fmt::format(
        "does not run: for {} s it has not been known which of its nodes runs it, since they "
        "come and go or the scope coppice of pg is not there",
        in_seconds(*of.held));
  return {};
}

cron::moment cron_jobs::now() {
  return {cron::moment{}.wall + std::chrono::nanoseconds(base::wall_now()),
          std::chrono::nanoseconds(base::mono_now())};
}

base::status cron_jobs::start(std::vector<cron_job> jobs) {
  base::status outcome;
  auto kept = cron::read_kept(file_);
  if (!kept) {
    outcome = unexpected(std::move(kept.error()));
    kept = cron::kept_states();
  }
  const std::scoped_lock held(saving_, lock_);
  saved_ = *kept;
  times_ = std::make_unique<cron::timetable>(timings(jobs), *kept, now());
  jobs_ = by_name(std::move(jobs));
  return outcome;
}

void cron_jobs::begin() {
  const std::scoped_lock held(lock_);
  begun_ = true;
  woken_ = false;
  wake();
}

void cron_jobs::wake_by(std::function<void()> wake) {
  const std::scoped_lock held(lock_);
  wake_ = std::move(wake);
  woken_ = false;
}

void cron_jobs::wake() {
  if (wake_ && !std::exchange(woken_, true)) wake_();
}

void cron_jobs::change(std::vector<cron_job> jobs) {
  const std::scoped_lock held(lock_);
  if (!times_) return;
  times_->change(timings(jobs), now());
  jobs_ = by_name(std::move(jobs));
  std::erase_if(serves_, [this](const auto& one) { return !jobs_.contains(one.first); });
  wake();
}

void cron_jobs::stop() {
  const std::scoped_lock held(lock_);
  times_.reset();
  wake_ = nullptr;
}

std::vector<cron_row> cron_jobs::rows() const {
  const std::scoped_lock held(lock_);
  std::vector<cron_row> out;
  if (!times_) return out;
  out.reserve(jobs_.size());
  for (cron::job_report& told : times_->report(now())) {
    const cron_job& of = jobs_.find(told.name)->second;
    out.push_back(row_of(of, std::move(told)));
  }
  return out;
}

std::vector<cron::job_report> cron_jobs::report() const {
  const std::scoped_lock held(lock_);
  return times_ ? times_->report(now()) : std::vector<cron::job_report>();
}

std::vector<std::pair<cron::instant, cron_row>> cron_jobs::coming(std::chrono::seconds span,
                                                                  std::size_t limit) const {
  const std::scoped_lock held(lock_);
  std::vector<std::pair<cron::instant, cron_row>> out;
  if (!times_) return out;
  for (auto& [at, name] : times_->coming(now(), span, limit)) {
    const cron_job& of = jobs_.find(name)->second;
    cron::job_report told;
    told.name = std::move(name);
    out.emplace_back(at, row_of(of, std::move(told)));
  }
  return out;
}

base::status cron_jobs::unknown(std::string_view name) const {
  std::vector<std::string_view> known;
  for (const auto& [each, job] : jobs_) known.push_back(each);
  const std::string hint = base::did_you_mean(name, known);
  return base::fail(base::errc::not_found, "there is no job of the name " + std::string(name) +
                                               (hint.empty() ? std::string() : " (" + hint + ")"));
}

base::status cron_jobs::run_now(std::string_view name) {
  const std::scoped_lock held(lock_);
  if (!times_) return base::fail(base::errc::closed, "the node stops");
  switch (times_->ask(name, now())) {
    case cron::asked::no_such_job:
      return unknown(name);
    case cron::asked::skipped:
      return base::fail(base::errc::refused, "a run of it is under way, and its overlap says skip");
    case cron::asked::under_way:
    case cron::asked::waiting:
      break;
  }
  wake();
  return {};
}

base::status cron_jobs::enable(std::string_view name, bool on) {
  const std::scoped_lock held(lock_);
  if (!times_) return base::fail(base::errc::closed, "the node stops");
  if (!times_->enable(name, on, now())) return unknown(name);
  wake();
  return {};
}

std::vector<cron_task> cron_jobs::look() {
  const std::scoped_lock saving(saving_);
  std::vector<cron_task> out;
  cron::kept_states keep;
  {
    const std::scoped_lock held(lock_);
    woken_ = false;
    if (!times_ || !begun_) return out;
    for (cron::run& one : times_->look(now())) {
      const cron_action& action = jobs_.find(one.job)->second.action;
      out.push_back({std::move(one), action});
    }
    keep = times_->keep();
  }
  (void)save(std::move(keep));
  return out;
}

base::status cron_jobs::save(cron::kept_states keep) {
  if (keep == saved_) return {};
  auto saved = cron::write_kept(file_, keep);
  if (saved) {
    saved_ = std::move(keep);
    cannot_save_ = false;
  } else if (!std::exchange(cannot_save_, true)) {
    base::log::warning(module, "what jobs keep cannot be written: {}", saved.error().text);
  }
  return saved;
}

base::status cron_jobs::save() {
  const std::scoped_lock saving(saving_);
  cron::kept_states keep;
  {
    const std::scoped_lock held(lock_);
    if (!times_) return base::fail(base::errc::closed, "the node stops");
    keep = times_->keep();
  }
  auto saved = save(std::move(keep));
  if (saved) return saved;
  return base::fail(saved.error().code, "done, but not kept over a restart: " + saved.error().text);
}

std::optional<std::chrono::nanoseconds> cron_jobs::wait() const {
  const std::scoped_lock held(lock_);
  return times_ && begun_ ? times_->wait(now()) : std::nullopt;
}

std::vector<std::string> cron_jobs::on_one_node() const {
  const std::scoped_lock held(lock_);
  std::vector<std::string> out;
  for (const auto& [name, job] : jobs_)
    if (job.on_one_node) out.push_back(name);
  return out;
}

std::vector<std::pair<std::string, std::string>> cron_jobs::led() const {
  const std::scoped_lock held(lock_);
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, job] : jobs_)
    if (!job.action.group.empty()) out.emplace_back(name, job.action.group);
  return out;
}

void cron_jobs::place(std::string_view name, bool here, bool overdue) {
  const std::scoped_lock held(lock_);
  if (times_) times_->place(name, here, overdue, now());
}

void cron_jobs::hold(std::string_view name) {
  const std::scoped_lock held(lock_);
  if (times_) times_->hold(name, now());
}

base::nanos cron_jobs::serves(std::string_view name) const {
  const std::scoped_lock held(lock_);
  const auto found = serves_.find(name);
  return found == serves_.end() ? 0 : found->second;
}

void cron_jobs::serve_from(std::string_view name, base::nanos when) {
  const std::scoped_lock held(lock_);
  if (when == 0)
    serves_.erase(std::string(name));
  else
    serves_.insert_or_assign(std::string(name), when);
}

void cron_jobs::give_back(const std::vector<cron_task>& tasks) {
  const std::scoped_lock held(lock_);
  if (!times_) return;
  for (const cron_task& one : tasks) times_->put_back(one.run);
  wake();
}

void cron_jobs::finished(const cron::run& run, const base::status& how) {
  namespace log = base::log;
  std::uint32_t attempts = 0;
  {
    const std::scoped_lock held(lock_);
    const auto job = jobs_.find(run.job);
    if (!times_ || job == jobs_.end()) return;
    attempts = job->second.timing.on_failure.attempts;
    times_->finished(run.number, how.has_value(), now());
    wake();
  }
  if (how) return log::debug(module, "{}: done", run.job);
  const std::string again = run.attempt < attempts
                                ? fmt::format("; attempt {} of {} follows", run.attempt + 2, attempts + 1)
                                : std::string();
  log::tell(log::events::job_failed, log::level::warning, module,
            {{"job", run.job}, {"reason", how.error().text}}, "{}: {}{}", run.job, how.error().text, again);
}

} // namespace coppice::services
