// SPDX-License-Identifier: MIT
// "coppice.actor/1" and "coppice.call/1" for tests: what an actor does to others is written into its journal,
// and those it calls answer as the test says. Nothing parks: a call that is not answered moves the clock to
// its deadline. Header-only. In the actor's callbacks.
#pragma once

#include <coppice/actor.h>
#include <coppice/call.h>

#include <algorithm>

#include <coppice/testing/messages.hpp>

namespace coppice::testing::detail {

constexpr nanoseconds default_patience = 5s;
constexpr coppice_bytes nothing{nullptr, 0};

inline coppice_bytes lend_value(coppice_actor* self, const value world::*member) {
  return may_look(self) == COPPICE_OK ? plain((of(self)->*member).bytes()) : nothing;
}
inline coppice_bytes self_borrowed(coppice_actor* self) {
  return lend_value(self, &world::self);
}
inline coppice_bytes parent_borrowed(coppice_actor* self) {
  return lend_value(self, &world::parent);
}
inline coppice_bytes node_borrowed(coppice_actor* self) {
  return lend_value(self, &world::node);
}
inline coppice_bytes args_borrowed(coppice_actor* self) {
  return lend_value(self, &world::args);
}
inline coppice_bytes env_borrowed(coppice_actor* self) {
  return lend_value(self, &world::env);
}

inline std::int32_t send_or_cast(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                                 bool is_cast, bool priority = false) {
  auto term = take(message);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto to = destination_of(destination);
  if (!term || !to) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  deliver(*of(self), *to, std::move(*term), is_cast, priority);
  return COPPICE_OK;
}
inline std::int32_t send(coppice_actor* self, coppice_bytes destination, coppice_message* message) {
  return send_or_cast(self, destination, message, false);
}
inline std::int32_t send_priority(coppice_actor* self, coppice_bytes destination, coppice_message* message) {
  return send_or_cast(self, destination, message, false, true);
}
inline std::int32_t cast(coppice_actor* self, coppice_bytes destination, coppice_message* message) {
  return send_or_cast(self, destination, message, true);
}

/// Calls `does(world, term)` with a term of the plugin's.
template <class Does>
std::int32_t with_term(coppice_actor* self, coppice_bytes raw, Does does) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto term = term_of(raw);
  return term ? does(*of(self), *term) : COPPICE_E_INVALID;
}
inline std::int32_t found(bool is) {
  return is ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

inline std::int32_t link(coppice_actor* self, coppice_bytes pid) {
  return with_term(self, pid, [](world& w, const value& whom) { return w.links.insert(whom), COPPICE_OK; });
}
inline std::int32_t unlink(coppice_actor* self, coppice_bytes pid) {
  return with_term(self, pid, [](world& w, const value& whom) { return w.links.erase(whom), COPPICE_OK; });
}
inline std::int32_t exit_as(coppice_actor* self, coppice_bytes pid, coppice_bytes reason, bool priority) {
  return with_term(self, pid, [&](world& w, const value& whom) -> std::int32_t {
    const auto kind = etf::cursor(whom.bytes()).peek();
    const auto why = term_of(reason);
    if (kind != etf::kind::pid && kind != etf::kind::reference) return COPPICE_E_INVALID;
    if (!why) return COPPICE_E_TERM;
    w.did.exits.push_back({whom, *why, priority});
    if (whom == w.self || w.aliases.contains(whom))
      exit_signal(w, w.self, *why, priority && w.priority_aliases.contains(whom));
    return w.dead ? COPPICE_E_EXITING : COPPICE_OK;
  });
}
inline std::int32_t exit(coppice_actor* self, coppice_bytes pid, coppice_bytes reason) {
  return exit_as(self, pid, reason, false);
}
inline std::int32_t exit_priority(coppice_actor* self, coppice_bytes pid, coppice_bytes reason) {
  return exit_as(self, pid, reason, true);
}
inline std::int32_t trap_exit(coppice_actor* self, std::int32_t on, std::int32_t* out_old) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const bool old = std::exchange(of(self)->trapping, on != 0);
  if (out_old != nullptr) *out_old = old ? 1 : 0;
  return COPPICE_OK;
}

