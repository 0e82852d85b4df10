// SPDX-License-Identifier: MIT
// The messages of named events, the same for subscribers of this node and of others. Name is the name that
// the subscriber asked for, an atom, or {Name, Node} for another node's event:
//
//   {event, Name, Seq, Time, Payload}      Time: nanoseconds since 1970, UTC
//   {event_gap, Name, First, Last}         these numbers do not come; First 0: nor any of an earlier run
//   {event_end, Name, Reason}              the last message
//   {event_subscribers, Name, Count}       for the producer
//
// Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// `label`: Name. `payload`: one canonical term.
runtime::message event_term(etf::bytes label, std::uint64_t seq, std::int64_t time, etf::bytes payload);
runtime::message event_gap_term(etf::bytes label, std::uint64_t first, std::uint64_t last);
runtime::message event_end_term(etf::bytes label, etf::bytes reason);
runtime::message event_subscribers_term(etf::bytes label, std::uint64_t count);

// A parsed event, event_gap or event_end.
struct event_news {
  enum class kind : std::uint8_t { event, gap, end } what = kind::event;
  etf::bytes label;
  std::uint64_t seq = 0;             // event
  std::int64_t time = 0;             // event
  std::uint64_t first = 0, last = 0; // gap
  etf::bytes term;                   // event: its payload. end: the reason
};
// The parts point into `m`. Empty: `m` is another message.
std::optional<event_news> read_event_news(etf::bytes m);

} // namespace coppice::behaviours
