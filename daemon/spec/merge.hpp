// SPDX-License-Identifier: MIT
// Several documents into one tree: later files over earlier ones, `--set` over all. Values keep the place
// they were written at. The trees given are not changed. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// A value that another took the place of.
struct replaced {
  std::string path; // keys joined by dots
  place by;
  place under;
};

// Maps key by key, `applications` one list after the other, any other value by `over`; `path` is where they
// lie.
node* merge(node* under, node* over, yaml_tree& into, std::vector<replaced>& notes,
            const std::string& path = {});

// Puts `value` at `path` (keys joined by dots; in a list an index, or an element's name or id), making
// maps that are missing. nullptr, with the error reported at `at`, if the path leads nowhere.
node* put(node* root, std::string_view path, node* value, yaml_tree& into, const place& at,
          std::vector<replaced>& notes, report& to);

} // namespace coppice::spec
