// SPDX-License-Identifier: MIT
// Reads the text, and checks its name and its options by kind.
#include "cli/init_entries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/init_arguments.hpp"
#include "cli/plugin_names.hpp"
#include "cli/templates.hpp"

namespace coppice::cli {

namespace {

using json = nlohmann::ordered_json;

void check_language(const tree_entry& one, const std::string& before, std::vector<std::string>& wrong) {
  const auto kinds = template_kinds();
  const auto kind = std::ranges::find(kinds, one.kind, &template_kind::name);
  const auto language = one.options.find("lang");
  if (kind == kinds.end() || language == one.options.end() || !language->is_string()) return;
  if (std::ranges::find(kind->languages, one.language()) != kind->languages.end()) return;
  wrong.push_back(fmt::format("{}there is no template of {} in {}: its languages are {}", before, one.kind,
                              one.language(), fmt::join(kind->languages, ", ")));
}

} // namespace

std::string shown_option(const init_option& one) {
  return "--" + one.option + " '" + one.text + "'";
}

std::optional<tree_entry> read_entry(const init_option& given, const std::string& before,
                                     std::vector<std::string>& wrong) {
  const auto read = parse_written_node(given.text);
  if (!read) {
    wrong.push_back(fmt::format("{}{}; where a shell takes braces, quotes keep them: '{}'", before,
                                read.error(), "PARENT:NAME{key:value}"));
    return std::nullopt;
  }
  tree_entry one{given.option, plugin_name_of(read->parent), plugin_name_of(read->name), read->options};
  for (const auto& [key, value] : given.more.items()) {
    if (one.options.contains(key)) wrong.push_back(fmt::format("{}'{}' is there twice", before, key));
    one.options[key] = value;
  }
  for (const std::string& why : check_plugin_name(read->name))
    wrong.push_back(fmt::format("{}the name '{}' {}", before, read->name, why));
  if (one.options.dump().find('\x7f') != std::string::npos) // not allowed in a configuration
    wrong.push_back(before + "a value has the control character DEL");
  for (const std::string& why : check_options(one.kind, one.options))
    wrong.push_back(fmt::format("{}{}", before, why));
  if (!is_plugin(one.kind) && one.kind != "sup" && !one.parent.empty())
    wrong.push_back(before + "it has no parent");
  if (one.kind == "cron")
    for (const char* key : {"at", "to", "message"})
      if (!one.options.contains(key)) wrong.push_back(fmt::format("{}'{}' is missing", before, key));
  check_language(one, before, wrong);
  return one;
}

} // namespace coppice::cli
