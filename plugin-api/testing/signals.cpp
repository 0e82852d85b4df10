// SPDX-License-Identifier: MIT
// Delivers messages, exit signals and timers by Erlang's rules. In the test's thread.
#include <coppice/testing/signals.hpp>

#include <algorithm>

namespace coppice::testing::detail {

bool is_self(const world& w, const value& to) {
  if (to == w.self || w.aliases.contains(to)) return true;
  if (w.name.empty()) return false;
  return to == atom(w.name) || to == value(std::pair(etf::atom{w.name}, w.node.term()));
}

bool is_atom(const value& term, std::string_view name) {
  return etf::cursor(term.bytes()).read_atom_is(name);
}

bool is_orderly(const value& reason) {
  etf::cursor at(reason.bytes());
  if (is_atom(reason, "normal") || is_atom(reason, "shutdown")) return true;
  return at.read_tuple_of(2) && at.read_atom_is("shutdown");
}

void end(world& w, value reason) {
  if (w.dead) return;
  w.dead = true;
  w.reason = std::move(reason);
  for (const auto& [name, each] : w.beside)
    if (each->is_of(w)) each->ended(is_orderly(w.reason));
  const std::scoped_lock held(w.letters->lock);
  w.letters->closed = true;
}

void put(world& w, letter what) {
  const auto ordinary = [](const letter& each) { return !each.priority; };
  const auto at = what.priority ? std::ranges::find_if(w.mailbox, ordinary) : w.mailbox.end();
  w.mailbox.insert(at, std::move(what));
}

void exit_signal(world& w, const value& from, const value& reason, bool priority) {
  if (is_atom(reason, "kill")) return end(w, atom("killed"));
  if (w.trapping) {
    put(w, {delivery::info, std::tuple(etf::atom{"EXIT"}, from.term(), reason.term()), {}, priority});
  } else if (!is_atom(reason, "normal") || from == w.self) {
    end(w, reason);
  }
}

bool arrives(world& w, const value& to, letter what, std::uint32_t flags) {
  if (!is_self(w, to)) return false;
  if (const auto alias = w.aliases.find(to); alias != w.aliases.end()) {
    what.priority = (flags & alias->second & COPPICE_PRIORITY) != 0;
    if ((alias->second & COPPICE_ONCE) != 0) {
      w.monitors.erase(to);
      w.aliases.erase(alias);
    }
  }
  put(w, std::move(what));
  return true;
}

void deliver(world& w, const value& to, value term, bool is_cast, std::uint32_t flags) {
  const auto how = is_cast ? delivery::cast : delivery::info;
  if (is_self(w, to))
    arrives(w, to, {how, std::move(term)}, flags);
  else {
    w.did.sent.push_back({to, term, is_cast, flags});
    if (w.around != nullptr) w.around->message(w, to, {how, std::move(term)}, flags);
  }
}

bool end_monitor(world& w, const value& reference) {
  const auto found = w.monitors.find(reference);
  if (found == w.monitors.end()) return false;
  if (found->second.alias != COPPICE_ALIAS_EXPLICIT) w.aliases.erase(reference);
  w.monitors.erase(found);
  return true;
}

void fire_timers(world& w) {
  for (;;) {
    const auto first = std::ranges::min_element(
        w.timers, {}, [](const timer& each) { return std::pair(each.due, each.id); });
    if (first == w.timers.end() || first->due > w.now) return;
    const timer fired = *first;
    if (fired.period == 0ns) {
      w.timers.erase(first);
    } else { // firings that are too late are skipped
      first->due += ((w.now - fired.due) / fired.period + 1) * fired.period;
    }
    const value& to = fired.to ? fired.to : w.self;
    if (is_self(w, to))
      arrives(w, to, {delivery::info, fired.term, {}, false, true}, 0);
    else
      deliver(w, to, fired.term, false);
  }
}

} // namespace coppice::testing::detail
