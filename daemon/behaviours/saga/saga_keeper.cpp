// SPDX-License-Identifier: MIT
// See saga_keeper.hpp.
#include "behaviours/saga/saga_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "behaviours/gen/stream_taker.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "saga/term_codec.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view module = "saga";

} // namespace

outcome saga_keeper::receive(process& self, message m) {
  if (const auto told = saga_news::read(self, m)) {
    if (told->what == saga_news::kind::over) return over(self, told->token);
    const auto known = workers_.find(told->token);
    if (told->what == saga_news::kind::stop && known != workers_.end()) stop(self, known->second);
    return runtime::carry_on();
  }
  if (gen::exit_notice exit; gen::is_exit(m.bytes()) && gen::read_exit(self, m, exit)) {
    if (exit.from != saga_) {
      ended(exit);
      return runtime::carry_on();
    }
    closing_ = true;
    for (auto& [token, one] : workers_) stop(self, one);
    return workers_.empty() ? runtime::stop(runtime::reasons::normal()) : runtime::carry_on();
  }
  if (const gen::request asked = gen::parse(m);
      asked.what == gen::request::kind::system && asks_shown_state(self, asked))
    tell_shown_state(
        self, asked, [] { return message(); }, "saga_workers", [] { return message(); });
  return runtime::carry_on();
}

outcome saga_keeper::receive_parcel(process& self, std::unique_ptr<runtime::parcel> given) {
  const auto* const asked = dynamic_cast<const saga_job_parcel*>(given.get());
  if (asked == nullptr || closing_) return runtime::carry_on();
  const saga::call& what = asked->job->what;
  worker& made = workers_[what.token];
  made.tx = runtime::shown(message::copy_of(etf::encode(what.key.tx)));
  const auto started = start(self, asked->job);
  if (!started) { // the ticket was dropped, so it is over
    base::log::counted(base::log::level::error, module, fmt::format("{} no worker", how_->label),
                       "{}: no worker for a step of the transaction {}: {}", how_->label, made.tx,
                       started.error().text);
    return runtime::carry_on();
  }
  made.process = *started;
  self.notify(saga_, saga_news::began(what.token, *started, self.host().nodes()));
  return runtime::carry_on();
}

base::result<runtime::pid> saga_keeper::start(process& self, const std::shared_ptr<saga_job>& job) {
  auto ticket = std::make_unique<saga_ticket>(self.host(), self.self(), job);
  auto actor = how_->factory->make({.actor = how_->options.actor,
                                    .args = how_->options.args,
                                    .env = how_->env,
                                    .label = how_->label + "/worker",
                                    .unhandled = std::nullopt,
                                    .secrets = how_->options.secrets});
  if (!actor) return unexpected(std::move(actor.error()));
  stream_taker* const taker = (*actor)->as_stream_taker();
  if (taker == nullptr || !taker->begin_with(std::move(ticket)))
    return base::fail(base::errc::invalid, how_->options.actor + " is no saga");
  runtime::spawn_options options;
  options.label = how_->label + "/worker";
  options.link = true;
  options.priority = how_->priority;
  options.compression = how_->compression;
  return self.spawn(std::move(options), std::move(*actor));
}

// Kills the worker, since it may be inside a handler.
void saga_keeper::stop(process& self, worker& one) {
  if (std::exchange(one.stopped, true) || !one.process) return;
  self.exit(one.process, runtime::reasons::kill());
}

void saga_keeper::ended(const gen::exit_notice& exit) {
  if (runtime::is_orderly(exit.reason)) return;
  const auto known =
      std::ranges::find_if(workers_, [&](const auto& one) { return one.second.process == exit.from; });
  if (known == workers_.end() || known->second.stopped) return;
  base::log::warning(module, "{}: the worker of a step of the transaction {} has ended: {}", how_->label,
                     known->second.tx, runtime::shown(exit.reason));
}

outcome saga_keeper::over(process& self, std::uint64_t token) {
  workers_.erase(token);
  self.notify(saga_, saga_news::over(token));
  return closing_ && workers_.empty() ? runtime::stop(runtime::reasons::normal()) : runtime::carry_on();
}

} // namespace coppice::behaviours
