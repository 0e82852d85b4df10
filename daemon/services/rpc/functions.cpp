// SPDX-License-Identifier: MIT
// The built-in functions. Each answers from data that the node publishes; none changes anything. Any thread,
// unless a function says otherwise.
#include "services/rpc/functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <optional>

#include "base/clock.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/global/conflict.hpp"
#include "services/io/no_shell.hpp"
#include "services/observer/listing_line.hpp"
#include "services/observer/observer.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

message atom_list(process& self, const std::vector<std::string>& names) {
  portions work(self);
  message_writer out;
  out.list(static_cast<std::uint32_t>(names.size()));
  for (const auto& name : names) {
    out.atom(name);
    work.add();
  }
  out.nil();
  return out.take();
}

template <class Wanted>
message connected_nodes(process& self, const dist::router& router, Wanted wanted) {
  std::vector<std::string> names;
  observer::for_each_peer(self, router, [&](const dist::peer_info& p) {
    if (p.state == dist::peer_state::connected && wanted(p)) names.push_back(p.name);
  });
  return atom_list(self, names);
}

message visible_nodes(process& self, const dist::router& router) {
  return connected_nodes(self, router, [](const dist::peer_info& p) { return !p.hidden; });
}

// nodes(visible | hidden | connected | this | known)
message nodes_of_kind(process& self, const dist::router& router, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view kind;
  if (!at.read_list(length) || !at.read_atom(kind)) return {};
  if (kind == "visible") return visible_nodes(self, router);
  if (kind == "hidden")
    return connected_nodes(self, router, [](const dist::peer_info& p) { return p.hidden; });
  if (kind == "connected") return connected_nodes(self, router, [](const dist::peer_info&) { return true; });
  if (kind == "this") return atom_list(self, {std::string(self.host().node_name())});
  return {};
}

message whereis(process& self, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view name;
  if (!at.read_list(length) || !at.read_atom(name)) return {};
  const auto found = self.host().whereis(name);
  if (!found) return message::atom("undefined");
  message_writer out;
  runtime::write(out, *found, self.host().nodes());
  return out.take();
}

message registered(process& self) {
  return atom_list(self,
                   runtime::registered_names(self.host(), observer::at_once, [&self] { self.yield(); }));
}

answer processes(process& self) {
  const listing place(self, self.origin().node);
  if (!place.may_begin()) return answer::exited(message::atom("system_limit"));
  const std::vector<runtime::pid> all = observer::pids(self);
  portions work(self);
  message_writer out;
  out.list(static_cast<std::uint32_t>(all.size()));
  for (const runtime::pid& one : all) {
    runtime::write(out, one, self.host().nodes());
    work.add();
  }
  out.nil();
  return out.take();
}

message is_process_alive(process& self, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  if (!at.read_list(length)) return {};
  const auto pid = runtime::read_pid(at, self.host().nodes());
  if (!pid || !pid->here()) return {};
  message_writer out;
  out.boolean(self.host().alive(*pid));
  return out.take();
}

message uptime(process& self) {
  message_writer out;
  out.integer(self.now() / base::nanos_per_ms);
  return out.take();
}

} // namespace

std::optional<std::uint32_t> list_length(etf::bytes list, portions& work) {
  etf::cursor at(list);
  etf::bytes text;
  if (at.read_string(text)) return static_cast<std::uint32_t>(text.size());
  std::uint32_t length = 0;
  if (!at.read_list(length)) return std::nullopt;
  if (length == 0) return 0;
  for (std::uint32_t i = 0; i < length; ++i) {
    if (etf::bytes one; !read_long_term(at, one, work)) return std::nullopt;
  }
  return at.read_nil() ? std::optional(length) : std::nullopt;
}