inline std::int32_t monitor(coppice_actor* self, coppice_bytes destination, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  return with_term(self, destination, [&](world& w, const value& whom) {
    const value reference = fresh_reference(node_of(w));
    w.monitors.emplace(reference, whom);
    *out = give(reference.bytes());
    return COPPICE_OK;
  });
}
inline std::int32_t demonitor(coppice_actor* self, coppice_bytes reference, std::int32_t flush) {
  return with_term(self, reference, [&](world& w, const value& which) {
    if (flush != 0)
      std::erase_if(w.mailbox, [&](const letter& each) {
        etf::cursor at(each.term.bytes());
        etf::bytes ref;
        return at.read_tuple_of(5) && at.read_atom_is("DOWN") && at.read_term(ref) && value::of(ref) == which;
      });
    return found(w.monitors.erase(which) != 0);
  });
}
inline std::int32_t monitor_node(coppice_actor* self, coppice_bytes node, std::int32_t on) {
  return with_term(self, node, [&](world& w, const value& which) {
    if (on != 0) return w.nodes.insert(which), COPPICE_OK;
    return found(w.nodes.erase(which) != 0);
  });
}

inline std::int32_t alias(coppice_actor* self, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const value made = fresh_reference(node_of(*of(self)));
  of(self)->aliases.insert(made);
  *out = give(made.bytes());
  return COPPICE_OK;
}
inline std::int32_t priority_alias(coppice_actor* self, coppice_message* out) {
  const std::int32_t status = alias(self, out);
  if (status == COPPICE_OK) of(self)->priority_aliases.insert(value::of(view({out->data, out->size})));
  return status;
}
inline std::int32_t unalias(coppice_actor* self, coppice_bytes reference) {
  return with_term(self, reference, [](world& w, const value& which) {
    w.priority_aliases.erase(which);
    return found(w.aliases.erase(which) != 0);
  });
}

inline std::int32_t register_name(coppice_actor* self, coppice_bytes name) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (name.size == 0) return COPPICE_E_INVALID;
  if (!w.name.empty() || w.names.contains(text_of(name))) return COPPICE_E_EXISTS;
  w.name = text_of(name);
  return COPPICE_OK;
}
inline std::int32_t unregister_name(coppice_actor* self, coppice_bytes name) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (name.size == 0 || w.name != text_of(name)) return COPPICE_E_NOT_FOUND;
  w.name.clear();
  return COPPICE_OK;
}
inline std::int32_t whereis(coppice_actor* self, coppice_bytes name, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  const std::string wanted = text_of(name);
  const auto other = w.names.find(wanted);
  if (!wanted.empty() && wanted == w.name) *out = give(w.self.bytes());
  if (other != w.names.end()) *out = give(other->second.bytes());
  return found(out->size != 0);
}

inline std::int32_t spawn(coppice_actor* self, const coppice_spawn_options* options, coppice_message* out_pid,
                          coppice_message* out_reference) {
  if (out_pid == nullptr || options == nullptr || options->size < sizeof *options) return COPPICE_E_INVALID;
  *out_pid = {};
  if (out_reference != nullptr) *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  child made;
  made.actor = text_of(options->actor);
  if (made.actor.starts_with(':')) made.actor.insert(0, w.plugin);
  made.name = text_of(options->name);
  made.linked = (options->flags & COPPICE_SPAWN_LINK) != 0;
  made.monitored = (options->flags & COPPICE_SPAWN_MONITOR) != 0;
  const auto args = options->args.size == 0 ? std::optional(empty_map()) : term_of(options->args);
  if (made.actor.empty() || !args || (made.monitored && out_reference == nullptr)) return COPPICE_E_INVALID;
  if (!made.name.empty() && (made.name == w.name || w.names.contains(made.name))) return COPPICE_E_EXISTS;
  made.args = *args;
  made.pid = fresh_pid(node_of(w));
  if (const value reason = w.refuse_child ? w.refuse_child(made) : value()) {
    *out_pid = give(reason.bytes());
    return COPPICE_E_EXIT;
  }
  if (made.linked) w.links.insert(made.pid);
  if (!made.name.empty()) w.names.emplace(made.name, made.pid);
  *out_pid = give(made.pid.bytes());
  if (made.monitored) {
    const value reference = fresh_reference(node_of(w));
    w.monitors.emplace(reference, made.pid);
    *out_reference = give(reference.bytes());
  }
  w.did.children.push_back(std::move(made));
  return COPPICE_OK;
}

