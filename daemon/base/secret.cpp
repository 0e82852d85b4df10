// SPDX-License-Identifier: MIT
// See secret.hpp. Files are opened non-blocking, so that a pipe with that name blocks no thread. Credentials
// are files that systemd has made and whose permissions systemd sets, so those are not checked.
#include "base/secret.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.hpp"
#include "base/open_files.hpp"

namespace coppice::base {
namespace {

result<std::string> read_file_of(const secret& of, const std::string& path) {
  const auto fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return unexpected(fd.error());
  struct stat is {};
  if (fstat(fd->get(), &is) != 0) return fail_errno("stat " + path, errno);
  if (!S_ISREG(is.st_mode)) return fail(errc::invalid, path + ": is no regular file");
  if (of.from == secret::source::file && (is.st_mode & S_IRWXO) != 0)
    return fail(errc::refused, fmt::format("{}: every user of the machine may access it (mode {:o} now): "
                                           "chmod o= {}",
                                           path, is.st_mode & 0777U, path));
  auto text = read_all(fd->get(), path, most_of_secret);
  if (!text) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->empty()) return fail(errc::invalid, path + ": is empty");
  return text;
}

result<std::string> path_of(const secret& of) {
  if (of.from == secret::source::file && of.name.starts_with('/')) return of.name;
  if (of.from == secret::source::file) return fail(errc::invalid, of.name + ": is no absolute path");
  if (of.name.find('/') != std::string::npos || of.name == "." || of.name == "..")
    return fail(errc::invalid, of.name + ": is no name of a credential");
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder != nullptr && *folder != 0) return std::string(folder) + "/" + of.name;
  return fail(errc::not_found, "credential " + of.name +
                                   ": no CREDENTIALS_DIRECTORY: not started by systemd with LoadCredential");
}

} // namespace

result<std::string> read_secret(const secret& of) {
  auto path = path_of(of);
  if (!path) return unexpected(std::move(path.error()).context(of.at));
  auto text = read_file_of(of, *path);
  if (!text) return unexpected(std::move(text.error()).context(of.at));
  return text;
}

} // namespace coppice::base
