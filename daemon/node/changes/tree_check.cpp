// SPDX-License-Identifier: MIT
// A running specification must be the very object that was applied: an equal copy is that of an earlier
// configuration.
#include "node/changes/tree_check.hpp"

#include <fmt/format.h>

#include <map>

#include "behaviours/supervision/child_kind.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::node {
namespace {

using behaviours::child_row;
using behaviours::child_spec;
using behaviours::child_state;
using behaviours::supervisor_spec;

std::string_view kind_of(const child_spec& of) {
  if (of.kind != nullptr) return of.kind->name();
  return of.is_supervisor() ? "supervisor" : "worker";
}

bool same_flags(const supervisor_spec& a, const supervisor_spec& b) {
  return a.name == b.name && a.strategy == b.strategy && a.intensity == b.intensity && a.period == b.period &&
         a.on_exceeded == b.on_exceeded && a.auto_shutdown == b.auto_shutdown;
}

class check {
 public:
  check(const behaviours::supervision_tree& tree, std::size_t most) : tree_(tree), most_(most) {}

  void supervisor(const runtime::pid& who, const supervisor_spec& wanted, const std::string& path) {
    const auto held = tree_.specification(who);
    if (held == nullptr || is_full()) return; // it does not run, or has not started yet
    if (!same_flags(*held, wanted)) say("{} has other flags than the configuration", path);
    if (wanted.strategy == tree::strategy::simple_one_for_one) return;
    std::map<std::string, child_row> rows;
    for (child_row& row : tree_.rows(who)) rows.emplace(runtime::shown(row.id), std::move(row));
    for (const auto& spec : wanted.children) {
      const std::string id = runtime::shown(spec->id);
      const auto found = rows.find(id);
      if (found != rows.end())
        child(found->second, spec, path + "/" + id);
      else if (spec->restart != behaviours::restart_type::temporary)
        say("{} has no child {}", path, id);
      if (is_full()) return;
    }
  }

  std::vector<std::string> out;

 private:
  void child(const child_row& row, const std::shared_ptr<const child_spec>& wanted, const std::string& path) {
    if (kind_of(*row.spec) != kind_of(*wanted))
      return say("{} is a {}, not a {}", path, kind_of(*row.spec), kind_of(*wanted));
    if (row.spec->registered_name() != wanted->registered_name())
      return say("{} has the name {}, not {}", path, row.spec->registered_name(), wanted->registered_name());
    if (row.spec != wanted) return say("{} has another specification than the configuration", path);
    if (row.state == child_state::stopped && !row.rests &&
        wanted->restart == behaviours::restart_type::permanent)
      return say("{} is stopped, and nobody stopped it", path);
    if (row.pid && wanted->kind == nullptr && wanted->is_supervisor())
      supervisor(row.pid, *wanted->supervisor, path);
  }

  template <class... Values>
  void say(fmt::format_string<const Values&...> text, const Values&... values) {
    if (!is_full()) out.push_back(fmt::format(text, values...));
  }
  bool is_full() const { return out.size() >= most_; }

  const behaviours::supervision_tree& tree_;
  const std::size_t most_;
};

} // namespace

std::vector<std::string> tree_differences(const behaviours::supervision_tree& tree,
                                          const behaviours::application_board& board,
                                          const std::vector<behaviours::application_spec>& wanted,
                                          std::size_t most) {
  std::map<std::string, runtime::pid> tops;
  for (const auto& row : board.rows()) tops.emplace(row.name, row.top);
  check all(tree, most);
  for (const auto& one : wanted) {
    const auto found = tops.find(one.name);
    if (found == tops.end())
      all.out.push_back("the node has no application " + one.name);
    else if (found->second)
      all.supervisor(found->second, *one.top, one.name);
  }
  return std::move(all.out);
}

} // namespace coppice::node
