// SPDX-License-Identifier: MIT
// Delivers what goes between the actors of a scene, one step at a time. In the test's thread.
#include <coppice/testing/scene.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace coppice::testing {

actor& scene::start(const std::string& name, const plugin& from, const settings& how) {
  role& made = add(name, from, how, detail::fresh_pid(others_.node()));
  begin(made);
  go_on();
  return *made.now;
}

const supervisor& scene::supervise(const supervision& how, const std::vector<child_spec>& children) {
  supervisor& made = supervisors_.emplace_back(detail::fresh_pid(others_.node()), how);
  for (const child_spec& each : children) {
    role& child = add(each.name, each.from, each.how, made.pid());
    child.above = &made;
    made.children_.push_back({each.name, each.when});
    if (!begin(child))
      throw failure("the child " + each.name + " does not start: " + text(child.now->reason()));
  }
  go_on();
  return made;
}

void scene::advance(nanoseconds time) {
  const nanoseconds end = now_ + time;
  if (running_) throw failure("time passes only between two calls of the test");
  const busy guard(running_);
  run_until(end);
  set_clock(end);
  while (run_one(std::nullopt)) {
  }
  for (const auto& each : roles_)
    if (each->process != nullptr) detail::name_unanswered(*each->process);
}

void scene::kill(std::string_view name) {
  detail::end(*named(name).process, atom("killed"));
  go_on();
}

void scene::reload_with(const plugin& next) {
  replace(next);
  go_on();
}

value scene::serve(std::string_view name, std::function<response(value request)> does) {
  value made = others_.serve(name, std::move(does));
  for (const auto& each : roles_)
    if (each->process != nullptr) each->process->others = others_;
  return made;
}

void scene::may_fail(std::string function, std::int32_t status) {
  if (!faults_) faults_.emplace();
  const auto when = [this](std::uint64_t, std::string_view what) {
    const std::string each(what);
    return choose_ && choose_(2, [&each](std::size_t) { return each + " fails"; }) == 1;
  };
  faults_->fail(std::move(function), when, status);
}

std::vector<std::string> scene::complaints() const {
  std::vector<std::string> all;
  const auto add_those = [&all](const std::string& name, const actor& of) {
    for (const std::string& each : of.did.complaints) all.push_back(name + ": " + each);
  };
  for (const auto& [name, each] : former_) add_those(name, *each);
  for (const auto& each : roles_)
    if (each->now) add_those(each->name, *each->now);
  return all;
}

scene::role& scene::add(const std::string& name, const plugin& from, const settings& how,
                        const value& parent) {
  for (const auto& each : roles_)
    if (each->name == name && each->lives()) throw failure("this scene has an actor " + name + " already");
  std::erase_if(roles_, [&](const auto& each) {
    if (each->name != name) return false;
    if (each->now) former_.emplace_back(name, std::move(each->now));
    return true;
  });
  roles_.push_back(std::make_unique<role>(role{name, std::string(how.actor), &from, how, parent}));
  role& made = *roles_.back();
  made.how.actor = made.actor_type;
  if (made.how.name.empty()) made.how.name = name;
  if (how.among) others_ = *how.among;
  return made;
}

bool scene::begin(role& who, const saved_state* saved) {
  const busy guard(running_);
  if (who.now) former_.emplace_back(who.name, std::move(who.now));
  who.how.among = others_;
  who.is_told = false;
  who.process = nullptr;
  starting_.push_back(&who);
  std::unique_ptr<actor> made(new actor(*who.from, who.how, saved, {this, who.parent}));
  who.now = std::move(made);
  if (who.now->status() == COPPICE_OK && who.now->alive()) return true;
  const bool ignored = who.now->status() == COPPICE_IGNORE;
  const bool started = who.now->status() == COPPICE_OK || ignored; // and has ended since
  who.is_told = !started || ignored;
  return started;
}

void scene::enters(detail::world& who) {
  starting_.back()->process = &who;
  starting_.pop_back();
}

scene::role& scene::named(std::string_view name) {
  for (const auto& each : roles_)
    if (each->name == name && each->now) return *each;
  throw failure("this scene has no actor " + std::string(name));
}

scene::role* scene::find(const value& to) {
  for (const auto& each : roles_)
    if (each->lives() && detail::is_self(*each->process, to)) return each.get();
  return nullptr;
}

scene::role* scene::of_pid(const value& pid) {
  for (const auto& each : roles_)
    if (each->lives() && each->process->self == pid) return each.get();
  return nullptr;
}

supervisor* scene::supervisor_of(const value& pid) {
  for (supervisor& each : supervisors_)
    if (each.pid() == pid) return &each;
  return nullptr;
}

std::string scene::name_of(const value& pid) const {
  for (const auto& each : roles_)
    if (each->process != nullptr && each->process->self == pid) return each->name;
  const auto gone = gone_.find(pid);
  return gone == gone_.end() ? "a process" : gone->second.name;
}

