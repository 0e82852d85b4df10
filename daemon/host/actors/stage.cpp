// SPDX-License-Identifier: MIT
// A plugin's stage. In the process's own turn.
#include "host/actors/stage.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "behaviours/stage/report.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/sized.hpp"
#include "host/boundary/stage_totals.hpp"
#include "host/boundary/type_totals.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

// Whether it is a call that every stage handles.
bool is_stage_call(etf::bytes request) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  at.read_tuple(arity);
  std::string_view name;
  return at.read_atom(name) && name.starts_with('$');
}

} // namespace

stage_code::stage_code(const coppice_actor_type& type)
    : server_code(type),
      stage_callbacks(callbacks_of<coppice_stage>(type, COPPICE_STAGE_DRAFT_2, COPPICE_STAGE_LEAST)) {}

std::shared_ptr<metrics::counters> stage::make_totals(metrics::board* board, const std::string& type,
                                                      const std::string& behaviour) {
  return totals_on<stage_totals>(board, {{"type", type}, {"role", behaviour}});
}

stage::stage(actor_plan&& plan)
    : server(std::move(plan)),
      role_(behaviours::role_of(identity().behaviour)),
      options_(behaviours::default_options(role_)) {
  if (!plan.options) return;
  auto read = behaviours::read_stage_options(role_, plan.options.bytes(), options_);
  if (read) {
    options_ = std::move(*read);
  } else {
    wrong_options_ = std::move(read.error());
  }
}

stage::~stage() {
  if (engine_ == nullptr) return;
  count();
  const behaviours::stage_counters left = engine_->counters();
  identity().totals<stage_totals>().end(left.waiting + left.buffered);
}

base::status stage::configure(etf::bytes options) {
  auto read = behaviours::read_stage_options(role_, options, options_);
  if (!read) return unexpected<base::error>(std::move(read.error()));
  options_ = std::move(*read);
  return {};
}

outcome stage::init(process& self) {
  if (wrong_options_) return runtime::stop(behaviours::bad_options(wrong_options_->text));
  attach(self);
  outcome begun = begin(self);
  if (begun.stops()) return begun;
  if (options_.dispatcher.what == behaviours::dispatcher_options::kind::callback &&
      stage_callbacks().choose == nullptr)
    return runtime::stop(behaviours::bad_options("the dispatcher `callback` needs a callback choose"));
  engine_ =
      std::make_unique<behaviours::stage_engine>(role_, std::move(options_), self.self(), self.host().nodes(),
                                                 static_cast<behaviours::stage_port&>(*this));
  identity().totals<stage_totals>().begin();
  return engine_->start();
}

void stage::count() {
  const behaviours::stage_counters& now = engine_->counted();
  identity().totals<stage_totals>().add(now, counted_);
  counted_ = now;
}

void stage::terminate(process& self, const message& reason) {
  deciding_ = true;
  server::terminate(self, reason);
}

void stage::died(process& self) noexcept {
  server::died(self);
  forget_delayed();
}

outcome stage::done(process& self, outcome next) {
  count();
  return self.exiting() ? runtime::carry_on() : std::move(next);
}

// ---- input ----

outcome stage::receive_call(process& self, const runtime::call_id& asking, message request) {
  if (is_stage_call(request.bytes())) return behaviour::receive_call(self, asking, std::move(request));
  return server::receive_call(self, asking, std::move(request));
}

outcome stage::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  message reply;
  auto next = engine_->call(request, reply);
  if (!next) return server::take_call(self, whole, from, request);
  if (reply && !self.exiting()) gen::reply(self, from, std::move(reply));
  return done(self, std::move(*next));
}

outcome stage::take_cast(process& self, const message& whole, etf::bytes request) {
  auto next = engine_->cast(request);
  return next ? done(self, std::move(*next)) : server::take_cast(self, whole, request);
}

outcome stage::take_info(process& self, const message& m) {
  auto next = process_port::take_message(*engine_, m);
  return next ? done(self, std::move(*next)) : server::take_info(self, m);
}

message stage::engine_for_people(process& self) {
  return with_streams(engine_ == nullptr ? message() : behaviours::report_of(*engine_, self.now()));
}

// ---- callbacks ----

