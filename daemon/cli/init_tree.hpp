// SPDX-License-Identifier: MIT
// The tree of a project that `coppice init` makes: what each option adds to it, and the children of its
// supervisors as lines of YAML. Pure.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::cli {

// An application, a supervisor or a plugin's child.
struct tree_entry {
  std::string kind;   // "app", "sup" or a kind of templates.hpp
  std::string parent; // the name of an application or a supervisor; of an application empty
  std::string name;
  nlohmann::ordered_json options;
  std::string language() const { return options.value("lang", "cpp"); }
};

// The names that an entry's processes have, its own first.
std::vector<std::string> process_names(const tree_entry& one);

// The keys that an entry of this kind may have in its braces.
std::vector<std::string_view> option_keys(const std::string& kind);

// What is wrong with the options of an entry of this kind: "there is no option …", "port must be …".
std::vector<std::string> check_options(const std::string& kind, const nlohmann::ordered_json& options);

// `applications:` with all below it; entries stand in the order in which they were given.
std::string applications_yaml(const std::vector<tree_entry>& all);

} // namespace coppice::cli
