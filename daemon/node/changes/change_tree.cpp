// SPDX-License-Identifier: MIT
// A supervisor's orders come before the order that tells its parent the new specification. Until that one is
// done, a supervisor that is restarted starts by the old specification.
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
#include "behaviours/supervision/left_over.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::node {
namespace {

using behaviours::supervisor_order;
using runtime::pid;

constexpr std::string_view module = "apply";
// Added to an order's time limit, for the messages and for a supervisor's report of what took too long.
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
      // An order that the supervisor has begun will be carried out, so it is taken back when the supervisor
      // goes on.
      if (!did.status) return fail(did.is_begun ? at + 1 : at, step.what + ": " + did.status.error().text);
      // The supervisor may have been restarted by either specification: both its orders and this one are
      // taken back.
      if (const base::status kept = seal(step); !kept) return fail(at + 1, kept.error().text);
    }
    return {};
  }

 private:
  struct outcome {
    base::status status;
    bool is_begun = false; // it is late, and may still carry out the order
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

  // The direction of an order. An order that takes a step back is left with a late supervisor; a forward
  // order is withdrawn.
  enum class way : std::uint8_t { forth, back };

  // The parent handles ends before other messages, so it has restarted the supervisor when it answers.
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
    // A supervisor that does not run will start by the specification that its parent is told.
    const auto to = on_.process_at(step.supervisor);
    spoken_.emplace(step.supervisor, to ? *to : pid());
    return to ? give(*to, *to, step, order, where) : outcome();
  }

  // A name held by a child of the supervisor's former run is free when that child has ended. Then the order
  // is sent again, within its time limit.
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

  // If such a process is why the order was refused, sets `former` to it.
  outcome give_once(const runtime::destination& to, const pid& whom, const change_step& step,
                    const tree_order& order, way where, base::nanos most, base::nanos until, pid& former) {
    const runtime::message request =
        std::visit([this](const auto& one) { return on_.orders.add(one); }, order);
    const auto answer = behaviours::gen::call(self_, to, request.bytes(), until);
    if (answer) {
      etf::cursor at(answer->bytes());
      if (!at.read_tuple_of(2) || !at.read_atom_is("error")) return {};
      const pid holder = name_holder(at);
      if (holder && behaviours::is_left_over(self_.host(), holder, step.supervisor)) former = holder;
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

  // Reads {already_started, Pid}, also inside {shutdown, {failed_to_start_child, Id, Reason}}. Null: another
  // term.
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

  // Makes a text such as "net has not answered in 5 s, as net/late takes so long to start or to stop".
  std::string late(const std::string& path, const pid& whom, base::nanos after) const {
    std::string out =
        fmt::format("{} has not answered in {} s", path.empty() ? "the application controller" : path,
                    (after + base::nanos_per_second - 1) / base::nanos_per_second);
    const runtime::message busy = whom ? on_.tree.busy_with(whom) : runtime::message();
    if (busy) out += fmt::format(", as {}/{} takes so long to start or to stop", path, runtime::shown(busy));
    return out;
  }

  // A supervisor whose parent was told its new specification keeps the effect of its own orders for good, if
  // it is still the process that got them.
  base::status seal(const change_step& step) {
    const std::string path = told_of(*step.forth, step.supervisor);
    if (path.empty() || !spoken_.contains(path)) return {};
    const bool lost = is_replaced(path);
    sealed_.insert(path);
    if (!lost) return {};
    return base::fail(base::errc::closed, path + " was started anew meanwhile");
  }

  // The path of the supervisor whose new specification an order tells. Empty: it tells none.
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
  // Whether it was restarted by its old specification, so that there is nothing to take back.
  bool has_lost(const std::string& path) const { return !sealed_.contains(path) && is_other(path); }

  runtime::process& self_;
  const change_ground& on_;
  const std::vector<change_step>& steps_;
  std::map<std::string, pid> spoken_; // the supervisor at each path that got an order. Null: none ran
  std::set<std::string> sealed_;      // the paths of supervisors whose parents know their new specifications
  std::unordered_set<pid, runtime::pid_hash> stuck_;
  std::string replaced_; // the path of a supervisor that ended meanwhile. Empty: none
};

} // namespace

tree_outcome change_tree(runtime::process& self, const change_ground& on, const change_plan& plan) {
  return tree_change(self, on, plan).run();
}

} // namespace coppice::node
