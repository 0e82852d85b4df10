// SPDX-License-Identifier: MIT
// The producer's side of the engine, also of a producer_consumer: consumers' subscriptions and demand, the
// buffer, and the events that leave.
#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/text.hpp>

#include "behaviours/gen/tagged.hpp"
#include "behaviours/stage/engine.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;

constexpr std::size_t most_shown = 200; // characters of a consumer's {Pid, Tag} in the log

std::string_view key_of(etf::bytes term) {
  return {reinterpret_cast<const char*>(term.data()), term.size()};
}

} // namespace

outcome stage_engine::producers_message(const message& m, const stage_message& what) {
  switch (what.what) {
    case stage_message::kind::subscribe:
      return take_subscribe(m, what);
    case stage_message::kind::ask:
      return take_ask(what);
    default:
      if (const auto found = find_consumer(what.from.tag))
        return end_consumer(*found, false, m.slice(what.content).compact());
      return runtime::carry_on(); // two cancels may have crossed; GenStage does not answer either
  }
}

std::optional<subscriber_id> stage_engine::find_consumer(etf::bytes tag) const {
  const auto found = consumer_tags_.find(key_of(tag));
  return found == consumer_tags_.end() ? std::nullopt : std::optional(found->second);
}

// ---- subscriptions ----

message stage_engine::cancel_message(etf::bytes tag, const message& reason) {
  message_writer out(tag.size() + reason.size() + 128);
  write_head(out, "$gen_consumer", self_, tag, names_);
  out.raw(tagged("cancel", reason.bytes()).bytes());
  return out.take();
}

void stage_engine::refuse(const runtime::pid& whom, etf::bytes tag, const message& reason) {
  port_.send_refusal(whom, cancel_message(tag, reason));
}

outcome stage_engine::take_subscribe(const message& m, const stage_message& what) {
  const stage_party& from = what.from;
  if (find_consumer(from.tag)) {
    port_.tell(stage_port::level::error,
               fmt::format("a second subscription with one tag is refused: {}", etf::print(from.whole)));
    refuse(from.pid, from.tag, message::atom("duplicated_subscription"));
    return runtime::carry_on();
  }
  etf::bytes old_tag, reason;
  if (read_current(what.current, old_tag, reason)) {
    if (const auto old = find_consumer(old_tag))
      if (outcome next = end_consumer(*old, false, message::copy_of(reason)); next.stops()) return next;
  } else if (!etf::cursor(what.current).read_atom_is("nil")) {
    ++counters_.malformed;
    refuse(from.pid, from.tag, bad_options("what it replaces is to be nil or {Tag, Reason}"));
    return runtime::carry_on();
  }
  if (consumers_.size() >= most_subscriptions) {
    ++counters_.malformed;
    refuse(from.pid, from.tag, message::atom("too_many_subscriptions"));
    return runtime::carry_on();
  }
  consumer made;
  made.pid = from.pid;
  made.party = message::copy_of(from.whole);
  made.tag = message::copy_of(from.tag);
  made.monitor = port_.monitor(from.pid);
  const subscriber_id who = ++last_consumer_;
  consumer_tags_.emplace(key_of(from.tag), who);
  consumer_monitors_.emplace(key_of(made.monitor.bytes()), who);
  const message party = made.party;
  consumers_.emplace(who, std::move(made));
  const message options = m.slice(what.content);
  bool manual = false;
  if (outcome next = port_.handle_subscribe(stage_port::peer::consumer, options, party, manual); next.stops())
    return next;
  const auto taken = dispatcher_->subscribe(who, from.pid, options.bytes());
  if (taken) return runtime::carry_on();
  ++counters_.malformed;
  port_.tell(stage_port::level::error,
             fmt::format("a subscription of {} is refused: {}", etf::print(from.whole),
                         etf::print(taken.error().bytes())));
  return end_consumer(who, false, taken.error());
}

outcome stage_engine::take_ask(const stage_message& what) {
  const auto who = find_consumer(what.from.tag);
  if (!who) {
    refuse(what.from.pid, what.from.tag, message::atom("unknown_subscription"));
    return runtime::carry_on();
  }
  std::uint64_t count = 0;
  if (!etf::cursor(what.content).read_unsigned(count) || count > most_demand) {
    ++counters_.malformed;
    return end_consumer(*who, false, tagged("bad_demand", what.content));
  }
  if (count == 0) return runtime::carry_on();
  stage_flow& flow = consumers_.find(*who)->second.flow;
  flow.asked = std::min(flow.asked + count, flow.passed + most_demand);
  dispatcher_->ask(*who, count, *this);
  end_overloaded();
  return demand_changed();
}

