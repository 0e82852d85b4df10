// SPDX-License-Identifier: MIT
// See workload.hpp: the workloads by their names.
// rooms: node
#include "workload.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace coppice::simulated {
namespace {

constexpr std::array<std::string_view, 6> names{"calls", "casts", "watches", "mixed", "raft", "saga"};

} // namespace

bool is_workload(std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string workload_names() {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::unique_ptr<workload> make_workload(std::string_view name) {
  if (name.empty()) name = names[draw_below(names.size())];
  if (!is_workload(name)) return nullptr;
  if (name == "raft") return make_group();
  if (name == "saga") return make_bank();
  return make_traffic(name);
}

} // namespace coppice::simulated
