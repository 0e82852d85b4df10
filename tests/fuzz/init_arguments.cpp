// SPDX-License-Identifier: MIT
// Arguments of `coppice init` and `add` under arbitrary bytes: the option's name up to the first line end,
// then its text. It is refused with a sentence, or becomes items that are YAML, the same in both layouts,
// with the names of the entry.
// rooms: cli
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>

#include "base/bytes.hpp"
#include "cli/init_entries.hpp"
#include "cli/templates.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string all(base::as_text({data, size}));
  const std::size_t cut = std::min(all.find('\n'), all.size());
  const std::string option = all.substr(0, cut);
  const auto kinds = cli::template_kinds();
  if (std::ranges::find(kinds, option, &cli::template_kind::name) == kinds.end() &&
      std::ranges::find(cli::other_kinds, option) == std::end(cli::other_kinds))
    return 0;
  std::vector<std::string> wrong;
  const auto read = cli::read_entry({option, all.substr(std::min(cut + 1, all.size()))}, "", wrong);
  for (const std::string& why : wrong) check(!why.empty());
  check(read || !wrong.empty());
  if (read) check(!cli::process_names(*read).empty() && !read->language().empty());
  if (!wrong.empty()) return 0;
  const auto items = cli::tree_items(*read, {}, "shop");
  check(!items.empty() && !cli::process_names(*read).empty());
  for (const cli::list_item& one : items) {
    const auto block = cli::read_yaml(one.block);
    const auto flow = cli::read_yaml("[ " + one.flow + " ]\n");
    check(block && flow && *block == *flow && block->size() == 1);
  }
  return 0;
}
