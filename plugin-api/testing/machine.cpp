// SPDX-License-Identifier: MIT
// An actor under test that is a state machine: its events, transitions and time-outs. The machine is the
// node's. In the test's thread.
#include <algorithm>
#include <utility>

#include <coppice/detail/statem_terms.hpp>

#include "behaviours.hpp"

namespace coppice::testing {

namespace {

const detail::machine_in_test& machine_of(const detail::world& w) {
  if (!w.machine) throw failure("this actor is no state machine");
  return *w.machine;
}

} // namespace

std::vector<set_timeout> actor::timeouts() const {
  const auto& machine = machine_of(world_);
  std::vector<set_timeout> all;
  for (const auto& armed : machine.timers)
    machine.is.each_timeout([&](std::uint32_t type, const statem_machine<value>::timeout& one) {
      if (type == armed.type && one.serial == armed.serial)
        all.push_back({type, one.about, one.content, armed.due});
    });
  return all;
}

std::vector<value> actor::postponed() const {
  const auto& machine = machine_of(world_);
  std::vector<value> all;
  for (std::size_t i = 0; i < machine.is.postponed_count(); ++i)
    all.push_back(machine.is.postponed(i).content);
  return all;
}

const value& actor::state() const {
  return machine_of(world_).is.state();
}

namespace detail {

machine_behaviour::machine_behaviour(world& of, const settings& how, coppice::unhandled unhandled)
    : behaviour(of),
      statem_(table_of<coppice_statem>(*of.type, COPPICE_STATEM_DRAFT_2)),
      unhandled_(unhandled),
      postponed_(how.postponed) {}

std::int32_t machine_behaviour::init(const std::function<std::int32_t()>& callback) {
  world_.machine.emplace();
  is().bound(postponed_.limit, postponed_.on_full);
  world_.machine->open = true;
  const std::int32_t status = callback();
  world_.machine->open = false;
  return status;
}

std::int32_t machine_behaviour::starts() {
  machine_effects effects(world_);
  note_transition(0, {}, {});
  const bool started = is().has_started();
  if (started && is().start(effects) != machine::step::failed) {
    world_.did.transitions.back().to = is().state();
    begins_ = true;
    return COPPICE_OK;
  }
  const value no_state = std::pair(etf::atom{"bad_return_from_init"}, etf::atom{"ok"});
  end(world_, started ? fault_reason() : no_state);
  return COPPICE_E_INVALID;
}

void machine_behaviour::restores() {
  if (!world_.machine) throw failure("a state machine is restored with its process");
}

engine::call machine_behaviour::driven(std::function<machine::step()> begin) {
  return {nullptr, [this, begin = std::move(begin)](coppice_actor*, void*) {
            drive(begin());
            return COPPICE_OK;
          }};
}

// Its first events, or a time-out that is due. Both come before any message.
std::optional<engine::call> machine_behaviour::next(world&) {
  if (std::exchange(begins_, false))
    return driven([this] {
      machine_effects effects(world_);
      return is().go_on(effects, statem_.enter != nullptr);
    });
  const machine_in_test::timer* const soonest = next_timer();
  if (soonest == nullptr || soonest->due > world_.now) return std::nullopt;
  const machine_in_test::timer fired = *soonest;
  std::erase_if(world_.machine->timers, [&](const auto& each) { return each.handle == fired.handle; });
  return driven([this, fired] {
    auto event = is().fire(fired.type, fired.about, fired.serial);
    return event ? is().begin(std::move(*event)) : machine::step::idle;
  });
}

nanoseconds machine_behaviour::due() const {
  if (begins_) return world_.now;
  const machine_in_test::timer* const soonest = next_timer();
  return soonest == nullptr ? nanoseconds::max() : soonest->due;
}

const machine_in_test::timer* machine_behaviour::next_timer() const {
  if (!world_.machine) return nullptr;
  const auto& all = world_.machine->timers;
  const auto soonest = std::ranges::min_element(all, {}, &machine_in_test::timer::due);
  return soonest == all.end() ? nullptr : &*soonest;
}

std::optional<engine::call> machine_behaviour::takes(const letter& what) {
  return call{nullptr, [this, &what](coppice_actor*, void*) {
                if (const auto reason = parents_exit(world_, what)) {
                  world_.stop(*reason);
                  return COPPICE_OK;
                }
                const std::uint32_t type = what.how == delivery::call   ? COPPICE_STATEM_EVENT_CALL
                                           : what.how == delivery::cast ? COPPICE_STATEM_EVENT_CAST
                                                                        : COPPICE_STATEM_EVENT_INFO;
                drive(is().begin({type, what.from, what.term}));
                if (type == COPPICE_STATEM_EVENT_CALL)
                  leave_open(world_, what, "add .reply(from, …) to the transition");
                return COPPICE_OK;
              }};
}

std::optional<engine::call> machine_behaviour::answered(const ended_request& what) {
  return driven([this, &what] {
    return is().begin({COPPICE_STATEM_EVENT_RESPONSE, what.context, what.outcome.term, what.id, what.tag,
                       what.outcome.status});
  });
}

void machine_behaviour::note_transition(std::uint32_t event, const value& content, const value& from) {
  world_.did.transitions.push_back({event, content, from, {}, std::exchange(world_.machine->said, {})});
}

void machine_behaviour::drive(machine::step next) {
  machine_effects effects(world_);
  while (!world_.dead && (next == machine::step::handle || next == machine::step::enter)) {
    const bool enters = next == machine::step::enter;
    const statem_event<value> event = enters ? statem_event<value>{0, {}, {}} : is().current();
    const value before = is().old_state();
    const std::int32_t status = call_back(event, before);
    note_transition(event.type, event.content, before);
    if (status == COPPICE_STOP)
      return world_.stop(is().reply_only(effects) ? stop_reason(world_, status) : fault_reason());
    if (status != COPPICE_OK && status != COPPICE_HIBERNATE) {
      is().drop_transition();
      if (status != COPPICE_UNHANDLED) return world_.stop(stop_reason(world_, status));
      if (!refuse(event)) return;
    }
    forget_error(world_);
    next = is().finish(effects, statem_.enter != nullptr);
    world_.did.transitions.back().to = is().state();
  }
  if (next == machine::step::failed && !world_.dead) world_.stop(fault_reason());
}

std::int32_t machine_behaviour::call_back(const statem_event<value>& event, const value& before) {
  const value now = is().state();
  const lent state(now);
  const lent old_state(before);
  std::optional<lent> about;
  std::optional<lent> content;
  if (event.about) about.emplace(event.about);
  if (event.content) content.emplace(event.content);
  coppice_statem_event given{};
  given.size = sizeof given;
  given.type = event.type;
  given.state = state.bytes();
  if (event.type == 0) given.old_state = old_state.bytes();
  if (event.type == COPPICE_STATEM_EVENT_CALL && about) given.from = about->bytes();
  if (event.type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT && about) given.name = about->bytes();
  if (event.type == COPPICE_STATEM_EVENT_RESPONSE && about) world_.context = about->bytes();
  if (content) given.content = *content->get();
  given.id = event.id;
  given.tag = event.tag;
  given.status = event.status;
  const auto handler = event.type == 0 ? statem_.enter : statem_.handle_event;
  world_.machine->open = true;
  const std::int32_t status =
      world_.run(event.type == 0 ? "enter" : "handle_event", [&](coppice_actor* self, void* data) {
        return handler == nullptr ? COPPICE_UNHANDLED : handler(self, data, &given);
      });
  world_.machine->open = false;
  world_.context = {};
  return status;
}

bool machine_behaviour::refuse(const statem_event<value>& event) {
  const bool is_call = event.type == COPPICE_STATEM_EVENT_CALL;
  if (!is_call && event.type != COPPICE_STATEM_EVENT_CAST) return true;
  if (unhandled_ == coppice::unhandled::exit) {
    world_.stop(std::pair(etf::atom{is_call ? "bad_call" : "bad_cast"}, event.content.term()));
    return false;
  }
  if (is_call) refuse_call(world_, {delivery::call, event.content, event.about}, unhandled_, "state machine");
  return true;
}

value machine_behaviour::fault_reason() {
  etf::vector_writer out(64);
  const value data = world_.data();
  write_fault(out, is(), data ? data : atom("opaque"));
  return value::of(out.take());
}

} // namespace detail
} // namespace coppice::testing
