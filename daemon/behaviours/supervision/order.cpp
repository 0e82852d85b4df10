// SPDX-License-Identifier: MIT
// Numbers are random, so that no other process can guess one. Any thread.
#include "behaviours/supervision/order.hpp"

#include <coppice/etf/cursor.hpp>

#include "base/random.hpp"

namespace coppice::behaviours {

runtime::message pending_orders::add(std::any order) {
  const std::uint64_t number = base::random_u64();
  {
    const std::scoped_lock held(lock_);
    orders_.insert_or_assign(number, std::move(order));
  }
  runtime::message_writer out;
  out.tuple(2);
  out.atom(tag);
  out.unsigned_integer(number);
  return out.take();
}

std::any pending_orders::take(etf::bytes request_or_number) {
  etf::cursor at(request_or_number);
  if (at.peek() == etf::kind::tuple && !(at.read_tuple_of(2) && at.read_atom_is(tag))) return {};
  std::uint64_t number = 0;
  if (!at.read_unsigned(number)) return {};
  const std::scoped_lock held(lock_);
  auto found = orders_.extract(number);
  return found ? std::move(found.mapped()) : std::any();
}

gen::call_result call_engine(runtime::process& self, const runtime::pid& engine, runtime::message request,
                             base::nanos deadline) {
  const runtime::reference call = self.monitor(engine, true);
  self.notify(engine, gen::call_message(self, call, std::move(request)));
  return gen::finish_call(self, call, deadline);
}

} // namespace coppice::behaviours
