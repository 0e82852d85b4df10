// SPDX-License-Identifier: MIT
// See socket_access.hpp.
#include "control/socket_access.hpp"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace coppice::control {

namespace {

constexpr mode_t of_group = 0070;

std::optional<gid_t> group_of(const std::string& name) {
  std::string space(16384, '\0');
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.gr_gid;
}

bool may_give_to(gid_t group) {
  if (geteuid() == 0 || getegid() == group) return true;
  std::vector<gid_t> all(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  all.resize(static_cast<std::size_t>(std::max(getgroups(static_cast<int>(all.size()), all.data()), 0)));
  return std::ranges::find(all, group) != all.end();
}

} // namespace

socket_access access_of_socket(const std::string& group, mode_t mode, const std::string& usual) {
  if (group.empty()) return {std::nullopt, mode};
  // Whoever runs a node for himself has asked for no group.
  const bool asked_for = group != usual;
  const auto found = group_of(group);
  if (found && (asked_for || may_give_to(*found))) return {found, mode};
  base::log::write(asked_for ? base::log::level::warning : base::log::level::info, "control", {},
                   "{} group {}: only its owner may use the control socket",
                   found ? "this user is no member of the" : "there is no", group);
  return {std::nullopt, mode & ~of_group};
}

} // namespace coppice::control
