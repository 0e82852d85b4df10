// SPDX-License-Identifier: MIT
// After kernel auth.erl: twenty capital letters; printable ASCII; trailing newlines and blanks are ignored.
// If the configuration names no source, the cookie is the systemd credential named `cookie`, otherwise the
// user's file: ~/.erlang.cookie, or erlang/.erlang.cookie in the configuration folder if the first is absent
// and the second exists. Blocks.
#include "node/environment/cookie.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/open_files.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"

namespace coppice::node {
namespace {

constexpr std::size_t longest = 8192;
constexpr std::size_t erlang_length = 20;
constexpr std::size_t token_length = 32;
constexpr std::size_t short_length = 12;
constexpr const char* usual_credential = "cookie"; // the credential that is used if no source is configured

struct kind {
  std::string noun;
  std::size_t length; // of one that is made
};
const kind of_cookie{"cookie", erlang_length};
const kind of_token{"token", token_length};

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

base::result<std::string> checked(std::string text, const std::string& where, const kind& of) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.empty())
    return base::fail(base::errc::invalid, fmt::format("{}: the {} is empty", where, of.noun));
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable)
    return base::fail(base::errc::invalid,
                      fmt::format("{}: a {} has printable ASCII characters only", where, of.noun));
  if (text.size() < short_length) {
    base::log::warning("node", "{}: the {} is short ({} characters) and may be guessed", where, of.noun,
                       text.size());
  }
  return text;
}

std::string random_letters(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(static_cast<char>('A' + base::random_below(26)));
  }
  return out;
}

// errc::not_found: there is no such file. errc::refused: others than its owner may access it.
base::result<std::string> read_private_file(const std::string& path, const std::string& where) {
  auto file = base::open_regular_file(path);
  if (!file) return unexpected(std::move(file.error()).context(where));
  if ((file->mode & (S_IRWXG | S_IRWXO)) != 0) {
    return base::fail(base::errc::refused,
                      fmt::format("{}: must be accessible by its owner only (mode {:o} now): chmod 600 {}",
                                  where, file->mode & 0777U, path));
  }
  return base::read_all(file->fd.get(), path, longest);
}

// If two nodes start at once, one makes the file and the other reads it.
base::result<std::string> make_file(const std::string& path, const std::string& where, const kind& of) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    if (auto made = base::make_folders(path.substr(0, slash), 0700); !made) return unexpected(made.error());
  }
  const std::string value = random_letters(of.length);
  if (auto written = base::write_new_file_atomic(path, value, 0600); !written) {
    if (written.error().code == base::errc::exists) return read_private_file(path, where);
    return unexpected(std::move(written.error()).context(of.noun + " file"));
  }
  base::log::info("node", "{}: made, with a new {}", path, of.noun);
  return value;
}

base::result<cookie> from_file(const std::string& path, const kind& of) {
  const std::string where = of.noun + " file " + path;
  auto text = read_private_file(path, where);
  if (!text && text.error().code == base::errc::not_found) text = make_file(path, where, of);
  if (!text) return unexpected(std::move(text.error()));
  auto value = checked(std::move(*text), where, of);
  if (!value) return unexpected(value.error());
  return cookie{std::move(*value), path};
}

base::result<cookie> from_credential(const std::string& name, const kind& of) {
  auto text = base::read_secret({base::secret::source::credential, name, of.noun, 0, 0});
  if (!text) return unexpected(std::move(text.error()));
  auto value = checked(std::move(*text), "credential " + name, of);
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
  return from_file(only_other ? other : usual, of_cookie);
}

base::result<cookie> from_source(const spec::cookie_source& source, const kind& of) {
  if (source.file) return from_file(*source.file, of);
  if (source.env) {
    const char* const value = std::getenv(source.env->c_str());
    if (value == nullptr) {
      return base::fail(base::errc::not_found, of.noun + ": the environment has no " + *source.env);
    }
    auto text = checked(value, of.noun + " from " + *source.env, of);
    if (!text) return unexpected(text.error());
    return cookie{std::move(*text), {}};
  }
  return from_credential(source.credential.value_or(""), of);
}

bool is_set(const spec::cookie_source& source) {
  return source.file || source.env || source.credential;
}

} // namespace

base::result<cookie> find_cookie(const spec::cookie_source& source) {
  if (is_set(source)) return from_source(source, of_cookie);
  const std::string folder = environment("CREDENTIALS_DIRECTORY"); // of systemd's credentials; empty: none
  const bool is_given = !folder.empty() && access((folder + "/" + usual_credential).c_str(), F_OK) == 0;
  return is_given ? from_credential(usual_credential, of_cookie) : of_user();
}

base::result<std::string> find_token(const spec::cookie_source& source) {
  if (!is_set(source)) return std::string();
  auto found = from_source(source, of_token);
  if (!found) return unexpected(std::move(found.error()));
  return std::move(found->value);
}

} // namespace coppice::node