const plugin& scene::load(const std::string& file) {
  return *loaded_.emplace_back(std::unique_ptr<const plugin>(new plugin(plugin::load(file))));
}

void scene::replace(const plugin& next) {
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    role& each = *roles_[i];
    if (each.from->id() != next.id()) continue;
    each.from = &next;
    if (!each.lives() || !each.now) continue;
    if (each.now->is_busy()) throw failure(each.name + " runs a callback and cannot be replaced");
    const saved_state saved = each.now->save();
    if (!saved.term && saved.status != COPPICE_OK) throw failure(each.name + " has no state to save");
    auto waiting = std::move(each.process->mailbox);
    auto ended = std::move(each.process->ended);
    begin(each, &saved);
    if (each.now->status() != COPPICE_OK)
      throw failure(each.name + " refuses its state: " + text(each.now->reason()));
    auto& mailbox = each.process->mailbox;
    mailbox.insert(mailbox.begin(), waiting.begin(), waiting.end());
    each.process->ended.insert(each.process->ended.begin(), ended.begin(), ended.end());
  }
}

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

value scene::whereis(const std::string& name) {
  const role* const found = find(atom(name));
  return found == nullptr ? value() : found->process->self;
}

std::optional<value> scene::spawn(detail::world& from, child& made) {
  const auto cut = made.actor.find(':');
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    const plugin& each = *roles_[i]->from;
    if (each.id() != std::string_view(made.actor).substr(0, cut)) continue;
    const std::string wanted = cut == made.actor.npos ? std::string() : made.actor.substr(cut + 1);
    const bool has_name = !made.name.empty();
    role& who = add(has_name ? made.name : made.actor + '#' + std::to_string(roles_.size()), each,
                    {.actor = wanted, .args = made.args}, from.self);
    if (!has_name) who.how.name.clear();
    if (!begin(who)) return who.now->reason();
    made.pid = who.process->self;
    return value();
  }
  return std::nullopt;
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

