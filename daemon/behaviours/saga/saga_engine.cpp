// SPDX-License-Identifier: MIT
// The saga's core with its process: time, messages and callbacks. The calls and casts of other processes are
// in saga_calls.cpp. In the process's own turn.
#include "behaviours/saga/saga_engine.hpp"
#include "behaviours/gen/tagged.hpp"

#include <algorithm>
#include <limits>

#include "base/log.hpp"
#include "base/process_wide.hpp"
#include "base/random.hpp"
#include "behaviours/saga/saga_words.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "saga/node_room.hpp"
#include "saga/term_codec.hpp"
#include "tree/saga_room.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using saga::callback;
using saga::verdict;

namespace {

constexpr std::string_view module = "saga";
constexpr std::string_view tick = "$coppice_saga"; // a notice to itself

// While more bytes wait for the disk, no start and no request of another saga is taken.
constexpr std::size_t most_unwritten_bytes = std::size_t{32} << 20;

std::string shown_tx(const saga::step_key& key) {
  return runtime::shown(message::copy_of(etf::encode(key.tx)));
}

} // namespace

saga_engine::saga_engine(runtime::process& self, saga_settings how, journal* log, saga_port& port,
                         std::shared_ptr<const saga_worker_spec> workers)
    : self_(self),
      settings_(std::move(how)),
      log_(self, log),
      port_(port),
      offset_(log != nullptr ? log->clock_offset() : base::wall_now() - base::mono_now()),
      callbacks_(settings_.core.max_steps) {
  if (workers != nullptr)
    workers_ = std::make_unique<saga_workers>(self_, std::move(workers), settings_.core.max_value,
                                              settings_.core.max_steps);
  else
    stay_ = std::make_unique<saga_stay>(self_);
}

base::nanos saga_engine::now() const {
  return self_.now() + offset_;
}

base::nanos saga_engine::longest_doubt() const {
  const saga::options& how = settings_.core;
  return how.lifespan + std::max(how.step_timeout, how.retry_max);
}

std::string saga_engine::origin_node() const {
  return self_.host().nodes().name(self_.origin().node);
}

// ---- the start ----

base::status saga_engine::open() {
  const std::string name = self_.name();
  if (name.empty())
    return base::fail(base::errc::invalid, "a saga needs a registered name, which others call it by");
  settings_.core.self = {name, std::string(self_.host().node_name())};
  settings_.core.durable = settings_.durable;
  settings_.core.room = &base::of_process<saga::node_room>();
  settings_.core.first_token = (base::random_u64() >> 1) + 1;
  if (const std::uint64_t memory = self_.host().options().memory; memory != 0) {
    const tree::saga_room room = tree::largest_saga_room(memory);
    settings_.core.max_bytes_for_others =
        std::min<std::size_t>(settings_.core.max_bytes_for_others, room.for_others);
    settings_.core.keep_bytes = std::min<std::size_t>(settings_.core.keep_bytes, room.kept);
  }
  std::vector<saga::kept_record> kept;
  if (settings_.durable) {
    auto read = log_.open(name, settings_.core.self.name());
    if (!read) return unexpected(std::move(read.error()));
    if (read->ended) stop(*read->ended);
    kept = std::move(read->records);
  }
  auto made = saga::core::start(settings_.core, std::move(kept), now(), effects_);
  if (!made) return unexpected(std::move(made.error()).context("the records of the saga " + name));
  core_ = std::move(*made);
  if (!stopped_)
    if (auto begun = workers_ != nullptr ? workers_->begin() : stay_->begin(); !begun) return begun;
  soon();
  return {};
}

// ---- effects ----

// Goes on until nothing follows at once.
outcome saga_engine::carry_out() {
  outcome next = runtime::carry_on();
  running_ = true;
  while (!next.stops() && !self_.exiting() && !stopped_) {
    const bool quiet = effects_.messages.empty() && effects_.writes.empty() && effects_.calls.empty() &&
                       effects_.notices.empty() && effects_.answers.empty() && effects_.stops.empty();
    if (!quiet) {
      next = carry_out(std::exchange(effects_, {}));
    } else if (const std::uint64_t last = log_.take_submitted(); last != 0) {
      core_->written(now(), last, effects_);
    } else if (!held_.empty() && stay_->has_place()) {
      next = run_held();
    } else if (!lost_.empty()) {
      saga::message one = std::move(lost_.front());
      lost_.pop_front();
      core_->receive(now(), std::move(one), effects_);
    } else if (!answers_.empty()) {
      auto one = std::move(answers_.front());
      answers_.pop_front();
      if (one.second)
        core_->answered(now(), one.first, std::move(*one.second), effects_);
      else
        core_->call_ended(now(), one.first, effects_);
    } else {
      break;
    }
  }
  running_ = false;
  memory_.set(core_->bytes_for_others() + subscribers_.bytes_for_others() +
              (workers_ == nullptr ? held_.bytes() : workers_->waiting_bytes()));
  if (!next.stops() && !self_.exiting()) set_timer();
  return next;
}