outcome stage::after(std::int32_t status, const char* callback, etf::bytes given) {
  if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
  outcome next = follow(status, callback, given);
  if (!next.stops() && actor().process->exiting()) return runtime::stop(runtime::reasons::killed());
  return next;
}

outcome stage::handle_demand(std::uint64_t count) {
  const std::int32_t status = in_turn(actor(), "handle_demand", {}, [&] {
    return call_or(COPPICE_OK, stage_callbacks().handle_demand, &actor(), state(), count);
  });
  return after(status, "handle_demand", {});
}

outcome stage::handle_events(const message& events, const message& from) {
  const coppice_message lent = lend(events);
  const std::int32_t status = in_turn(actor(), "handle_events", events.bytes(), [&] {
    return call_or(COPPICE_OK, stage_callbacks().handle_events, &actor(), state(), &lent,
                   lend_bytes(from.bytes()));
  });
  return after(status, "handle_events", events.bytes());
}

outcome stage::handle_subscribe(peer what, const message& options, const message& from, bool& manual) {
  const coppice_message lent = lend(options);
  const std::uint32_t side = what == peer::producer ? COPPICE_STAGE_PRODUCER : COPPICE_STAGE_CONSUMER;
  std::int32_t status = in_turn(actor(), "handle_subscribe", options.bytes(), [&] {
    return call_or(COPPICE_OK, stage_callbacks().handle_subscribe, &actor(), state(), side, &lent,
                   lend_bytes(from.bytes()));
  });
  manual = status == COPPICE_STAGE_MANUAL && what == peer::producer;
  if (manual) status = COPPICE_OK;
  return after(status, "handle_subscribe", options.bytes());
}

outcome stage::handle_cancel(bool down, const message& reason, const message& from) {
  const coppice_message lent = lend(reason);
  const std::uint32_t how = down ? COPPICE_STAGE_DOWN : COPPICE_STAGE_CANCEL;
  const std::int32_t status = in_turn(actor(), "handle_cancel", reason.bytes(), [&] {
    return call_or(COPPICE_OK, stage_callbacks().handle_cancel, &actor(), state(), how, &lent,
                   lend_bytes(from.bytes()));
  });
  return after(status, "handle_cancel", reason.bytes());
}

template <class Callback>
std::int32_t stage::decide(const char* name, etf::bytes given, std::string_view then, Callback callback) {
  const std::unique_ptr<extra_state>& extra = actor().extra;
  std::optional<coppice_error> outer;
  if (extra != nullptr && extra->error.told) outer = std::exchange(extra->error, {});
  deciding_ = true;
  const std::int32_t status = in_turn(actor(), name, given, std::move(callback));
  deciding_ = false;
  const bool decided =
      status == COPPICE_OK || status == COPPICE_STAGE_NONE || status == COPPICE_STAGE_BY_HASH;
  if (!decided && !actor().process->exiting()) {
    const message why = stop_reason(actor(), status);
    if (const auto left_out = identity().unhandled.next_line(base::mono_now()))
      base::log::warning(identity().plugin, "{} of {} failed: {}{}{}", name, identity().actor,
                         runtime::shown(why), then, left_out_text(*left_out));
  }
  if (outer)
    extra->error = std::move(*outer);
  else
    forget_error();
  return status;
}

behaviours::dispatcher::outlet::choice stage::choose(const message& event, std::uint64_t& partition) {
  using choice = behaviours::dispatcher::outlet::choice;
  if (stage_callbacks().choose == nullptr) return choice::by_default;
  const coppice_message lent = lend(event);
  const std::int32_t status = decide("choose", event.bytes(), ": an event goes nowhere", [&] {
    return stage_callbacks().choose(&actor(), state(), &lent, &partition);
  });
  if (status == COPPICE_OK) return choice::index;
  return status == COPPICE_STAGE_BY_HASH ? choice::by_default : choice::none;
}

bool stage::format_discarded(std::uint64_t count) {
  const std::int32_t status = decide("format_discarded", {}, {}, [&] {
    return call_or(COPPICE_OK, stage_callbacks().format_discarded, &actor(), state(), count);
  });
  return status != COPPICE_STAGE_NONE;
}

template hosted_behaviour hosted<stage>(const coppice_behaviour* facts);

} // namespace coppice::host
