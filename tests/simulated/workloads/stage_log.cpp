// SPDX-License-Identifier: MIT
// See stage_log.hpp.
// rooms: node
#include "stage_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <coppice/etf/text.hpp>

#include "ledger.hpp"

namespace coppice::simulated {
namespace {

std::string shown(const std::string& tag) {
  return etf::print({reinterpret_cast<const std::uint8_t*>(tag.data()), tag.size()});
}

[[noreturn]] void broken(const std::string& invariant) {
  give_up("invariant: " + invariant);
}

} // namespace

stage_source& stage_log::begin(const std::string& producer, dispatch_kind kind) {
  stage_source& made = sources_[producer];
  made.kind = kind;
  return made;
}

void stage_log::asked(const std::string& tag, std::uint64_t count) {
  links_[tag].asked += count;
}

void stage_log::asks(const std::string& tag, std::uint64_t count) {
  if (const auto found = links_.find(tag); found != links_.end() && found->second.to_plugin)
    found->second.asked += count;
}

void stage_log::came(const std::string& tag, const std::string& producer, std::uint64_t count) {
  stage_link& link = links_[tag];
  link.producer = producer;
  link.came += count;
  if (link.came > link.asked)
    broken(fmt::format("demand is never exceeded: {} events came of {}, and {} were asked for", link.came,
                       shown(tag), link.asked));
}

void stage_log::given(const std::string& tag, std::int64_t event) {
  the_ledger().item_came();
  stage_link& link = links_[tag];
  const std::string& producer = link.producer;
  if (link.last && event <= *link.last)
    broken(
        fmt::format("events of a subscription come in their order, each once: {} came after {} in {} of {}",
                    event, *link.last, shown(tag), producer));
  const auto source = sources_.find(producer);
  if (source != sources_.end() && (event < 1 || event > source->second.emitted))
    broken(fmt::format("what comes was emitted: {} of {}, which has emitted {}", event, producer,
                       source->second.emitted));
  if (source != sources_.end() && source->second.kind == dispatch_kind::broadcast) {
    if (link.last) link.missed += static_cast<std::uint64_t>(event - *link.last - 1);
    if (link.missed > source->second.dropped)
      broken(
          fmt::format("a broadcast goes to all consumers: between the events of {} of {} {} are missing, and "
                      "{} were dropped",
                      shown(tag), producer, link.missed, source->second.dropped));
  } else if (!given_[producer].insert(event).second) {
    broken(fmt::format("an event goes to one consumer: {} of {} came again, by {}", event, producer,
                       shown(tag)));
  }
  link.last = event;
}

void stage_log::passed(const std::string& tag, std::uint64_t count) {
  const stage_link& link = links_[tag];
  if (count > link.asked || count < link.came)
    broken(
        fmt::format("a producer sends what it was asked for: {} events of {}, of which {} came, asked for {}",
                    count, shown(tag), link.came, link.asked));
}

void stage_log::counted(const std::string& producer, const behaviours::stage_counters& counters,
                        std::uint64_t demand) {
  const auto found = sources_.find(producer);
  const bool once = found == sources_.end() || found->second.kind != dispatch_kind::broadcast;
  const std::uint64_t known = counters.delivered + counters.dropped + counters.unrouted + counters.buffered;
  if (found != sources_.end() && counters.emitted != static_cast<std::uint64_t>(found->second.emitted))
    broken(fmt::format("what a stage emits is counted: {} by {}, and it emitted {}", counters.emitted,
                       producer, found->second.emitted));
  if (once && counters.emitted != known)
    broken(
        fmt::format("what a stage emitted is delivered, buffered or counted: {} has emitted {}; delivered "
                    "{}, dropped {}, unrouted {}, buffered {}",
                    producer, counters.emitted, counters.delivered, counters.dropped, counters.unrouted,
                    counters.buffered));
  // With `callback` each event has its own consumer, and demand that is held back waits.
  const bool any_may = found != sources_.end() && found->second.kind != dispatch_kind::callback;
  if (any_may && !counters.accumulating && counters.buffered > 0 && demand > 0)
    broken(
        fmt::format("no event waits for which there is demand: {} buffers {}, and its consumers can take {}",
                    producer, counters.buffered, demand));
}

// ---- the end ----

void stage_log::check_link(const std::string& tag, const stage_end& at, const stage_end::row& row) const {
  const stage_link& link = links_.find(tag)->second;
  const auto other = std::ranges::find_if(ends_, [&](const auto& one) {
    const auto its = one.second.rows.find(tag);
    return its != one.second.rows.end() && its->second.upstream != row.upstream;
  });
  if (link.to_plugin) return;
  if (other == ends_.end())
    broken(fmt::format("a subscription ends for both: {} has {}, whose {} does not know it", at.name,
                       shown(tag), row.upstream ? "producer" : "consumer"));
  const stage_end::row& its = other->second.rows.find(tag)->second;
  if (row.passed != its.passed || row.passed != link.came || row.backlog != 0)
    broken(
        fmt::format("what a stage emitted arrives: {} has passed {} events of {}, {} has {}; {} bytes wait",
                    at.name, row.passed, shown(tag), other->second.name, its.passed, row.backlog));
}

void stage_log::check_ends() const {
  for (const auto& [key, one] : ends_) {
    unsigned consumers = 0;
    bool all_take = true; // all are sinks, which ask again and again
    for (const auto& [tag, row] : one.rows) {
      check_link(tag, one, row);
      if (row.upstream) continue;
      ++consumers;
      for (const auto& [name, other] : ends_)
        if (other.rows.contains(tag) && other.role == behaviours::stage_role::producer_consumer)
          all_take = false;
    }
    const auto source = sources_.find(key);
    if (source == sources_.end() || source->second.kind == dispatch_kind::callback) continue;
    if (one.role == behaviours::stage_role::producer && one.unasked > 0 && !one.counters.accumulating)
      broken(fmt::format("a producer is asked for what its consumers ask for: {} was not asked for {}",
                         one.name, one.unasked));
    if (consumers > 0 && all_take && one.counters.buffered + one.counters.waiting > 0)
      broken(fmt::format(
          "what a stage emitted arrives: {} buffers {} events, {} wait, and its {} consumers have "
          "time to take them",
          one.name, one.counters.buffered, one.counters.waiting, consumers));
  }
}

} // namespace coppice::simulated