outcome saga_engine::carry_out(saga::effects&& what) {
  for (saga::write& one : what.writes) log_.add(std::move(one));
  submit();
  for (saga::message& one : what.messages) send(std::move(one));
  for (const saga::answer& one : what.answers) answer_client(one);
  for (const saga::notice& one : what.notices) tell(one);
  for (saga::call& one : what.calls) {
    if (workers_ != nullptr && saga_workers::runs(one.what)) {
      workers_->run(std::move(one));
      continue;
    }
    if (stay_ != nullptr && (!stay_->has_place() || !held_.empty())) {
      // Dropped: nothing bounds how many interim values come while the earlier process's work goes on.
      if (one.what == saga::callback::interim) continue;
      held_.push(std::move(one));
      continue;
    }
    outcome next = run(one);
    if (next.stops() || self_.exiting()) return next;
  }
  for (const std::uint64_t token : what.stops) {
    if (workers_ != nullptr)
      workers_->stop(token);
    else
      drop_held(token);
  }
  if (workers_ != nullptr) take_ends_of_workers();
  return runtime::carry_on();
}

outcome saga_engine::run(const saga::call& what) {
  if (what.token != 0) callbacks_.open(what.token, what.what);
  outcome next = port_.run(what);
  if (next.stops() && !self_.exiting()) count_end(what.token);
  return next;
}

outcome saga_engine::run_held() {
  return run(held_.pop());
}

void saga_engine::drop_held(std::uint64_t token) {
  if (held_.remove(token)) answers_.emplace_back(token, std::nullopt);
}

void saga_engine::take_ends_of_workers() {
  for (saga_workers::end& one : workers_->take_ends())
    answers_.emplace_back(one.token, std::move(one.answer));
}

// ---- the log ----

void saga_engine::submit() {
  if (stopped_) return;
  if (auto done = log_.submit(now()); !done) stop(done.error().text);
}

// The next process of this saga waits longer before it makes the same call.
void saga_engine::count_end(std::uint64_t token) {
  saga::effects last;
  core_->actor_ended(now(), token, last);
  if (stopped_) return;
  for (const saga::write& one : last.writes)
    if (auto done = log_.submit_last(one); !done)
      base::log::warning(module, "{}: that a callback ended it is not kept: {}", settings_.core.self.name(),
                         done.error().text);
}

void saga_engine::stop(std::string why) {
  base::log::error(module, "{}: is stopped until the node starts again, because its log has ended: {}",
                   settings_.core.self.name(), why);
  stopped_ = std::move(why);
  log_.forget();
  held_.clear();
  if (workers_ != nullptr) workers_->stop_all();
  for (const auto& [token, asked] : std::exchange(clients_, {}))
    gen::reply(self_, asked.from, stopped_answer(false));
  for (const auto& [place, asked] : callers_.take_all())
    for (const message& from : asked.from) gen::reply(self_, from, stopped_answer(true));
}

// A saga asks again after busy; the node may have started again by then.
message saga_engine::stopped_answer(bool to_saga) const {
  message_writer out;
  out.tuple(2);
  out.atom(to_saga ? "busy" : "error");
  out.tuple(2);
  out.atom("stopped");
  out.binary(std::string_view(*stopped_));
  return out.take();
}

bool saga_engine::is_overloaded() const {
  return log_.is_refused() || core_->unwritten() > most_unwritten_bytes;
}

void saga_engine::send(saga::message&& what) {
  if (const auto* const in = std::get_if<saga::request>(&what.body))
    return ask(what.to, *in, what.awaits_answer);
  if (const auto* const in = std::get_if<saga::reply>(&what.body)) return tell(*in);
  const bool here = what.to.node() == settings_.core.self.node();
  const auto node = here ? std::optional<std::uint32_t>(0) : self_.host().nodes().intern(what.to.node());
  if (!node) return;
  const auto to = here ? runtime::destination::named(what.to.name())
                       : runtime::destination::remote(what.to.name(), *node);
  gen::cast(self_, to, enveloped(settings_.core.self.name(), what.body), {.waits = false});
}

