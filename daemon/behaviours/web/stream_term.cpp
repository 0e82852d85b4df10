// SPDX-License-Identifier: MIT
// A term that names its request is read in full before it is compared. Any thread.
#include "behaviours/web/stream_term.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>

#include "behaviours/web/iodata.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view body_tag = "http_body";
constexpr std::string_view answer_tag = "http_answer";
constexpr std::string_view watch_tag = "http_watch";
constexpr std::string_view aborted_tag = "http_aborted";

unexpected<base::error> malformed(std::string_view what) {
  return base::fail(base::errc::invalid, fmt::format("a message about a request: {}", what));
}

void begin(runtime::message_writer& out, std::string_view what, const stream_place& to) {
  out.tuple(3);
  out.atom(what);
  out.raw(to.tag.bytes());
}

bool read_id(etf::cursor& at, const stream_id& id, runtime::node_names& names, bool& same) {
  if (!at.read_tuple_of(2)) return false;
  const auto client = runtime::read_pid(at, names);
  if (!client) return false;
  std::uint64_t request = 0;
  if (!at.read_unsigned(request)) return false;
  same = *client == id.client && request == id.request;
  return true;
}

base::result<std::optional<stream_order>> read_wish(etf::cursor& at, const runtime::message& m,
                                                    runtime::node_names& names) {
  etf::bytes place;
  std::uint64_t bytes = 0;
  if (!at.read_tuple_of(3) || !at.read_atom_is("more") || !at.read_term(place) || !at.read_unsigned(bytes))
    return malformed("it is no {http_body, Stream, {more, {Pid, Tag}, Bytes}}");
  auto reader = read_place(place, m, names);
  if (!reader) return malformed("who reads is no {Pid, Tag}");
  return stream_wish{std::move(*reader), bytes};
}

base::result<std::optional<stream_order>> read_part(etf::cursor& at) {
  stream_part out;
  std::string_view what;
  if (!at.read_tuple_of(2) || !at.read_atom(what) || (what != "data" && what != "last"))
    return malformed("it is no {http_answer, Stream, {data, Iodata}}, nor with last");
  out.last = what == "last";
  if (!read_iodata(at, out.data)) return malformed(fmt::format("its {} is no iodata", what));
  return out;
}

base::result<std::optional<stream_order>> read_watch(etf::cursor& at, const runtime::message& m,
                                                     runtime::node_names& names) {
  auto by = read_place(at.rest(), m, names);
  if (!by) return malformed("it is no {http_watch, {Client, Number}, {Pid, Tag}}");
  return stream_watch{std::move(*by)};
}

} // namespace

void write(runtime::message_writer& out, const stream_id& id, const runtime::node_names& names) {
  out.tuple(2);
  runtime::write(out, id.client, names);
  out.unsigned_integer(id.request);
}

std::optional<stream_place> read_place(etf::bytes term, const runtime::message& whole,
                                       runtime::node_names& names) {
  etf::cursor at(term);
  if (!at.read_tuple_of(2)) return std::nullopt;
  const auto by = runtime::read_pid(at, names);
  etf::bytes tag;
  if (!by || !at.read_term(tag)) return std::nullopt;
  return stream_place{*by, whole.slice(tag)};
}

runtime::message stream_data(const stream_place& to, std::string_view part, bool last) {
  runtime::message_writer out(part.size() + to.tag.size() + 64);
  begin(out, body_tag, to);
  out.tuple(2);
  out.atom(last ? "last" : "data");
  out.binary(part);
  return out.take();
}

runtime::message stream_more(const stream_place& to, std::size_t bytes) {
  runtime::message_writer out;
  begin(out, answer_tag, to);
  out.tuple(2);
  out.atom("more");
  out.unsigned_integer(bytes);
  return out.take();
}

runtime::message stream_aborted(const stream_place& to, std::string_view reason) {
  runtime::message_writer out;
  begin(out, aborted_tag, to);
  out.atom(reason);
  return out.take();
}

bool is_stream_order(etf::bytes message) {
  etf::cursor at(message);
  return at.read_tuple_of(3) &&
         (at.read_atom_is(body_tag) || at.read_atom_is(answer_tag) || at.read_atom_is(watch_tag));
}

base::result<std::optional<stream_order>> read_stream_order(const runtime::message& m, const stream_id& id,
                                                            runtime::node_names& names) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(3)) return malformed("it is no {What, Stream, Order}");
  std::string_view what;
  bool same = false;
  if (!at.read_atom(what) || !read_id(at, id, names, same)) return malformed("it names no {Client, Number}");
  if (!same) return std::nullopt;
  if (what == body_tag) return read_wish(at, m, names);
  if (what == watch_tag) return read_watch(at, m, names);
  return read_part(at);
}

} // namespace coppice::behaviours
