// SPDX-License-Identifier: MIT
// The host's interface for processes: actions of an actor under test on other processes are noted in its
// journal. In the actor's callbacks.
#include <coppice/testing/processes.hpp>

namespace coppice::testing::detail {

namespace {

coppice_bytes lend_value(coppice_actor* self, const value world::*member, const char* function) {
  if (may_look(self, function) != COPPICE_OK) return {nullptr, 0};
  return plain((of(self)->*member).bytes());
}
coppice_bytes self_borrowed(coppice_actor* self) {
  return lend_value(self, &world::self, COPPICE_ACTOR_1 "'s self_borrowed");
}
coppice_bytes parent_borrowed(coppice_actor* self) {
  return lend_value(self, &world::parent, COPPICE_ACTOR_1 "'s parent_borrowed");
}
coppice_bytes node_borrowed(coppice_actor* self) {
  return lend_value(self, &world::node, COPPICE_ACTOR_1 "'s node_borrowed");
}
coppice_bytes args_borrowed(coppice_actor* self) {
  return lend_value(self, &world::args, COPPICE_ACTOR_1 "'s args_borrowed");
}
coppice_bytes env_borrowed(coppice_actor* self) {
  return lend_value(self, &world::env, COPPICE_ACTOR_1 "'s env_borrowed");
}
std::int32_t trap_exit(coppice_actor* self, std::int32_t on, std::int32_t* out_old) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s trap_exit"); status != COPPICE_OK)
    return status;
  const bool old = std::exchange(of(self)->trapping, on != 0);
  if (out_old != nullptr) *out_old = old ? 1 : 0;
  return COPPICE_OK;
}
bool is_end_of(const value& term, const value& reference) {
  etf::cursor at(term.bytes());
  etf::bytes named;
  return at.read_tuple_of(5) && at.skip() && at.read_term(named) && value::of(named) == reference &&
         at.read_atom_is("process");
}
std::int32_t demonitor(coppice_actor* self, coppice_bytes reference, std::int32_t flush) {
  effect_notes* const notes = noting(self);
  if (const std::int32_t status =
          notes != nullptr ? COPPICE_OK : may_call(self, COPPICE_ACTOR_1 "'s demonitor");
      status != COPPICE_OK)
    return status;
  const auto which = term_of(reference, etf::kind::reference);
  if (!which) return COPPICE_E_INVALID;
  if (notes != nullptr) return notes->demonitor(*which);
  world& w = *of(self);
  if (flush != 0) std::erase_if(w.mailbox, [&](const letter& each) { return is_end_of(each.term, *which); });
  return found(end_monitor(w, *which));
}
std::int32_t monitor_node(coppice_actor* self, coppice_bytes node, std::int32_t on) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s monitor_node"); status != COPPICE_OK)
    return status;
  const auto which = term_of(node, etf::kind::atom);
  std::string_view name;
  if (!which || !etf::cursor(which->bytes()).read_atom(name) || name.find('@') == name.npos)
    return COPPICE_E_INVALID;
  auto& all = of(self)->nodes;
  if (on != 0) return all.emplace(name), COPPICE_OK;
  if (const auto one = all.find(std::string(name)); one != all.end()) all.erase(one);
  return COPPICE_OK;
}
std::int32_t unalias(coppice_actor* self, coppice_bytes reference) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s unalias"); status != COPPICE_OK)
    return status;
  const auto which = term_of(reference, etf::kind::reference);
  return which ? found(of(self)->aliases.erase(*which) != 0) : COPPICE_E_INVALID;
}
/// Another process that has that name here.
value process_named(world& w, const std::string& name) {
  const value found = w.around == nullptr ? value() : w.around->whereis(name);
  return found ? found : w.others.whereis(name);
}
std::int32_t unregister_name(coppice_actor* self, coppice_bytes name) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s unregister_name"); status != COPPICE_OK)
    return status;
  world& w = *of(self);
  const std::string given_up = text_of(name);
  if (given_up.empty() || w.name != given_up) return COPPICE_E_NOT_FOUND;
  w.name.clear();
  return COPPICE_OK;
}
std::int32_t whereis(coppice_actor* self, coppice_bytes name, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s whereis"); status != COPPICE_OK)
    return status;
  world& w = *of(self);
  const std::string wanted = text_of(name);
  const value pid = !wanted.empty() && wanted == w.name ? w.self : process_named(w, wanted);
  if (pid) *out = give(pid.bytes());
  return found(bool(pid));
}
void set_error(coppice_actor* self, std::int32_t, coppice_bytes text) {
  if (may_look(self, COPPICE_ACTOR_1 "'s set_error") == COPPICE_OK) of(self)->error_text = text_of(text);
}
std::int32_t set_reason(coppice_actor* self, coppice_bytes reason) {
  if (const std::int32_t status = may_look(self, COPPICE_ACTOR_1 "'s set_reason"); status != COPPICE_OK)
    return status;
  const auto term = term_of(reason);
  if (!term) return COPPICE_E_TERM;
  of(self)->error_reason = *term;
  return COPPICE_OK;
}
std::int32_t set_label(coppice_actor* self, coppice_bytes text) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s set_label"); status != COPPICE_OK)
    return status;
  if (text.size > 64) return COPPICE_E_INVALID;
  of(self)->did.label = text_of(text);
  return COPPICE_OK;
}
bool is_list(const value& term) {
  const auto kind = etf::cursor(term.bytes()).peek();
  return kind == etf::kind::nil || kind == etf::kind::list;
}
std::int32_t spawn_at(coppice_actor* self, const coppice_remote_spawn* what, coppice_message* out_pid,
                      coppice_message* out_reference) {
  const auto how = sized(what, COPPICE_REMOTE_SPAWN_LEAST);
  if (out_pid == nullptr || !how) return COPPICE_E_INVALID;
  *out_pid = {};
  if (out_reference != nullptr) *out_reference = {};
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s spawn_at"); status != COPPICE_OK)
    return status;
  if (const std::int32_t status = takes(how->flags, COPPICE_SPAWN_LINK | COPPICE_SPAWN_MONITOR);
      status != COPPICE_OK)
    return status;
  world& w = *of(self);
  remote_child made;
  made.node = text_of(how->node);
  made.module = text_of(how->module);
  made.function = text_of(how->function);
  made.linked = (how->flags & COPPICE_SPAWN_LINK) != 0;
  made.monitored = (how->flags & COPPICE_SPAWN_MONITOR) != 0;
  const value empty_list = std::vector<int>();
  const auto args = how->args.size == 0 ? std::optional(empty_list) : term_of(how->args);
  const auto options = how->options.size == 0 ? std::optional(empty_list) : term_of(how->options);
  if (made.node.find('@') == made.node.npos || made.node == w.others.node() || made.module.empty() ||
      made.function.empty() || !options || !is_list(*options) || (made.monitored && out_reference == nullptr))
    return COPPICE_E_INVALID;
  if (!args || !is_list(*args)) return COPPICE_E_TERM;
  made.args = *args;
  made.options = *options;
  const response answer = w.others.spawn(made);
  if (answer.status == COPPICE_E_TIMEOUT)
    return wait_in_vain(w, patience_of(w, how->deadline), COPPICE_ACTOR_1 "'s spawn_at");
  if (answer.status != COPPICE_OK) return outcome_of(answer, out_pid);
  made.pid = fresh_pid(made.node);
  return born(w, std::move(made), w.did.remote_children, out_pid, out_reference);
}

} // namespace

