// SPDX-License-Identifier: MIT
// After kernel auth.erl: twenty capital letters; printable ASCII; trailing newlines and blanks are ignored.
// If the configuration names no source, the cookie is the systemd credential named `cookie`, otherwise the
// user's file: ~/.erlang.cookie, or erlang/.erlang.cookie in the configuration folder if the first is absent
// and the second exists. Blocks.
#include "node/environment/cookie.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/random.hpp"

namespace coppice::node {
namespace {

constexpr std::size_t longest = 8192;
constexpr std::size_t erlang_length = 20;
constexpr std::size_t short_length = 12;
constexpr const char* usual_credential = "cookie"; // the credential that is used if no source is configured

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

base::result<std::string> home_folder() {
  std::string home = environment("HOME");
  if (!home.empty()) return home;
  const passwd* const user = getpwuid(geteuid());
  if (user != nullptr && user->pw_dir != nullptr && *user->pw_dir != 0) return std::string(user->pw_dir);
  return base::fail(base::errc::not_found,
                    "cookie: neither HOME nor the user database names a home folder: set node.cookie");
}

base::result<std::string> checked(std::string text, const std::string& where) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.empty()) return base::fail(base::errc::invalid, where + ": the cookie is empty");
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable)
    return base::fail(base::errc::invalid, where + ": a cookie has printable ASCII characters only");
  if (text.size() < short_length) {
    base::log::warning("node", "{}: the cookie is short ({} characters) and may be guessed", where,
                       text.size());
  }
  return text;
}

std::string random_cookie() {
  std::string out;
  for (std::size_t i = 0; i < erlang_length; ++i) {
    out.push_back(static_cast<char>('A' + base::random_below(26)));
  }
  return out;
}

// If two nodes start at once, one makes the file and the other reads it.
base::result<std::string> make_file(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    if (auto made = base::make_folders(path.substr(0, slash), 0700); !made) return unexpected(made.error());
  }
  const std::string value = random_cookie();
  if (auto written = base::write_new_file_atomic(path, value, 0600); !written) {
    if (written.error().code == base::errc::exists) return base::read_file(path, longest);
    return unexpected(std::move(written.error()).context("cookie file"));
  }
  base::log::info("node", "{}: made, with a new cookie", path);
  return value;
}

base::result<cookie> from_file(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) return base::fail_errno("cookie file " + path, errno);
    auto made = make_file(path);
    if (!made) return unexpected(made.error());
    auto value = checked(std::move(*made), "cookie file " + path);
    if (!value) return unexpected(value.error());
    return cookie{std::move(*value), path};
  }
  if (!S_ISREG(found.st_mode))
    return base::fail(base::errc::refused, "cookie file " + path + ": is no regular file");
  if ((found.st_mode & 077) != 0) {
    return base::fail(
        base::errc::refused,
        fmt::format("cookie file {}: must be accessible by its owner only (mode {:o} now): chmod 600 {}",
                    path, found.st_mode & 0777, path));
  }
  auto text = base::read_file(path, longest);
  if (!text) return unexpected(text.error());
  auto value = checked(std::move(*text), "cookie file " + path);
  if (!value) return unexpected(value.error());
  return cookie{std::move(*value), path};
}

base::result<cookie> from_credential(const std::string& folder, const std::string& name) {
  auto text = base::read_file(folder + "/" + name, longest);
  if (!text) return unexpected(text.error());
  auto value = checked(std::move(*text), "credential " + name);
  if (!value) return unexpected(value.error());
  return cookie{std::move(*value), {}};
}

base::result<cookie> of_user() {
  auto home = home_folder();
  if (!home) return unexpected(home.error());
  const std::string usual = *home + "/.erlang.cookie";
  const std::string folder = environment("XDG_CONFIG_HOME");
  const std::string other = (folder.empty() ? *home + "/.config" : folder) + "/erlang/.erlang.cookie";
  const bool only_other = access(usual.c_str(), F_OK) != 0 && access(other.c_str(), F_OK) == 0;
  return from_file(only_other ? other : usual);
}

} // namespace

base::result<cookie> find_cookie(const spec::cookie_source& source) {
  if (source.file) return from_file(*source.file);
  if (source.env) {
    const char* const value = std::getenv(source.env->c_str());
    if (value == nullptr) {
      return base::fail(base::errc::not_found, "cookie: the environment has no " + *source.env);
    }
    auto text = checked(value, "cookie from " + *source.env);
    if (!text) return unexpected(text.error());
    return cookie{std::move(*text), {}};
  }
  const std::string folder = environment("CREDENTIALS_DIRECTORY");
  if (!source.credential) {
    const bool is_given = !folder.empty() && access((folder + "/" + usual_credential).c_str(), F_OK) == 0;
    return is_given ? from_credential(folder, usual_credential) : of_user();
  }
  if (folder.empty()) {
    return base::fail(base::errc::not_found, "cookie: credential " + *source.credential +
                                                 ": no CREDENTIALS_DIRECTORY: not started by systemd with "
                                                 "LoadCredential");
  }
  return from_credential(folder, *source.credential);
}

} // namespace coppice::node
