// SPDX-License-Identifier: MIT
// Terms are read as slices of the message, without copying.
#include "behaviours/channels/event_terms.hpp"

#include <coppice/etf/cursor.hpp>

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;

message event_term(etf::bytes label, std::uint64_t seq, std::int64_t time, etf::bytes payload) {
  message_writer out(label.size() + payload.size() + 40);
  out.tuple(5);
  out.atom("event");
  out.raw(label);
  out.unsigned_integer(seq);
  out.integer(time);
  out.raw(payload);
  return out.take();
}

message event_gap_term(etf::bytes label, std::uint64_t first, std::uint64_t last) {
  message_writer out(label.size() + 48);
  out.tuple(4);
  out.atom("event_gap");
  out.raw(label);
  out.unsigned_integer(first);
  out.unsigned_integer(last);
  return out.take();
}

message event_end_term(etf::bytes label, etf::bytes reason) {
  message_writer out(label.size() + reason.size() + 24);
  out.tuple(3);
  out.atom("event_end");
  out.raw(label);
  out.raw(reason);
  return out.take();
}

message event_subscribers_term(etf::bytes label, std::uint64_t count) {
  message_writer out(label.size() + 40);
  out.tuple(3);
  out.atom("event_subscribers");
  out.raw(label);
  out.unsigned_integer(count);
  return out.take();
}

std::optional<event_news> read_event_news(etf::bytes m) {
  using kind = event_news::kind;
  etf::cursor at(m);
  std::uint32_t arity = 0;
  std::string_view tag;
  event_news out;
  if (!at.read_tuple(arity) || !at.read_atom(tag) || !at.read_term(out.label)) return std::nullopt;
  if (tag == "event" && arity == 5) {
    if (!at.read_unsigned(out.seq) || !at.read_integer(out.time) || !at.read_term(out.term))
      return std::nullopt;
  } else if (tag == "event_gap" && arity == 4) {
    out.what = kind::gap;
    if (!at.read_unsigned(out.first) || !at.read_unsigned(out.last)) return std::nullopt;
  } else if (tag == "event_end" && arity == 3) {
    out.what = kind::end;
    if (!at.read_term(out.term)) return std::nullopt;
  } else {
    return std::nullopt;
  }
  return out;
}

} // namespace coppice::behaviours
