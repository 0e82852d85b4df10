// SPDX-License-Identifier: MIT
// The steps of a scene: which could be next, which is taken, and how far time goes meanwhile, also while an
// actor waits for the answer to a call. In the test's thread.
#include <coppice/testing/scene.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace coppice::testing {

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
