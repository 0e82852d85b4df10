// SPDX-License-Identifier: MIT
// See socket_access.hpp.
#include "control/socket_access.hpp"

#include <grp.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/log.hpp"

namespace coppice::control {

namespace {

std::optional<gid_t> group_of(const std::string& name) {
  std::string space(16384, '\0');
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.gr_gid;
}

// The same mode, in which the group's users have at most the rights of all users.
mode_t without_group(mode_t mode) {
  return mode & (0707 | (mode & 0007) << 3);
}

} // namespace

net::unix_place place_of_socket(std::string path, mode_t mode, const std::string& group,
                                const std::string& usual) {
  net::unix_place at{std::move(path), mode};
  if (group.empty()) return at;
  // A user who runs a private node has not asked for the usual group.
  const bool asked_for = group != usual;
  at.group = group_of(group);
  if (!at.group) {
    at.mode = without_group(mode);
    base::log::write(asked_for ? base::log::level::warning : base::log::level::info, "control", {},
                     "there is no group {}: the mode of the control socket is {:04o}", group, at.mode);
  } else if (!asked_for) {
    at.mode_without_group = without_group(mode);
  }
  return at;
}

base::result<caller> caller_at(int socket) {
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
    return base::fail_errno("the kernel does not tell who connects", errno);
  return caller{who.uid, who.pid};
}

} // namespace coppice::control
