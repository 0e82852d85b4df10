// SPDX-License-Identifier: MIT
// The checks come in the order of supervisor.erl, so that a specification with two faults gets the same
// answer. Pure.
#include "behaviours/supervision/child_spec_term.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <optional>
#include <string_view>

#include "behaviours/gen/map_values.hpp"
#include "behaviours/supervision/child_extension_term.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using error_term = unexpected<message>;

// The parts of a child spec as they came. Empty: not given.
struct given_spec {
  etf::bytes id, start, restart, significant, shutdown, type, modules, name;
  given_extensions beyond_otp;
};

error_term invalid(std::string_view tag, etf::bytes what) {
  message_writer out(what.size() + 64);
  out.tuple(2);
  out.atom(tag);
  out.raw(what);
  return error_term(out.take());
}

void write_pair(message_writer& out, std::string_view key, std::string_view atom) {
  out.tuple(2);
  out.atom(key);
  out.atom(atom);
}

// {bad_combination, [{Key, Value}, {significant, true}]}
error_term bad_combination(std::string_view key, std::string_view value) {
  message_writer out;
  out.tuple(2);
  out.atom("bad_combination");
  out.list(2);
  write_pair(out, key, value);
  write_pair(out, "significant", "true");
  out.nil();
  return error_term(out.take());
}

std::optional<given_spec> read_given_spec(etf::bytes term) {
  etf::cursor at(term);
  given_spec out;
  if (at.read_tuple_of(6)) {
    for (etf::bytes* part : {&out.id, &out.start, &out.restart, &out.shutdown, &out.type, &out.modules}) {
      if (!at.read_term(*part)) return std::nullopt;
    }
    return out;
  }
  const key_and_value keys[] = {{"id", &out.id},
                                {"start", &out.start},
                                {"restart", &out.restart},
                                {"significant", &out.significant},
                                {"shutdown", &out.shutdown},
                                {"type", &out.type},
                                {"modules", &out.modules},
                                {"name", &out.name},
                                {"mailbox", &out.beyond_otp.mailbox},
                                {"backoff", &out.beyond_otp.backoff},
                                {"unhandled", &out.beyond_otp.unhandled}};
  if (!read_map_values(at, keys)) return std::nullopt;
  return out;
}

std::string_view atom_of(etf::bytes term) {
  std::string_view name;
  etf::cursor(term).read_atom(name);
  return name;
}

// The fields of {Module, Function, Args}. False: the term is no start function.
struct start_function {
  std::string_view module;
  std::string_view function;
  etf::cursor args;
};

bool read_start(etf::bytes term, start_function& out) {
  etf::cursor at(term);
  if (!at.read_tuple_of(3) || !at.read_atom(out.module) || !at.read_atom(out.function)) return false;
  out.args = at;
  return at.peek() == etf::kind::list || at.peek() == etf::kind::nil;
}

// ['PLUGIN:ACTOR'] or ['PLUGIN:ACTOR', Args] of coppice:start_link.
bool read_actor(const message& whole, start_function start, child_spec& out) {
  std::uint32_t length = 0;
  std::string_view actor;
  if (start.module != "coppice" || start.function != "start_link" || !start.args.read_list(length) ||
      length == 0 || length > 2 || !start.args.read_atom(actor) || actor.empty()) {
    return false;
  }
  out.actor = actor;
  out.plugin = actor.substr(0, actor.find(':'));
  etf::bytes args;
  if (length == 2 && start.args.read_term(args)) out.args = whole.slice(args);
  return start.args.read_nil();
}

// The pair in [supervisor, {SupFlags, [ChildSpec]}] of coppice:start_link; none: it starts something else.
message pair_of_supervisor(const message& whole, start_function start) {
  std::uint32_t length = 0;
  etf::bytes pair;
  if (start.module != "coppice" || start.function != "start_link" || !start.args.read_list(length) ||
      length != 2 || !start.args.read_atom_is("supervisor") || !start.args.read_term(pair) ||
      !start.args.read_nil() || !etf::cursor(pair).read_tuple_of(2)) {
    return {};
  }
  return whole.slice(pair);
}

bool read_shutdown(etf::bytes term, shutdown_limit& out) {
  etf::cursor at(term);
  std::uint64_t time = 0;
  if (at.read_unsigned(time)) {
    out = shutdown_limit::after(static_cast<base::nanos>(std::min(time, tree::longest_time_ms)) *
                                base::nanos_per_ms);
    return true;
  }
  if (at.read_atom_is("infinity")) return out = shutdown_limit::infinity(), true;
  if (at.read_atom_is("brutal_kill")) return out = shutdown_limit::brutal_kill(), true;
  return false;
}

// {invalid_modules, Term}, or {invalid_module, Element} of the first that is no atom; none: `dynamic`, or a
// list of atoms. What they name is not used: an actor's code is its plugin's.
std::optional<error_term> wrong_modules(etf::bytes term) {
  etf::cursor at(term);
  if (at.read_atom_is("dynamic") || at.read_nil()) return std::nullopt;
  etf::bytes text;
  if (at.read_string(text) && !text.empty()) { // how a list of small integers is encoded
    message_writer first;
    first.unsigned_integer(text.front());
    return invalid("invalid_module", first.take().bytes());
  }
  std::uint32_t length = 0;
  if (!at.read_list(length)) return invalid("invalid_modules", term);
  for (; length != 0; --length) {
    etf::bytes one;
    if (!at.read_term(one)) return invalid("invalid_modules", term);
    if (etf::cursor(one).peek() != etf::kind::atom) return invalid("invalid_module", one);
  }
  if (!at.read_nil()) return invalid("invalid_modules", term);
  return std::nullopt;
}