base::result<functions> functions::make(dist::router& router, const std::vector<std::string>& allow,
                                        const std::vector<std::string>& start,
                                        const std::vector<std::string>& scopes) {
  functions made;
  auto& known = made.built_in_;
  known["erlang:node/0"] = [](process& self, etf::bytes) { return message::atom(self.host().node_name()); };
  known["erlang:is_alive/0"] = [](process&, etf::bytes) { return message::atom("true"); };
  known["erlang:nodes/0"] = [&router](process& self, etf::bytes) { return visible_nodes(self, router); };
  known["erlang:nodes/1"] = [&router](process& self, etf::bytes arguments) {
    return nodes_of_kind(self, router, arguments);
  };
  known["erlang:whereis/1"] = whereis;
  known["erlang:registered/0"] = [](process& self, etf::bytes) { return registered(self); };
  known["erlang:processes/0"] = [](process& self, etf::bytes) { return processes(self); };
  known["erlang:is_process_alive/1"] = is_process_alive;
  known["erlang:monotonic_time/0"] = [](process& self, etf::bytes) { return uptime(self); };
  add_system_functions(known, router);
  add_application_functions(known);
  add_env_functions(made.of_env_);
  add_pg_functions(known, scopes);
  add_observer_functions(made.of_tools_, router);
  // A part of global's protocol, allowed while the nodes resolve a name.
  made.granted_["global:resolve_it/4"] = [](process& self, etf::bytes arguments) {
    return answer(resolve_it(self, arguments));
  };
  add_shell_functions(made.granted_);
  if (!start.empty()) grant_applications(made.granted_, start);
  for (const auto& word : allow) {
    if (auto taken = made.allow(word); !taken)
      return unexpected(std::move(taken.error()).context("distribution.allow.rpc"));
  }
  return made;
}

base::status functions::allow(const std::string& word) {
  const auto refuse = [&](std::string_view why) {
    return base::fail(base::errc::invalid, fmt::format("'{}': {}", word, why));
  };
  if (word == "info") {
    info_ = true;
    return {};
  }
  if (word == "observer") {
    info_ = observer_ = true;
    return {};
  }
  if (word == "env") {
    env_ = true;
    return {};
  }
  constexpr std::string_view arrow = " => ";
  const auto colon = word.find(':');
  const auto slash = word.find('/');
  const auto to = word.find(arrow);
  if (to != std::string::npos && colon < slash && slash < to) {
    const std::string key = word.substr(0, to);
    granted_[key] = call_of_actor(word.substr(to + arrow.size()), word.substr(colon + 1, slash - colon - 1));
    return {};
  }
  if (colon == 0 || colon == std::string::npos || colon + 1 == word.size())
    return refuse("it is none of info, observer, env, module:function, module:*, mod:fun/N => PLUGIN:ACTOR");
  auto module = word.substr(0, colon);
  auto name = word.substr(colon + 1);
  if (name != "*" && !is_built_in(module, name))
    return refuse("no such function is built in; \"mod:fun/N => PLUGIN:ACTOR\" has an actor stand for one");
  pairs_.emplace_back(std::move(module), std::move(name));
  return {};
}

bool functions::is_built_in(std::string_view module, std::string_view name) const {
  const auto prefix = fmt::format("{}:{}/", module, name);
  const auto at = built_in_.lower_bound(prefix);
  return at != built_in_.end() && at->first.starts_with(prefix);
}

bool functions::allowed(std::string_view module, std::string_view name) const {
  if (info_) return true;
  return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) {
    return pair.first == module && (pair.second == "*" || pair.second == name);
  });
}

const callable* functions::find(std::string_view module, std::string_view name, std::uint32_t arity) const {
  const auto key = fmt::format("{}:{}/{}", module, name, arity);
  if (const auto granted = granted_.find(key); granted != granted_.end()) return &granted->second;
  if (observer_) {
    if (const auto tool = of_tools_.find(key); tool != of_tools_.end()) return &tool->second;
  }
  if (env_) {
    if (const auto read = of_env_.find(key); read != of_env_.end()) return &read->second;
  }
  if (!allowed(module, name)) return nullptr;
  const auto at = built_in_.find(key);
  return at == built_in_.end() ? nullptr : &at->second;
}

} // namespace coppice::services
