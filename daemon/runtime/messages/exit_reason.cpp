// SPDX-License-Identifier: MIT
// Exit reasons as immortal terms, and exit messages. See exit_reason.hpp.
#include "runtime/messages/exit_reason.hpp"

#include <coppice/etf/cursor.hpp>

namespace coppice::runtime {
namespace {

// The literal is SMALL_ATOM_UTF8_EXT, a length and the atom's bytes; its terminating zero is left out.
template <std::size_t Size>
message literal(const char (&term)[Size]) {
  return message::immortal({reinterpret_cast<const std::uint8_t*>(term), Size - 1});
}

} // namespace

message reasons::normal() {
  return literal("w\x06normal");
}
message reasons::kill() {
  return literal("w\x04kill");
}
message reasons::killed() {
  return literal("w\x06killed");
}
message reasons::shutdown() {
  return literal("w\x08shutdown");
}
message reasons::noproc() {
  return literal("w\x06noproc");
}
message reasons::noconnection() {
  return literal("w\x0cnoconnection");
}
message reasons::mailbox_full() {
  return literal("w\x0cmailbox_full");
}

message reasons::bad_term() {
  return literal(
      "w\x08"
      "bad_term");
}

bool is_atom(const message& reason, std::string_view name) {
  return etf::cursor(reason.bytes()).read_atom_is(name);
}

bool is_orderly(const message& reason) {
  if (is_normal(reason) || is_atom(reason, "shutdown")) return true;
  etf::cursor in(reason.bytes());
  return in.read_tuple_of(2) && in.read_atom_is("shutdown");
}

message exit_message(const pid& from, const message& reason, const node_names& names) {
  message_writer out(64 + reason.size());
  out.tuple(3);
  out.atom("EXIT");
  write(out, from, names);
  out.raw(reason.bytes());
  return out.take();
}

message down_message(const reference& ref, const destination& object, const message& reason,
                     const node_names& names, const message& tag) {
  message_writer out(128 + reason.size() + tag.size());
  out.tuple(5);
  tag ? out.raw(tag.bytes()) : out.atom("DOWN");
  write(out, ref, names);
  out.atom("process");
  if (object.what() == destination::kind::process) {
    write(out, object.process(), names);
  } else {
    out.tuple(2);
    out.atom(object.name());
    out.atom(names.name(object.node()));
  }
  out.raw(reason.bytes());
  return out.take();
}

message error_message(const message& reason) {
  message_writer out(16 + reason.size());
  out.tuple(2);
  out.atom("error");
  out.raw(reason.bytes());
  return out.take();
}

} // namespace coppice::runtime