std::optional<message> stage_engine::remove_consumer(subscriber_id who, const message& reason) {
  const auto found = consumers_.find(who);
  if (found == consumers_.end()) return std::nullopt;
  consumer gone = std::move(found->second);
  consumers_.erase(found);
  consumer_tags_.erase(std::string(key_of(gone.tag.bytes())));
  consumer_monitors_.erase(std::string(key_of(gone.monitor.bytes())));
  port_.demonitor(gone.monitor);
  port_.send(gone.pid, cancel_message(gone.tag.bytes(), reason), false);
  dispatcher_->cancel(who, *this); // first: events that its handle_cancel emits are for the other consumers
  return std::move(gone.party);
}

outcome stage_engine::end_consumer(subscriber_id who, bool down, const message& reason) {
  const auto party = remove_consumer(who, reason);
  if (!party) return runtime::carry_on();
  if (outcome next = port_.handle_cancel(down, reason, *party); next.stops()) return next;
  return demand_changed();
}

void stage_engine::take_overload(const stage_overload& what) {
  counters_.overloaded += what.events;
  const auto found = consumers_.find(what.of);
  if (found != consumers_.end()) found->second.overloaded = true;
  overloaded_.push_back(what);
}

bool stage_engine::end_overloaded() {
  if (overloaded_.empty()) return false;
  const message reason = message::atom("overloaded");
  for (const stage_overload& each : std::exchange(overloaded_, {})) {
    const auto party = remove_consumer(each.of, reason);
    port_.tell(stage_port::level::warning,
               fmt::format("{} does not take its events: {} that waited for it, of {} bytes, are dropped{}",
                           party ? etf::print(party->bytes(), {.most = most_shown}) : "a consumer that left",
                           each.events, each.bytes, party ? ", and its subscription ends: overloaded" : ""));
    if (!party) continue;
    if (ended_.empty()) port_.go_on_later();
    ended_.push_back({reason, *party});
  }
  return true;
}

// ---- demand ----
//
// owed_ is the number of events that the producer was asked for and has not emitted. The dispatcher has the
// consumers' demand. After each message: if there are events in the buffer, there is no demand, and all
// demand is owed. So an event never waits behind a later one, and no consumer waits for events that the
// producer was not asked for, also if consumers left with demand or the producer emits without being asked.

outcome stage_engine::demand_changed() {
  serve_from_buffer();
  const std::uint64_t missing = claim_missing();
  if (role_ == stage_role::producer_consumer) return handle_queued();
  return missing == 0 ? runtime::carry_on() : ask_or_accumulate(missing);
}

std::uint64_t stage_engine::claim_missing() {
  const std::uint64_t wanted = dispatcher_->wanted();
  const std::uint64_t missing = wanted - std::min(wanted, owed_);
  owed_ += missing;
  return missing;
}

outcome stage_engine::ask_or_accumulate(std::uint64_t count) {
  if (!accumulating_) return ask_producer(count);
  held_back_.ask(count);
  return runtime::carry_on();
}

outcome stage_engine::ask_producer(std::uint64_t count) {
  const bool waits = owed_demand_ != 0; // demand that the producer was not asked for yet comes first
  if (waits || count > options_.demand_step) {
    const std::uint64_t now = waits ? 0 : options_.demand_step;
    owed_demand_ = std::min(owed_demand_ + count - now, most_demand_of_all);
    if (!waits) port_.go_on_later();
    count = now;
  }
  return count == 0 ? runtime::carry_on() : port_.handle_demand(count);
}

// For demand that remains because events were dropped. The producer is asked in a later turn: a producer
// whose events are all dropped must not keep the stage from its other messages.
void stage_engine::ask_later(std::uint64_t count) {
  if (role_ == stage_role::producer_consumer) {
    if (!queue_.empty()) port_.go_on_later();
  } else if (count != 0) {
    if (owed_demand_ == 0) port_.go_on_later();
    owed_demand_ = std::min(owed_demand_ + count, most_demand_of_all);
  }
}

outcome stage_engine::go_on() {
  if (!ended_.empty()) {
    for (const ended_consumer& each : std::exchange(ended_, {}))
      if (outcome next = port_.handle_cancel(false, each.reason, each.party); next.stops()) return next;
    return demand_changed();
  }
  if (role_ == stage_role::producer_consumer) return handle_queued();
  // The producer may have emitted by itself meanwhile, and then owes less. Demand of consumers that have left
  // is not passed on any more; otherwise the producer would emit without end for no consumer.
  const std::uint64_t untold = std::exchange(owed_demand_, 0);
  const std::uint64_t told = owed_ - std::min(owed_, untold);
  const std::uint64_t wanted = dispatcher_->wanted();
  const std::uint64_t count = std::min({untold, owed_, wanted - std::min(wanted, told)});
  owed_ = told + count;
  return count == 0 ? runtime::carry_on() : ask_or_accumulate(count);
}

