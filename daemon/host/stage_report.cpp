// SPDX-License-Identifier: MIT
// What a stage shows of itself: a pipeline that stands still explains itself. See stage.hpp.
#include <algorithm>

#include "behaviours/stage/counters.hpp"
#include "host/stage.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::host {

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

void write(message_writer& out, const behaviours::stage_subscription& one, base::nanos now) {
  out.map(7);
  out.atom("direction");
  out.atom(one.upstream ? "producer" : "consumer");
  out.atom("peer");
  out.binary(runtime::shown(one.party));
  number(out, "asked", one.flow.asked);
  number(out, "passed", one.flow.passed);
  number(out, "in_flight", one.flow.asked - std::min(one.flow.asked, one.flow.passed));
  number(out, "buffered", one.buffered);
  out.atom("last_ms");
  if (one.flow.last == 0)
    out.atom("none");
  else
    out.unsigned_integer(static_cast<std::uint64_t>(std::max<base::nanos>(0, now - one.flow.last)) /
                         static_cast<std::uint64_t>(base::nanos_per_ms));
}

} // namespace

message stage::engine_for_people(runtime::process& self) {
  if (engine_ == nullptr) return {};
  const behaviours::stage_counters all = engine_->counters();
  const auto subscriptions = engine_->subscriptions();
  message_writer out(512);
  out.map(12);
  number(out, "emitted", all.emitted);
  number(out, "received", all.received);
  number(out, "delivered", all.delivered);
  number(out, "dropped", all.dropped);
  number(out, "unrouted", all.unrouted);
  number(out, "excess", all.excess);
  number(out, "malformed", all.malformed);
  number(out, "buffered", all.buffered);
  number(out, "waiting", all.waiting);
  number(out, "accumulated", all.accumulated);
  flag(out, "accumulating", all.accumulating);
  out.atom("subscriptions");
  const std::size_t rows = std::min(subscriptions.size(), most_shown);
  if (rows != 0) out.list(static_cast<std::uint32_t>(rows));
  for (std::size_t at = 0; at < rows; ++at) write(out, subscriptions[at], self.now());
  out.nil();
  return out.take();
}

} // namespace coppice::host
