// SPDX-License-Identifier: MIT
// See saga_workers.hpp.
#include "behaviours/saga/saga_workers.hpp"

#include <algorithm>
#include <array>

#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/report_fields.hpp"
#include "behaviours/saga/saga_keeper.hpp"
#include "behaviours/saga/saga_place.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;

std::string_view saga_workers::word_of(const saga::call& of) {
  const bool two_phase = of.kind == saga::commit_kind::two_phase;
  if (of.what == saga::callback::perform) return two_phase ? "prepare" : "do";
  if (of.what == saga::callback::confirm) return "commit";
  return two_phase ? "abort" : "undo";
}

base::status saga_workers::begin() {
  runtime::spawn_options options;
  options.label = how_->label + "/workers";
  options.link = true;
  options.trap_exit = true;
  auto made = take_place(self_, std::move(options), std::make_unique<saga_keeper>(how_, self_.self()));
  if (!made) return unexpected(std::move(made.error()).context("the workers of the saga"));
  keeper_ = *made;
  begin_some();
  return {};
}

void saga_workers::run(saga::call what) {
  if (closed_) return;
  waiting_.push(std::move(what));
  begin_some();
}

void saga_workers::begin_some() {
  while (keeper_ && running_.size() < how_->options.limit && !waiting_.empty()) {
    const std::uint64_t token = waiting_.front().token;
    const auto job = std::make_shared<saga_job>(waiting_.pop(), self_.self(), max_value_, max_steps_);
    running_[token] = {job, {}, false};
    ++begun_;
    self_.hand(keeper_, std::make_unique<saga_job_parcel>(job));
  }
}

void saga_workers::stop(std::uint64_t token) {
  if (const auto known = running_.find(token); known != running_.end()) {
    if (!std::exchange(known->second.stopped, true)) self_.notify(keeper_, saga_news::stop(token));
    return;
  }
  if (waiting_.remove(token)) ends_.push_back({token, std::nullopt});
}

void saga_workers::stop_all() {
  closed_ = true;
  waiting_.clear();
  std::vector<std::uint64_t> all;
  for (const auto& [token, one] : running_) all.push_back(token);
  for (const std::uint64_t token : all) stop(token);
}

std::optional<saga_workers::taken> saga_workers::take_info(const message& m) {
  if (const auto said = saga_news::read(self_, m)) {
    taken out;
    const auto known = running_.find(said->token);
    if (known == running_.end()) return out;
    etf::cursor at = said->rest;
    interim told;
    switch (said->what) {
      case saga_news::kind::began:
        known->second.worker = runtime::read_pid(at, self_.host().nodes()).value_or(runtime::pid());
        break;
      case saga_news::kind::told:
        known->second.job->interims.fetch_sub(1, std::memory_order_relaxed);
        if (at.read_term(told.key) && at.read_term(told.value)) out.told = told;
        break;
      case saga_news::kind::over:
        if (!known->second.job->answer && !known->second.stopped) ++crashed_;
        ends_.push_back({said->token, std::move(known->second.job->answer)});
        running_.erase(known);
        begin_some();
        break;
      case saga_news::kind::stop:
        break;
    }
    return out;
  }
  if (says_free(self_, m)) return taken{closed_ ? base::status() : begin(), std::nullopt};
  gen::exit_notice exit;
  if (!keeper_ || !gen::read_exit(self_, m, exit) || exit.from != keeper_) return std::nullopt;
  return taken{base::fail(base::errc::closed, "the process of its workers has ended"), std::nullopt};
}

std::string saga_workers::shown(const runtime::pid& worker) const {
  return worker ? runtime::to_text(worker, self_.host().nodes()) : "begins";
}

std::string saga_workers::place_of(std::uint64_t token) const {
  if (token == 0) return {};
  if (const auto known = running_.find(token); known != running_.end()) return shown(known->second.worker);
  return waiting_.has(token) ? "waits" : "";
}

void saga_workers::write_report(message_writer& out, std::size_t most) const {
  const std::size_t shows = std::min(most, running_.size());
  out.map(7);
  report::text(out, "actor", how_->options.actor);
  report::number(out, "limit", how_->options.limit);
  report::number(out, "running", running_.size());
  report::number(out, "waiting", waiting_.size());
  report::number(out, "begun", begun_);
  report::number(out, "crashed", crashed_);
  out.atom("steps");
  if (shows != 0) out.list(static_cast<std::uint32_t>(shows));
  std::size_t left = shows;
  for (const auto& [token, one] : running_) {
    if (left-- == 0) break;
    out.map(4);
    report::text(out, "tx", one.job->what.key.tx);
    report::text(out, "callback", word_of(one.job->what));
    report::number(out, "attempt", one.job->what.attempt);
    report::text(out, "worker", shown(one.worker));
  }
  out.nil();
}

} // namespace coppice::behaviours
