// SPDX-License-Identifier: MIT
// See request_term.hpp.
#include "behaviours/web/request_term.hpp"

#include <fmt/format.h>
#include <coppice/etf/cursor.hpp>

#include <vector>

#include "behaviours/web/iodata.hpp"

namespace coppice::behaviours {
namespace {

void write_pairs(runtime::message_writer& out, const base::path_parameters& pairs) {
  out.list(static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [name, value] : pairs) {
    out.tuple(2);
    out.binary(name);
    out.binary(value);
  }
  out.nil();
}

base::error malformed(std::string_view what) {
  return {base::errc::invalid, fmt::format("the answer is none: {}", what)};
}

base::result<std::vector<net::http_header>> read_headers(etf::cursor& at) {
  std::uint32_t length = 0;
  if (!at.read_list(length)) return unexpected(malformed("its headers are no list"));
  std::vector<net::http_header> out;
  for (std::uint32_t i = 0; i < length; ++i) {
    net::http_header one;
    if (!at.read_tuple_of(2) || !read_iodata(at, one.name) || !read_iodata(at, one.value))
      return unexpected(malformed("a header is no {Name, Value}"));
    if (!net::is_http_token(one.name)) return unexpected(malformed("a header's name cannot be sent"));
    if (!net::is_http_field_value(one.value))
      return unexpected(malformed(fmt::format("the value of {} cannot be sent", one.name)));
    out.push_back(std::move(one));
  }
  if (length != 0 && !at.read_nil()) return unexpected(malformed("its headers are no list"));
  return out;
}

bool is_overloaded(etf::bytes term) {
  etf::cursor at(term);
  return at.read_tuple_of(2) && at.read_atom_is("error") && at.read_atom_is("overloaded");
}

} // namespace

runtime::message write_request(std::string_view tag, const net::http_request& asked, std::string_view path,
                               const base::path_parameters& parameters, const base::path_parameters& query,
                               std::string_view peer) {
  runtime::message_writer out(512 + asked.body.size());
  out.tuple(2);
  out.atom(tag);
  out.map(8);
  out.atom("method");
  out.binary(asked.method);
  out.atom("path");
  out.binary(path);
  out.atom("params");
  out.map(static_cast<std::uint32_t>(parameters.size()));
  for (const auto& [name, value] : parameters) {
    out.binary(name);
    out.binary(value);
  }
  out.atom("query");
  write_pairs(out, query);
  out.atom("headers");
  out.list(static_cast<std::uint32_t>(asked.headers.size()));
  for (const net::http_header& one : asked.headers) {
    out.tuple(2);
    out.binary(one.name);
    out.binary(one.value);
  }
  out.nil();
  out.atom("body");
  out.binary(asked.body);
  out.atom("peer");
  out.binary(peer);
  out.atom("version");
  out.binary(asked.minor == 0 ? "1.0" : "1.1");
  return out.take();
}

runtime::message write_feed_request(std::string_view event, const net::http_request& asked) {
  const std::string* const had = asked.header("last-event-id");
  runtime::message_writer out;
  out.tuple(3);
  out.atom(feed_tag);
  out.atom(event);
  out.binary(had == nullptr ? std::string_view() : std::string_view(*had).substr(0, 100));
  return out.take();
}

std::optional<accepted> read_accepted(etf::bytes term, runtime::node_names& names) {
  etf::cursor at(term);
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity) || (arity != 2 && arity != 3) || !at.read_atom_is("accept")) return std::nullopt;
  const auto by = runtime::read_pid(at, names);
  if (!by) return std::nullopt;
  accepted out{*by};
  if (arity == 3 && !read_iodata(at, out.protocol)) return std::nullopt;
  return out;
}

base::result<net::http_response> read_answer(etf::bytes term) {
  if (is_overloaded(term)) return base::fail(base::errc::limit, "it has no room for requests");
  etf::cursor at(term);
  std::uint32_t arity = 0;
  std::int64_t status = 0;
  if (!at.read_tuple(arity) || (arity != 2 && arity != 3) || !at.read_integer(status))
    return unexpected(malformed("it is neither {Status, Headers, Body} nor {Status, Body}"));
  if (status < 200 || status > 599) return unexpected(malformed(fmt::format("its status is {}", status)));
  net::http_response out;
  out.status = static_cast<int>(status);
  if (arity == 3) {
    auto headers = read_headers(at);
    if (!headers) return unexpected(std::move(headers.error()));
    out.headers = std::move(*headers);
  }
  if (!read_iodata(at, out.body)) return unexpected(malformed("its body is no iodata"));
  return out;
}

} // namespace coppice::behaviours
