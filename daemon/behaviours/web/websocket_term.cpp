// SPDX-License-Identifier: MIT
// Reads orders strictly: an order that could not be sent is refused with a reason. Any thread.
#include "behaviours/web/websocket_term.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/utf8.hpp>

#include "behaviours/web/iodata.hpp"

namespace coppice::behaviours {
namespace {

using net::websocket_close;
using net::websocket_kind;

constexpr std::string_view tag = "websocket";

unexpected<base::error> malformed(std::string_view what) {
  return base::fail(base::errc::invalid, fmt::format("a message for a WebSocket: {}", what));
}

bool is_utf8(std::string_view text) {
  return etf::utf8::length(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) >= 0;
}

void begin(runtime::message_writer& out, const runtime::pid& client, runtime::node_names& names) {
  out.tuple(3);
  out.atom(tag);
  runtime::write(out, client, names);
}

base::result<websocket_order> read_close(etf::cursor& at, std::uint32_t parts) {
  std::uint64_t code = 0;
  websocket_close out;
  if (parts > 2 || !at.read_unsigned(code) || !websocket_close::is_code(code))
    return malformed("its code is none that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999");
  out.code = static_cast<std::uint16_t>(code);
  if (parts == 2 && !read_iodata(at, out.reason)) return malformed("its reason is no iodata");
  if (out.reason.size() > websocket_close::longest_reason || !is_utf8(out.reason))
    return malformed(
        fmt::format("its reason is no UTF-8 of {} bytes at most", websocket_close::longest_reason));
  return out;
}

} // namespace

runtime::message websocket_message(const runtime::pid& client, runtime::node_names& names,
                                   websocket_kind kind, std::string_view data) {
  runtime::message_writer out(data.size() + 96);
  begin(out, client, names);
  out.tuple(2);
  out.atom(kind == websocket_kind::text ? "text" : "binary");
  out.binary(data);
  return out.take();
}

runtime::message websocket_closed(const runtime::pid& client, runtime::node_names& names,
                                  const websocket_close& why) {
  runtime::message_writer out;
  begin(out, client, names);
  out.tuple(3);
  out.atom("closed");
  out.unsigned_integer(why.code);
  out.binary(why.reason);
  return out.take();
}

bool is_websocket_order(etf::bytes message) {
  etf::cursor at(message);
  return at.read_tuple_of(2) && at.read_atom_is(tag);
}

base::result<websocket_order> read_websocket_order(etf::bytes message) {
  etf::cursor at(message);
  if (!at.read_tuple_of(2) || !at.read_atom_is(tag)) return malformed("it is no {websocket, What}");
  if (at.read_atom_is("close")) return websocket_close{websocket_close::normal, ""};
  std::uint32_t arity = 0;
  std::string_view what;
  if (!at.read_tuple(arity) || arity < 2 || !at.read_atom(what)) return malformed("it says nothing known");
  if (what == "close") return read_close(at, arity - 1);
  if (arity != 2 || (what != "text" && what != "binary")) return malformed("it says nothing known");
  websocket_output out;
  out.kind = what == "text" ? websocket_kind::text : websocket_kind::binary;
  if (!read_iodata(at, out.data)) return malformed(fmt::format("its {} is no iodata", what));
  if (what == "text" && !is_utf8(out.data)) return malformed("its text is no UTF-8");
  return out;
}

} // namespace coppice::behaviours