std::int32_t takes(std::uint32_t flags, std::uint32_t known) {
  return (flags & ~known) == 0 ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

bool reaches(const world& w, const value& whom, std::uint32_t flags) {
  return (flags & COPPICE_NO_CONNECT) == 0 || w.others.is_connected(node_of(whom));
}

std::int32_t found(bool is) {
  return is ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

std::int32_t send_or_cast(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                          std::uint32_t flags, bool is_cast) {
  auto term = take(message);
  const char* const function = is_cast ? COPPICE_CALL_1 "'s cast" : COPPICE_ACTOR_1 "'s send";
  effect_notes* const notes = noting(self);
  if (const std::int32_t status = notes != nullptr ? COPPICE_OK : may_call(self, function);
      status != COPPICE_OK)
    return status;
  constexpr std::uint32_t known = COPPICE_PRIORITY | COPPICE_NO_CONNECT | COPPICE_NO_WAIT;
  if (const std::int32_t status = takes(flags, known); status != COPPICE_OK) return status;
  const auto to = destination_of(destination);
  if (!to && destination.data != nullptr) complain_if_spoiled(view(destination), "a destination");
  if (!term || !to) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  if (notes != nullptr) return notes->send({*to, std::move(*term), is_cast, flags});
  if (!reaches(*of(self), *to, flags)) return COPPICE_E_NODEDOWN;
  deliver(*of(self), *to, std::move(*term), is_cast, flags);
  return COPPICE_OK;
}

std::int32_t send(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                  std::uint32_t flags) {
  return send_or_cast(self, destination, message, flags, false);
}

std::int32_t link(coppice_actor* self, coppice_bytes pid, std::uint32_t flags) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s link"); status != COPPICE_OK)
    return status;
  if (const std::int32_t status = takes(flags, COPPICE_PRIORITY | COPPICE_NO_CONNECT); status != COPPICE_OK)
    return status;
  const auto whom = term_of(pid, etf::kind::pid);
  if (!whom) return COPPICE_E_INVALID;
  if (!reaches(*of(self), *whom, flags)) return COPPICE_E_NODEDOWN;
  of(self)->links[*whom] = flags;
  if (of(self)->around != nullptr) of(self)->around->linked(*of(self), *whom);
  return COPPICE_OK;
}

std::int32_t unlink(coppice_actor* self, coppice_bytes pid) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s unlink"); status != COPPICE_OK)
    return status;
  const auto whom = term_of(pid, etf::kind::pid);
  if (!whom) return COPPICE_E_INVALID;
  of(self)->links.erase(*whom);
  if (of(self)->around != nullptr) of(self)->around->unlinked(*of(self), *whom);
  return COPPICE_OK;
}

