// SPDX-License-Identifier: MIT
// See pool_log.hpp.
// rooms: node
#include "pool_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>

#include "../machine/hosts.hpp"
#include "../machine/story.hpp"
#include "ledger.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {

pool_log& the_pool_log() {
  static auto* const one = new pool_log; // NOLINT: lives as long as the process
  return *one;
}

runtime::message work_message(const pool_work& of) {
  runtime::message_writer out;
  out.tuple(4);
  out.atom("work");
  for (const std::uint64_t one : {of.key, of.client, of.number}) out.unsigned_integer(one);
  return out.take();
}

std::optional<pool_work> read_work(etf::bytes term) {
  pool_work out;
  etf::cursor in(term);
  if (!in.read_tuple_of(4) || !in.read_atom_is("work") || !in.read_unsigned(out.key) ||
      !in.read_unsigned(out.client) || !in.read_unsigned(out.number))
    return std::nullopt;
  return out;
}

pool_life& pool_log::life_of(unsigned host, std::size_t place, const std::string& pid) {
  const auto [found, is_new] = lives_.try_emplace(fmt::format("{}.{} {}", host, host_at(host).lives, pid));
  pool_life& out = found->second;
  if (is_new) {
    const pool_plan& plan = plans[place];
    out = {.place = place, .size = plan.size, .configured = plan.size, .most = plan.options.max};
  }
  return out;
}

std::uint64_t pool_log::asks(std::uint64_t client, std::size_t place, pool_life* life, std::uint64_t key) {
  const std::uint64_t number = the_ledger().next();
  asked_[number] = {.client = client, .place = place, .life = life, .key = key, .at = now()};
  if (life != nullptr) ++life->sent;
  return number;
}

void pool_log::was_not_sent(std::uint64_t number) {
  request& one = asked_.at(number);
  if (one.life != nullptr) --one.life->sent;
  if (!one.workers.empty())
    the_ledger().broken(fmt::format("what a full mailbox refuses reaches no worker: request {}", number));
  one.refused = true;
}

void pool_log::was_refused(std::uint64_t number) {
  request& one = asked_.at(number);
  if (!one.workers.empty() && !plans[one.place].may_retry)
    the_ledger().broken(fmt::format("a refused request reaches no worker: {}", number));
  one.refused = true;
}

void pool_log::was_chosen(std::uint64_t number, std::uint32_t worker) {
  asked_.at(number).chosen = worker;
}

void pool_log::came(runtime::process& self, const runtime::pid& worker, std::uint64_t number_of_worker,
                    std::optional<std::uint32_t> index, etf::bytes term) {
  const auto what = read_work(term);
  const auto found = what ? asked_.find(what->number) : asked_.end();
  if (found == asked_.end() || found->second.client != what->client || found->second.key != what->key)
    the_ledger().broken("what is sent arrives as it was: " + etf::print(term));
  request& one = found->second;
  const pool_plan& plan = plans[one.place];
  the_ledger().pooled_request_came();
  tell("worker {} of {} gets request {} of client {}", number_of_worker, plan.name, what->number,
       what->client);
  if (one.refused) the_ledger().broken(fmt::format("a refused request reaches no worker: {}", what->number));
  check_copies(self, one, what->number, number_of_worker);
  check_order(one, what->number, number_of_worker);
  if (index) check_place(one, what->number, *index);
  one.workers.push_back(number_of_worker);
  one.last = worker;
}

// A request that is tried again may pass later ones. In a pool that becomes smaller, also after it has grown
// by itself, a request that waits for one worker may go to another: by its key together with all others that
// have that key, or, if the worker was chosen, alone.
void pool_log::check_order(const request& one, std::uint64_t number, std::uint64_t worker) {
  const pool_plan& plan = plans[one.place];
  if (plan.may_retry && !plan.is_steady()) return;
  if (plan.decides && (plan.resizes || plan.options.max != 0)) return;
  const bool by_key = plan.options.dispatch == behaviours::pool_dispatch::hash && plan.resizes;
  std::uint64_t& last = last_[{one.client, worker, by_key ? one.key + 1 : 0}];
  if (number < last)
    the_ledger().broken(
        fmt::format("requests of one sender reach a worker in order: {} after {} of client {}", number, last,
                    one.client));
  last = number;
}

void pool_log::check_copies(runtime::process& self, const request& one, std::uint64_t number,
                            std::uint64_t worker) const {
  const pool_plan& plan = plans[one.place];
  if (std::ranges::find(one.workers, worker) != one.workers.end())
    the_ledger().broken(fmt::format("a request reaches a worker once: {} reached {} again", number, worker));
  if (plan.broadcasts() || one.workers.empty()) return;
  if (!plan.may_retry || one.workers.size() > 1)
    the_ledger().broken(fmt::format("a request reaches one worker: {} reached {} and {}", number,
                                    one.workers.back(), worker));
  if (self.host().alive(one.last))
    the_ledger().broken(
        fmt::format("a request goes to another worker only if its own has ended: {} reached {} and {}",
                    number, one.workers.back(), worker));
}

// The size must be known, and the same since the request was sent.
void pool_log::check_place(const request& one, std::uint64_t number, std::uint32_t index) {
  if (one.life == nullptr || one.life->open != 0 || one.life->changed >= one.at) return;
  const pool_plan& plan = plans[one.place];
  if (one.chosen && one.life->most == 0 && *one.chosen != index)
    the_ledger().broken(fmt::format("a request goes to the worker that was chosen: {} to {}, and not {}",
                                    number, index, *one.chosen));
  if (one.chosen || plan.options.dispatch != behaviours::pool_dispatch::hash) return;
  const auto [known, is_new] = places_.try_emplace({one.life->size, one.key}, index);
  if (known->second != index)
    the_ledger().broken(
        fmt::format("requests with one key go to one worker: {} with key {} to {}, and not {}", number,
                    one.key, index, known->second));
}

} // namespace coppice::simulated
