// SPDX-License-Identifier: MIT
// See order_answer.hpp.
#include "behaviours/supervision/order_answer.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>

#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours::order_answer {

using runtime::message;
using runtime::message_writer;

message done(std::string_view what) {
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  out.atom(what);
  return out.take();
}

message reason_of(const message& answer) {
  etf::cursor at(answer.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("error") ? answer.slice(at.rest()).compact() : message();
}

message late(const std::string& who, base::nanos after) {
  message_writer why;
  why.tuple(2);
  why.atom("timeout");
  why.binary(fmt::format("{} has not answered in {} s", who, after / base::nanos_per_second));
  return runtime::error_message(why.take());
}

message terminating() {
  return runtime::error_message(message::atom("terminating"));
}

} // namespace coppice::behaviours::order_answer