std::int32_t exit(coppice_actor* self, coppice_bytes pid_or_alias, coppice_bytes reason,
                  std::uint32_t flags) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s exit"); status != COPPICE_OK)
    return status;
  if (const std::int32_t status = takes(flags, COPPICE_PRIORITY | COPPICE_NO_CONNECT); status != COPPICE_OK)
    return status;
  auto whom = term_of(pid_or_alias, etf::kind::pid);
  if (!whom) whom = term_of(pid_or_alias, etf::kind::reference);
  if (!whom) return COPPICE_E_INVALID;
  const auto why = term_of(reason);
  if (!why) return COPPICE_E_TERM;
  world& w = *of(self);
  if (!reaches(w, *whom, flags)) return COPPICE_E_NODEDOWN;
  w.did.exits.push_back({*whom, *why, flags});
  const auto alias = w.aliases.find(*whom);
  if (alias != w.aliases.end()) {
    exit_signal(w, w.self, *why, (flags & alias->second & COPPICE_PRIORITY) != 0);
  } else if (*whom == w.self) {
    exit_signal(w, w.self, *why, false);
  } else if (w.around != nullptr) {
    w.around->exit(w, *whom, *why);
  }
  return w.dead ? COPPICE_E_EXITING : COPPICE_OK;
}

value begin_monitor(world& w, monitored what) {
  const value reference = fresh_reference(w.others.node());
  if (what.alias != COPPICE_ALIAS_NONE)
    w.aliases[reference] = what.alias == COPPICE_ALIAS_REPLY ? COPPICE_ONCE : 0;
  if (!what.tag) what.tag = atom("DOWN");
  w.monitors.emplace(reference, std::move(what));
  return reference;
}

std::int32_t monitor(coppice_actor* self, coppice_bytes destination, std::uint32_t flags,
                     const coppice_monitor_options* options, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  effect_notes* const notes = noting(self);
  if (const std::int32_t status =
          notes != nullptr ? COPPICE_OK : may_call(self, COPPICE_ACTOR_1 "'s monitor");
      status != COPPICE_OK)
    return status;
  const std::uint32_t known = notes != nullptr ? 0 : COPPICE_PRIORITY | COPPICE_NO_CONNECT;
  if (const std::int32_t status = takes(flags, known); status != COPPICE_OK) return status;
  const auto whom = destination_of(destination);
  if (!whom || etf::cursor(whom->bytes()).peek() == etf::kind::reference) return COPPICE_E_INVALID;
  monitored made{*whom, {}, flags, COPPICE_ALIAS_NONE};
  if (options != nullptr) {
    const auto how = sized(options, COPPICE_MONITOR_OPTIONS_LEAST);
    if (!how) return COPPICE_E_INVALID;
    if (how->alias > COPPICE_ALIAS_REPLY) return COPPICE_E_UNSUPPORTED;
    const auto tag = how->tag.size == 0 ? std::optional(value()) : term_of(how->tag);
    if (!tag) return COPPICE_E_TERM;
    made.tag = *tag;
    made.alias = how->alias;
  }
  if (notes != nullptr) {
    if (made.alias != COPPICE_ALIAS_NONE) return COPPICE_E_UNSUPPORTED;
    value reference;
    const std::int32_t status = notes->monitor(std::move(made), reference);
    if (status == COPPICE_OK) *out = give(reference.bytes());
    return status;
  }
  if (!reaches(*of(self), *whom, flags)) return COPPICE_E_NODEDOWN;
  const value reference = begin_monitor(*of(self), std::move(made));
  if (of(self)->around != nullptr) of(self)->around->monitors(*of(self), reference);
  *out = give(reference.bytes());
  return COPPICE_OK;
}

