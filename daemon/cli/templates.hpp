// SPDX-License-Identifier: MIT
// The templates of plugin-api/templates, which are compiled into the program. A plugin's files are those of
// its kind's template, with the plugin's name in place of the template's. The words my_KIND and my_plugin are
// replaced in texts and in paths. Any thread.
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
// The folder in which the crate `coppice` is installed; it replaces my_crate in a template.
std::string_view rust_crate();

// A kind of plugin. Its KIND/README.md has "# my_KIND", an empty line, and a one-line summary.
struct template_kind {
  std::string name;                   // "event-manager"
  std::string summary;                // one line
  std::vector<std::string> languages; // those of "c", "cpp" and "rust" that it has a folder for
};
// Sorted by name.
std::vector<template_kind> template_kinds();

// The build system of the plugin. `project`: the plugin is part of a project of `coppice init`.
enum class builder { meson, cmake, cargo, project };

// The files of a plugin by path in its folder. `name` must be valid by plugin_names.hpp, and the kind must
// have this language.
std::map<std::string, std::string> plugin_files(const template_kind& kind, std::string_view language,
                                                builder with, std::string_view name);

// `text` with words replaced: the first of each pair becomes the second if it is a whole word, or the
// beginning of a word before '_'. A word is a longest run of letters, digits and underscores.
using word_pair = std::pair<std::string, std::string>;
std::string with_words(std::string_view text, std::span<const word_pair> words);

} // namespace coppice::cli
