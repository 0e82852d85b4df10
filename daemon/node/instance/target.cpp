// SPDX-License-Identifier: MIT
// A target that starts like a term ({, <, #, ') is parsed as one; anything else is a name. Any thread.
#include "node/instance/target.hpp"

#include <chrono>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <memory>
#include <string>

#include "base/promise.hpp"
#include "behaviours/gen/gen.hpp"
#include "node/instance/requester.hpp"

namespace coppice::node {
namespace {

constexpr std::string_view forms = "a target is NAME, NAME@ALIVE@HOST, {NAME, 'NODE'}, global:NAME or a pid";

base::result<runtime::destination> named(std::string_view name, std::string_view node,
                                         runtime::system& host) {
  const bool whole = node.find('@') != std::string_view::npos && node.front() != '@' && node.back() != '@';
  if (name.empty() || !whole) return base::fail(base::errc::invalid, std::string(forms));
  const auto index = host.nodes().intern(node);
  if (!index) return base::fail(base::errc::limit, "too many node names are known to take another");
  return runtime::destination::remote(std::string(name), *index);
}

base::result<runtime::destination> from_term(const runtime::message& term, runtime::system& host) {
  etf::cursor at(term.bytes());
  std::string_view name;
  std::string_view node;
  if (at.read_atom(name)) return runtime::destination::named(std::string(name));
  if (const auto pid = runtime::read_pid(at, host.nodes())) return runtime::destination(*pid);
  if (at.read_tuple_of(2) && at.read_atom(name) && at.read_atom(node)) return named(name, node, host);
  return base::fail(base::errc::invalid, std::string(forms));
}

// Sends {whereis, Name, {Pid, [alias|Ref]}}, the request of OTP's `global` to its server. Empty: no answer.
runtime::message ask_global(runtime::process& self, const runtime::message& name, base::nanos deadline) {
  const auto server = runtime::destination::named("global_name_server");
  const runtime::reference ref = self.monitor(server, true);
  const auto& names = self.host().nodes();
  runtime::message_writer out;
  out.tuple(3);
  out.atom("whereis");
  out.raw(name.bytes());
  out.tuple(2);
  runtime::write(out, self.self(), names);
  out.list(1);
  out.atom("alias");
  runtime::write(out, ref, names);
  self.send(server, out.take());
  auto answer = behaviours::gen::finish_call(self, ref, deadline);
  return answer ? std::move(*answer) : runtime::message();
}

base::result<runtime::destination> global(std::string_view text, runtime::system& host) {
  auto name = parse_term(text, host);
  if (!name) return unexpected(std::move(name.error()).context("global name"));
  const base::nanos deadline = base::mono_now() + base::nanos_per_second;
  const auto found = std::make_shared<base::promise<runtime::message>>();
  auto answer = found->result();
  ask_from_outside<runtime::message>(
      host, [name = *name, deadline](runtime::process& self) { return ask_global(self, name, deadline); },
      [found](runtime::message term) { found->give(std::move(term)); }, {});
  const auto term = answer.take_within(std::chrono::milliseconds(1500));
  if (!term) return base::fail(base::errc::timeout, "global_name_server does not answer");
  etf::cursor at(term->bytes());
  if (const auto pid = runtime::read_pid(at, host.nodes())) return runtime::destination(*pid);
  return base::fail(base::errc::not_found, "no process has the global name " + std::string(text));
}

} // namespace

base::result<runtime::message> parse_term(std::string_view text, const runtime::system& host) {
  const auto term = etf::parse(text, {.node = host.node_name(), .creation = host.creation(), .bounds = {}});
  if (!term) return base::fail(base::errc::invalid, term.error().text());
  return runtime::message::copy_of(*term);
}

base::result<runtime::destination> parse_target(std::string_view text, runtime::system& host) {
  if (text.empty()) return base::fail(base::errc::invalid, std::string(forms));
  if (std::string_view("{<#'").find(text.front()) != std::string_view::npos) {
    const auto term = parse_term(text, host);
    if (!term) return unexpected(term.error());
    return from_term(*term, host);
  }
  constexpr std::string_view global_prefix = "global:";
  if (text.starts_with(global_prefix)) return global(text.substr(global_prefix.size()), host);
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) return named(text.substr(0, at), text.substr(at + 1), host);
  return runtime::destination::named(std::string(text));
}

} // namespace coppice::node
