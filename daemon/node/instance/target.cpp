// SPDX-License-Identifier: MIT
// A target that starts like a term ({, <, #, ') is parsed as one; anything else is a name. Any thread.
#include "node/instance/target.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <string>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "node/instance/requester.hpp"

namespace coppice::node {
namespace {

constexpr std::string_view forms = "a target is NAME, NAME@ALIVE@HOST, {NAME, 'NODE'}, global:NAME or a pid";
constexpr std::string_view global_prefix = "global:";

// A target as it was read, before the name of its node is interned.
struct parts {
  std::string_view name; // of a process; empty: the target is `pid`
  std::string_view node; // empty: this node
  etf::pid pid = {};
};

unexpected<base::error> no_target() {
  return base::fail(base::errc::invalid, std::string(forms));
}

base::result<parts> named(std::string_view name, std::string_view node) {
  const bool whole = node.find('@') != std::string_view::npos && node.front() != '@' && node.back() != '@';
  if (name.empty() || !whole) return no_target();
  return parts{name, node};
}

base::result<parts> from_term(const runtime::message& term) {
  etf::cursor at(term.bytes());
  parts out;
  std::string_view name;
  std::string_view node;
  if (at.read_atom(out.name)) return out;
  if (at.read_pid(out.pid)) return out;
  if (at.read_tuple_of(2) && at.read_atom(name) && at.read_atom(node)) return named(name, node);
  return no_target();
}

// Takes the target apart and calls take(parts), whose result it returns. The parts are valid until `take`
// returns.
template <class Take>
base::result<runtime::destination> with_parts(std::string_view text, const runtime::system& host,
                                              Take&& take) {
  if (text.empty() || global_name_in(text)) return no_target();
  base::result<parts> read;
  runtime::message term;
  if (std::string_view("{<#'").find(text.front()) != std::string_view::npos) {
    auto parsed = parse_term(text, host);
    if (!parsed) return unexpected(std::move(parsed.error()));
    term = std::move(*parsed);
    read = from_term(term);
  } else if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    read = named(text.substr(0, at), text.substr(at + 1));
  } else {
    read = parts{text, {}};
  }
  if (!read) return unexpected(std::move(read.error()));
  return take(*read);
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

} // namespace

base::result<runtime::message> parse_term(std::string_view text, const runtime::system& host) {
  const auto term = etf::parse(text, {.node = host.node_name(), .creation = host.creation(), .bounds = {}});
  if (!term) return base::fail(base::errc::invalid, term.error().text());
  return runtime::message::copy_of(*term);
}

base::result<runtime::destination> parse_target(std::string_view text, runtime::system& host) {
  return with_parts(text, host, [&](const parts& of) -> base::result<runtime::destination> {
    const bool is_pid = of.name.empty() && !of.pid.node.empty();
    const std::string_view node = is_pid ? of.pid.node : of.node;
    if (node.empty()) return runtime::destination::named(std::string(of.name));
    const auto index = host.nodes().intern(node);
    if (!index) return base::fail(base::errc::limit, "too many node names are known to take another");
    if (is_pid) return runtime::destination(runtime::pid{*index, of.pid.creation, of.pid.id, of.pid.serial});
    return runtime::destination::remote(std::string(of.name), *index);
  });
}

base::result<runtime::destination> parse_target_here(std::string_view text, const runtime::system& host) {
  return with_parts(text, host, [&](const parts& of) -> base::result<runtime::destination> {
    const bool is_pid = of.name.empty() && !of.pid.node.empty();
    const std::string_view node = is_pid ? of.pid.node : of.node;
    if (!node.empty() && node != host.node_name())
      return base::fail(base::errc::invalid, std::string(lives_elsewhere));
    if (is_pid) return runtime::destination(runtime::pid{0, of.pid.creation, of.pid.id, of.pid.serial});
    return runtime::destination::named(std::string(of.name));
  });
}

std::optional<std::string_view> global_name_in(std::string_view target) {
  if (!target.starts_with(global_prefix)) return std::nullopt;
  return target.substr(global_prefix.size());
}

void find_global(std::string_view name, runtime::system& host,
                 std::function<void(base::result<runtime::pid>)> done) {
  auto term = parse_term(name, host);
  if (!term) return done(unexpected(std::move(term.error()).context("global name")));
  const base::nanos deadline = deadline_after(base::nanos_per_second);
  ask_from_outside<base::result<runtime::pid>>(
      host,
      [name = std::string(name), term = std::move(*term),
       deadline](runtime::process& self) -> base::result<runtime::pid> {
        const runtime::message answer = ask_global(self, term, deadline);
        if (!answer) return base::fail(base::errc::timeout, "global_name_server does not answer");
        etf::cursor at(answer.bytes());
        if (const auto pid = runtime::read_pid(at, self.host().nodes())) return *pid;
        return base::fail(base::errc::not_found, "no process has the global name " + name);
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

} // namespace coppice::node