std::int32_t alias(coppice_actor* self, std::uint32_t flags, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s alias"); status != COPPICE_OK)
    return status;
  if (const std::int32_t status = takes(flags, COPPICE_PRIORITY | COPPICE_ONCE); status != COPPICE_OK)
    return status;
  const value made = fresh_reference(of(self)->others.node());
  of(self)->aliases[made] = flags;
  *out = give(made.bytes());
  return COPPICE_OK;
}

std::int32_t register_name(coppice_actor* self, coppice_bytes name) {
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s register_name"); status != COPPICE_OK)
    return status;
  world& w = *of(self);
  const std::string wanted = text_of(name);
  if (wanted.empty()) return COPPICE_E_INVALID;
  if (!w.name.empty() || process_named(w, wanted)) return COPPICE_E_EXISTS;
  w.name = wanted;
  return COPPICE_OK;
}

std::int32_t spawn(coppice_actor* self, const coppice_spawn_options* options, coppice_message* out_pid,
                   coppice_message* out_reference) {
  const auto how = sized(options, COPPICE_SPAWN_OPTIONS_LEAST);
  if (out_pid == nullptr || !how) return COPPICE_E_INVALID;
  *out_pid = {};
  if (out_reference != nullptr) *out_reference = {};
  if (const std::int32_t status = may_call(self, COPPICE_ACTOR_1 "'s spawn"); status != COPPICE_OK)
    return status;
  if (const std::int32_t status = takes(how->flags, COPPICE_SPAWN_LINK | COPPICE_SPAWN_MONITOR);
      status != COPPICE_OK)
    return status;
  world& w = *of(self);
  child made;
  made.actor = text_of(how->actor);
  if (made.actor.starts_with(':')) made.actor.insert(0, w.plugin);
  made.name = text_of(how->name);
  made.linked = (how->flags & COPPICE_SPAWN_LINK) != 0;
  made.monitored = (how->flags & COPPICE_SPAWN_MONITOR) != 0;
  const auto args = how->args.size == 0 ? std::optional(empty_map()) : term_of(how->args);
  if (made.actor.empty() || !args || (made.monitored && out_reference == nullptr)) return COPPICE_E_INVALID;
  if (!made.name.empty() && (made.name == w.name || process_named(w, made.name))) return COPPICE_E_EXISTS;
  made.args = *args;
  if (w.around != nullptr)
    if (const std::optional<value> reason = w.around->spawn(w, made)) {
      if (!*reason) return born(w, std::move(made), w.did.children, out_pid, out_reference);
      *out_pid = give(reason->bytes());
      return COPPICE_E_EXIT;
    }
  made.pid = fresh_pid(w.others.node());
  if (const value reason = w.others.refusal_of(made)) {
    *out_pid = give(reason.bytes());
    return COPPICE_E_EXIT;
  }
  if (!made.name.empty()) w.others.add_name(made.name, made.pid);
  return born(w, std::move(made), w.did.children, out_pid, out_reference);
}

nanoseconds patience_of(const world& w, std::int64_t deadline) {
  if (deadline == 0) return default_patience;
  return deadline == COPPICE_FOREVER ? nanoseconds::max() : nanoseconds(deadline) - w.now;
}

std::int32_t wait_in_vain(world& w, nanoseconds patience, const char* function) {
  if (patience == nanoseconds::max()) {
    complain_of_callback(function, ", which has no deadline and is never answered");
  } else if (patience > 0ns) {
    w.now += patience;
  }
  return COPPICE_E_TIMEOUT;
}

std::int32_t outcome_of(const response& answer, coppice_message* out) {
  if (answer.term) *out = give(answer.term.bytes());
  return answer.status;
}

const coppice_actor_api* actor_interface() {
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
  };
  return &table;
}

} // namespace coppice::testing::detail
