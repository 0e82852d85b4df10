// SPDX-License-Identifier: MIT
// The actors of a scene: how they start, are found, and are replaced. The signals between them are in
// scene_signals.cpp, and their order in scene_steps.cpp. In the test's thread.
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

} // namespace coppice::testing
