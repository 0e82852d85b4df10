// SPDX-License-Identifier: MIT
// Messages, exits and 'DOWN' between the actors of a scene: how they are sent, what happens when they arrive,
// and what a supervisor does when it hears of an end. In the test's thread.
#include <coppice/testing/scene.hpp>

#include <algorithm>
#include <utility>

namespace coppice::testing {

void scene::message(detail::world& from, const value& to, detail::letter what, std::uint32_t flags) {
  if (const role* const whom = find(to))
    signals_.push_back({type::message, from.self, whom->process->self, to, std::move(what), flags});
}

void scene::exit(detail::world& from, const value& to, const value& reason) {
  if (const role* const whom = find(to)) post(type::exit, from.self, whom->process->self, reason);
}

void scene::linked(detail::world& from, const value& to) {
  if (role* const whom = of_pid(to))
    whom->process->links.emplace(from.self, 0);
  else if (gone_.contains(to))
    post(type::link_exit, to, from.self, atom("noproc"));
}

void scene::unlinked(detail::world& from, const value& to) {
  if (role* const whom = of_pid(to)) whom->process->links.erase(from.self);
}

void scene::monitors(detail::world& from, const value& reference) {
  const value whom = from.monitors.at(reference).whom;
  const std::string_view node = detail::node_of(whom);
  etf::cursor at(whom.bytes());
  std::string_view name;
  const bool is_name = at.read_atom(name) || (at.read_tuple_of(2) && at.read_atom(name));
  const bool is_here = node.empty() || node == others_.node();
  if (find(whom) != nullptr ||
      (!gone_.contains(whom) && !(is_name && is_here && !others_.whereis(std::string(name)))))
    return;
  post(type::down, whom, from.self, atom("noproc"), reference);
}

void scene::post(type what, const value& from, const value& target, const value& reason,
                 const value& reference) {
  signals_.push_back({what, from, target, {}, {}, 0, reason, reference});
}

void scene::deliver(const signal& what) {
  if (supervisor* const above = supervisor_of(what.target)) return hear_exit(*above, what);
  role* const whom = of_pid(what.target);
  if (whom == nullptr) return;
  detail::world& w = *whom->process;
  if (what.what == type::message) {
    if (w.aliases.contains(what.to))
      detail::arrives(w, what.to, what.content, what.flags);
    else if (etf::cursor(what.to.bytes()).peek() != etf::kind::reference) // an alias that has ended
      detail::put(w, what.content);
  } else if (what.what == type::down) {
    deliver_down(w, what);
  } else if (what.what == type::exit || w.links.contains(what.from)) {
    const auto link = w.links.find(what.from);
    const bool priority = link != w.links.end() && (link->second & COPPICE_PRIORITY) != 0;
    if (what.what == type::link_exit) w.links.erase(what.from);
    detail::exit_signal(w, what.from, what.reason, priority);
  }
  if (whom->now && whom->now->has_work()) whom->now->step_once();
}

void scene::deliver_down(detail::world& w, const signal& what) {
  const auto found = w.monitors.find(what.reference);
  if (found == w.monitors.end()) return;
  const testing::monitored each = found->second;
  detail::end_monitor(w, what.reference);
  const bool is_name = etf::cursor(each.whom.bytes()).peek() == etf::kind::atom;
  const value whom = is_name ? value(std::pair(each.whom.term(), w.node.term())) : each.whom;
  const bool priority = (each.flags & COPPICE_PRIORITY) != 0;
  const value term = std::tuple(each.tag.term(), what.reference.term(), etf::atom{"process"}, whom.term(),
                                what.reason.term());
  detail::put(w, {detail::delivery::info, term, {}, priority});
}

void scene::tell_exits() {
  for (const auto& each : roles_)
    if (each->now && each->process->dead && !std::exchange(each->is_told, true)) tell_exit(*each);
}

void scene::tell_exit(const role& who) {
  const detail::world& w = *who.process;
  gone_[w.self] = {who.name, w.reason};
  for (const auto& [pid, flags] : w.links) post(type::link_exit, w.self, pid, w.reason);
  for (const auto& each : roles_) {
    if (!each->lives()) continue;
    for (const auto& [reference, made] : each->process->monitors)
      if (detail::is_self(w, made.whom)) post(type::down, w.self, each->process->self, w.reason, reference);
  }
  if (who.above != nullptr && !who.is_stopped) post(type::child_exit, w.self, who.above->pid(), w.reason);
}

void scene::hear_exit(supervisor& above, const signal& what) {
  const std::string name = name_of(what.from);
  const auto is_it = [&name](const auto& each) { return each.name == name; };
  const auto child = std::ranges::find_if(above.children_, is_it);
  if (!above.alive_ || child == above.children_.end() || of_pid(named(name).process->self) != nullptr) return;
  if (!supervisor::is_restarted(child->when, what.reason)) {
    if (child->when == restart::temporary) above.forget(name);
    return;
  }
  if (!above.may_restart(now_)) return give_up(above);
  const auto all = above.affected_by(name);
  for (std::size_t i = all.size(); i-- != 0;) stop(named(all[i].name));
  for (const auto& each : all) {
    if (each.when == restart::temporary && each.name != name) {
      above.forget(each.name);
      continue;
    }
    while (!begin(named(each.name)))
      if (!above.may_restart(now_)) return give_up(above);
    tell_exits();
  }
}

void scene::give_up(supervisor& above) {
  above.alive_ = false;
  for (std::size_t i = above.children_.size(); i-- != 0;) stop(named(above.children_[i].name));
}

void scene::stop(role& who) {
  if (!who.lives()) return;
  who.is_stopped = true;
  who.now->exit(who.parent, atom("shutdown"));
  while (who.now->has_work()) who.now->step_once();
  detail::end(*who.process, atom("killed"));
  tell_exits();
  who.is_stopped = false;
}

} // namespace coppice::testing