// A request that is sent again takes the place of the request before: its answer is not awaited any more.
void saga_engine::ask(const saga::address& to, const saga::request& what, bool awaits_answer) {
  const auto before = awaits_answer ? asked_by_key_.find(what.key) : asked_by_key_.end();
  if (before != asked_by_key_.end()) {
    port_.forget(before->second);
    asked_.erase(before->second);
    asked_by_key_.erase(before);
  }
  const bool here = to.node() == settings_.core.self.node();
  const auto node = here ? std::optional<std::uint32_t>(0) : self_.host().nodes().intern(to.node());
  std::optional<std::uint64_t> asked;
  if (node) {
    const auto whom =
        here ? runtime::destination::named(to.name()) : runtime::destination::remote(to.name(), *node);
    asked = port_.ask(whom, bytes_of(saga::encode(what)));
  }
  if (!awaits_answer) {
    if (asked) port_.forget(*asked);
    return;
  }
  if (asked) {
    asked_[*asked] = {what.key, what.what, what.kind, to};
    asked_by_key_[what.key] = *asked;
    return;
  }
  lost_.push_back({to, settings_.core.self,
                   saga::reply{what.what, saga::answer_kind::busy, what.key, saga::reason("unreachable")}});
}

std::optional<outcome> saga_engine::take_answer(std::uint64_t number, const message& answer) {
  if (stopped_ && asked_.contains(number)) return runtime::carry_on();
  const auto known = asked_.find(number);
  if (known == asked_.end()) return std::nullopt;
  const asked_step about = std::move(known->second);
  asked_.erase(known);
  asked_by_key_.erase(about.key);
  saga::reply said{about.what, saga::answer_kind::busy, about.key, saga::reason("down")};
  saga::address from = about.to;
  if (answer) {
    auto read = read_answer(answer.bytes(), about.what, about.kind);
    if (!read) return runtime::carry_on(); // it is asked again after step_timeout
    said.what = read->what;
    said.value = std::move(read->value);
    from = {about.to.name(), origin_node()};
  }
  core_->receive(now(), {from, settings_.core.self, std::move(said)}, effects_);
  return carry_out();
}

void saga_engine::tell(const saga::reply& what) {
  using kind = saga::request_kind;
  // A step that was undone while it was under way has no answer of its own.
  if (what.to == kind::reverse && what.what == saga::answer_kind::ok)
    answer_waiting({kind::perform, saga::answer_kind::error, what.key, saga::reason("cancelled")});
  answer_waiting(what);
  if (what.to != kind::forget) return;
  // The core answers nothing more about a step that it has forgotten.
  for (const kind one : {kind::perform, kind::reverse, kind::confirm}) callers_.take({what.key, one});
}

// The coordinator's call may be over, and a restart forgets it. Then the coordinator asks again.
void saga_engine::answer_waiting(const saga::reply& what) {
  const auto waiting = callers_.take({what.key, what.to});
  if (!waiting) return;
  const message answer = saga_answer(what, waiting->kind);
  for (const message& from : waiting->from) gen::reply(self_, from, answer);
}

bool saga_engine::keep_caller(const saga_callers::place& of, const message& from, saga::commit_kind kind) {
  const bool own = of.first.step.path.back().saga.node() == settings_.core.self.node();
  return callers_.keep(of, from, kind, own ? std::nullopt : std::optional(settings_.core.keep_bytes));
}

void saga_engine::answer_client(const saga::answer& what) {
  const auto known = clients_.find(what.token);
  if (known == clients_.end()) return;
  const client asked = std::move(known->second);
  clients_.erase(known);
  const auto refuse = [&](std::string_view word) {
    gen::reply(self_, asked.from, runtime::error_message(message::atom(word)));
  };
  switch (what.what) {
    case saga::client_answer::started: {
      message_writer out(asked.tx.size() + 32);
      out.tuple(2);
      out.atom("ok");
      out.binary(std::string_view(asked.tx));
      gen::reply(self_, asked.from, out.take());
      return;
    }
    case saga::client_answer::cancelled:
      gen::reply(self_, asked.from, message::atom("ok"));
      return;
    case saga::client_answer::resolved:
      gen::reply(self_, asked.from, resolved_answer(asked.tx, what.parts));
      return;
    case saga::client_answer::over:
      return refuse("over");
    case saga::client_answer::unknown:
      return refuse("unknown");
    case saga::client_answer::overloaded:
      return refuse("overloaded");
    case saga::client_answer::refused:
      return refuse("refused");
    case saga::client_answer::invalid:
      return refuse("limit");
  }
}

