// SPDX-License-Identifier: MIT
// Reads each entry of the list, and continues after a mistake to find the others.
#include "cli/init_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.hpp"
#include "cli/list_edit.hpp"

namespace coppice::cli {

namespace {

using json = nlohmann::ordered_json;

// Returns the entry's mistake. Empty: none.
std::string read_item(const json& item, const std::vector<std::string_view>& known, init_file& into) {
  if (!item.is_object() || item.empty()) return "it must be a map: the name of an option, and its value";
  const std::string option = item.begin().key();
  const json& value = item.begin().value();
  if (std::ranges::find(known, option) == known.end()) {
    const std::string meant = base::did_you_mean(option, known);
    return fmt::format("there is no option {}: {}", option,
                       meant.empty() ? fmt::format("it is {}", fmt::join(known, ", ")) : meant);
  }
  const bool is_alone = option == "observer" || option == "node";
  if (is_alone && item.size() > 1) return fmt::format("{} has no other keys", option);
  if (option == "observer") {
    if (!value.is_boolean()) return "observer must be true or false";
    into.observer = value.get<bool>();
    return {};
  }
  if (!value.is_string()) return fmt::format("{} must be a text: quotes make one", option);
  if (option == "node") {
    if (!into.node.empty()) return "node is there twice";
    into.node = value.get<std::string>();
    return {};
  }
  init_option one{option, value.get<std::string>()};
  for (auto at = std::next(item.begin()); at != item.end(); ++at) one.more[at.key()] = at.value();
  into.options.push_back(std::move(one));
  return {};
}

} // namespace

init_file read_init_file(const std::string& text) {
  init_file made;
  const auto read = read_yaml_in_order(text);
  made.is_list = read && read->is_array();
  if (!made.is_list) {
    made.wrong.push_back(read ? "1:1: it must be a list" : read.error());
    return made;
  }
  std::vector<std::string_view> known{"node", "observer"};
  const auto kinds = entry_kinds();
  known.insert(known.end(), kinds.begin(), kinds.end());
  for (std::size_t i = 0; i < read->size(); ++i)
    if (const std::string why = read_item((*read)[i], known, made); !why.empty())
      made.wrong.push_back(fmt::format("entry {}: {}", i + 1, why));
  return made;
}

} // namespace coppice::cli
