// SPDX-License-Identifier: MIT
// See handler_log.hpp.
// rooms: node
#include "handler_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "../machine/story.hpp"
#include "ledger.hpp"

namespace coppice::simulated {

manager_logs& the_manager_logs() {
  static auto* const one = new manager_logs; // NOLINT: lives as long as the process
  return *one;
}

std::string handler_log::shown() const {
  return fmt::format("handler {} of manager {} of host {}", number, of->number, of->host);
}

manager_log& manager_logs::begin_manager(unsigned host) {
  auto* const made = new manager_log; // NOLINT: see handler_log.hpp
  made->number = the_ledger().next();
  made->host = host;
  managers_[made->number] = made;
  return *made;
}

manager_log& manager_logs::manager(std::uint64_t number) {
  const auto found = managers_.find(number);
  if (found == managers_.end())
    the_ledger().broken(fmt::format("what is sent arrives as it was: {}", number));
  return *found->second;
}

handler_log& manager_logs::begin_handler(std::uint64_t number, manager_log& of) {
  handler_log*& one = handlers_[number];
  if (one != nullptr) return *one;
  one = new handler_log; // NOLINT: see handler_log.hpp
  one->number = number;
  one->of = &of;
  of.handlers.push_back(one);
  return *one;
}

handler_log* manager_logs::find(std::uint64_t number) {
  const auto found = handlers_.find(number);
  return found == handlers_.end() ? nullptr : found->second;
}

void manager_logs::taken(manager_log& by, unsigned at, const event_key& event) {
  the_ledger().cast_came(event.sender, at, event.number);
  where_[event] = {&by, by.taken.size()};
  by.taken.push_back(event);
}

void manager_logs::came(handler_log& to, const event_key& event) {
  const auto found = where_.find(event);
  const auto broken = [&](std::string_view invariant) {
    the_ledger().broken(fmt::format("{}: event {} of sender {} came to {}, whose next is event {} of {}",
                                    invariant, event.number, event.sender, to.shown(), to.next,
                                    to.of->taken.size()));
  };
  the_ledger().notice_came();
  tell("{} gets event {} of sender {}", to.shown(), event.number, event.sender);
  if (to.is != handler_log::state::lives) broken("a handler gets events from its begin to its end");
  if (found == where_.end() || found->second.first != to.of) broken("a handler gets events of its manager");
  const std::size_t at = found->second.second;
  if (at < to.next) broken("a handler gets each event once, in the order in which its manager takes them");
  if (at > to.next && !to.again && !to.of->may_drop) broken("a handler gets every event");
  if (std::exchange(to.again, false)) to.handled = at; // earlier events belong to its former life
  to.next = at + 1;
}

void manager_logs::up_to_date(const handler_log& one, std::string_view when) {
  if (!one.of->waits || one.of->over || one.again || one.killed) return;
  if (one.next != one.of->taken.size())
    the_ledger().broken(
        fmt::format("a request shows what came of all events before: {} {} and has had {} of {}", one.shown(),
                    when, one.next, one.of->taken.size()));
}

void manager_logs::answered(const event_key& event) {
  const auto found = where_.find(event);
  if (found == where_.end())
    the_ledger().broken(
        fmt::format("what is answered was taken: event {} of {}", event.number, event.sender));
  const auto [by, at] = found->second;
  if (!by->waits || by->over) return;
  for (const handler_log* one : by->handlers)
    if (one->lives() && !one->again && one->handled <= at)
      the_ledger().broken(fmt::format(
          "a sync_notify is answered once all handlers have handled it: {} has handled {}, and {} "
          "of sender {} is event {}",
          one->shown(), one->handled, event.number, event.sender, at));
}

void manager_logs::told(std::uint64_t owner, std::uint64_t number, const std::string& reason) {
  handler_log* const one = find(number);
  const auto broken = [&](std::string_view invariant) {
    the_ledger().broken(fmt::format("{}: owner {} is told that handler {} has ended by {}", invariant, owner,
                                    number, reason));
  };
  tell("owner {} is told that handler {} has ended by {}", owner, number, reason);
  if (one == nullptr || one->owner != owner) broken("an owner is told of its own handlers");
  if (++one->told > 1) broken("the end of a handler is told once");
  if (!one->of->waits) return; // it kills handlers that take too long
  const bool by_kill = one->killed && reason == "{'EXIT',killed}";
  if (one->is == handler_log::state::lives && !by_kill) broken("a handler whose end is told has ended");
  if (!by_kill && !reason.starts_with(one->end))
    broken("an owner is told why its handler has ended: " + one->end);
}

} // namespace coppice::simulated
