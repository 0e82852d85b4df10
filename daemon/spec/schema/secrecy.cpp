// SPDX-License-Identifier: MIT
// In a text that is no YAML there is no tree that says below which key a line stands. So a line counts as
// secret if it, or a line above it in the same section, has a word that names a secret.
#include "spec/schema/secrecy.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.hpp"
#include "base/suggest.hpp"

namespace coppice::spec {
namespace {

constexpr std::array<std::string_view, 10> parts{"apikey",    "cookie",   "credential", "passphrase",
                                                 "passwd",    "password", "privatekey", "secret",
                                                 "secretkey", "token"};
constexpr std::array<std::string_view, 3> short_words{"pass", "pw", "pwd"};
constexpr std::size_t longest_key = 100;
constexpr std::size_t longest_section = std::size_t{64} << 10; // bytes; all below counts as secret

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_of_word(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '$';
}

// A cheap test, since every key is tested. False: the key has none of `parts` and `short_words`, each of
// which has a k, a w, an ss or a cr.
bool may_contain_part(std::string_view key) {
  char before = 0;
  for (const char one : key) {
    const char c = base::ascii_lower(one);
    if (c == 'k' || c == 'w' || (c == 's' && before == 's') || (c == 'r' && before == 'c')) return true;
    before = c;
  }
  return false;
}

// The key in lower case, without the characters that join words: "API-Key" is "apikey".
std::string joined(std::string_view key) {
  std::string out;
  for (const char c : key.substr(0, longest_key))
    if (is_of_word(c) && c != '_' && c != '-' && c != '$') out.push_back(base::ascii_lower(c));
  return out;
}

bool mentions_secret(std::string_view text) {
  if (text.find("-----BEGIN ") != text.npos) return true; // the text of a key's file
  for (std::size_t at = 0; at < text.size();) {
    if (!is_of_word(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_of_word(text[end])) ++end;
    if (resembles_secret(text.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

// Whether the line begins with a key of the outermost map: "node:".
bool begins_section(std::string_view line) {
  const std::size_t end = line.find(':');
  if (end == 0 || end == line.npos || !std::ranges::all_of(line.substr(0, end), is_of_word)) return false;
  return end + 1 == line.size() || line[end + 1] == ' ' || line[end + 1] == '\n' || line[end + 1] == '\r';
}

// The end of the text, from the last key of the outermost map on.
std::string_view section_of(std::string_view text) {
  for (std::size_t end = text.size(); end > 0;) {
    const std::size_t found = text.rfind('\n', end - 1);
    // The last character of the text ends its last line.
    const std::size_t begin = found == text.npos ? 0 : found + 1;
    if (begin < text.size() && begins_section(text.substr(begin))) return text.substr(begin);
    if (found == text.npos || text.size() - begin > longest_section) break;
    end = found;
  }
  return text;
}

} // namespace

bool names_secret(std::string_view key) {
  if (!may_contain_part(key)) return false;
  const std::string word = joined(key);
  if (std::ranges::any_of(parts, [&word](std::string_view one) { return word.find(one) != word.npos; }))
    return true;
  // A short word has to be the last word of the key: "smtp_pass", and not "bypass".
  const std::size_t last = key.find_last_of("_-");
  const std::string end = joined(last == key.npos ? key : key.substr(last + 1));
  return std::ranges::find(short_words, end) != short_words.end();
}

bool resembles_secret(std::string_view key) {
  return names_secret(key) || !base::nearest(joined(key), parts).empty();
}

bool any_key(std::string_view path, bool (*is_such)(std::string_view key)) {
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    if (is_such(path.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

std::size_t secret_part(std::string_view before, std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first == line.npos) return line.npos;
  if (!begins_section(line)) {
    const std::string_view above = section_of(before);
    if (above.size() > longest_section || mentions_secret(above)) return first;
  }
  if (!mentions_secret(line)) return line.npos;
  std::size_t key = first;
  while (key < line.size() && (line[key] == '-' || line[key] == ' ')) ++key;
  std::size_t end = key;
  while (end < line.size() && is_of_word(line[end])) ++end;
  return end > key && end < line.size() && line[end] == ':' ? std::min(end + 2, line.size()) : first;
}

} // namespace coppice::spec
