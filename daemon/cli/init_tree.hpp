// SPDX-License-Identifier: MIT
// The tree of a project that `coppice init` makes and `coppice add` extends: which options an entry may have,
// and which items it becomes in lists of the configuration. Pure.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/list_edit.hpp"

namespace coppice::cli {

// Kinds of entries besides those of templates.hpp, and their descriptions.
inline constexpr std::string_view other_kinds[] = {"app", "sup", "cron", "events", "logger"};
inline constexpr const char* other_summaries[] = {
    "an application", "a supervisor", "a job that casts to a process at these times", "a named event",
    "a file that the node's log goes to as well"};
// The names of all kinds: other_kinds, then those of templates.hpp.
std::vector<std::string> entry_kinds();
// Whether it is a kind of templates.hpp.
bool is_plugin(std::string_view kind);

struct tree_entry {
  std::string kind;   // of other_kinds, or of templates.hpp
  std::string parent; // the name of an application or a supervisor. Empty: none
  std::string name;
  nlohmann::ordered_json options = nlohmann::ordered_json::object();
  // May be called before the options are checked.
  std::string text_of(const char* key, const std::string& otherwise) const {
    const auto found = options.find(key);
    return found != options.end() && found->is_string() ? found->get<std::string>() : otherwise;
  }
  std::string language() const { return text_of("lang", "cpp"); }
};

// The names that an entry uses, which must be unique: those of its processes, the entry's own first.
std::vector<std::string> process_names(const tree_entry& one);

// The keys that an entry of this kind may have in its braces.
std::vector<std::string_view> option_keys(const std::string& kind);

// All mistakes in the options of an entry of this kind: "there is no option …", "port must be …".
std::vector<std::string> check_options(const std::string& kind, const nlohmann::ordered_json& options);

// A node's name with its host: 127.0.0.1 if `written` has none.
std::string whole_node_name(const std::string& written);

// The items that an entry becomes in its list. An application or a supervisor contains the items of those
// entries of `all` that name it as their parent, in their order. `node`: the name of the configuration's
// node, with or without its host.
std::vector<list_item> tree_items(const tree_entry& one, const std::vector<tree_entry>& all,
                                  const std::string& node);

// The items of several entries as lines, indented by `by` columns.
std::string list_yaml(const std::vector<tree_entry>& these, const std::vector<tree_entry>& all,
                      const std::string& node, std::size_t by);

} // namespace coppice::cli
