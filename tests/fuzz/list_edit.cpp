// SPDX-License-Identifier: MIT
// An item is added to a list in a YAML text of arbitrary bytes. The result is an error sentence, or a text
// that means what the text meant, with the item added.
// rooms: cli
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cli/list_edit.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string text(reinterpret_cast<const char*>(data), size);
  const cli::list_item item{"- { id: new }\n", "{ id: new }"};
  const auto done = cli::add_to_list(text, {"top", "children"}, {item});
  if (!done) {
    check(!done.error().empty());
    return 0;
  }
  auto before = cli::read_yaml(text), after = cli::read_yaml(*done);
  check(before && after);
  nlohmann::json& list = (*after)["top"]["children"];
  check(list.back() == nlohmann::json{{"id", "new"}});
  list.erase(list.size() - 1);
  nlohmann::json& former = (*before)["top"]["children"];
  if (former.is_null()) former = nlohmann::json::array();
  check(*before == *after);
  return 0;
}
