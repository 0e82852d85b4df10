// SPDX-License-Identifier: MIT
// A folder with plugins, and functions that load configurations as if they were files in that folder.
#pragma once

#include <string>

#include "paths.hpp"
#include "spec/load.hpp"
#include "temporary_folder.hpp"

namespace coppice::test {

class spec_folder : public temporary_folder {
 public:
  spec_folder() {
    for (std::string name :
         {"bell", "board", "drafty", "flow", "group", "kv", "latch", "pair", "purse", "sorter", "wire"})
      write("plugins/" + name + ".so", read_file(std::string(spec_fixture_folder) + "/spec-" + name + ".so"));
  }

  spec::outcome load(const std::string& yaml, const spec::load_options& options = {}) const {
    return spec::load_text(yaml, "node.yaml", path(), options);
  }

  // All diagnostics as `coppice check` shows them.
  std::string errors(const std::string& yaml, const spec::load_options& options = {}) const {
    return spec::render(load(yaml, options).diagnostics);
  }

  // An application with these children. Each line must be indented by at least six spaces.
  std::string tree_errors(const std::string& children) const { return errors(head + children); }
  spec::outcome load_tree(const std::string& children) const { return load(head + children); }

  // Nine lines: the first child is on line 10.
  static constexpr const char* head =
      "node:\n"
      "  name: n@127.0.0.1\n"
      "plugins:\n"
      "  path: [plugins]\n"
      "applications:\n"
      "  - name: demo\n"
      "    supervisor:\n"
      "      name: top\n"
      "      children:\n";
};

} // namespace coppice::test
