// SPDX-License-Identifier: MIT
// The host's interface for state machines, and the effects of their transitions. In the actor's callbacks.
#include <coppice/testing/statem_host.hpp>

namespace coppice::testing::detail {

namespace {

// COPPICE_OK and the machine whose transition is being made, or an error.
std::int32_t machine_of(coppice_actor* self, const char* function, machine_in_test*& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (!w.machine || !w.machine->open) {
    complain_of_callback(function, ", which is part of a transition");
    return COPPICE_E_CONTEXT;
  }
  out = &*w.machine;
  return COPPICE_OK;
}

#define COPPICE_MACHINE_(name)                                                                   \
  machine_in_test* to = nullptr;                                                                 \
  if (const std::int32_t status = machine_of(self, COPPICE_STATEM_HOST_DRAFT_2 "'s " #name, to); \
      status != COPPICE_OK)                                                                      \
  return status

std::int32_t next_state(coppice_actor* self, coppice_message* state) {
  auto term = take(state);
  COPPICE_MACHINE_(next_state);
  if (!term) return COPPICE_E_TERM;
  to->is.next_state(std::move(*term));
  return COPPICE_OK;
}
std::int32_t next_state_atom(coppice_actor* self, const char* name) {
  COPPICE_MACHINE_(next_state_atom);
  if (name == nullptr || etf::encode(etf::atom{name}).empty()) return COPPICE_E_INVALID;
  to->is.next_state(atom(name));
  return COPPICE_OK;
}
std::int32_t repeat_state(coppice_actor* self) {
  COPPICE_MACHINE_(repeat_state);
  to->is.repeat_state();
  return COPPICE_OK;
}
std::int32_t keep_state(coppice_actor* self) {
  COPPICE_MACHINE_(keep_state);
  to->is.keep_state();
  return COPPICE_OK;
}
std::int32_t postpone(coppice_actor* self) {
  COPPICE_MACHINE_(postpone);
  statem_action<value> one;
  one.what = statem_action<value>::kind::postpone;
  to->add(std::move(one));
  return COPPICE_OK;
}
std::int32_t next_event(coppice_actor* self, std::uint32_t type, coppice_bytes about,
                        coppice_message* content) {
  auto term = take(content);
  COPPICE_MACHINE_(next_event);
  if (!term) return COPPICE_E_TERM;
  statem_action<value> one;
  one.what = statem_action<value>::kind::next_event;
  one.type = type;
  if (type == COPPICE_STATEM_EVENT_CALL || type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT) {
    auto name = term_of(about);
    if (!name) return COPPICE_E_INVALID;
    one.about = std::move(*name);
  }
  one.content = std::move(*term);
  to->add(std::move(one));
  return COPPICE_OK;
}
// Adds one of the three actions for time-outs.
std::int32_t add_timeout(machine_in_test& to, statem_action<value>::kind what,
                         const coppice_statem_timeout* given, value content) {
  if (given == nullptr || given->size < COPPICE_STATEM_TIMEOUT_LEAST || given->absolute > 1)
    return COPPICE_E_INVALID;
  statem_action<value> one;
  one.what = what;
  one.type = given->type;
  one.absolute = given->absolute != 0;
  one.time = given->time;
  if (given->type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT) {
    auto name = term_of(given->name);
    if (!name) return COPPICE_E_INVALID;
    one.about = std::move(*name);
  }
  one.content = std::move(content);
  to.add(std::move(one));
  return COPPICE_OK;
}
std::int32_t set_machine_timeout(coppice_actor* self, const coppice_statem_timeout* what,
                                 coppice_message* content) {
  auto term = take(content);
  COPPICE_MACHINE_(set_timeout);
  if (!term) return COPPICE_E_TERM;
  return add_timeout(*to, statem_action<value>::kind::set_timeout, what, std::move(*term));
}
std::int32_t update_machine_timeout(coppice_actor* self, const coppice_statem_timeout* what,
                                    coppice_message* content) {
  auto term = take(content);
  COPPICE_MACHINE_(update_timeout);
  if (!term) return COPPICE_E_TERM;
  return add_timeout(*to, statem_action<value>::kind::update_timeout, what, std::move(*term));
}
std::int32_t cancel_machine_timeout(coppice_actor* self, const coppice_statem_timeout* what) {
  COPPICE_MACHINE_(cancel_timeout);
  return add_timeout(*to, statem_action<value>::kind::cancel_timeout, what, {});
}
std::int32_t reply_with_transition(coppice_actor* self, coppice_bytes from, coppice_message* answer) {
  auto term = take(answer);
  COPPICE_MACHINE_(reply);
  if (!term) return COPPICE_E_TERM;
  auto whom = term_of(from);
  if (!whom) return COPPICE_E_INVALID;
  statem_action<value> one;
  one.what = statem_action<value>::kind::reply;
  one.about = std::move(*whom);
  one.content = std::move(*term);
  to->add(std::move(one));
  return COPPICE_OK;
}

#undef COPPICE_MACHINE_

} // namespace

const coppice_statem_api* statem_interface() {
  static constexpr coppice_statem_api table = {.size = sizeof(coppice_statem_api),
                                               .reserved = 0,
                                               .next_state = &next_state,
                                               .next_state_atom = &next_state_atom,
                                               .repeat_state = &repeat_state,
                                               .keep_state = &keep_state,
                                               .postpone = &postpone,
                                               .next_event = &next_event,
                                               .set_timeout = &set_machine_timeout,
                                               .update_timeout = &update_machine_timeout,
                                               .cancel_timeout = &cancel_machine_timeout,
                                               .reply = &reply_with_transition};
  return &table;
}

bool machine_effects::reply(const value& from, value answer) {
  return give_reply(world_, from, std::move(answer));
}

std::uint64_t machine_effects::arm(const statem_action<value>& timeout, std::uint64_t serial) {
  auto& machine = *world_.machine;
  const nanoseconds due =
      timeout.absolute ? nanoseconds(timeout.time) : world_.now + nanoseconds(timeout.time);
  machine.timers.push_back({++machine.last_handle, due, timeout.type, timeout.about, serial});
  return machine.last_handle;
}

void machine_effects::disarm(std::uint32_t, std::uint64_t handle) {
  std::erase_if(world_.machine->timers, [handle](const auto& each) { return each.handle == handle; });
}

} // namespace coppice::testing::detail
