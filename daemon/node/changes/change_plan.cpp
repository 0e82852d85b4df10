// SPDX-License-Identifier: MIT
// Two walks over the difference. Specifications of the configuration and of the tree have the same shape,
// child by child; that is how an unchanged one is found without converting it again. Unchanged children at
// the beginning and the end of a list are taken over without a look.
#include "node/changes/change_plan.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "behaviours/supervision/child_kind.hpp"
#include "node/assembly/assemble.hpp"
#include "node/changes/held_for_others.hpp"

namespace coppice::node {
namespace {

using behaviours::application_order;
using behaviours::application_spec;
using behaviours::child_spec;
using behaviours::found_application;
using behaviours::found_child;
using behaviours::supervisor_order;
using behaviours::supervisor_spec;
using spec::change_kind;
using child_pointer = std::shared_ptr<const child_spec>;
using supervisor_pointer = std::shared_ptr<const supervisor_spec>;

// Finds where a child stood, if it is not among the unchanged ones at the beginning or the end of its list.
class places {
 public:
  explicit places(const spec::supervisor_change& change)
      : list_(change.before->children), first_(change.front), last_(list_.size() - change.back) {}
  // `near` is tried first. The id must exist.
  std::size_t of(const std::string& id, std::size_t near) {
    if (near < last_ && list_[near].id == id) return near;
    if (index_.empty())
      for (std::size_t i = first_; i < last_; ++i) index_.emplace(list_[i].id, i);
    return index_.at(id);
  }

 private:
  const std::vector<spec::child_spec>& list_;
  std::size_t first_;
  std::size_t last_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

class planner {
 public:
  planner(const spec::difference& difference, const spec::node_spec& after,
          const std::vector<application_spec>& running, const std::set<std::string>& failed)
      : difference_(difference), after_(after), failed_(failed), held_(held_for_others(difference, after)) {
    for (const application_spec& one : running) running_.emplace(one.name, &one);
    for (const application_spec& one : running) order_.push_back(one.name);
  }

  change_plan run() {
    take_back(application_order{application_order::kind::arrange, {}, order_});
    const auto& changes = difference_.applications;
    for (auto one = changes.rbegin(); one != changes.rend(); ++one) {
      if (one->inside) stops(*running_.at(one->after->name)->top, *one->inside, one->after->name);
    }
    for (const auto& one : changes) {
      if (one.what == change_kind::stop) stop(*running_.at(one.before->name));
    }
    for (auto one = changes.rbegin(); one != changes.rend(); ++one) {
      if (one->inside) pauses(*running_.at(one->after->name)->top, *one->inside, one->after->name);
    }
    std::size_t next = 0;
    while (next < changes.size() && changes[next].what == change_kind::stop) ++next;
    for (const spec::application_spec& one : after_.applications) {
      const bool changed = next < changes.size() && changes[next].after == &one;
      out_.applications.push_back(changed ? go(changes[next++]) : *running_.at(one.name));
    }
    if (difference_.reordered || difference_.inserted) {
      application_order arranged{application_order::kind::arrange, {}, {}};
      for (const application_spec& one : out_.applications) arranged.order.push_back(one.name);
      out_.steps.push_back({"arrange the applications", {}, std::move(arranged), std::nullopt});
    }
    return std::move(out_);
  }

