// SPDX-License-Identifier: MIT
// Writes the counters, and for each subscription its flow and its backlog.
#include "behaviours/stage/report.hpp"

#include <algorithm>

#include "behaviours/gen/report_fields.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;

namespace {

constexpr std::size_t most_shown = 1000; // subscriptions

void write(message_writer& out, const stage_subscription& one, base::nanos now) {
  out.map(8);
  out.atom("direction");
  out.atom(one.upstream ? "producer" : "consumer");
  out.atom("peer");
  out.binary(runtime::shown(one.party));
  report::number(out, "asked", one.flow.asked);
  report::number(out, "passed", one.flow.passed);
  report::number(out, "in_flight", one.flow.asked - std::min(one.flow.asked, one.flow.passed));
  report::number(out, "buffered", one.buffered);
  report::number(out, "backlog", one.backlog);
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
  report::number(out, "emitted", all.emitted);
  report::number(out, "received", all.received);
  report::number(out, "delivered", all.delivered);
  report::number(out, "dropped", all.dropped);
  report::number(out, "unrouted", all.unrouted);
  report::number(out, "overloaded", all.overloaded);
  report::number(out, "excess", all.excess);
  report::number(out, "malformed", all.malformed);
  report::number(out, "buffered", all.buffered);
  report::number(out, "waiting", all.waiting);
  report::number(out, "accumulated", all.accumulated);
  report::flag(out, "accumulating", all.accumulating);
  out.atom("subscriptions");
  const std::size_t rows = std::min(subscriptions.size(), most_shown);
  if (rows != 0) out.list(static_cast<std::uint32_t>(rows));
  for (std::size_t at = 0; at < rows; ++at) write(out, subscriptions[at], now);
  out.nil();
  return out.take();
}

} // namespace coppice::behaviours
