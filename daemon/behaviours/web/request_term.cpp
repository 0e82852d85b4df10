// SPDX-License-Identifier: MIT
// Answers are read strictly: an answer that could not be sent is refused with a reason. Any thread.
#include "behaviours/web/request_term.hpp"

#include <fmt/format.h>

#include <algorithm>
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

constexpr std::string_view events_word = "sse";
constexpr std::string_view websocket_word = "websocket";

bool is_overloaded(etf::bytes term) {
  etf::cursor at(term);
  return at.read_tuple_of(2) && at.read_atom_is("error") && at.read_atom_is("overloaded");
}

// The number of pairs that write_facts() writes.
std::uint32_t count_of(const request_facts& facts) {
  return facts.route.empty() ? 9 : 10;
}

// Writes the pairs of the map, except the body.
void write_facts(runtime::message_writer& out, const net::http_request& asked, const request_facts& facts,
                 const runtime::node_names& names) {
  out.atom("method");
  out.binary(asked.method);
  out.atom("path");
  out.binary(facts.path);
  out.atom("params");
  out.map(static_cast<std::uint32_t>(facts.parameters.size()));
  for (const auto& [name, value] : facts.parameters) {
    out.binary(name);
    out.binary(value);
  }
  out.atom("query");
  write_pairs(out, facts.query);
  out.atom("headers");
  out.list(static_cast<std::uint32_t>(asked.headers.size()));
  for (const net::http_header& one : asked.headers) {
    out.tuple(2);
    out.binary(one.name);
    out.binary(one.value);
  }
  out.nil();
  out.atom("peer");
  out.binary(facts.peer);
  out.atom("version");
  out.binary(asked.minor == 0 ? "1.0" : "1.1");
  out.atom("client");
  runtime::write(out, facts.id.client, names);
  out.atom("number");
  out.unsigned_integer(facts.id.request);
  if (facts.route.empty()) return;
  out.atom("route");
  out.atom(facts.route);
}

// Reads the status and, if the answer has three parts, the headers.
base::result<net::http_response> read_head(etf::cursor& at, std::uint32_t arity) {
  std::int64_t status = 0;
  if (!at.read_integer(status))
    return unexpected(malformed("it is neither {Status, Headers, Body} nor {Status, Body}"));
  if (status < 200 || status > 599) return unexpected(malformed(fmt::format("its status is {}", status)));
  net::http_response out;
  out.status = static_cast<int>(status);
  if (arity != 3) return out;
  auto headers = read_headers(at);
  if (!headers) return unexpected(std::move(headers.error()));
  out.headers = std::move(*headers);
  return out;
}

} // namespace

runtime::message write_request(std::string_view tag, const net::http_request& asked,
                               const request_facts& facts, const runtime::node_names& names) {
  runtime::message_writer out(512 + asked.body.size());
  out.tuple(2);
  out.atom(tag);
  out.map(count_of(facts) + 1);
  write_facts(out, asked, facts, names);
  out.atom("body");
  out.binary(asked.body);
  return out.take();
}

runtime::message write_streamed_request(const net::http_request& asked, const request_facts& facts,
                                        const runtime::node_names& names) {
  runtime::message_writer out(640 + asked.body.size());
  out.tuple(2);
  out.atom(request_tag);
  out.map(count_of(facts) + 2);
  write_facts(out, asked, facts, names);
  out.atom("body");
  if (asked.streamed)
    out.atom("streamed");
  else
    out.binary(asked.body);
  out.atom("stream");
  write(out, facts.id, names);
  return out.take();
}

runtime::message write_feed_request(const feed_request& of) {
  runtime::message_writer out;
  out.tuple(4);
  out.atom(feed_tag);
  out.atom(of.event);
  out.binary(of.last_id);
  out.atom(of.form == web_upgrade::websocket ? websocket_word : events_word);
  return out.take();
}

std::optional<feed_request> read_feed_request(etf::bytes term) {
  etf::cursor at(term);
  std::string_view event, form;
  etf::bytes last_id;
  if (!at.read_tuple_of(4) || !at.read_atom_is(feed_tag) || !at.read_atom(event) ||
      !at.read_binary(last_id) || !at.read_atom(form))
    return std::nullopt;
  if (form != websocket_word && form != events_word) return std::nullopt;
  return feed_request{std::string(event),
                      {reinterpret_cast<const char*>(last_id.data()), last_id.size()},
                      form == websocket_word ? web_upgrade::websocket : web_upgrade::sse};
}

std::string last_event_id(const net::http_request& asked, const base::path_parameters& query) {
  constexpr std::size_t longest = 100; // ours are shorter
  if (const std::string* const had = asked.header("last-event-id")) return had->substr(0, longest);
  const auto since = std::ranges::find(query, "since", &base::path_parameters::value_type::first);
  return since == query.end() ? std::string() : since->second.substr(0, longest);
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
  if (!at.read_tuple(arity) || (arity != 2 && arity != 3))
    return unexpected(malformed("it is neither {Status, Headers, Body} nor {Status, Body}"));
  auto out = read_head(at, arity);
  if (!out || read_iodata(at, out->body)) return out;
  return unexpected(malformed(is_streamed_answer(term)
                                  ? "its body is to stream, and its route does not say 'body: streamed'"
                                  : "its body is no iodata"));
}

bool is_streamed_answer(etf::bytes term) {
  etf::cursor at(term);
  std::uint32_t parts = 0;
  return at.read_tuple_of(3) && at.skip() && at.skip() && at.read_tuple(parts) && parts >= 2 &&
         at.read_atom_is("stream");
}

base::result<streamed_answer> read_streamed_answer(etf::bytes term, const runtime::message& whole,
                                                   runtime::node_names& names) {
  etf::cursor at(term);
  at.read_tuple_of(3);
  auto head = read_head(at, 3);
  if (!head) return unexpected(std::move(head.error()));
  std::uint32_t parts = 0;
  etf::bytes place;
  if (!at.read_tuple(parts) || parts > 3 || !at.read_atom_is("stream") || !at.read_term(place))
    return unexpected(malformed("its body is no {stream, {Pid, Tag}}, nor with a length"));
  auto writer = read_place(place, whole, names);
  if (!writer) return unexpected(malformed("who writes its body is no {Pid, Tag}"));
  streamed_answer out{std::move(*head), std::move(*writer), std::nullopt};
  if (parts == 3) {
    std::uint64_t length = 0;
    if (!at.read_unsigned(length)) return unexpected(malformed("its body's length is no number of bytes"));
    out.length = length;
  }
  return out;
}

} // namespace coppice::behaviours
