// SPDX-License-Identifier: MIT
// See workload.hpp: makes workloads by their names.
// rooms: node
#include "workload.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace coppice::simulated {
namespace {

// The workloads of plain actors come first.
constexpr std::array<std::string_view, 20> names{
    "calls",  "casts",  "watches", "mixed",   "raft",  "saga",  "changes",   "events", "jobs",     "pg",
    "stages", "statem", "web",     "streams", "dials", "talks", "datagrams", "pools",  "managers", "global"};
constexpr std::size_t plain = 4;
constexpr std::string_view by_name_alone = "hours"; // no seed chooses it

// Chooses the workloads of plain actors together three times as often as each other one, because all others
// use the same mechanisms. Always makes the same number of draws.
std::string_view any() {
  constexpr std::uint64_t shares = 3;
  const std::uint64_t one = draw_below(names.size() - plain + shares);
  const std::uint64_t of_plain = draw_below(plain);
  return one < shares ? names[of_plain] : names[plain + one - shares];
}

unsigned host_bound = most_hosts;

} // namespace

void bound_hosts(unsigned most) {
  host_bound = most;
}

unsigned bounded_hosts(unsigned drawn, unsigned least) {
  return std::max(least, std::min(drawn, host_bound));
}

unsigned draw_hosts(unsigned least, unsigned most) {
  return bounded_hosts(least + static_cast<unsigned>(draw_below(most - least + 1)), least);
}

bool is_workload(std::string_view name) {
  return name == by_name_alone || std::ranges::find(names, name) != names.end();
}

std::string workload_names() {
  return fmt::format("{}, {}", fmt::join(names, ", "), by_name_alone);
}

std::string_view choose_workload(std::string_view wanted) {
  const std::string_view drawn = any();
  return wanted.empty() ? drawn : wanted;
}

std::unique_ptr<workload> make_workload(std::string_view name) {
  if (name == "raft") return make_group();
  if (name == "saga") return make_bank();
  if (name == "changes") return make_changes();
  if (name == "events") return make_events();
  if (name == "jobs") return make_jobs();
  if (name == "pg") return make_process_groups();
  if (name == "stages") return make_stages();
  if (name == "statem") return make_state_machines();
  if (name == "web") return make_sites();
  if (name == "streams") return make_ports();
  if (name == "dials") return make_dials();
  if (name == "talks") return make_talks();
  if (name == "datagrams") return make_datagrams();
  if (name == "pools") return make_pools();
  if (name == "managers") return make_managers();
  if (name == "global") return make_global_names();
  if (name == by_name_alone) return make_hours();
  return make_traffic(name);
}

} // namespace coppice::simulated