 private:
  void take_back(application_order order) {
    out_.steps.push_back({"arrange the applications", {}, std::nullopt, std::move(order)});
  }
  void tell(std::string what, application_order forth, application_order back) {
    const base::nanos time = patience_for(*forth.spec.top, *back.spec.top);
    out_.steps.push_back({std::move(what), {}, std::move(forth), std::move(back), time});
  }
  // Adds a step that is taken back by restoring what the step found.
  void tell(std::string what, application_order forth) {
    forth.found = std::make_shared<found_application>();
    application_order back{application_order::kind::restore, running_spec(forth.spec.name), {}, forth.found};
    tell(std::move(what), std::move(forth), std::move(back));
  }
  void tell(std::string what, const std::string& path, supervisor_order forth, supervisor_order back,
            base::nanos time = behaviours::default_start_patience) {
    if (forth.child != nullptr && back.child != nullptr) {
      time = std::max({time, patience_for(*forth.child, *back.child), engine_patience(forth.child),
                       engine_patience(back.child)});
    }
    out_.steps.push_back({std::move(what), path, std::move(forth), std::move(back), time});
  }
  void tell(std::string what, const std::string& path, supervisor_order::kind forth, child_pointer with,
            const child_pointer& old = {}) {
    const auto found = std::make_shared<found_child>();
    const base::nanos time = patience_for(*with, old != nullptr ? *old : *with);
    tell(std::move(what), path, {forth, with, {}, {}, {}, found},
         {supervisor_order::kind::restore, with, {}, {}, {}, found}, time);
  }
  // Time to stop and start with either specification, which covers a change and taking it back.
  template <class Specification>
  static base::nanos patience_for(const Specification& a, const Specification& b) {
    return std::max(behaviours::stop_patience(a), behaviours::stop_patience(b)) +
           std::max(behaviours::start_patience(a), behaviours::start_patience(b));
  }
  // Time for the engine of the child to take on a change. 0: it is not told of any.
  static base::nanos engine_patience(const child_pointer& child) {
    const auto told = child->kind != nullptr ? child->kind->order_for(child) : std::nullopt;
    return told ? told->patience : 0;
  }
  const application_spec& running_spec(const std::string& name) const { return *running_.at(name); }

  void stop(const application_spec& gone) {
    tell("stop " + gone.name, {application_order::kind::remove, gone});
  }

  // Steps that stop children of one supervisor and of those below it, the innermost and the last first.
  void stops(const supervisor_spec& old, const spec::supervisor_change& change, const std::string& path) {
    using kind = supervisor_order::kind;
    places before(change);
    const auto old_child = [&](const std::string& id) { return old.children[before.of(id, 0)]; };
    for (auto one = change.children.rbegin(); one != change.children.rend(); ++one) {
      if (!one->inside) continue;
      stops(*old_child(one->before->id)->supervisor, *one->inside, path + "/" + one->before->id);
    }
    bool first = true;
    for (const spec::child_change& one : change.children) {
      if (one.what != change_kind::stop) break;
      // A child that comes back is added after the others, so the order is restored last.
      if (std::exchange(first, false)) {
        const auto whole = std::make_shared<const supervisor_spec>(old);
        out_.steps.push_back(
            {"arrange " + path, path, std::nullopt, supervisor_order{kind::adopt, {}, whole}});
      }
      tell("stop " + path + "/" + one.before->id, path, kind::remove, old_child(one.before->id));
    }
  }

  // Pauses children, in the order of stops(). A paused child is started by its own step, which is taken back
  // by pausing it.
  void pauses(const supervisor_spec& old, const spec::supervisor_change& change, const std::string& path) {
    if (held_.empty()) return;
    places before(change);
    for (auto one = change.children.rbegin(); one != change.children.rend(); ++one) {
      if (one->before == nullptr || one->what == change_kind::stop) continue;
      const child_pointer& was = old.children[before.of(one->before->id, 0)];
      const std::string below = path + "/" + one->before->id;
      if (one->inside) pauses(*was->supervisor, *one->inside, below);
      if (one->what == change_kind::restart && held_.contains(below))
        tell("stop " + below, path, supervisor_order::kind::pause, was);
    }
  }

  application_spec go(const spec::application_change& change) {
    using kind = application_order::kind;
    const std::string& name = change.after->name;
    if (change.what == change_kind::start) {
      application_spec made = application(*change.after);
      tell("start " + name, {kind::add, made}, {kind::remove, made});
      return made;
    }
    const application_spec& old = *running_.at(name);
    if (change.what == change_kind::restart || failed_.contains(name)) {
      application_spec made = application(*change.after);
      tell("restart " + name, {kind::replace, made});
      return made;
    }
    application_spec made = bare_application(*change.after);
    if (change.env) {
      using order = supervisor_order::kind;
      auto spared = std::make_shared<std::unordered_set<const child_spec*>>();
      if (change.inside) reached_later(*old.top, *change.inside, *spared);
      supervisor_order back{order::environment, {}, {}, old.env};
      back.takes_back = true;
      tell("change the env of " + name, name, {order::environment, {}, {}, made.env, std::move(spared)},
           std::move(back), patience_for(*old.top, *old.top));
    }
    made.top = change.inside ? go(old.top, *change.inside, name) : old.top;
    tell("update " + name, {kind::update, made}, {kind::update, old});
    return made;
  }