inline void set_error(coppice_actor* self, std::int32_t, coppice_bytes text) {
  if (may_look(self) == COPPICE_OK) of(self)->error_text = text_of(text);
}
inline std::int32_t set_reason(coppice_actor* self, coppice_bytes reason) {
  if (const std::int32_t status = may_look(self); status != COPPICE_OK) return status;
  const auto term = term_of(reason);
  if (!term) return COPPICE_E_TERM;
  of(self)->error_reason = *term;
  return COPPICE_OK;
}
inline std::int32_t set_label(coppice_actor* self, coppice_bytes text) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (text.size > 64) return COPPICE_E_INVALID;
  of(self)->did.label = text_of(text);
  return COPPICE_OK;
}

inline std::int32_t reply(coppice_actor* self, coppice_bytes from, coppice_message* message) {
  auto term = take(message);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto whom = term_of(from);
  if (!whom || !term) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  etf::cursor at(whom->bytes());
  etf::bytes pid;
  etf::bytes tag;
  if (!at.read_tuple_of(2) || !at.read_term(pid) || !at.read_term(tag)) return COPPICE_E_INVALID;
  const auto open = open_froms.find(*whom);
  if (open == open_froms.end()) {
    deliver(*of(self), value::of(pid), std::pair(etf::any_term{tag}, term->term()), false);
    return COPPICE_OK;
  }
  const auto waits = open->second.lock();
  if (waits && waits->answered) return COPPICE_E_USED;
  if (waits) *waits = {true, std::move(*term)};
  return COPPICE_OK;
}

inline nanoseconds patience_of(const world& w, std::int64_t deadline) {
  if (deadline == 0) return default_patience;
  return deadline == COPPICE_FOREVER ? nanoseconds::max() : nanoseconds(deadline) - w.now;
}
/// Waits for an answer that does not come.
inline std::int32_t wait_in_vain(world& w, nanoseconds patience) {
  if (patience == nanoseconds::max()) {
    w.did.complaints.emplace_back("a call without a deadline that is never answered");
  } else if (patience > 0ns) {
    w.now += patience;
  }
  return COPPICE_E_TIMEOUT;
}
inline std::int32_t outcome_of(const response& answer, coppice_message* out) {
  if (answer.term) *out = give(answer.term.bytes());
  return answer.status;
}

inline std::int32_t call(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                         std::int64_t deadline, coppice_message* out) {
  auto request = take(message);
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto to = destination_of(destination);
  if (!request || !to) return request ? COPPICE_E_INVALID : COPPICE_E_TERM;
  world& w = *of(self);
  if (is_self(w, *to)) return COPPICE_E_SELF;
  const nanoseconds patience = patience_of(w, deadline);
  w.did.calls.push_back({*to, *request, patience, 0});
  const response answer = ask(w, *to, *request);
  if (w.dead) return COPPICE_E_EXITING;
  return answer.status == COPPICE_E_TIMEOUT ? wait_in_vain(w, patience) : outcome_of(answer, out);
}

inline std::int32_t call_many(coppice_actor* self, const coppice_call_item* items, std::uint64_t count,
                              std::int64_t deadline, coppice_call_answer* out) {
  if (count != 0 && (items == nullptr || out == nullptr)) return COPPICE_E_INVALID;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  const nanoseconds patience = patience_of(w, deadline);
  bool late = false;
  for (std::uint64_t i = 0; i < count; ++i) {
    out[i] = {};
    const auto to = destination_of(items[i].destination);
    const auto request = term_of(items[i].request);
    if (!to || !request) {
      out[i].status = request ? COPPICE_E_INVALID : COPPICE_E_TERM;
      continue;
    }
    w.did.calls.push_back({*to, *request, patience, 0});
    const response answer = is_self(w, *to) ? response{COPPICE_E_SELF, {}} : ask(w, *to, *request);
    out[i].status = outcome_of(answer, &out[i].message);
    late = late || answer.status == COPPICE_E_TIMEOUT;
  }
  if (late) wait_in_vain(w, patience);
  return w.dead ? COPPICE_E_EXITING : COPPICE_OK;
}