void write_start(etf::writer& out, const child_spec& spec, shown_args args) {
  out.tuple(3);
  out.atom("coppice");
  out.atom("start_link");
  out.list(2);
  out.atom(spec.is_supervisor() ? "supervisor" : spec.actor);
  if (spec.is_supervisor()) {
    write_supervisor_spec(out, *spec.supervisor, args);
  } else if (spec.args && args == shown_args::all) {
    out.raw(spec.args.bytes());
  } else {
    out.map(0);
  }
  out.nil();
}

void write_shutdown(etf::writer& out, const shutdown_limit& limit) {
  switch (limit.how) {
    case shutdown_limit::kind::after:
      return out.integer(base::to_milliseconds(limit.time).count());
    case shutdown_limit::kind::brutal_kill:
      return out.atom("brutal_kill");
    case shutdown_limit::kind::infinity:
      return out.atom("infinity");
  }
}

} // namespace

expected<child_spec, message> read_child_spec(const message& term, auto_shutdown policy, unsigned levels) {
  const auto given = read_given_spec(term.bytes());
  if (!given) return invalid("invalid_child_spec", term.bytes());
  if (given->id.empty()) return error_term(message::atom("missing_id"));
  if (given->start.empty()) return error_term(message::atom("missing_start"));
  child_spec out;
  out.id = term.slice(given->id).compact();
  start_function start;
  if (!read_start(given->start, start)) return invalid("invalid_mfa", given->start);
  if (!given->restart.empty()) {
    const auto restart = tree::value_of<restart_type>(atom_of(given->restart));
    if (!restart) return invalid("invalid_restart_type", given->restart);
    out.restart = *restart;
  }
  if (!given->significant.empty()) {
    const std::string_view significant = atom_of(given->significant);
    out.significant = significant == "true";
    if (out.significant && policy == auto_shutdown::never) return bad_combination("auto_shutdown", "never");
    if (out.significant && out.restart == restart_type::permanent)
      return bad_combination("restart", "permanent");
    if (!out.significant && significant != "false") return invalid("invalid_significant", given->significant);
  }
  const std::string_view type = given->type.empty() ? "worker" : atom_of(given->type);
  if (type != "worker" && type != "supervisor") return invalid("invalid_child_type", given->type);
  if (type == "supervisor") out.shutdown = shutdown_limit::infinity();
  if (!given->shutdown.empty() && !read_shutdown(given->shutdown, out.shutdown)) {
    return invalid("invalid_shutdown", given->shutdown);
  }
  if (auto wrong = given->modules.empty() ? std::nullopt : wrong_modules(given->modules))
    return std::move(*wrong);
  if (!given->name.empty() && !read_registered_name(given->name, out.name))
    return invalid("invalid_name", given->name);
  if (auto wrong = read_extensions(given->beyond_otp, type == "supervisor", out))
    return error_term(std::move(*wrong));
  if (type == "worker") {
    if (!read_actor(term, start, out)) return invalid("bad_start_spec", given->start);
    return out;
  }
  const message pair = pair_of_supervisor(term, start);
  if (!pair) return invalid("bad_start_spec", given->start);
  if (levels == 0) return invalid("nested_too_deep", given->id);
  auto inner = read_supervisor_spec(pair, levels - 1);
  if (!inner) return error_term(std::move(inner.error()));
  out.supervisor = std::move(*inner);
  return out;
}

bool read_registered_name(etf::bytes term, std::string& out) {
  out = atom_of(term);
  return !out.empty() && out != "undefined";
}

void write_child_type(etf::writer& out, const child_spec& spec) {
  out.atom(spec.is_supervisor() ? "supervisor" : "worker");
}

void write_child_modules(etf::writer& out, const child_spec& spec) {
  out.list(1);
  out.atom(spec.is_supervisor() ? "supervisor" : spec.plugin);
  out.nil();
}

void write_child_spec(etf::writer& out, const child_spec& spec, shown_args args) {
  out.map((spec.name.empty() ? 7U : 8U) + count_extensions(spec));
  out.atom("id");
  out.raw(spec.id.bytes());
  out.atom("start");
  write_start(out, spec, args);
  out.atom("restart");
  out.atom(text(spec.restart));
  out.atom("significant");
  out.boolean(spec.significant);
  out.atom("shutdown");
  write_shutdown(out, spec.shutdown);
  out.atom("type");
  write_child_type(out, spec);
  out.atom("modules");
  write_child_modules(out, spec);
  if (!spec.name.empty()) {
    out.atom("name");
    out.atom(spec.name);
  }
  write_extensions(out, spec);
}

void write_child_record(etf::writer& out, const child_spec& spec) {
  out.tuple(9);
  out.atom("child");
  out.atom("undefined");
  out.raw(spec.id.bytes());
  write_start(out, spec, shown_args::all);
  out.atom(text(spec.restart));
  out.boolean(spec.significant);
  write_shutdown(out, spec.shutdown);
  write_child_type(out, spec);
  write_child_modules(out, spec);
}

} // namespace coppice::behaviours
