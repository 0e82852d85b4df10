// SPDX-License-Identifier: MIT
// A plugin's saga. In the process's own turn.
#include "host/actors/saga_actor.hpp"

#include "behaviours/gen/tagged.hpp"
#include "behaviours/saga/saga_words.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/requests.hpp"
#include "host/boundary/sized.hpp"
#include "host/boundary/type_totals.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "saga/term_codec.hpp"

namespace coppice::host {

using ::coppice::saga::callback;
using ::coppice::saga::commit_kind;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

saga_code::saga_code(const coppice_actor_type& type)
    : server_code(type),
      saga_callbacks(callbacks_of<coppice_saga>(type, COPPICE_SAGA_DRAFT_2, COPPICE_SAGA_LEAST)) {}

std::shared_ptr<metrics::counters> saga_actor::make_totals(metrics::board* board, const std::string& type,
                                                           const std::string&) {
  return totals_on<saga_totals>(board, {{"type", type}});
}

saga_actor::saga_actor(actor_plan&& plan) : server(std::move(plan)) {
  if (plan.options)
    settings_ = behaviours::read_saga_settings(plan.options.bytes());
  else
    settings_.emplace();
}

saga_actor::~saga_actor() {
  if (engine_ != nullptr) identity().totals<saga_totals>().end(held_);
}

bool saga_actor::begin_with(behaviours::journal& log) {
  log_ = &log;
  return true;
}

bool saga_actor::begin_with(std::shared_ptr<const behaviours::saga_worker_spec> workers) {
  workers_ = std::move(workers);
  return true;
}

void saga_actor::describe(runtime::description& out) const {
  describe_to(out);
  if (is_worker_) out.behaviour = "saga_worker";
}

void saga_actor::terminate(process&, const message& reason) {
  end(reason);
  if (is_worker_) actor().extra->step.reset();
}

outcome saga_actor::init(process& self) {
  if (is_worker_) return begin_step(self);
  if (!settings_)
    return runtime::stop(behaviours::tagged_text("bad_options", "the saga's options cannot be read"));
  outcome begun = begin(self);
  if (begun.stops()) return begun;
  auto engine = std::make_unique<behaviours::saga_engine>(
      self, std::move(*settings_), log_, static_cast<behaviours::saga_port&>(*this), std::move(workers_));
  if (auto opened = engine->open(); !opened) {
    if (self.exiting()) return runtime::stop(runtime::reasons::killed());
    return runtime::stop(behaviours::tagged_text("saga_log", opened.error().text));
  }
  engine_ = std::move(engine);
  actor().needs_extra().stays = engine_->stay();
  identity().totals<saga_totals>().begin();
  waits_->longest_doubt.set(static_cast<std::uint64_t>(engine_->longest_doubt()));
  waits_->grace.set(static_cast<std::uint64_t>(engine_->core().grace()));
  if (auto* const board = actor().image->metrics())
    on_board_ = board->enter<saga_state>({{"saga", self.name()}}, waits_);
  return begun;
}

outcome saga_actor::done(process& self, outcome next) {
  const ::coppice::saga::core& core = engine_->core();
  const saga_totals::held now{core.open(), core.entries()};
  identity().totals<saga_totals>().add(core.counted(), counted_);
  identity().totals<saga_totals>().hold(now, held_);
  counted_ = core.counted();
  held_ = now;
  waits_->in_doubt_since.set(engine_->in_doubt_since());
  waits_->first_ending.set(engine_->first_ending());
  waits_->in_doubt.set(core.in_doubt());
  waits_->parked.set(core.parked());
  return self.exiting() ? runtime::carry_on() : std::move(next);
}

// ---- input ----

outcome saga_actor::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  auto next = engine_ == nullptr ? std::nullopt : engine_->take_call(whole, from, request);
  return next ? done(self, std::move(*next)) : server::take_call(self, whole, from, request);
}

