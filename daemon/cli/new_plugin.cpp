// SPDX-License-Identifier: MIT
// Kinds and languages are those of the templates in the program. A name is checked before anything is
// written.
#include "cli/new_plugin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/suggest.hpp"
#include "cli/generated.hpp"
#include "cli/plugin_names.hpp"
#include "cli/render.hpp"
#include "cli/templates.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

struct parameters {
  bool list = false;
  std::string kind, name, folder;
  std::string language = "cpp";
  bool cmake = false;
  writing_options writing;
};

std::vector<std::string_view> names_of(const std::vector<template_kind>& kinds) {
  std::vector<std::string_view> names;
  for (const template_kind& one : kinds) names.push_back(one.name);
  return names;
}

api::exit_code list(bool as_json) {
  json document = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const template_kind& one : template_kinds()) {
    document.push_back({{"kind", one.name}, {"languages", one.languages}, {"summary", one.summary}});
    rows.push_back({one.name, fmt::format("{}", fmt::join(one.languages, ", ")), one.summary});
  }
  if (as_json)
    print_json({{"kinds", document}});
  else
    print(table(rows));
  return api::exit_code::done;
}

std::string unknown_kind(const std::string& kind, const std::vector<template_kind>& kinds) {
  const auto known = names_of(kinds);
  const std::string meant = base::did_you_mean(kind, known);
  return fmt::format("there is no kind {}: {}", kind,
                     meant.empty() ? fmt::format("it is {}", fmt::join(known, ", ")) : meant);
}

std::string next_lines(builder with, const std::string& folder) {
  const char* const commands =
      with == builder::meson   ? "meson setup build && ninja -C build && meson test -C build"
      : with == builder::cmake ? "cmake -B build && cmake --build build && ctest --test-dir build"
                               : "cargo test --offline && cargo build --offline --release";
  return fmt::format("next: cd {} && {}\n", shell_word(folder), commands);
}

api::exit_code make(const parameters& p, bool as_json) {
  const std::string what = "new " + p.kind + " " + p.name;
  std::vector<std::string> mistakes;
  const auto kinds = template_kinds();
  const auto kind = std::ranges::find(kinds, p.kind, &template_kind::name);
  if (kind == kinds.end())
    mistakes.push_back(unknown_kind(p.kind, kinds));
  else if (std::ranges::find(kind->languages, p.language) == kind->languages.end())
    mistakes.push_back(fmt::format("there is no template of {} in {}: its languages are {}", p.kind,
                                   p.language, fmt::join(kind->languages, ", ")));
  if (p.cmake && p.language == "rust") mistakes.emplace_back("--cmake is for c and cpp: cargo builds rust");
  for (const std::string& wrong : check_plugin_name(p.name))
    mistakes.push_back(fmt::format("the name '{}' {}", p.name, wrong));
  if (!mistakes.empty()) return refuse_all(what, mistakes);

  const std::string name = plugin_name_of(p.name);
  const std::string folder = p.folder.empty() ? name : p.folder;
  const builder with = p.language == "rust" ? builder::cargo : p.cmake ? builder::cmake : builder::meson;
  return write_and_list(what, folder, plugin_files(*kind, p.language, with, name), p.writing, as_json,
                        {{"kind", p.kind}, {"name", name}, {"language", p.language}},
                        next_lines(with, folder));
}

} // namespace

void declare_new(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  auto p = std::make_shared<parameters>();
  CLI::App* command =
      app.add_subcommand("new", "makes a plugin of a template: its source, its test, what builds it");
  const auto kinds = template_kinds();
  // CLI11 does not check it: a wrong kind is reported together with a wrong name.
  command->add_option("kind", p->kind, "what it is; --list says more")
      ->type_name(fmt::format("TEXT:{{{}}}", fmt::join(names_of(kinds), ",")));
  command->add_option("plugin-name", p->name, "its name: MyActor and my-actor become my_actor");
  command->add_option("dir", p->folder, "the folder that is made; its name without one");
  command->add_option("--lang", p->language, "the language")
      ->check(CLI::IsMember({"c", "cpp", "rust"}))
      ->capture_default_str();
  command->add_flag("--cmake", p->cmake, "a CMakeLists.txt in place of a meson.build");
  command->add_flag("--list", p->list, "show the kinds and their languages");
  add_writing_options(*command, p->writing);
  command->callback([&common, &run, p] {
    if (!p->list && p->kind.empty()) throw CLI::RequiredError("new: KIND and NAME (or --list)");
    if (!p->list && p->name.empty()) throw CLI::RequiredError("new: NAME");
    run = [&common, p] { return p->list ? list(common.json) : make(*p, common.json); };
  });
}

} // namespace coppice::cli
