// SPDX-License-Identifier: MIT
// Keeps a heap of the best rows so far, whose top is removed first; without a limit everything is kept and
// sorted at the end.
#include "control/process_list.hpp"

#include <algorithm>
#include <limits>

#include "base/ascii.hpp"
#include "control/documents.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/system.hpp"

namespace coppice::control {
namespace {

using nlohmann::json;
using runtime::process_summary;

constexpr std::uint32_t ids_at_once = 16 * 1024;

using figure = std::uint64_t (*)(const process_summary&);

// A process, and what its summary does not say.
struct row {
  process_summary of;
  bool of_node = false; // a part of the node itself
};

// null: by pid.
figure figure_of(std::string_view sort) {
  if (sort == "mailbox") return [](const process_summary& one) { return one.messages; };
  if (sort == "reductions") return [](const process_summary& one) { return one.reductions; };
  if (sort == "memory") return [](const process_summary& one) { return one.memory; };
  if (sort == "time") return [](const process_summary& one) { return static_cast<std::uint64_t>(one.ran); };
  return nullptr;
}

// `part` has no capital letters.
bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return base::ascii_lower(a) == b; };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

// Whether a pid can contain `part`. Then the pid of each process has to be written, which costs more than
// looking at the rest.
bool may_be_of_pid(std::string_view part) {
  return part.find_first_not_of("<>.0123456789") == part.npos;
}

class listing {
 public:
  listing(const asked& a, std::size_t most)
      : of_(a.of),
        by_(figure_of(a.text("sort"))),
        own_first_(a.text("sort") != "pid"),
        filter_(base::ascii_lower(a.text("filter"))),
        looks_at_pids_(may_be_of_pid(filter_)),
        behaviour_(a.text("behaviour")),
        without_actors_(a.flag("without_actors")),
        most_(most) {}

  void look(process_summary& found) {
    if (!admits(found)) return;
    ++total_;
    if (is_below_all(found)) return;
    const bool of_node = runtime::is_of_node(of_.runtime(), found.pid).value_or(false);
    row one{std::move(found), of_node};
    const auto before = [this](const row& a, const row& b) { return goes_before(a, b); };
    if (kept_.size() < most_) {
      kept_.push_back(std::move(one));
      if (kept_.size() == most_) std::ranges::make_heap(kept_, before);
      return;
    }
    if (!before(one, kept_.front())) return;
    std::ranges::pop_heap(kept_, before);
    kept_.back() = std::move(one);
    std::ranges::push_heap(kept_, before);
  }

  json document() {
    std::ranges::sort(kept_, [this](const auto& a, const auto& b) { return goes_before(a, b); });
    json processes = json::array();
    for (const row& one : kept_) processes.push_back(summary_json(of_.snapshots(), one.of));
    return {{"processes", std::move(processes)}, {"total", total_}};
  }

 private:
  bool admits(const process_summary& one) const {
    if (!behaviour_.empty() && one.is.behaviour != behaviour_) return false;
    if (without_actors_ && !one.is.plugin.empty()) return false;
    return filter_.empty() || contains(one.name, filter_) || contains(one.label, filter_) ||
           contains(one.is.behaviour, filter_) || contains(one.is.plugin, filter_) ||
           (looks_at_pids_ && contains(of_.snapshots().text_of(one.pid), filter_));
  }
  // True for most processes of a large node: nothing else has to be looked up for them.
  bool is_below_all(const process_summary& one) const {
    return by_ != nullptr && kept_.size() == most_ && by_(one) < by_(kept_.front().of);
  }
  bool goes_before(const row& a, const row& b) const {
    if (by_ != nullptr && by_(a.of) != by_(b.of)) return by_(a.of) > by_(b.of);
    if (own_first_ && a.of_node != b.of_node) return b.of_node;
    return a.of.pid.id < b.of.pid.id;
  }

  node::instance& of_;
  figure by_;
  bool own_first_;     // of processes that are equal otherwise, those of the node itself come last
  std::string filter_; // empty: all processes
  bool looks_at_pids_;
  std::string behaviour_;
  bool without_actors_; // no processes that run an actor of a plugin
  std::size_t most_;
  std::vector<row> kept_;
  std::uint64_t total_ = 0;
};

} // namespace

json process_list(const asked& a) {
  const auto limit = a.number("limit");
  listing made(a, limit ? static_cast<std::size_t>(std::clamp<std::uint64_t>(*limit, 1, most_listed))
                        : std::numeric_limits<std::size_t>::max());
  std::vector<process_summary> some;
  for (std::uint32_t next = 1; next != 0;) {
    some.clear();
    next = runtime::some_processes(a.of.runtime(), next, ids_at_once, some);
    for (process_summary& one : some) made.look(one);
  }
  return made.document();
}

} // namespace coppice::control
