// SPDX-License-Identifier: MIT
// See secret.hpp. Credentials are files that systemd has made and whose permissions systemd sets, so those
// are not checked.
#include "base/secret.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/open_files.hpp"

namespace coppice::base {
namespace {

result<std::string> read_file_of(const secret& of, const std::string& path) {
  const auto file = open_regular_file(path);
  if (!file) return unexpected(file.error());
  if (of.from == secret::source::file && (file->mode & S_IRWXO) != 0)
    return fail(errc::refused, fmt::format("{}: every user of the machine may access it (mode {:o} now): "
                                           "chmod o= {}",
                                           path, file->mode & 0777U, path));
  auto text = read_all(file->fd.get(), path, most_of_secret);
  if (!text) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->empty()) return fail(errc::invalid, path + ": is empty");
  return text;
}

result<std::string> path_of(const secret& of) {
  const bool is_file = of.from == secret::source::file;
  if (!can_name_secret(of.from, of.name))
    return fail(errc::invalid,
                of.name + (is_file ? ": is no absolute path" : ": is no name of a credential"));
  if (is_file) return of.name;
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder != nullptr && *folder != 0) return std::string(folder) + "/" + of.name;
  return fail(errc::not_found, "credential " + of.name +
                                   ": no CREDENTIALS_DIRECTORY: not started by systemd with LoadCredential");
}

} // namespace

bool can_name_secret(secret::source from, std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return false;
  if (from == secret::source::file) return name.starts_with('/');
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

result<std::string> read_secret(const secret& of) {
  auto path = path_of(of);
  if (!path) return unexpected(std::move(path.error()).context(of.at));
  auto text = read_file_of(of, *path);
  if (!text) return unexpected(std::move(text.error()).context(of.at));
  return text;
}

} // namespace coppice::base
