// SPDX-License-Identifier: MIT
// See secrets.hpp. Recursion is as deep as the YAML tree, whose depth is bounded; the terms were written from
// such a tree.
#include "spec/schema/secrets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <coppice/etf/cursor.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/bytes.hpp"
#include "base/suggest.hpp"
#include "spec/schema/scalar.hpp"

namespace coppice::spec {
namespace {

constexpr std::array<std::string_view, 2> marker_keys{base::secret_file_key, base::secret_credential_key};

bool is_marker_key(std::string_view key) {
  return std::ranges::find(marker_keys, key) != marker_keys.end();
}

base::secret::source source_of(std::string_view key) {
  return key == base::secret_file_key ? base::secret::source::file : base::secret::source::credential;
}

// The first key of a map that is the key of a marker; nullptr: none.
const node* marker_key(const node& map) {
  for (std::size_t i = 0; map.is_map() && i + 1 < map.items.size(); i += 2)
    if (is_marker_key(map.items[i]->text)) return map.items[i];
  return nullptr;
}

bool is_text(const node& value) {
  return value.what == node::kind::scalar && std::holds_alternative<std::string_view>(resolve(value));
}

// Whether a key below could be the key of a marker, even a misspelt one. Paths are made only in this rare
// case.
bool mentions_secrets(const node& from) {
  const bool is_map = from.is_map();
  for (std::size_t i = 0; i < from.items.size(); ++i) {
    const bool is_key = is_map && i % 2 == 0;
    if (is_key ? from.items[i]->text.starts_with('$') : mentions_secrets(*from.items[i])) return true;
  }
  return false;
}

// Calls `use` with each value below `from` and its path. A marker is passed as a whole, without its value.
template <class Use>
void each_value(const node& from, const std::string& path, const Use& use) {
  const bool is_map = from.is_map();
  for (std::size_t i = is_map ? 1 : 0; i < from.items.size(); i += is_map ? 2 : 1) {
    const node& one = *from.items[i];
    const std::string below =
        is_map ? path + "." + printable(from.items[i - 1]->text) : fmt::format("{}[{}]", path, i);
    use(one, below);
    if (marker_key(one) == nullptr) each_value(one, below, use);
  }
}

void check_marker(report& to, const node& map, const node& key, const std::string& path) {
  if (map.items.size() != 2)
    return to.error(map.at, path + ": a secret is a map with one key, $file or $credential");
  const node& value = *map.items[1];
  if (!is_text(value) || value.text.empty())
    return to.error(value.at, fmt::format("{}.{}: expected {}", path, key.text,
                                          key.text == base::secret_file_key ? "the path of a file"
                                                                            : "the name of a credential"));
  if (value.text.find('\0') != std::string::npos)
    return to.error(value.at, fmt::format("{}.{}: must not contain a zero byte", path, key.text));
  const base::secret::source from = source_of(key.text);
  if (base::can_name_secret(from, value.text)) return;
  to.error(value.at,
           fmt::format("{}.{}: must be {}", path, key.text,
                       from == base::secret::source::file ? "an absolute path"
                                                          : "a credential's name, without a slash"));
}

// Why an actor could not get this file as it is now, and the remedy; empty: it could. A text that cannot
// name a file is an error elsewhere and is not shown: it may be the secret itself.
std::pair<std::string, std::string> problem_of(const std::string& path) {
  if (!base::can_name_secret(base::secret::source::file, path)) return {};
  struct stat is {};
  const bool there = stat(path.c_str(), &is) == 0;
  if ((!there && errno == EACCES) || (there && faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0))
    return {not_looked_at(path), std::string(not_looked_at_hint)};
  if (!there && (errno == ENOENT || errno == ENOTDIR))
    return {fmt::format("there is no file {}", path), "without it the actor does not start"};
  if (!there) return {fmt::format("{} cannot be looked at", path), {}};
  if (!S_ISREG(is.st_mode)) return {path + " is no regular file", "the actor does not start with it"};
  if ((is.st_mode & S_IRWXO) != 0)
    return {fmt::format("every user of the machine may access {}", path),
            "the actor does not start with it: chmod o= " + path};
  // Other mistakes that a start finds, such as an empty file.
  const auto text = base::read_secret({base::secret::source::file, path, "file", 0, 0});
  if (!text) return {text.error().text, "the actor does not start with it"};
  return {};
}

// Finds the markers in a term, with their places.
class finder {
 public:
  explicit finder(etf::bytes whole) : whole_(whole) {}

