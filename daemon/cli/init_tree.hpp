// SPDX-License-Identifier: MIT
// The tree of a project that `coppice init` makes and `coppice add` adds to: what each option may say, and
// what it becomes in lists of the configuration. Pure.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/list_edit.hpp"

namespace coppice::cli {

// What an option can add besides the kinds of templates.hpp, and what that is.
inline constexpr std::string_view other_kinds[] = {"app", "sup", "cron", "events", "logger"};
inline constexpr const char* other_summaries[] = {
    "an application", "a supervisor", "a job that casts to a process at these times", "a named event",
    "a file that the node's log goes to as well"};
// The names of all kinds: those above, then those of templates.hpp.
std::vector<std::string> entry_kinds();
// One of templates.hpp, if there is such a kind at all.
bool is_plugin(std::string_view kind);

struct tree_entry {
  std::string kind;   // of other_kinds, or of templates.hpp
  std::string parent; // the name of an application or a supervisor; empty for those that have none
  std::string name;
  nlohmann::ordered_json options = nlohmann::ordered_json::object();
  // Also while it is not known yet whether the options are right.
  std::string text_of(const char* key, const std::string& otherwise) const {
    const auto found = options.find(key);
    return found != options.end() && found->is_string() ? found->get<std::string>() : otherwise;
  }
  std::string language() const { return text_of("lang", "cpp"); }
};

// The names that an entry takes, no two of which may be the same: those of its processes, its own first.
std::vector<std::string> process_names(const tree_entry& one);

// The keys that an entry of this kind may have in its braces.
std::vector<std::string_view> option_keys(const std::string& kind);

// What is wrong with the options of an entry of this kind: "there is no option …", "port must be …".
std::vector<std::string> check_options(const std::string& kind, const nlohmann::ordered_json& options);

// The items that an entry becomes in the list that it belongs to; below an application or a supervisor stand
// those of `all` that name it as their parent, in the order in which they were given.
std::vector<list_item> tree_items(const tree_entry& one, const std::vector<tree_entry>& all);

// The items of several entries as lines, `by` columns to the right.
std::string list_yaml(const std::vector<tree_entry>& these, const std::vector<tree_entry>& all,
                      std::size_t by);

} // namespace coppice::cli