void scene::end_requests() {
  std::erase_if(requests_, [this](const open_one& each) {
    role* const asking = of_pid(each.from);
    const auto gone = gone_.find(each.callee);
    if (asking != nullptr && !each.waits->answered && gone == gone_.end()) return false;
    if (asking == nullptr) return true;
    detail::world& w = *asking->process;
    const auto open = w.requests.find(each.id);
    if (open == w.requests.end()) return true;
    w.ended.push_back({each.id, open->second.tag,
                       each.waits->answered ? replies(each.waits->reply) : exits(gone->second.reason)});
    w.requests.erase(open);
    return true;
  });
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

std::shared_ptr<const detail::awaited> scene::pass_call(const detail::world& from, const role& callee,
                                                        const value& to, const value& request) {
  const auto [who, waits] = detail::begin_call(from.self, others_.node());
  signals_.push_back(
      {type::message, from.self, callee.process->self, to, {detail::delivery::call, request, who}, 0});
  return waits;
}

std::optional<response> scene::ask(detail::world& from, const value& to, const value& request,
                                   nanoseconds patience) {
  const role* const callee = find(to);
  if (callee == nullptr) return std::nullopt;
  const value pid = callee->process->self;
  const auto waits = pass_call(from, *callee, to, request);
  set_clock(from.now);
  const bool waits_forever = patience == nanoseconds::max();
  const nanoseconds due = waits_forever ? patience : now_ + patience;
  const busy guard(running_);
  while (!waits->answered && !from.dead) {
    if (const auto gone = gone_.find(pid); gone != gone_.end()) return exits(gone->second.reason);
    if (now_ <= due && run_one(due)) continue;
    const auto next = next_time();
    if (next && *next <= due) {
      set_clock(*next);
      continue;
    }
    if (waits_forever)
      detail::complain_of_callback(COPPICE_CALL_1 "'s call", ", which has no deadline and is never answered");
    else
      set_clock(due);
    return silence();
  }
  return waits->answered ? replies(waits->reply) : silence();
}

bool scene::asks(detail::world& from, std::uint64_t id) {
  const made_call asked = from.requests.at(id).asked;
  const role* const callee = find(asked.to);
  if (callee == nullptr) return false;
  requests_.push_back(
      {from.self, id, callee->process->self, pass_call(from, *callee, asked.to, asked.request)});
  return true;
}

void scene::wait_for(detail::world& from, std::uint64_t id) {
  const busy guard(running_);
  for (;;) {
    const auto open = from.requests.find(id);
    if (open == from.requests.end() || from.dead) return;
    const nanoseconds due = open->second.due;
    if (!open->second.asked_already) {
      if (find(open->second.asked.to) == nullptr) return;
      open->second.asked_already = true;
      asks(from, id);
    }
    if (now_ <= due && run_one(due)) continue;
    const auto next = next_time();
    if (!next || *next > due) {
      if (due != nanoseconds::max()) set_clock(due);
      return;
    }
    set_clock(*next);
  }
}

void scene::go_on() {
  if (running_) return;
  const busy guard(running_);
  tell_exits();
  end_requests();
  while (run_one(std::nullopt)) {
  }
}

void scene::run_until(nanoseconds end) {
  tell_exits();
  end_requests();
  for (;;) {
    while (run_one(end)) {
    }
    const auto next = next_time();
    if (!next || *next > end) return;
    set_clock(*next);
  }
}

void scene::set_clock(nanoseconds to) {
  now_ = std::max(now_, to);
  for (const auto& each : roles_)
    if (each->process != nullptr) each->process->now = std::max(each->process->now, now_);
}

std::optional<nanoseconds> scene::next_time() const {
  std::optional<nanoseconds> first;
  for (const auto& each : roles_) {
    if (!each->now || !each->lives() || each->now->is_busy()) continue;
    const auto due = each->now->next_event();
    if (due && *due != nanoseconds::max() && *due > now_) first = std::min(first.value_or(*due), *due);
  }
  return first;
}

std::vector<scene::choice> scene::choices(std::optional<nanoseconds> until) {
  using what = choice::type;
  std::vector<choice> all;
  for (const auto& each : roles_)
    if (each->now && each->now->has_work()) all.push_back({what::work, each.get()});
  for (auto it = signals_.begin(); it != signals_.end();) {
    const bool arrives = of_pid(it->target) != nullptr || supervisor_of(it->target) != nullptr;
    it = arrives ? std::next(it) : signals_.erase(it);
  }
  std::set<std::pair<value, value>> seen; // signals between the same two keep their order
  for (auto it = signals_.begin(); it != signals_.end(); ++it)
    if (seen.emplace(it->from, it->target).second) all.push_back({what::signal, nullptr, it});
  if (all.empty() || !choose_) return all;
  const auto next = next_time();
  if (until && next && *next <= *until) all.push_back({what::timer});
  for (std::size_t i = 0; i < killable_.size(); ++i)
    if (find_living(killable_[i]) != nullptr) all.push_back({what::kill, nullptr, {}, i});
  if (reloadable_.empty() || is_any_busy()) return all;
  for (std::size_t i = 0; i < reloadable_.size(); ++i) all.push_back({what::reload, nullptr, {}, i});
  return all;
}

scene::role* scene::find_living(const std::string& name) {
  for (const auto& each : roles_)
    if (each->name == name && each->now && each->lives()) return each.get();
  return nullptr;
}

bool scene::is_any_busy() const {
  return std::ranges::any_of(
      roles_, [](const auto& each) { return each->lives() && (!each->now || each->now->is_busy()); });
}

std::string scene::said(const choice& one) const {
  switch (one.what) {
    case choice::type::work:
      return one.who->name + " goes on";
    case choice::type::timer:
      return "the next timer is due";
    case choice::type::kill:
      return killable_[one.index] + " is killed";
    case choice::type::reload:
      return "the code of " + std::string(reloadable_[one.index]->id()) + " is replaced";
    case choice::type::signal:
      break;
  }
  const signal& it = *one.which;
  const std::string from = name_of(it.from);
  if (it.what == type::child_exit) return "the supervisor hears that " + from + " has ended";
  const std::string to = " to " + name_of(it.target);
  if (it.what == type::message) return text(it.content.term) + " comes from " + from + to;
  return (it.what == type::down ? "'DOWN' of " : "the exit of ") + from + " comes" + to;
}

bool scene::run_one(std::optional<nanoseconds> until) {
  constexpr std::size_t most = 1'000'000;
  const std::vector<choice> all = choices(until);
  if (all.empty()) return false;
  if (++steps_ == most) throw failure("the scene does not come to rest: its actors keep sending messages");
  std::size_t picked = 0;
  if (choose_ && all.size() > 1) picked = choose_(all.size(), [&](std::size_t i) { return said(all[i]); });
  take(all[picked]);
  for (const auto& each : roles_)
    if (each->process != nullptr) set_clock(each->process->now); // a callback may have slept
  tell_exits();
  end_requests();
  return true;
}

void scene::take(const choice& one) {
  if (one.what == choice::type::work) {
    one.who->now->step_once();
  } else if (one.what == choice::type::signal) {
    const signal taken = std::move(*one.which);
    signals_.erase(one.which);
    deliver(taken);
  } else if (one.what == choice::type::timer) {
    set_clock(*next_time());
  } else if (one.what == choice::type::kill) {
    role* const whom = find_living(killable_[one.index]);
    killable_.erase(killable_.begin() + std::ptrdiff_t(one.index));
    detail::end(*whom->process, atom("killed"));
  } else {
    const plugin& next = *reloadable_[one.index];
    reloadable_.erase(reloadable_.begin() + std::ptrdiff_t(one.index));
    replace(next);
  }
}

} // namespace coppice::testing
