// SPDX-License-Identifier: MIT
// A plugin's gen_statem. In the process's own turn.
#include "host/actors/statem.hpp"

#include "base/log.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/requests.hpp"
#include "host/boundary/sized.hpp"
#include "host/boundary/statem_totals.hpp"
#include "host/boundary/type_totals.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

statem_overflow convert(runtime::postponed_bound::overflow from) {
  switch (from) {
    case runtime::postponed_bound::overflow::exit:
      break;
    case runtime::postponed_bound::overflow::drop_new:
      return statem_overflow::drop_new;
    case runtime::postponed_bound::overflow::drop_old:
      return statem_overflow::drop_old;
  }
  return statem_overflow::exit;
}

coppice_statem_event lent(const message& state) {
  coppice_statem_event out{};
  out.size = sizeof out;
  out.state = lend_bytes(state.bytes());
  return out;
}

} // namespace

statem_code::statem_code(const coppice_actor_type& type)
    : actor_code(type),
      callbacks(callbacks_of<coppice_statem>(type, COPPICE_STATEM_DRAFT_2, COPPICE_STATEM_LEAST)) {}

std::shared_ptr<metrics::counters> statem::make_totals(metrics::board* board, const std::string& type,
                                                       const std::string&) {
  return totals_on<statem_totals>(board, {{"type", type}});
}

statem::statem(actor_plan&& plan) : plugin_actor(std::move(plan)) {
  transition().bound(plan.postponed.limit, convert(plan.postponed.on_full));
  identity().totals<statem_totals>().machines.add();
}

statem::~statem() {
  identity().totals<statem_totals>().machines.subtract();
}

template <class Callback>
std::int32_t statem::in_transition(const char* name, etf::bytes given, Callback callback) {
  actor().in_transition = true;
  const std::int32_t status = in_turn(actor(), name, given, std::move(callback));
  actor().in_transition = false;
  if (status != COPPICE_OK && status != COPPICE_HIBERNATE && status != COPPICE_STOP) [[unlikely]]
    transition().drop_transition();
  return status;
}

outcome statem::init(process& self) {
  actor().in_transition = true;
  outcome begun = begin(self);
  actor().in_transition = false;
  return begun.stops() ? begun : start(self);
}

outcome statem::handle(process&, const event& what, const message& state) {
  coppice_statem_event given = lent(state);
  given.type = what.type;
  if (what.type == COPPICE_STATEM_EVENT_CALL) given.from = lend_bytes(what.about.bytes());
  if (what.type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT) given.name = lend_bytes(what.about.bytes());
  if (what.content) given.content = lend(what.content);
  given.id = what.id;
  given.tag = what.tag;
  given.status = what.status;
  std::optional<shown_context> shown;
  if (what.type == COPPICE_STATEM_EVENT_RESPONSE) shown.emplace(actor(), what.about);
  const std::int32_t status = in_transition("handle_event", what.content.bytes(), [&] {
    return call_or(COPPICE_UNHANDLED, callbacks().handle_event, &actor(), this->state(), &given);
  });
  if (status == COPPICE_UNHANDLED) [[unlikely]]
    return refuse(what);
  return follow(status, "handle_event", what.content.bytes());
}

outcome statem::enter(process&, const message& old_state, const message& state) {
  coppice_statem_event given = lent(state);
  given.old_state = lend_bytes(old_state.bytes());
  const std::int32_t status =
      in_transition("enter", {}, [&] { return callbacks().enter(&actor(), this->state(), &given); });
  return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "enter");
}

outcome statem::refuse(const event& what) {
  const etf::bytes given = what.content.bytes();
  if (what.type == COPPICE_STATEM_EVENT_CALL)
    return refuse_call(what.about.bytes(), given, "handle_event", "state machine");
  const std::string why = take_error_text();
  const runtime::unhandled choice = if_unhandled();
  if (what.type != COPPICE_STATEM_EVENT_CAST) {
    if (choice != runtime::unhandled::ignore && !given.empty()) tell_unhandled("message", given, why);
    return runtime::carry_on();
  }
  const bool exits = choice == runtime::unhandled::exit;
  if (choice != runtime::unhandled::ignore && (!exits || !why.empty())) tell_unhandled("cast", given, why);
  return exits ? stop_in("handle_event", given, tagged("bad_cast", given)) : runtime::carry_on();
}

void statem::has_dropped() {
  const std::uint64_t now = transition().dropped();
  identity().totals<statem_totals>().dropped_postponed.add(now - told_dropped_);
  if (const auto left_out = identity().unhandled.next_line(base::mono_now()))
    base::log::warning(identity().plugin, "{} has postponed as many events as it may: {} dropped so far{}",
                       to_text(actor().process->self(), actor().process->host().nodes()), now,
                       left_out_text(*left_out));
  told_dropped_ = now;
}

outcome statem::take_info(process& self, const message& m) {
  if (actor().extra != nullptr && actor().extra->has_requested) [[unlikely]] {
    response ended;
    const matched found = match(actor(), m, ended);
    if (found == matched::late) return runtime::carry_on();
    if (found == matched::ended)
      return take(self, {COPPICE_STATEM_EVENT_RESPONSE, std::move(ended.context), std::move(ended.answer),
                         ended.id, ended.tag, ended.status});
  }
  if (auto next = take_for_streams(m)) [[unlikely]]
    return std::move(*next);
  return behaviours::statem::take_info(self, m);
}

outcome statem::take_continue(process& self) {
  if (outcome next = go_on(); next.stops()) return next;
  return behaviours::statem::take_continue(self);
}

template hosted_behaviour hosted<statem>(const coppice_behaviour* facts);

} // namespace coppice::host
