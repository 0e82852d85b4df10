// SPDX-License-Identifier: MIT
// See writable.hpp.
#include "node/environment/writable.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace coppice::node {
namespace {

constexpr std::uint64_t least = 64 * 1024; // bytes

std::string words(int error) {
  return std::generic_category().message(error);
}

} // namespace

std::string why_unwritable(const std::string& folder) {
  std::filesystem::path at = folder;
  while (access(at.c_str(), W_OK | X_OK) != 0) {
    if (errno != ENOENT || !at.has_relative_path()) return words(errno);
    at = at.parent_path();
    if (at.empty()) at = ".";
  }
  struct statvfs disk {};
  if (statvfs(at.c_str(), &disk) != 0) return words(errno);
  if ((disk.f_flag & ST_RDONLY) != 0) return words(EROFS);
  const std::uint64_t left = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (left < least) return fmt::format("{} bytes are left on its disk", left);
  // Some file systems make inodes as they are needed, and report 0 of 0.
  if (disk.f_files != 0 && disk.f_favail == 0) return "its disk has room for no other file";
  return {};
}

} // namespace coppice::node