inline std::int32_t request(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                            std::int64_t deadline, std::uint64_t tag, std::uint64_t* out_id) {
  auto term = take(message);
  if (out_id == nullptr) return COPPICE_E_INVALID;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto to = destination_of(destination);
  if (!term || !to) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  world& w = *of(self);
  const nanoseconds patience = patience_of(w, deadline);
  *out_id = ++w.last_id;
  made_call asked{*to, std::move(*term), patience, *out_id};
  w.did.calls.push_back(asked);
  const nanoseconds due = patience == nanoseconds::max() ? patience : w.now + patience;
  w.requests.emplace(*out_id, open_request{std::move(asked), tag, due});
  return COPPICE_OK;
}
inline std::int32_t cancel_request(coppice_actor* self, std::uint64_t id) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  const auto waits = std::erase_if(w.ended, [id](const ended_request& each) { return each.id == id; });
  return found(w.requests.erase(id) + waits != 0);
}

inline bool is_list(const value& term) {
  const auto kind = etf::cursor(term.bytes()).peek();
  return kind == etf::kind::nil || kind == etf::kind::list;
}
inline std::int32_t spawn_at(coppice_actor* self, const coppice_remote_spawn* what, coppice_message* out_pid,
                             coppice_message* out_reference) {
  if (out_pid == nullptr || what == nullptr || what->size < sizeof *what) return COPPICE_E_INVALID;
  *out_pid = {};
  if (out_reference != nullptr) *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  remote_child made;
  made.node = text_of(what->node);
  made.module = text_of(what->module);
  made.function = text_of(what->function);
  made.linked = (what->flags & COPPICE_SPAWN_LINK) != 0;
  made.monitored = (what->flags & COPPICE_SPAWN_MONITOR) != 0;
  const value empty_list = std::vector<int>();
  const auto args = what->args.size == 0 ? std::optional(empty_list) : term_of(what->args);
  const auto options = what->options.size == 0 ? std::optional(empty_list) : term_of(what->options);
  if (made.node.find('@') == made.node.npos || made.node == node_of(w) || made.module.empty() ||
      made.function.empty() || !options || !is_list(*options) || (made.monitored && out_reference == nullptr))
    return COPPICE_E_INVALID;
  if (!args || !is_list(*args)) return COPPICE_E_TERM;
  made.args = *args;
  made.options = *options;
  const response answer = w.answer_spawn ? w.answer_spawn(made) : nodedown();
  if (answer.status == COPPICE_E_TIMEOUT) return wait_in_vain(w, patience_of(w, what->deadline));
  if (answer.status != COPPICE_OK) return outcome_of(answer, out_pid);
  made.pid = fresh_pid(made.node);
  if (made.linked) w.links.insert(made.pid);
  *out_pid = give(made.pid.bytes());
  if (made.monitored) {
    const value reference = fresh_reference(node_of(w));
    w.monitors.emplace(reference, made.pid);
    *out_reference = give(reference.bytes());
  }
  w.did.remote_children.push_back(std::move(made));
  return COPPICE_OK;
}

inline const coppice_actor_api* actor_interface() {
  static constexpr coppice_actor_api table = {
      .size = sizeof(coppice_actor_api),
      .reserved = 0,
      .self_borrowed = &self_borrowed,
      .parent_borrowed = &parent_borrowed,
      .node_borrowed = &node_borrowed,
      .args_borrowed = &args_borrowed,
      .env_borrowed = &env_borrowed,
      .send = &send,
      .link = &link,
      .unlink = &unlink,
      .exit = &exit,
      .trap_exit = &trap_exit,
      .monitor = &monitor,
      .demonitor = &demonitor,
      .monitor_node = &monitor_node,
      .alias = &alias,
      .unalias = &unalias,
      .register_name = &register_name,
      .unregister_name = &unregister_name,
      .whereis = &whereis,
      .spawn = &spawn,
      .set_error = &set_error,
      .set_reason = &set_reason,
      .set_label = &set_label,
      .spawn_at = &spawn_at,
      .priority_alias = &priority_alias,
      .send_priority = &send_priority,
      .exit_priority = &exit_priority,
      .link_priority = &link,
      .monitor_priority = &monitor,
  };
  return &table;
}

inline const coppice_call_api* call_interface() {
  static constexpr coppice_call_api table = {
      .size = sizeof(coppice_call_api),
      .reserved = 0,
      .reply = &reply,
      .call = &call,
      .call_many = &call_many,
      .request = &request,
      .cancel = &cancel_request,
      .cast = &cast,
  };
  return &table;
}

} // namespace coppice::testing::detail
