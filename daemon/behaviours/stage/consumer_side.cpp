// SPDX-License-Identifier: MIT
// The consumer's side of the engine, also of a producer_consumer. It asks for `max` events at first. A list
// of events is handled in batches of at most max - min. When the events asked for and not received fall to
// `min`, it asks for as many as are missing to `max`, after the batch's callback.
#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/text.hpp>

#include "behaviours/gen/tagged.hpp"
#include "behaviours/stage/engine.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;

std::string_view key_of(etf::bytes term) {
  return {reinterpret_cast<const char*>(term.data()), term.size()};
}

message ok(const message& tag) {
  return tagged("ok", tag.bytes());
}

} // namespace

// ---- subscribing ----

void stage_engine::send_producer(const runtime::destination& to, etf::bytes tag, etf::bytes what) {
  message_writer out(tag.size() + what.size() + 96);
  write_head(out, "$gen_producer", self_, tag, names_);
  out.raw(what);
  port_.send(to, out.take(), subscribing_);
}

void stage_engine::ask_for(const runtime::destination& to, etf::bytes tag, std::uint64_t count) {
  if (count == 0) return;
  message_writer what;
  what.unsigned_integer(count);
  send_producer(to, tag, tagged("ask", what.take().bytes()).bytes());
  if (const auto found = producers_.find(key_of(tag)); found != producers_.end()) {
    found->second.flow.asked += count;
    found->second.due = std::min(found->second.due + count, most_demand);
  }
}

outcome stage_engine::subscribe(etf::bytes current, etf::bytes to, etf::bytes options, message& reply,
                                std::optional<std::size_t> wanted) {
  const auto fail = [&reply](const message& reason) {
    reply = runtime::error_message(reason);
    return runtime::carry_on();
  };
  if (role_ == stage_role::producer) {
    port_.tell(stage_port::level::error, fmt::format("a producer cannot be subscribed to another stage: {}",
                                                     etf::print(to, {.most = 200})));
    return fail(message::atom("not_a_consumer"));
  }
  const auto read = read_subscription(options);
  etf::bytes old_tag, reason;
  const bool replaces = read_current(current, old_tag, reason);
  if (!read || (!replaces && !etf::cursor(current).read_atom_is("nil"))) {
    const std::string why = read ? "what it replaces is to be nil or {Tag, Reason}" : read.error().text;
    port_.tell(stage_port::level::error, fmt::format("a subscription is refused: {}", why));
    return fail(bad_options(why));
  }
  if (producers_.size() >= most_subscriptions) return fail(message::atom("too_many_subscriptions"));
  const auto target = port_.find(to);
  if (!target) {
    reply = ok(port_.make_reference());
    if (wanted && options_.subscribe_to[*wanted].first != 0) {
      again(*wanted);
      return runtime::carry_on();
    }
    if (read->cancel == cancel_mode::temporary) return runtime::carry_on();
    port_.tell(stage_port::level::error,
               fmt::format("there is no {} to subscribe to", etf::print(to, {.most = 200})));
    return runtime::stop(runtime::reasons::noproc());
  }
  producer made;
  made.to = *target;
  made.tag = port_.monitor(*target);
  message_writer name;
  if (target->what() == runtime::destination::kind::process) {
    runtime::write(name, target->process(), names_);
  } else {
    name.raw(to);
  }
  made.party = pair_of(name.take().bytes(), made.tag.bytes());
  made.cancel = read->cancel;
  made.min = read->min_demand;
  made.max = read->max_demand;
  made.wanted = wanted;
  const message tag = made.tag;
  const message party = made.party;
  subscribing_ = true;
  message_writer what(options.size() + current.size() + 32);
  what.tuple(3);
  what.atom("subscribe");
  what.raw(current);
  what.raw(options);
  send_producer(*target, tag.bytes(), what.take().bytes());
  reply = ok(tag);
  const std::uint64_t first = made.max;
  const auto kept = producers_.emplace(key_of(tag.bytes()), std::move(made)).first;
  bool manual = false;
  if (outcome next =
          port_.handle_subscribe(stage_port::peer::producer, message::copy_of(options), party, manual);
      next.stops()) {
    reply = {};
    return next;
  }
  kept->second.manual = manual;
  if (!manual) {
    kept->second.pending = first;
    ask_for(*target, tag.bytes(), first);
  }
  subscribing_ = false;
  return runtime::carry_on();
}

