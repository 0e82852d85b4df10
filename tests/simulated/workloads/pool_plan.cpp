// SPDX-License-Identifier: MIT
// See pool_plan.hpp. Queues are small, and times are short, so that requests wait, are refused, and wait for
// too long in most runs.
// rooms: node
#include "pool_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "../machine/machine.hpp"
#include "behaviours/pool/pool_kind.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::simulated {

using behaviours::child_spec;
using behaviours::on_worker_death;
using behaviours::pool_dispatch;
using behaviours::pool_overload;
using behaviours::supervisor_spec;
using runtime::message;
using runtime::message_writer;

void change_options(pool_plan& plan, behaviours::pool_spec& of, std::uint32_t size) {
  of.in_flight = 1 + static_cast<std::uint32_t>(draw_below(3));
  of.on_death = one_in(2) ? on_worker_death::retry_once : on_worker_death::reply_error;
  of.drain = one_in(3) ? 0 : draw_between(0, second);
  const bool may_grow =
      of.dispatch == pool_dispatch::least_loaded || of.dispatch == pool_dispatch::round_robin;
  of.max = may_grow && one_in(2) ? size + static_cast<std::uint32_t>(draw_below(5)) : 0;
  of.idle = draw_between(millisecond, 2 * second);
  plan.most_in_flight = std::max(plan.most_in_flight, of.in_flight);
  plan.may_retry = plan.may_retry || of.on_death == on_worker_death::retry_once;
}

pool_plan any_plan(std::size_t place) {
  constexpr std::array dispatches{pool_dispatch::least_loaded, pool_dispatch::round_robin,
                                  pool_dispatch::hash, pool_dispatch::hash, pool_dispatch::broadcast};
  constexpr std::array overloads{pool_overload::reply_error, pool_overload::drop_new, pool_overload::drop_old,
                                 pool_overload::park_sender};
  pool_plan out;
  out.relays = place == relayed;
  out.name = out.relays ? "relayed" : fmt::format("pool_{}", place + 1);
  out.size = 1 + static_cast<std::uint32_t>(draw_below(4));
  behaviours::pool_spec& of = out.options;
  of.dispatch = dispatches[draw_below(out.relays ? 2 : dispatches.size())];
  if (of.dispatch == pool_dispatch::hash) of.key = 2;
  change_options(out, of, out.size);
  of.on_full = overloads[draw_below(out.broadcasts() ? 3 : overloads.size())];
  of.queue_limit = static_cast<std::uint32_t>(one_in(2) ? draw_below(4) : draw_below(40));
  if (of.on_full == pool_overload::park_sender) of.queue_limit = std::max(of.queue_limit, 1U);
  of.queue_wait = one_in(3) ? runtime::no_deadline : draw_between(10, 2000) * millisecond;
  of.drain -= of.drain % millisecond;
  of.idle += millisecond - of.idle % millisecond;
  if (!out.relays && one_in(3)) out.mailbox = 1 + static_cast<std::uint32_t>(draw_below(10));
  out.own_callers = !out.relays && one_in(2);
  out.decides = !out.relays && one_in(4);
  out.kills = one_in(2);
  out.crashes = !out.relays && one_in(2);
  out.resizes = one_in(2);
  return out;
}

std::string as_yaml(const pool_plan& plan) {
  const behaviours::pool_spec& of = plan.options;
  std::string wait = "infinity";
  if (of.queue_wait != runtime::no_deadline) wait = fmt::format("{}ms", of.queue_wait / millisecond);
  std::string growth;
  if (of.max != 0) growth = fmt::format(", max: {}, idle: {}ms", of.max, of.idle / millisecond);
  return fmt::format(
      "        - {{ id: {0}, name: {0}, pool: {{ actor: relay, size: {1}{2}, dispatch: {3}, in_flight: {4}, "
      "queue: {{ limit: {5}, wait: {6}, on_full: {7} }}, on_worker_death: {8}, drain: {9}ms, intensity: "
      "1000000 }} }}\n",
      plan.name, plan.size, growth, text(of.dispatch), of.in_flight, of.queue_limit, wait, text(of.on_full),
      text(of.on_death), of.drain / millisecond);
}

std::shared_ptr<const child_spec> child_of(const pool_plan& plan, const behaviours::pool_spec& options,
                                           std::uint32_t size) {
  auto inside = std::make_shared<supervisor_spec>();
  inside->intensity = 1'000'000;
  for (std::uint32_t number = 1; number <= size; ++number) {
    message_writer id;
    id.unsigned_integer(number);
    auto one = std::make_shared<child_spec>();
    one->id = id.take();
    one->actor = plan.name;
    inside->children.push_back(std::move(one));
  }
  auto out = std::make_shared<child_spec>();
  out->id = message::atom(plan.name);
  out->name = plan.name;
  out->shutdown = behaviours::shutdown_limit::infinity();
  out->supervisor = std::move(inside);
  if (plan.mailbox != 0) out->mailbox.messages = plan.mailbox;
  if (options.on_full == pool_overload::park_sender)
    out->mailbox = {options.queue_limit, 0, runtime::on_full::park_sender};
  out->kind = behaviours::pool_kind(std::make_shared<const behaviours::pool_spec>(options));
  return out;
}

} // namespace coppice::simulated
