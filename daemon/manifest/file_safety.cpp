// SPDX-License-Identifier: MIT
// Who could have put other code into a file that the node is about to load: everyone who may write to
// it or to a folder above it. Judges the real path, so that a link to an unsafe place is unsafe.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "manifest/manifest.hpp"

namespace coppice::manifest {
namespace {

base::status check_one(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return base::fail_errno(path, errno);
  const char* what = S_ISDIR(status.st_mode) ? "the folder " : "";
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return base::fail(base::errc::refused, what + path + " belongs to user " + std::to_string(status.st_uid) +
                                               ", not to root or us");
  bool sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if (!sticky && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return base::fail(base::errc::refused, what + path + " is writable by " +
                                               ((status.st_mode & S_IWOTH) ? "everyone" : "its group"));
  return {};
}

} // namespace

base::status check_file_safety(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) return base::fail_errno(path, errno);
  const std::string real = resolved.get();
  if (auto done = check_one("/"); !done) return done;
  for (std::size_t slash = real.find('/', 1); slash != std::string::npos; slash = real.find('/', slash + 1))
    if (auto done = check_one(real.substr(0, slash)); !done) return done;
  return check_one(real);
}

} // namespace coppice::manifest