outcome stage_engine::subscribe_again(std::size_t which) {
  static constexpr std::uint8_t nil[] = {119, 3, 'n', 'i', 'l'};
  wanted_[which].scheduled = false;
  const wanted_subscription& wanted = options_.subscribe_to[which];
  message unsaid;
  return subscribe(nil, wanted.to.bytes(), wanted.options.bytes(), unsaid, which);
}

void stage_engine::again(std::size_t which) {
  const wanted_subscription& wanted = options_.subscribe_to[which];
  wanted_state& now = wanted_[which];
  if (now.scheduled) return;
  now.delay = now.delay == 0 ? wanted.first : std::min(now.delay * 2, std::max(wanted.max, wanted.first));
  now.scheduled = true;
  port_.subscribe_later(which, now.delay);
}

bool stage_engine::ask(etf::bytes party, std::uint64_t count) {
  etf::cursor at(party);
  etf::bytes to, tag;
  if (count > most_demand || !at.read_tuple_of(2) || !at.read_term(to) || !at.read_term(tag)) return false;
  const auto target = port_.find(to);
  if (target) ask_for(*target, tag, count);
  return true;
}

bool stage_engine::cancel(etf::bytes party, etf::bytes reason) {
  etf::cursor at(party);
  etf::bytes to, tag;
  if (!at.read_tuple_of(2) || !at.read_term(to) || !at.read_term(tag)) return false;
  const auto target = port_.find(to);
  if (!target) return true;
  const message what = tagged("cancel", reason);
  if (find_consumer(tag)) { // handled as a cancel by that consumer, after the present callback
    message_writer out;
    out.tuple(3);
    out.atom("$gen_producer");
    out.raw(party);
    out.raw(what.bytes());
    port_.send_self(out.take());
  } else {
    send_producer(*target, tag, what.bytes());
  }
  return true;
}

// ---- events ----

outcome stage_engine::consumers_message(const message& m, const stage_message& what) {
  if (what.what == stage_message::kind::events) return take_events(m, what);
  return end_producer(key_of(what.from.tag), false, m.slice(what.content).compact());
}

outcome stage_engine::take_events(const message& m, const stage_message& what) {
  const auto found = producers_.find(key_of(what.from.tag));
  if (found == producers_.end()) {
    send_producer(what.from.pid, what.from.tag,
                  tagged("cancel", message::atom("unknown_subscription").bytes()).bytes());
    return runtime::carry_on();
  }
  producer& from = found->second;
  auto events = event_list::of(m.slice(what.content));
  if (!events) {
    ++counters_.malformed;
    return give_up(from, "bad_events");
  }
  from.flow.passed += events->count();
  from.flow.last = port_.now();
  if (from.wanted) wanted_[*from.wanted].delay = 0;
  const std::uint64_t within = std::min(from.due, events->count());
  const std::uint64_t excess = events->count() - within;
  from.due -= within;
  from.excess += excess;
  from.excess -= std::min(from.excess, within);
  counters_.excess += excess;
  if (from.excess > 2 * from.max) {
    port_.tell(stage_port::level::error, fmt::format("{} has sent {} events that nobody asked for: cancelled",
                                                     etf::print(from.party.bytes()), from.excess));
    return give_up(from, "excess_events");
  }
  if (role_ == stage_role::producer_consumer) {
    if (events->empty()) return runtime::carry_on(); // otherwise no demand would ever take it from the queue
    queue_.emplace_back(waiting_events{std::move(*events), from.tag, from.party});
    return handle_queued();
  }
  const message party = m.slice(what.from.whole);
  return handle(batches_of(from, std::move(*events)), party, what.from.pid);
}

