// SPDX-License-Identifier: MIT
// The messages of named events, as everybody gets them, on this node and elsewhere; Name is what the
// subscriber asked for, an atom, or {Name, Node} of another node's:
//
//   {event, Name, Seq, Time, Payload}      Time: nanoseconds since 1970, UTC
//   {event_gap, Name, First, Last}         of these numbers nothing comes; First 0: nor of an earlier life
//   {event_end, Name, Reason}              the last one
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

// One of the first three, taken apart.
struct event_news {
  enum class kind : std::uint8_t { event, gap, end } what = kind::event;
  etf::bytes label;
  std::uint64_t seq = 0;             // event
  std::int64_t time = 0;             // event
  std::uint64_t first = 0, last = 0; // gap
  etf::bytes term;                   // event: its payload; end: the reason
};
// What it says lies in `m`. Nothing: it is something else.
std::optional<event_news> read_event_news(etf::bytes m);

} // namespace coppice::behaviours
