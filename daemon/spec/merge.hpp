// SPDX-License-Identifier: MIT
// Merges several documents into one tree: later files override earlier ones, `--set` overrides all. Values
// keep the place they were written at. The trees given are not changed. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// A value that another value has replaced.
struct replaced {
  std::string path; // keys joined by dots
  place by;
  place under;
};

// Merges maps key by key, joins the lists `applications`, `events` and `cron.jobs`, and replaces any other
// value by the one in `over`. `path`: the keys that lead to both, joined by dots.
node* merge(node* under, node* over, yaml_tree& into, std::vector<replaced>& notes,
            const std::string& path = {});

// Puts `value` at `path` (keys joined by dots; in a list an index, or an element's name or id), making
// maps that are missing. nullptr, with the error reported at `at`, if the path leads nowhere.
node* put(node* root, std::string_view path, node* value, yaml_tree& into, const place& at,
          std::vector<replaced>& notes, report& to);

} // namespace coppice::spec