void saga_engine::tell(const saga::notice& what) {
  using kind = saga::notice::kind;
  const std::string& tx = what.key.tx;
  const bool root = what.key.step.path.empty();
  switch (what.what) {
    case kind::interim:
      return tell_subscribers(tx, "interim", what.value, false);
    case kind::committed:
      if (root) tell_subscribers(tx, "committed", what.value, true);
      return;
    case kind::compensated:
      if (root) tell_subscribers(tx, "compensated", what.value, true);
      return;
    case kind::aborted:
      if (root) tell_subscribers(tx, "aborted", what.value, true);
      return;
    case kind::parked:
      base::log::error(
          module, "{}: a step of the transaction {} cannot be undone, and an operator has to look: {}",
          settings_.core.self.name(), shown_tx(what.key),
          runtime::shown(message::copy_of(bytes_of(
              what.value.encoded.empty() ? saga::reason("undefined").encoded : what.value.encoded))));
      return;
    case kind::heuristic:
      base::log::warning(module, "{}: an operator has decided a step of the transaction {}",
                         settings_.core.self.name(), shown_tx(what.key));
      return;
    case kind::mismatch:
      base::log::error(module,
                       "{}: the coordinator of the transaction {} has decided differently from an operator",
                       settings_.core.self.name(), shown_tx(what.key));
      return;
  }
}

// {saga, Tx, {Word, Value}}
void saga_engine::tell_subscribers(const std::string& tx, std::string_view word, const saga::term& value,
                                   bool last) {
  const auto* const known = subscribers_.of(tx);
  if (known == nullptr) return;
  message_writer out(value.encoded.size() + tx.size() + 64);
  out.tuple(3);
  out.atom("saga");
  out.binary(std::string_view(tx));
  out.tuple(2);
  out.atom(word);
  behaviours::write(out, value);
  const message told = out.take();
  for (const runtime::pid& one : *known) self_.send(one, told, {.waits = false});
  if (last) subscribers_.remove(tx);
}

// ---- time ----

void saga_engine::set_timer() {
  if (stopped_) return;
  base::nanos wake = core_->wake();
  if (const auto again = log_.submits_again()) wake = std::min(wake, *again);
  if (timer_ != 0 && timer_at_ == wake) return;
  if (timer_ != 0) self_.cancel_timer(std::exchange(timer_, 0));
  if (wake == std::numeric_limits<base::nanos>::max()) return;
  timer_at_ = wake;
  timer_ = self_.remind(wake - offset_, message::atom(tick));
}

// The process goes on with the next message.
void saga_engine::soon() {
  if (running_ || std::exchange(notified_, true)) return;
  self_.notify(self_.self(), message::atom(tick));
}

std::optional<outcome> saga_engine::take_from_workers(const message& m) {
  auto taken = workers_->take_info(m);
  if (!taken) return std::nullopt;
  if (!taken->how) return runtime::stop(tagged_text("saga_workers", taken->how.error().text));
  if (taken->told) interim(taken->told->key, term_from(taken->told->value));
  take_ends_of_workers();
  return carry_out();
}

std::optional<outcome> saga_engine::take_info(const message& m) {
  if (!self_.origin().notice) return std::nullopt;
  if (workers_ != nullptr)
    if (auto next = take_from_workers(m)) return next;
  if (stay_ != nullptr)
    if (const auto begun = stay_->take_info(m))
      return *begun ? carry_out() : runtime::stop(tagged_text("saga_place", begun->error().text));
  if (const auto written = log_.take_news(m, now())) {
    if (!*written) {
      stop(written->error().text);
    } else if (**written != 0) {
      submit();
      core_->written(now(), **written, effects_);
    }
    return carry_out();
  }
  if (!runtime::is_atom(m, tick)) return std::nullopt;
  notified_ = false;
  if (stopped_) return runtime::carry_on();
  submit();
  if (timer_ != 0 && self_.remaining(timer_) < 0) timer_ = 0;
  core_->advance(now(), effects_);
  return carry_out();
}

// ---- answers of callbacks ----

saga_engine::given saga_engine::answer(std::uint64_t token, reply what, saga::term value) {
  verdict said;
  const given how = callbacks_.answer(token, what, std::move(value), said);
  return answered(token, how, std::move(said));
}

saga_engine::given saga_engine::answered(std::uint64_t token, given how, verdict&& said) {
  if (how != given::taken) return how;
  answers_.emplace_back(token, std::move(said));
  soon();
  return how;
}

saga_engine::given saga_engine::add_step(std::uint64_t token, saga::step_spec&& one) {
  return callbacks_.add_step(token, std::move(one));
}

void saga_engine::answer_by_default(const saga::call& what) {
  verdict said;
  const given how = callbacks_.answer_by_default(what, said);
  answered(what.token, how, std::move(said));
}

bool saga_engine::interim(etf::bytes key, saga::term value) {
  const auto read = etf::decode<saga::step_key>(key);
  if (!read || value.encoded.size() > settings_.core.max_value) return false;
  if (stopped_ || is_overloaded()) return true; // as if it were lost on its way
  if (read->step.path.empty())
    core_->interim(now(), read->tx, std::move(value), effects_);
  else
    core_->interim(now(), *read, std::move(value), effects_);
  soon();
  return true;
}

} // namespace coppice::behaviours
