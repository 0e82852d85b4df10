// SPDX-License-Identifier: MIT
// See change_tree.hpp. A supervisor's orders come before the one that tells its parent of its new
// specification. Until that one is done, a supervisor that starts anew starts by the old specification.
#include "node/changes/change_tree.hpp"

#include <fmt/format.h>

#include <coppice/etf/text.hpp>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/log.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::node {
namespace {

using behaviours::supervisor_order;
using runtime::pid;

constexpr std::string_view module = "apply";
// Beyond the time of an order, for the messages and for a supervisor's own report of what took too long.
constexpr base::nanos grace = 2 * base::nanos_per_second;

class tree_change {
 public:
  tree_change(runtime::process& self, const change_ground& on, const change_plan& plan)
      : self_(self), on_(on), steps_(plan.steps) {}

  tree_outcome run() {
    for (std::size_t at = 0; at < steps_.size(); ++at) {
      const change_step& step = steps_[at];
      if (!step.forth) continue;
      if (is_replaced(step.supervisor)) return fail(at, step.supervisor + " was started anew meanwhile");
      const outcome did = carry_out(step, *step.forth, way::forth);
      // An order that its supervisor has begun is carried out, and taken back, when it goes on.
      if (!did.status) return fail(did.is_begun ? at + 1 : at, step.what + ": " + did.status.error().text);
      // It may have been started anew by either specification: both its own orders and this one are taken
      // back.
      if (const base::status kept = seal(step); !kept) return fail(at + 1, kept.error().text);
    }
    return {};
  }

 private:
  struct outcome {
    base::status status;
    bool is_begun = false; // it was late, and may yet do it
  };

  tree_outcome fail(std::size_t end, std::string why) {
    base::log::error(module, "{}: taking back what was done", why);
    while (end-- > 0) {
      const change_step& step = steps_[end];
      if (!step.back || has_lost(step.supervisor)) continue;
      const outcome did = carry_out(step, *step.back, way::back);
      if (!did.status)
        why += fmt::format("; {} could not be taken back: {}", step.what, did.status.error().text);
    }
    if (!replaced_.empty()) await_restart();
    return {base::fail(base::errc::refused, std::move(why)), !replaced_.empty()};
  }

  // An order that takes back is left with a supervisor that is late; another one is fetched back.
  enum class way : std::uint8_t { forth, back };

  // Its parent, which hears of ends before all else, has started it again when it answers.
  void await_restart() {
    constexpr base::nanos most = 5 * base::nanos_per_second;
    const std::size_t end = replaced_.rfind('/');
    const auto parent =
        end == std::string::npos ? base::result<pid>() : on_.process_at(replaced_.substr(0, end));
    if (!parent || !*parent || stuck_.contains(*parent)) return;
    const runtime::message request = runtime::message::atom("count_children");
    (void)behaviours::gen::call(self_, *parent, request.bytes(), base::mono_now() + most);
  }

  outcome carry_out(const change_step& step, const tree_order& order, way where) {
    if (step.supervisor.empty()) return give(on_.controller, {}, step, order, where);
    // A supervisor that does not run starts by the specification its parent is told of.
    const auto to = on_.process_at(step.supervisor);
    spoken_.emplace(step.supervisor, to ? *to : pid());
    return to ? give(*to, *to, step, order, where) : outcome();
  }

  // A name that a child of a former life of the supervisor still has is free when that has ended: it is given
  // the order again then, in the time that the order has.
  outcome give(const runtime::destination& to, const pid& whom, const change_step& step,
               const tree_order& order, way where) {
    const base::nanos most = step.patience + grace;
    const base::nanos until = base::mono_now() + (stuck_.contains(whom) ? 0 : most);
    for (;;) {
      pid former;
      outcome did = give_once(to, whom, step, order, where, most, until, former);
      if (!former) return did;
      base::log::info(module, "{}: waits for the end of a former process, which has the name", step.what);
      const auto ended = self_.await(self_.monitor(former, true), until);
      if (!ended && ended.error().what != runtime::await_error::kind::down) return did;
    }
  }

