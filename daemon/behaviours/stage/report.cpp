// SPDX-License-Identifier: MIT
// Writes the counters, and for each subscription its flow and its backlog.
#include "behaviours/stage/report.hpp"

#include <algorithm>

#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;

namespace {

constexpr std::size_t most_shown = 1000; // subscriptions

void number(message_writer& out, std::string_view key, std::uint64_t value) {
  out.atom(key);
  out.unsigned_integer(value);
}

void flag(message_writer& out, std::string_view key, bool value) {
  out.atom(key);
  out.atom(value ? "true" : "false");
}

void write(message_writer& out, const stage_subscription& one, base::nanos now) {
  out.map(8);
  out.atom("direction");
  out.atom(one.upstream ? "producer" : "consumer");
  out.atom("peer");
  out.binary(runtime::shown(one.party));
  number(out, "asked", one.flow.asked);
  number(out, "passed", one.flow.passed);
  number(out, "in_flight", one.flow.asked - std::min(one.flow.asked, one.flow.passed));
  number(out, "buffered", one.buffered);
  number(out, "backlog", one.backlog);
  out.atom("last_ms");
  if (one.flow.last == 0)
    out.atom("none");
  else
    out.unsigned_integer(static_cast<std::uint64_t>(std::max<base::nanos>(0, now - one.flow.last)) /
                         static_cast<std::uint64_t>(base::nanos_per_ms));
}

} // namespace

message report_of(const stage_engine& of, base::nanos now) {
  const stage_counters all = of.counters();
  const auto subscriptions = of.subscriptions();
  message_writer out(512);
  out.map(13);
  number(out, "emitted", all.emitted);
  number(out, "received", all.received);
  number(out, "delivered", all.delivered);
  number(out, "dropped", all.dropped);
  number(out, "unrouted", all.unrouted);
  number(out, "overloaded", all.overloaded);
  number(out, "excess", all.excess);
  number(out, "malformed", all.malformed);
  number(out, "buffered", all.buffered);
  number(out, "waiting", all.waiting);
  number(out, "accumulated", all.accumulated);
  flag(out, "accumulating", all.accumulating);
  out.atom("subscriptions");
  const std::size_t rows = std::min(subscriptions.size(), most_shown);
  if (rows != 0) out.list(static_cast<std::uint32_t>(rows));
  for (std::size_t at = 0; at < rows; ++at) write(out, subscriptions[at], now);
  out.nil();
  return out.take();
}

} // namespace coppice::behaviours