std::vector<stage_engine::batch> stage_engine::batches_of(producer& from, event_list events) {
  std::vector<batch> out;
  if (from.manual) {
    if (!events.empty()) out.push_back({std::move(events), 0});
    return out;
  }
  std::uint64_t within = from.pending; // of the events, so many were asked for
  while (!events.empty()) {
    batch one{events.take(from.max - from.min), 0};
    const std::uint64_t counted = std::min(one.events.count(), within);
    if (counted < one.events.count())
      port_.tell(stage_port::level::error,
                 fmt::format("{} has sent {} events in excess of what it was asked for",
                             etf::print(from.party.bytes()), one.events.count() - counted));
    within -= counted;
    const std::uint64_t left = from.pending - std::min(from.pending, counted);
    if (left <= from.min) {
      one.ask = from.max - left;
      from.pending = from.max;
    } else {
      from.pending = left;
    }
    out.push_back(std::move(one));
  }
  return out;
}

outcome stage_engine::handle(std::vector<batch> batches, const message& party,
                             const runtime::destination& to) {
  etf::cursor tag(party.bytes());
  tag.read_tuple_of(2);
  tag.skip();
  for (batch& each : batches) {
    counters_.received += each.events.count();
    if (outcome next = port_.handle_events(each.events.list(), party); next.stops()) return next;
    ask_for(to, tag.rest(), each.ask);
  }
  return runtime::carry_on();
}

// Handles waiting entries as long as the stage owes events to its own consumers.
outcome stage_engine::handle_queued() {
  while (owed_ != 0 && !queue_.empty()) {
    waiting first = std::move(queue_.front());
    queue_.pop_front();
    if (auto* info = std::get_if<waiting_info>(&first)) {
      keep_or_inform(std::move(info->what));
      continue;
    }
    if (const auto* ended = std::get_if<waiting_cancel>(&first)) {
      if (outcome next = ended_producer(*ended); next.stops()) return next;
      continue;
    }
    auto& come = std::get<waiting_events>(first);
    if (come.events.empty()) continue;
    const auto found = producers_.find(key_of(come.tag.bytes()));
    std::vector<batch> batches;
    runtime::destination to;
    // The subscription has ended: the events are handled, and no more are asked for.
    if (found == producers_.end()) {
      batches.push_back({std::move(come.events), 0});
    } else {
      to = found->second.to;
      batches = batches_of(found->second, std::move(come.events));
    }
    if (outcome next = handle(std::move(batches), come.party, to); next.stops()) return next;
  }
  return runtime::carry_on();
}

// ---- the end of a subscription ----

outcome stage_engine::end_producer(std::string_view tag, bool down, message reason) {
  const auto found = producers_.find(tag);
  if (found == producers_.end()) return runtime::carry_on();
  const producer gone = std::move(found->second);
  producers_.erase(found);
  port_.demonitor(gone.tag);
  waiting_cancel what{gone.cancel, down, std::move(reason), gone.party, gone.wanted};
  if (queue_.empty()) return ended_producer(what);
  queue_.emplace_back(std::move(what)); // its events come first
  return runtime::carry_on();
}

// Ends a subscription because of the producer's fault, so the stage goes on whatever the cancel mode is.
outcome stage_engine::give_up(producer& on, std::string_view why) {
  const message reason = message::atom(why);
  send_producer(on.to, on.tag.bytes(), tagged("cancel", reason.bytes()).bytes());
  on.cancel = cancel_mode::temporary;
  const message tag = on.tag;
  return end_producer(key_of(tag.bytes()), false, reason);
}

outcome stage_engine::ended_producer(const waiting_cancel& what) {
  if (outcome next = port_.handle_cancel(what.down, what.reason, what.party); next.stops()) return next;
  if (what.wanted && options_.subscribe_to[*what.wanted].first != 0) {
    again(*what.wanted);
    return runtime::carry_on();
  }
  const bool ends = what.mode == cancel_mode::permanent ||
                    (what.mode == cancel_mode::transient && !runtime::is_orderly(what.reason));
  if (!ends || runtime::is_atom(what.reason, "already_subscribed")) return runtime::carry_on();
  port_.tell(stage_port::level::info,
             fmt::format("stops, as {} has ended its subscription: {}", etf::print(what.party.bytes()),
                         etf::print(what.reason.bytes())));
  return runtime::stop(what.reason);
}

} // namespace coppice::behaviours
