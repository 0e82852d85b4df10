// SPDX-License-Identifier: MIT
// Besides the kind's folder, a plugin gets files of the folder `project` that are the same for all kinds:
// LANGUAGE-BUILDER/, and README-BUILDER.md, which is appended to the kind's README.md.
#include "cli/templates.hpp"

#include <algorithm>
#include <cctype>

namespace coppice::cli {

namespace {

constexpr std::string_view project = "project";

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view builder_word(builder with) {
  switch (with) {
    case builder::meson:
      return "meson";
    case builder::cmake:
      return "cmake";
    case builder::cargo:
      return "cargo";
    case builder::project:
      break;
  }
  return "project";
}

// The third line of "# my_KIND", "", "Summary.".
std::string_view summary_of(std::string_view readme) {
  const std::size_t begin = std::min(readme.find("\n\n"), readme.size() - 2) + 2;
  return readme.substr(begin, readme.find('\n', begin) - begin);
}

std::string_view text_of(const std::string& path) {
  for (const template_file& one : template_files())
    if (one.path == path) return one.text;
  return {};
}

} // namespace

std::vector<template_kind> template_kinds() {
  std::vector<template_kind> kinds;
  for (const template_file& one : template_files()) {
    const std::size_t slash = one.path.find('/');
    const std::string_view folder = one.path.substr(0, slash);
    if (folder == project) continue;
    if (kinds.empty() || kinds.back().name != folder) kinds.push_back({std::string(folder), {}, {}});
    template_kind& kind = kinds.back();
    const std::string_view rest = one.path.substr(slash + 1);
    if (const std::size_t end = rest.find('/'); end != rest.npos) {
      const std::string language(rest.substr(0, end));
      if (std::ranges::find(kind.languages, language) == kind.languages.end())
        kind.languages.push_back(language);
    } else if (rest == "README.md") {
      kind.summary = summary_of(one.text);
    }
  }
  std::ranges::sort(kinds, {}, &template_kind::name);
  return kinds;
}

std::string with_words(std::string_view text, std::span<const word_pair> words) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    while (at < text.size() && in_word(text[at])) ++at;
    const std::string_view word = text.substr(begin, at - begin);
    const auto found = std::ranges::find_if(words, [word](const word_pair& one) {
      return word.starts_with(one.first) &&
             (word.size() == one.first.size() || word[one.first.size()] == '_');
    });
    if (found == words.end())
      out += word;
    else
      out += found->second + std::string(word.substr(found->first.size()));
    if (at < text.size()) out += text[at++];
  }
  return out;
}

std::map<std::string, std::string> plugin_files(const template_kind& kind, std::string_view language,
                                                builder with, std::string_view name) {
  std::string own = "my_" + kind.name;
  std::ranges::replace(own, '-', '_');
  const std::string to(name);
  const word_pair words[] = {{own, to}, {"my_plugin", to}, {"my_crate", std::string(rust_crate())}};
  const std::string folders[] = {
      kind.name + "/" + std::string(language) + "/",
      std::string(project) + "/" + std::string(language) + "-" + std::string(builder_word(with)) + "/"};
  std::map<std::string, std::string> files;
  for (const std::string& folder : folders)
    for (const template_file& one : template_files())
      if (one.path.starts_with(folder))
        files[with_words(one.path.substr(folder.size()), words)] = with_words(one.text, words);
  const std::string readme =
      std::string(text_of(kind.name + "/README.md")) +
      std::string(text_of(std::string(project) + "/README-" + std::string(builder_word(with)) + ".md"));
  files["README.md"] = with_words(readme, words);
  return files;
}

} // namespace coppice::cli