  void value(etf::bytes term, const std::string& path) {
    etf::cursor at(term);
    std::uint32_t count = 0;
    if (auto found = marker(term)) {
      found->at = path;
      found->offset = static_cast<std::size_t>(term.data() - whole_.data());
      found->size = term.size();
      out_.all.push_back(std::move(*found));
    } else if (at.peek() == etf::kind::map && at.read_map(count)) {
      pairs(at, count, path);
    } else if (etf::bytes text; !at.read_string(text) && at.read_list(count)) {
      etf::bytes one;
      for (std::uint32_t i = 0; i < count && at.read_term(one); ++i)
        value(one, fmt::format("{}[{}]", path, i));
    }
  }

  void pairs(etf::cursor& at, std::uint32_t count, const std::string& path) {
    etf::bytes one;
    for (std::string_view key; count > 0 && at.read_atom(key) && at.read_term(one); --count)
      value(one, path + "." + printable(key));
  }

  base::secrets take() { return std::move(out_); }

 private:
  static std::optional<base::secret> marker(etf::bytes term) {
    etf::cursor at(term);
    std::uint32_t count = 0;
    std::string_view key;
    etf::bytes text;
    if (at.peek() != etf::kind::map || !at.read_map(count) || count != 1 || !at.read_atom(key) ||
        !is_marker_key(key) || !at.read_binary(text))
      return std::nullopt;
    return base::secret{source_of(key), std::string(base::as_text(text)), {}, 0, 0};
  }

  etf::bytes whole_;
  base::secrets out_;
};

} // namespace

bool is_secret(const node& value) {
  return value.is_map() && value.items.size() == 2 && is_marker_key(value.items[0]->text) &&
         is_text(*value.items[1]);
}

void check_secrets(report& to, const node& args) {
  if (!mentions_secrets(args)) return;
  if (const node* const key = marker_key(args))
    to.error(key->at, "args: a secret stands for one value in args, not for all of them",
             "args: { password: { " + key->text + ": … } }");
  each_value(args, "args", [&to](const node& one, const std::string& path) {
    if (const node* const key = marker_key(one)) return check_marker(to, one, *key, path);
    if (!one.is_map() || one.items.size() != 2 || !one.items[0]->text.starts_with('$')) return;
    const std::string hint = base::did_you_mean(one.items[0]->text, marker_keys);
    if (!hint.empty()) to.warning(one.items[0]->at, path + ": is no secret but a map", hint);
  });
}

bool has_marker(const nlohmann::json& value) {
  if (value.is_object() && value.size() == 1 && is_marker_key(value.begin().key()) &&
      value.begin()->is_string())
    return true;
  return value.is_structured() && std::ranges::any_of(value, has_marker);
}

void refuse_secrets(report& to, const node& map) {
  if (!mentions_secrets(map)) return;
  const auto refuse = [&to](const node& one, const std::string&) {
    if (const node* const key = marker_key(one))
      to.error(key->at, in_quotes(key->text) + ": a secret can stand only in the args of children",
               "actors that jobs start and the environment of an application take none");
  };
  refuse(map, {});
  each_value(map, {}, refuse);
}

void look_at_secrets(report& to, const node& args) {
  if (!mentions_secrets(args)) return;
  each_value(args, "args", [&](const node& one, const std::string& path) {
    if (!is_secret(one) || one.items[0]->text != base::secret_file_key) return;
    const node& file = *one.items[1];
    auto [problem, remedy] = problem_of(file.text);
    if (!problem.empty()) to.warning(file.at, path + ": " + problem, std::move(remedy));
  });
}

base::secrets_ptr find_secrets(std::span<const std::uint8_t> args) {
  const std::string_view all = base::as_text(args);
  if (std::ranges::none_of(marker_keys, [all](std::string_view key) { return all.find(key) != all.npos; }))
    return nullptr;
  etf::cursor at(args);
  std::uint32_t count = 0;
  if (!at.read_map(count)) return nullptr;
  finder look(args);
  look.pairs(at, count, "args");
  base::secrets found = look.take();
  return found.all.empty() ? nullptr : std::make_shared<const base::secrets>(std::move(found));
}

std::string not_looked_at(const std::string& path) {
  return fmt::format("{} was not looked at: the user {} may not read it", path, geteuid());
}

} // namespace coppice::spec