outcome stage_engine::forward_demand() {
  accumulating_ = false;
  std::uint64_t served = serve_from_buffer();
  // A callback may start accumulating again, which concerns only later entries.
  held_back held = std::exchange(held_back_, {});
  while (auto each = held.take()) {
    if (auto* events = std::get_if<event_list>(&*each)) {
      dispatch(std::move(*events));
    } else {
      // Asks neither for events that the buffer has supplied, nor for consumers that have left.
      const std::uint64_t count = std::get<std::uint64_t>(*each);
      const std::uint64_t by_buffer = std::min(count, served);
      served -= by_buffer;
      const std::uint64_t told = dispatcher_->wanted() == 0 ? 0 : count - by_buffer;
      owed_ -= std::min(owed_, count - told);
      if (told == 0) continue;
      if (outcome next = ask_or_accumulate(told); next.stops()) return next;
    }
  }
  return demand_changed();
}

// ---- events ----

bool stage_engine::emit(const message& list) {
  auto events = event_list::of(list);
  if (!events) return false;
  counters_.emitted += events->count();
  dispatch(std::move(*events));
  return true;
}

void stage_engine::dispatch(event_list events) {
  if (events.empty()) return;
  if (role_ == stage_role::consumer) {
    port_.tell(stage_port::level::error, fmt::format("a consumer has nobody to give its {} event{} to",
                                                     events.count(), events.count() == 1 ? "" : "s"));
    return;
  }
  if (accumulating_) return accumulate(std::move(events));
  const std::uint64_t come = events.count();
  serve_from_buffer();
  // Repeated if a subscription ended by it: the other consumers may have demand for the events left.
  while (buffer_.empty() && !events.empty()) {
    const std::uint64_t taken = come - events.count();
    const std::uint64_t beyond = owed_ - std::min(owed_, taken + dispatcher_->wanted());
    dispatcher_->dispatch(events, beyond, *this);
    if (!end_overloaded()) break;
  }
  owed_ -= std::min(owed_, come);
  store(std::move(events));
  // The demand for events that were dropped remains, so the producer is asked again.
  if (const std::uint64_t missing = claim_missing(); missing != 0) ask_later(missing);
}

void stage_engine::store(event_list events) {
  if (events.empty()) return;
  stage_buffer::messages due;
  const std::uint64_t dropped = buffer_.store(std::move(events), due);
  counters_.dropped += dropped;
  if (dropped != 0 && port_.format_discarded(dropped))
    port_.tell(stage_port::level::warning, fmt::format("the buffer is full: {} events dropped", dropped));
  for (message& each : due) dispatcher_->inform(std::move(each), *this);
}

// Bounded as the buffer, since that is where the events go if there is no demand.
void stage_engine::accumulate(event_list events) {
  const std::uint64_t dropped = held_back_.store(std::move(events), options_.buffer);
  counters_.dropped += dropped;
  owed_ -= std::min(owed_, dropped);
  if (dropped != 0 && port_.format_discarded(dropped))
    port_.tell(stage_port::level::warning, fmt::format("the buffer is full: {} events dropped", dropped));
}

std::uint64_t stage_engine::serve_from_buffer() {
  std::uint64_t served = 0;
  while (!accumulating_ && !buffer_.empty()) {
    const std::uint64_t wanted = dispatcher_->wanted();
    if (wanted == 0) break;
    stage_buffer::messages due;
    event_list events = buffer_.take(wanted, due);
    served += events.count();
    dispatcher_->dispatch(events, 0, *this);
    end_overloaded();
    for (message& each : due) dispatcher_->inform(std::move(each), *this);
  }
  return served;
}

void stage_engine::keep_or_inform(message m) {
  if (!buffer_.store_message(m)) dispatcher_->inform(std::move(m), *this);
}

// ---- the dispatcher's decisions ----

void stage_engine::deliver(subscriber_id to, event_list events) {
  const auto found = consumers_.find(to);
  if (found == consumers_.end()) return;
  consumer& one = found->second;
  one.flow.passed += events.count();
  one.flow.last = port_.now();
  counters_.delivered += events.count();
  if (one.overloaded) {
    counters_.overloaded += events.count();
    return;
  }
  message_writer out(events.bytes() + one.tag.size() + 96);
  write_head(out, "$gen_consumer", self_, one.tag.bytes(), names_);
  events.write(out);
  for (const stage_overload& each :
       port_.send_events(one.pid, to, events.count(), out.take(), options_.backlog_bytes))
    take_overload(each);
}

void stage_engine::inform(message m) {
  port_.send_self(std::move(m));
}

dispatcher::outlet::choice stage_engine::choose(const message& event, std::uint64_t& index) {
  const choice made = port_.choose(event, index);
  if (made == choice::none) ++counters_.unrouted;
  return made;
}

void stage_engine::discarded(std::uint64_t count, std::string_view why) {
  counters_.unrouted += count;
  port_.tell(stage_port::level::warning, fmt::format("{} events dropped: {}", count, why));
}

void stage_engine::warn_of_demand(std::uint64_t asked, std::uint64_t expected) {
  port_.tell(
      stage_port::level::warning,
      fmt::format(
          "a consumer asks for {} events at once, where the first one asked for {}: consumers that ask "
          "for more get more",
          asked, expected));
}

} // namespace coppice::behaviours
