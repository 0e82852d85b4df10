// SPDX-License-Identifier: MIT
// The parts of the engine that both sides share: it sorts messages, answers the calls that any process may
// make, and makes reports.
#include "behaviours/stage/engine.hpp"

#include <fmt/format.h>

#include <coppice/etf/text.hpp>

namespace coppice::behaviours {
namespace {

using runtime::message;

constexpr std::size_t most_shown = 200; // characters of a message in the log

std::string shown(const message& m) {
  return etf::print(m.bytes(), {.most = most_shown});
}

} // namespace

stage_engine::stage_engine(stage_role role, stage_options options, const runtime::pid& self,
                           runtime::node_names& names, stage_port& port)
    : role_(role),
      options_(std::move(options)),
      self_(self),
      names_(names),
      port_(port),
      dispatcher_(role == stage_role::consumer ? nullptr
                                               : make_dispatcher(options_.dispatcher, options_.buffer.size)),
      buffer_(options_.buffer),
      accumulating_(role == stage_role::producer && options_.demand == demand_mode::accumulate),
      wanted_(options_.subscribe_to.size()) {}

runtime::outcome stage_engine::start() {
  for (std::size_t i = 0; i < options_.subscribe_to.size(); ++i)
    if (outcome next = subscribe_again(i); next.stops()) return next;
  return runtime::carry_on();
}

std::optional<runtime::outcome> stage_engine::receive(const message& m) {
  const auto what = read_stage_message(m.bytes(), names_);
  if (!what) return std::nullopt;
  const bool for_producer = what->to == stage_message::side::to_producer;
  if (role_ == (for_producer ? stage_role::consumer : stage_role::producer)) {
    ++counters_.malformed;
    port_.tell(stage_port::level::error,
               fmt::format("a {} received a message for a {}: {}", for_producer ? "consumer" : "producer",
                           for_producer ? "producer" : "consumer", shown(m)));
    return runtime::carry_on();
  }
  if (what->what == stage_message::kind::other) return std::nullopt;
  if (!port_.may_be_from(what->from.pid)) { // otherwise the sender could choose the receiver of the answer
    ++counters_.malformed;
    return runtime::carry_on();
  }
  return for_producer ? producers_message(m, *what) : consumers_message(m, *what);
}

std::optional<runtime::outcome> stage_engine::down(etf::bytes reference, etf::bytes reason) {
  const std::string_view key(reinterpret_cast<const char*>(reference.data()), reference.size());
  if (producers_.contains(key)) return end_producer(key, true, message::copy_of(reason));
  const auto found = consumer_monitors_.find(key);
  if (found == consumer_monitors_.end()) return std::nullopt;
  return end_consumer(found->second, true, message::copy_of(reason));
}

std::optional<runtime::outcome> stage_engine::call(etf::bytes request, message& reply) {
  etf::cursor at(request);
  if (at.read_atom_is("$demand")) {
    reply = message::atom(accumulating_ ? "accumulate" : "forward");
    return runtime::carry_on();
  }
  if (at.read_atom_is("$estimate_buffered_count")) {
    if (role_ == stage_role::consumer)
      port_.tell(stage_port::level::error, "a consumer buffers nothing, and was asked how much");
    runtime::message_writer out;
    out.unsigned_integer(buffer_.count());
    reply = out.take();
    return runtime::carry_on();
  }
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity)) return std::nullopt;
  if (arity == 2 && at.read_atom_is("$info")) {
    if (buffer_.full_of_messages() || queue_.size() >= stage_buffer::most_messages ||
        (dispatcher_ != nullptr && dispatcher_->informs() >= stage_buffer::most_messages)) {
      reply = pair_of(message::atom("error").bytes(), message::atom("full").bytes());
      return runtime::carry_on();
    }
    reply = message::atom("ok");
    message m = message::copy_of(at.rest());
    if (role_ == stage_role::consumer) {
      port_.send_self(std::move(m));
    } else if (!queue_.empty()) {
      queue_.emplace_back(waiting_info{std::move(m)});
    } else {
      keep_or_inform(std::move(m));
    }
    return runtime::carry_on();
  }
  etf::bytes current, to, options;
  if (arity == 4 && at.read_atom_is("$subscribe") && at.read_term(current) && at.read_term(to) &&
      at.read_term(options))
    return subscribe(current, to, options, reply, std::nullopt);
  return std::nullopt;
}

std::optional<runtime::outcome> stage_engine::cast(etf::bytes request) {
  etf::cursor at(request);
  if (at.read_tuple_of(2) && at.read_atom_is("$demand")) {
    const bool forward = at.read_atom_is("forward");
    if (!forward && !at.read_atom_is("accumulate")) {
      ++counters_.malformed;
      port_.tell(stage_port::level::error, "demand is neither to be accumulated nor forwarded: malformed");
      return runtime::carry_on();
    }
    if (role_ != stage_role::producer) {
      if (!forward || role_ == stage_role::consumer)
        port_.tell(stage_port::level::error, "only a producer's demand can be accumulated or forwarded");
      return runtime::carry_on();
    }
    if (!forward) {
      accumulating_ = true;
      return runtime::carry_on();
    }
    return accumulating_ ? forward_demand() : runtime::carry_on();
  }
  // Tuples are accepted as calls only.
  if (etf::cursor(request).peek() != etf::kind::tuple) return std::nullopt;
  message unsaid;
  return call(request, unsaid);
}

std::vector<stage_subscription> stage_engine::subscriptions() const {
  std::vector<stage_subscription> out;
  for (const auto& [tag, one] : producers_) {
    std::uint64_t waits = 0;
    for (const auto& each : queue_)
      if (const auto* events = std::get_if<waiting_events>(&each);
          events != nullptr && events->tag == one.tag)
        waits += events->events.count();
    out.push_back({true, one.party, one.flow, waits, 0});
  }
  for (const auto& [id, one] : consumers_)
    out.push_back({false, one.party, one.flow, dispatcher_->queued(id), port_.backlog(one.pid, id)});
  return out;
}

stage_counters stage_engine::counters() const {
  stage_counters out = counters_;
  out.buffered = buffer_.count() + (dispatcher_ == nullptr ? 0 : dispatcher_->queued()) + held_back_.events();
  for (const auto& each : queue_)
    if (const auto* events = std::get_if<waiting_events>(&each)) out.waiting += events->events.count();
  out.accumulated = held_back_.demand() + owed_demand_;
  out.accumulating = accumulating_;
  return out;
}

} // namespace coppice::behaviours
