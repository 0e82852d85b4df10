// SPDX-License-Identifier: MIT
// After kernel auth.erl: twenty capital letters; printable ASCII; trailing newlines and blanks are ignored.
// If the configuration names no source, the cookie is the systemd credential named `cookie`, otherwise the
// user's file: ~/.erlang.cookie, or erlang/.erlang.cookie in the configuration folder if the first is absent
// and the second exists. Blocks.
#include "node/environment/cookie.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/secret_word.hpp"

namespace coppice::node {
namespace {

constexpr std::size_t erlang_length = 20;
constexpr std::size_t token_length = 32;
constexpr const char* usual_credential = "cookie"; // the credential that is used if no source is configured

struct kind {
  std::string noun;
  std::size_t length; // of a secret that is made
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

// Warns if the word is short.
base::result<std::string> looked_at(base::result<std::string> word, std::string_view where, const kind& of) {
  if (word && word->size() < base::short_secret_word)
    base::log::warning("node", "{}: the {} is short ({} characters) and may be guessed", where, of.noun,
                       word->size());
  return word;
}

base::result<std::string> checked(std::string text, const std::string& where, const kind& of) {
  return looked_at(base::secret_word(std::move(text), where, of.noun), where, of);
}

std::string random_letters(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(static_cast<char>('A' + base::random_below(26)));
  }
  return out;
}

// If two nodes start at once, one makes the file and the other reads it.
base::result<std::string> make_file(const std::string& path, const kind& of) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    if (auto made = base::make_folders(path.substr(0, slash), 0700); !made) return unexpected(made.error());
  }
  const std::string value = random_letters(of.length);
  if (auto written = base::write_new_file_atomic(path, value, 0600); !written) {
    if (written.error().code == base::errc::exists) return base::read_secret_word(path, of.noun);
    return unexpected(std::move(written.error()).context(of.noun + " file"));
  }
  base::log::info("node", "{}: made, with a new {}", path, of.noun);
  return value;
}

base::result<cookie> from_file(const std::string& path, const kind& of) {
  auto word = base::read_secret_word(path, of.noun);
  if (!word && word.error().code == base::errc::not_found) word = make_file(path, of);
  auto value = looked_at(std::move(word), base::secret_word_place(path, of.noun), of);
  if (!value) return unexpected(std::move(value.error()));
  return cookie{std::move(*value), path};
}

// The text in place of a name may be the cookie itself, so an error, which begins with the noun, does not
// repeat it.
std::string without_name(std::string text, const std::string& name, const kind& of) {
  const std::string named = name + ":";
  for (std::size_t at = of.noun.size() + 1; (at = text.find(named, at)) != std::string::npos; ++at)
    text.replace(at, name.size(), "…");
  return text;
}

base::result<cookie> from_credential(const std::string& name, const kind& of) {
  auto text = base::read_secret({base::secret::source::credential, name, of.noun, 0, 0});
  if (!text) return base::fail(text.error().code, without_name(std::move(text.error().text), name, of));
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
      return base::fail(base::errc::not_found,
                        of.noun + ": the environment has no variable of the name that `env` says");
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
  // A client cannot send the blanks before it.
  return found->value.substr(found->value.find_first_not_of(' '));
}

} // namespace coppice::node