  // Sets `former` where such a process is why it was refused.
  outcome give_once(const runtime::destination& to, const pid& whom, const change_step& step,
                    const tree_order& order, way where, base::nanos most, base::nanos until, pid& former) {
    const runtime::message request =
        std::visit([this](const auto& one) { return on_.orders.add(one); }, order);
    const auto answer = behaviours::gen::call(self_, to, request.bytes(), until);
    if (answer) {
      etf::cursor at(answer->bytes());
      if (!at.read_tuple_of(2) || !at.read_atom_is("error")) return {};
      if (const pid holder = name_holder(at); holder && is_left_over(holder, step.supervisor))
        former = holder;
      return {base::fail(base::errc::refused, etf::print(answer->slice(at.rest()).bytes(), {.most = 1000}))};
    }
    using kind = behaviours::gen::call_error::kind;
    if (answer.error().what != kind::timeout) {
      (void)on_.orders.take(request.bytes());
      if (whom && where == way::forth) replaced_ = step.supervisor;
      const std::string reason = answer.error().reason ? runtime::shown(answer.error().reason) : "noproc";
      return {base::fail(base::errc::closed, "its supervisor ended: " + reason)};
    }
    if (whom) stuck_.insert(whom);
    if (where == way::back)
      return {base::fail(base::errc::timeout, "it follows when " + step.supervisor + " goes on")};
    const bool is_begun = !on_.orders.take(request.bytes()).has_value();
    return {base::fail(base::errc::timeout, late(step.supervisor, whom, most)), is_begun};
  }

  // Of {already_started, Pid}, also inside {shutdown, {failed_to_start_child, Id, Reason}}; null: of none.
  pid name_holder(etf::cursor at) const {
    while (at.read_tuple_of(2)) {
      std::string_view what;
      if (!at.read_atom(what)) break;
      if (what == "already_started") return runtime::read_pid(at, self_.host().nodes()).value_or(pid());
      if (what != "shutdown" || !at.read_tuple_of(3) || !at.read_atom_is("failed_to_start_child") ||
          !at.skip())
        break;
    }
    return {};
  }

  // Whether a process below `path`, or a supervisor there that it is below of, was started by a process that
  // is gone: then it is about to end, too.
  bool is_left_over(pid who, const std::string& path) const {
    constexpr int deepest = 100;
    for (int i = 0; i < deepest && who.here(); ++i) {
      const auto info = self_.host().info(who);
      if (!info) return true;
      if (path.empty() || !info->summary.label.starts_with(path + "/")) return false;
      if (!self_.host().alive(info->parent)) return true;
      who = info->parent;
    }
    return false;
  }

  // "net has not answered in 5 s, as net/late takes too long to start or to stop".
  std::string late(const std::string& path, const pid& whom, base::nanos after) const {
    std::string out =
        fmt::format("{} has not answered in {} s", path.empty() ? "the application controller" : path,
                    (after + base::nanos_per_second - 1) / base::nanos_per_second);
    const runtime::message busy = whom ? on_.tree.busy_with(whom) : runtime::message();
    if (busy) out += fmt::format(", as {}/{} takes so long to start or to stop", path, runtime::shown(busy));
    return out;
  }

  // The supervisor that an order tells the parent of has what its own orders did for good, if it is still
  // the process that got them.
  base::status seal(const change_step& step) {
    const std::string path = told_of(*step.forth, step.supervisor);
    if (path.empty() || !spoken_.contains(path)) return {};
    const bool lost = is_replaced(path);
    sealed_.insert(path);
    if (!lost) return {};
    return base::fail(base::errc::closed, path + " was started anew meanwhile");
  }

  // The path of the supervisor whose new specification an order tells; empty: of none.
  static std::string told_of(const tree_order& order, const std::string& above) {
    if (const auto* to = std::get_if<supervisor_order>(&order)) {
      if (to->what != supervisor_order::kind::update) return {};
      return above + "/" + runtime::shown(to->child->id);
    }
    const auto* to = std::get_if<behaviours::application_order>(&order);
    const bool tells = to != nullptr && to->what == behaviours::application_order::kind::update;
    return tells ? to->spec.name : std::string();
  }

  bool is_other(const std::string& path) const {
    const auto before = spoken_.find(path);
    if (before == spoken_.end()) return false;
    const auto now = on_.process_at(path);
    return (now ? *now : pid()) != before->second;
  }
  bool is_replaced(const std::string& path) {
    if (!is_other(path)) return false;
    replaced_ = path;
    return true;
  }
  // It was started by its old specification, so that there is nothing to take back.
  bool has_lost(const std::string& path) const { return !sealed_.contains(path) && is_other(path); }

  runtime::process& self_;
  const change_ground& on_;
  const std::vector<change_step>& steps_;
  std::map<std::string, pid> spoken_; // path: the supervisor that got an order there; null: none ran
  std::set<std::string> sealed_;      // those whose parents know their new specifications
  std::unordered_set<pid, runtime::pid_hash> stuck_;
  std::string replaced_; // the path of a supervisor that ended meanwhile; empty: none did
};

} // namespace

tree_outcome change_tree(runtime::process& self, const change_ground& on, const change_plan& plan) {
  return tree_change(self, on, plan).run();
}

} // namespace coppice::node