  // The children that get the env by steps of their own.
  static void reached_later(const supervisor_spec& old, const spec::supervisor_change& change,
                            std::unordered_set<const child_spec*>& out) {
    places before(change);
    for (const spec::child_change& one : change.children) {
      if (one.before == nullptr || one.what == change_kind::stop) continue;
      const child_pointer& was = old.children[before.of(one.before->id, 0)];
      if (one.what == change_kind::restart || one.what == change_kind::reconfigure) out.insert(was.get());
      if (one.what == change_kind::update && one.inside) reached_later(*was->supervisor, *one.inside, out);
    }
  }

  supervisor_pointer go(const supervisor_pointer& old, const spec::supervisor_change& change,
                        const std::string& path) {
    const auto made = bare_supervisor(*change.after);
    const auto& children = change.after->children;
    made->children.append(old->children, 0, change.front);
    places before(change);
    std::size_t next = 0;
    while (next < change.children.size() && change.children[next].what == change_kind::stop) ++next;
    for (std::size_t i = change.front; i < children.size() - change.back; ++i) {
      const bool changed = next < change.children.size() && change.children[next].after == &children[i];
      if (!changed) {
        made->children.push_back(old->children[before.of(children[i].id, i)]);
        continue;
      }
      const spec::child_change& one = change.children[next++];
      const child_pointer was = one.before == nullptr ? nullptr : old->children[before.of(one.before->id, i)];
      made->children.push_back(go(was, one, path));
    }
    const std::size_t count = old->children.size();
    made->children.append(old->children, count - change.back, count);
    const bool of_template = made->strategy == tree::strategy::simple_one_for_one;
    if (!change.keys.empty() || change.reordered || change.inserted ||
        (of_template && !change.children.empty())) {
      using kind = supervisor_order::kind;
      tell("update " + path, path, {kind::adopt, {}, made}, {kind::adopt, {}, old});
    }
    return made;
  }

  child_pointer go(const child_pointer& old, const spec::child_change& change, const std::string& path) {
    using kind = supervisor_order::kind;
    const std::string below = path + "/" + change.after->id;
    switch (change.what) {
      case change_kind::start: {
        child_pointer made = child(*change.after);
        tell("start " + below, path, kind::add, made);
        return made;
      }
      case change_kind::restart: {
        child_pointer made = child(*change.after);
        if (held_.contains(below))
          tell("restart " + below, path, {kind::replace, made}, {kind::pause, old});
        else
          tell("restart " + below, path, kind::replace, made, old);
        return made;
      }
      case change_kind::reconfigure: {
        child_pointer made = child(*change.after);
        tell("change " + below, path, kind::reconfigure, made, old);
        return made;
      }
      case change_kind::stop:
      case change_kind::update:
        break;
    }
    const auto made = updated_child(*change.after, *old);
    if (change.inside) made->supervisor = go(old->supervisor, *change.inside, below);
    tell("update " + below, path, {kind::update, made, {}}, {kind::update, old, {}});
    return made;
  }

  const spec::difference& difference_;
  const spec::node_spec& after_;
  const std::set<std::string>& failed_;
  // Paths of children from which another child takes something.
  const std::set<std::string, std::less<>> held_;
  std::unordered_map<std::string_view, const application_spec*> running_;
  std::vector<std::string> order_;
  change_plan out_;
};

} // namespace

change_plan plan(const spec::difference& difference, const spec::node_spec& after,
                 const std::vector<application_spec>& running, const std::set<std::string>& failed) {
  return planner(difference, after, running, failed).run();
}

} // namespace coppice::node
