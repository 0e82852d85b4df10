// SPDX-License-Identifier: MIT
// A target that starts like a term ({, <, #, ') is parsed as one; anything else is a name. Any thread.
#include "node/target.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <string>

namespace coppice::node {
namespace {

constexpr std::string_view forms = "a target is NAME, NAME@ALIVE@HOST, {NAME, 'NODE'}, global:NAME or a pid";

base::result<runtime::destination> named(std::string_view name, std::string_view node, runtime::system& host) {
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
    if (!term) return tl::unexpected(term.error());
    return from_term(*term, host);
  }
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) return named(text.substr(0, at), text.substr(at + 1), host);
  return runtime::destination::named(std::string(text));
}

} // namespace coppice::node
