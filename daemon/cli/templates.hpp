// SPDX-License-Identifier: MIT
// The templates of plugin-api/templates, which are part of the program, and what a plugin of a kind consists
// of: the template's files with the author's name in place of the template's. A template's words are my_KIND
// and my_plugin, which are replaced in paths too. Any thread.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::cli {

// A file of plugin-api/templates: its path there, with slashes, and its bytes.
struct template_file {
  std::string_view path;
  std::string_view text;
};
std::span<const template_file> template_files();
// The folder in which the crate `coppice` is installed; my_crate in a template.
std::string_view rust_crate();

// A kind of plugin, KIND/README.md: "# my_KIND", an empty line, a line that says what it is.
struct template_kind {
  std::string name;                   // "event-manager"
  std::string summary;                // one line
  std::vector<std::string> languages; // "c", "cpp", "rust": those that it has a folder for
};
// Sorted by name.
std::vector<template_kind> template_kinds();

// What builds the plugin. `project`: a project of `coppice init` that it is part of.
enum class builder { meson, cmake, cargo, project };

// The files of a plugin by their path in its folder. `name` is a plugin's name as plugin_names.hpp checks it;
// the kind has this language.
std::map<std::string, std::string> plugin_files(const template_kind& kind, std::string_view language,
                                                builder with, std::string_view name);

// `text` with other words: of each pair the first is replaced by the second, where it is a word or the begin
// of one and '_' follows. A word is a longest run of letters, digits and underscores.
using word_pair = std::pair<std::string, std::string>;
std::string with_words(std::string_view text, std::span<const word_pair> words);

} // namespace coppice::cli
