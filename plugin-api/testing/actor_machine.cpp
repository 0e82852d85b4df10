// SPDX-License-Identifier: MIT
// An actor under test that is a state machine: its events, transitions and time-outs. The machine is the
// node's. In the test's thread.
#include <coppice/testing.hpp>

#include <algorithm>
#include <utility>

#include <coppice/detail/statem_terms.hpp>
#include <coppice/testing/calls.hpp>
#include <coppice/testing/statem_host.hpp>

namespace coppice::testing {

std::vector<set_timeout> actor::timeouts() const {
  std::vector<set_timeout> all;
  for (const auto& armed : machine().timers)
    machine().is.each_timeout([&](std::uint32_t type, const statem_machine<value>::timeout& one) {
      if (type == armed.type && one.serial == armed.serial)
        all.push_back({type, one.about, one.content, armed.due});
    });
  return all;
}

std::vector<value> actor::postponed() const {
  std::vector<value> all;
  for (std::size_t i = 0; i < machine().is.postponed_count(); ++i)
    all.push_back(machine().is.postponed(i).content);
  return all;
}

const detail::machine_in_test& actor::machine() const {
  if (!world_.machine) throw failure("this actor is no state machine");
  return *world_.machine;
}

bool actor::start_machine() {
  auto& machine = *world_.machine;
  detail::machine_effects effects(world_);
  note_transition(0, {}, {});
  const bool started = machine.is.has_started();
  if (started && machine.is.start(effects) != step_of_machine::failed) {
    world_.did.transitions.back().to = machine.is.state();
    return begins_ = true;
  }
  status_ = COPPICE_E_INVALID;
  const value no_state = std::pair(etf::atom{"bad_return_from_init"}, etf::atom{"ok"});
  detail::end(world_, started ? fault_reason() : no_state);
  return false;
}

void actor::note_transition(std::uint32_t event, const value& content, const value& from) {
  world_.did.transitions.push_back({event, content, from, {}, std::exchange(world_.machine->said, {})});
}

bool actor::fire_timeout() {
  auto& machine = *world_.machine;
  const auto sooner = [](const auto& a, const auto& b) { return a.due < b.due; };
  const auto next = std::min_element(machine.timers.begin(), machine.timers.end(), sooner);
  if (next == machine.timers.end() || next->due > world_.now) return false;
  const auto fired = *next;
  machine.timers.erase(next);
  if (auto event = machine.is.fire(fired.type, fired.about, fired.serial))
    drive(machine.is.begin(std::move(*event)));
  return true;
}

void actor::take_event(const detail::letter& what) {
  if (const auto reason = parents_exit(what)) return stop(*reason);
  const std::uint32_t type = what.how == detail::delivery::call   ? COPPICE_STATEM_EVENT_CALL
                             : what.how == detail::delivery::cast ? COPPICE_STATEM_EVENT_CAST
                                                                  : COPPICE_STATEM_EVENT_INFO;
  drive(world_.machine->is.begin({type, what.from, what.term}));
  if (type == COPPICE_STATEM_EVENT_CALL) detail::leave_open(world_, what);
}

void actor::drive(step_of_machine next) {
  auto& machine = *world_.machine;
  detail::machine_effects effects(world_);
  while (!world_.dead && (next == step_of_machine::handle || next == step_of_machine::enter)) {
    const bool enters = next == step_of_machine::enter;
    const statem_event<value> event = enters ? statem_event<value>{0, {}, {}} : machine.is.current();
    const value before = machine.is.old_state();
    const std::int32_t status = callback_of_machine(event, before);
    note_transition(event.type, event.content, before);
    if (status == COPPICE_STOP)
      return stop(machine.is.reply_only(effects) ? stop_reason(status) : fault_reason());
    if (status != COPPICE_OK && status != COPPICE_HIBERNATE) {
      machine.is.drop_transition();
      if (status != COPPICE_UNHANDLED) return stop(stop_reason(status));
      if (!refuse_event(event)) return;
    }
    forget_error();
    next = machine.is.finish(effects, statem_.enter != nullptr);
    world_.did.transitions.back().to = machine.is.state();
  }
  if (next == step_of_machine::failed && !world_.dead) stop(fault_reason());
}

std::int32_t actor::callback_of_machine(const statem_event<value>& event, const value& before) {
  auto& machine = *world_.machine;
  const value now = machine.is.state();
  const detail::lent state(now);
  const detail::lent old_state(before);
  std::optional<detail::lent> about;
  std::optional<detail::lent> content;
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
  machine.open = true;
  const std::int32_t status = run(event.type == 0 ? "enter" : "handle_event", [&] {
    return handler == nullptr ? COPPICE_UNHANDLED : handler(self(), state_, &given);
  });
  machine.open = false;
  world_.context = {};
  return status;
}

bool actor::refuse_event(const statem_event<value>& event) {
  const bool call = event.type == COPPICE_STATEM_EVENT_CALL;
  if (!call && event.type != COPPICE_STATEM_EVENT_CAST) return true;
  if (unhandled_ == coppice::unhandled::exit)
    return stop(std::pair(etf::atom{call ? "bad_call" : "bad_cast"}, event.content.term())), false;
  if (call) refuse_call({detail::delivery::call, event.content, event.about});
  return true;
}

value actor::fault_reason() {
  etf::vector_writer out(64);
  const value data = save().term;
  write_fault(out, machine().is, data ? data : atom("opaque"));
  return value::of(out.take());
}

const value& actor::state() const {
  return machine().is.state();
}

} // namespace coppice::testing