outcome saga_actor::take_cast(process& self, const message& whole, etf::bytes request) {
  auto next = engine_ == nullptr ? std::nullopt : engine_->take_cast(request);
  return next ? done(self, std::move(*next)) : server::take_cast(self, whole, request);
}

outcome saga_actor::take_info(process& self, const message& m) {
  if (is_worker_)
    return self.origin().notice && runtime::is_atom(m, step_word) ? go_on_step() : server::take_info(self, m);
  if (actor().extra != nullptr && actor().extra->has_requested) {
    response ended;
    const matched found = match(actor(), m, ended);
    if (found == matched::late) return runtime::carry_on();
    if (found == matched::ended) {
      auto next = engine_->take_answer(ended.id, ended.status == COPPICE_OK ? ended.answer : message());
      return next ? done(self, std::move(*next)) : take_response(ended);
    }
  }
  auto next = engine_->take_info(m);
  return next ? done(self, std::move(*next)) : server::take_info(self, m);
}

message saga_actor::engine_for_people(process&) {
  if (is_worker_) return with_streams(shown_step());
  return with_streams(engine_ == nullptr ? message() : engine_->report());
}

// ---- the engine's port ----

std::optional<std::uint64_t> saga_actor::ask(const runtime::destination& to, etf::bytes request) {
  const auto asked = begin_request(actor(), to, request, runtime::no_deadline, 0, {.waits = false});
  if (!asked) return std::nullopt;
  return *asked;
}

void saga_actor::forget(std::uint64_t asked) {
  host::forget(actor(), asked);
}

std::int32_t saga_actor::call(const ::coppice::saga::call& what, const coppice_step& about,
                              const coppice_message& value, const char*& name) {
  const coppice_saga& table = saga_callbacks();
  const bool two_phase = what.kind == commit_kind::two_phase;
  const auto with = [&](const char* named, auto function) {
    name = named;
    return in_turn(actor(), named, {value.data, static_cast<std::size_t>(value.size)},
                   [&] { return call_or(COPPICE_UNHANDLED, function, &actor(), state(), &about, &value); });
  };
  switch (what.what) {
    case callback::start:
      return with("handle_start", table.handle_start);
    case callback::result:
      return with("handle_result", table.handle_result);
    case callback::failed:
      return with("handle_failed", table.handle_failed);
    case callback::interim:
      return with("handle_interim", table.handle_interim);
    case callback::perform:
      return two_phase ? with("handle_prepare", table.handle_prepare) : with("handle_do", table.handle_do);
    case callback::confirm:
      return with("handle_commit", table.handle_commit);
    case callback::reverse:
      break;
  }
  if (!two_phase) return with("handle_undo", table.handle_undo);
  name = "handle_abort";
  return in_turn(actor(), name, {},
                 [&] { return call_or(COPPICE_UNHANDLED, table.handle_abort, &actor(), state(), &about); });
}

outcome saga_actor::run(const ::coppice::saga::call& what) {
  const std::string key = ::coppice::saga::to_text(what.key);
  message_writer out(what.value.encoded.size() + 16);
  behaviours::write(out, what.value);
  const message value = out.take();
  coppice_step about{};
  about.size = sizeof about;
  about.attempt = what.attempt;
  about.token = what.token;
  about.tx = {reinterpret_cast<const std::uint8_t*>(what.key.tx.data()), what.key.tx.size()};
  about.key = lend_bytes(behaviours::bytes_of(key));
  const char* name = "";
  const std::int32_t status = call(what, about, lend(value), name);
  if (actor().process->exiting()) return runtime::stop(runtime::reasons::killed());
  if (status != COPPICE_UNHANDLED) return follow(status, name, value.bytes());
  answer_by_default(what);
  return follow(COPPICE_OK, name, value.bytes());
}

template hosted_behaviour hosted<saga_actor>(const coppice_behaviour* facts);

} // namespace coppice::host
