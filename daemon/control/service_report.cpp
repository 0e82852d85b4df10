// SPDX-License-Identifier: MIT
// See service_report.hpp. READY=1 is said once every application has started, whenever that is. A reload
// that begins and ends between two looks is not told to the service manager.
#include "control/service_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/printable.hpp"
#include "control/health.hpp"
#include "control/hidden_terms.hpp"
#include "node/instance/snapshots.hpp"

namespace coppice::control {
namespace {

using node::node_state;

constexpr base::nanos second = base::nanos_per_second;
// How much longer the service manager is asked to wait, each second, while children start or stop.
constexpr base::nanos extension = 20 * second;
constexpr base::nanos calm_pause = 2 * second; // between two looks while nothing is awaited
constexpr std::size_t longest_status = 500;    // bytes

std::vector<std::string> applications_in(const node::node_status& now, std::string_view state) {
  std::vector<std::string> out;
  for (const node::application_status& one : now.applications)
    if (one.state == state) out.push_back(one.name);
  return out;
}

std::string counted(std::size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

// Whether another process may wait for what the node does.
bool busy(const node::node_status& now) {
  return now.state != node_state::running || !applications_in(now, "starting").empty();
}

std::string starting_line(const node::node_status& now) {
  std::string out = fmt::format("starting: {} of {} run", applications_in(now, "running").size(),
                                counted(now.applications.size(), "application"));
  if (const auto at = applications_in(now, "starting"); !at.empty())
    out += fmt::format(", {} {} starting", fmt::join(at, ", "), at.size() == 1 ? "is" : "are");
  return out;
}

std::string stopping_line(const node::node_status& now) {
  if (const auto at = applications_in(now, "stopping"); !at.empty())
    return fmt::format("stopping: {}", fmt::join(at, ", "));
  const auto left = applications_in(now, "running").size();
  return left == 0 ? "stopping: connections and workers" : "stopping: " + counted(left, "application");
}

std::string running_line(const node::node_status& now) {
  std::string out = not_started(now, shown_reason::shape);
  if (out.empty()) {
    const std::size_t running = applications_in(now, "running").size();
    const std::size_t all = now.applications.size();
    out = running == all ? "running: " + counted(all, "application")
                         : fmt::format("running: {} of {}", running, counted(all, "application"));
  }
  if (now.given_up > 0)
    out += fmt::format(", {} {} parked", now.given_up, now.given_up == 1 ? "child" : "children");
  if (!now.off.empty()) out += fmt::format(", {} switched off by hand", now.off.size());
  if (now.on_disk.is == node::configuration_on_disk::verdict::refused)
    out += ", the configuration on disk would be refused";
  for (const std::string* change : {&now.last_apply, &now.last_reload})
    if (!change->empty()) out += "; " + without_term(without_mistake(*change));
  return out;
}

} // namespace

std::string status_line(const node::node_status& now) {
  std::string out;
  switch (now.state) {
    case node_state::starting:
      out = starting_line(now);
      break;
    case node_state::running:
      out = running_line(now);
      break;
    case node_state::reloading:
      out = "reloading";
      break;
    case node_state::stopping:
      out = stopping_line(now);
      break;
  }
  for (const complaint& one : lives(now)) out += fmt::format("; {} {} makes no progress", one.what, one.name);
  out = base::printable(out);
  if (out.size() > longest_status) {
    std::size_t end = longest_status;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out = out.substr(0, end) + "…";
  }
  return out;
}

std::string service_report::next(const node::node_status& now, base::nanos at) {
  next_ = said_;
  std::string out;
  const bool reloading = now.state == node_state::reloading;
  if (now.state == node_state::stopping && !said_.stopping) {
    next_.stopping = true;
    out += "STOPPING=1\n";
  }
  if (!said_.ready && !reloading && not_started(now).empty()) {
    next_.ready = true;
    out += "READY=1\n";
  }
  if (said_.ready && reloading != said_.reloading && now.state != node_state::stopping) {
    next_.reloading = reloading;
    out += reloading ? fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", at / 1000) : "READY=1\n";
  }
  next_.status = status_line(now);
  if (next_.status != said_.status) out += "STATUS=" + next_.status + "\n";
  const bool alive = lives(now).empty();
  // A node that starts or stops, and makes progress, is given time. A node that has started and is not ready
  // is not.
  if (busy(now) && alive && (said_.extended == 0 || at - said_.extended >= second)) {
    next_.extended = at;
    out += fmt::format("EXTEND_TIMEOUT_USEC={}\n", extension / 1000);
  }
  // A stop has a time limit of its own, also when a worker does not come back.
  if (watchdog_ > 0 && (alive || now.state == node_state::stopping) &&
      (said_.alive == 0 || at - said_.alive >= std::min(second, watchdog_ / 4))) {
    next_.alive = at;
    out += "WATCHDOG=1\n";
  }
  return out;
}

std::chrono::milliseconds service_report::pause(const node::node_status& now) const {
  base::nanos out = busy(now) ? second / 10 : calm_pause;
  if (watchdog_ > 0) out = std::min(out, watchdog_ / 4);
  return std::chrono::milliseconds(std::max<base::nanos>(out / base::nanos_per_ms, 1));
}

std::function<std::chrono::milliseconds()> reports_of(const node::instance& of,
                                                      const node::service_manager& manager) {
  if (!manager.listens()) return {};
  return [&of, &manager, report = service_report(manager.watchdog())]() mutable {
    const node::node_status now = of.snapshots().status_with_disk();
    const std::string lines = report.next(now, base::mono_now());
    if (!lines.empty() && manager.tell(lines)) report.taken();
    return report.pause(now);
  };
}

} // namespace coppice::control
