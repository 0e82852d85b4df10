// SPDX-License-Identifier: MIT
// Converts names, and compares them with tables of words that are taken.
#include "cli/plugin_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "spec/schema/names.hpp"

namespace coppice::cli {

namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool separates(char c) {
  return c == '-' || c == '.' || c == ' ' || c == '\t' || c == '_';
}

// Keywords of C11 and C++20, except for those with capitals.
constexpr std::string_view keywords[] = {"alignas",
                                         "alignof",
                                         "and",
                                         "and_eq",
                                         "asm",
                                         "auto",
                                         "bitand",
                                         "bitor",
                                         "bool",
                                         "break",
                                         "case",
                                         "catch",
                                         "char",
                                         "char16_t",
                                         "char32_t",
                                         "char8_t",
                                         "class",
                                         "co_await",
                                         "co_return",
                                         "co_yield",
                                         "compl",
                                         "concept",
                                         "const",
                                         "const_cast",
                                         "consteval",
                                         "constexpr",
                                         "constinit",
                                         "continue",
                                         "decltype",
                                         "default",
                                         "delete",
                                         "do",
                                         "double",
                                         "dynamic_cast",
                                         "else",
                                         "enum",
                                         "explicit",
                                         "export",
                                         "extern",
                                         "false",
                                         "float",
                                         "for",
                                         "friend",
                                         "goto",
                                         "if",
                                         "inline",
                                         "int",
                                         "long",
                                         "mutable",
                                         "namespace",
                                         "new",
                                         "noexcept",
                                         "not",
                                         "not_eq",
                                         "nullptr",
                                         "operator",
                                         "or",
                                         "or_eq",
                                         "private",
                                         "protected",
                                         "public",
                                         "register",
                                         "reinterpret_cast",
                                         "requires",
                                         "restrict",
                                         "return",
                                         "short",
                                         "signed",
                                         "sizeof",
                                         "static",
                                         "static_assert",
                                         "static_cast",
                                         "struct",
                                         "switch",
                                         "template",
                                         "this",
                                         "thread_local",
                                         "throw",
                                         "true",
                                         "try",
                                         "typedef",
                                         "typeid",
                                         "typename",
                                         "union",
                                         "unsigned",
                                         "using",
                                         "virtual",
                                         "void",
                                         "volatile",
                                         "wchar_t",
                                         "while",
                                         "xor",
                                         "xor_eq"};
// Words of Erlang that need quotes as atoms.
constexpr std::string_view erlang_words[] = {"after", "andalso", "band",   "begin",   "bnot", "bor", "bsl",
                                             "bsr",   "bxor",    "cond",   "div",     "end",  "fun", "let",
                                             "maybe", "of",      "orelse", "receive", "rem",  "when"};
// Words that no configuration takes as the name of a process or an application.
constexpr std::string_view nameless[] = {"null", "undefined"};
// Targets that Meson, CMake and cargo define themselves, and crates of Rust's standard library.
constexpr std::string_view targets[] = {
    "all",           "benchmark",   "clean",   "core",    "coverage",       "dist",  "distcheck",
    "edit_cache",    "help",        "install", "package", "package_source", "phony", "preinstall",
    "rebuild_cache", "reconfigure", "std",     "test",    "uninstall"};

template <std::size_t Size>
bool among(const std::string_view (&words)[Size], std::string_view name) {
  return std::ranges::find(words, name) != std::end(words);
}

// The first character that a plugin's name cannot have, as whole UTF-8. '/' is reported separately.
std::string_view strange_in(std::string_view written) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (is_lower(c) || is_upper(c) || is_digit(c) || separates(c) || c == '/') continue;
    std::size_t end = i + 1;
    while (end < written.size() && (static_cast<unsigned char>(written[end]) & 0xC0) == 0x80) ++end;
    return written.substr(i, end - i);
  }
  return {};
}

} // namespace

std::string plugin_name_of(std::string_view written) {
  std::string name;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (separates(c)) {
      if (!name.empty() && name.back() != '_') name += '_';
      continue;
    }
    if (is_upper(c)) {
      // Splits before the first capital of a word, and before the last of several: HTTPServer becomes
      // http_server.
      const bool after_small = i > 0 && (is_lower(written[i - 1]) || is_digit(written[i - 1]));
      const bool before_small =
          i > 0 && is_upper(written[i - 1]) && i + 1 < written.size() && is_lower(written[i + 1]);
      if ((after_small || before_small) && name.back() != '_') name += '_';
      name += static_cast<char>(c - 'A' + 'a');
    } else {
      name += c;
    }
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

std::vector<std::string> check_plugin_name(std::string_view written) {
  std::vector<std::string> wrong;
  const std::string name = plugin_name_of(written);
  if (name.empty()) return {"must have a letter"};
  // An option in the place of a name, which was forgotten.
  if (written.starts_with("--")) wrong.emplace_back("must begin with a letter");
  const bool path = written.find('/') != written.npos || written.find("..") != written.npos;
  if (path) wrong.emplace_back("must be a name and no path: the folder is an argument of its own");
  const std::string_view strange = strange_in(written);
  if (!strange.empty())
    wrong.push_back(fmt::format("must have letters from a to z, digits and underscores, not '{}'", strange));
  if (is_digit(name.front())) wrong.emplace_back("must begin with a letter");
  if (name.size() > spec::longest_plugin_word)
    wrong.push_back(
        fmt::format("must have at most {} bytes, not {}", spec::longest_plugin_word, name.size()));
  if (among(keywords, name)) wrong.push_back(fmt::format("must be no word of C or C++, as {} is", name));
  if (among(erlang_words, name)) wrong.push_back(fmt::format("must be no word of Erlang, as {} is", name));
  if (among(nameless, name))
    wrong.push_back(fmt::format("must not be {}, which names nothing in a configuration", name));
  if (among(targets, name))
    wrong.push_back(fmt::format("must be none that a build tool has for itself, as {} is", name));
  return wrong;
}

} // namespace coppice::cli
