// SPDX-License-Identifier: MIT
// Several documents into one tree: later files over earlier ones, `--set` over all. Values keep the place
// they were written at. The trees given are not changed. One thread.
#pragma once

#include <string_view>

#include "spec/report.hpp"
#include "spec/tree.hpp"

namespace coppice::spec {

// Maps key by key, `applications` one list after the other, any other value by `over`.
node* merge(node* under, node* over, tree& into);

// Puts `value` at `path` (keys joined by dots; in a list an index, or an element's name or id), making
// maps that are missing. nullptr, with the error reported at `at`, if the path leads nowhere.
node* put(node* root, std::string_view path, node* value, tree& into, const place& at, report& to);

} // namespace coppice::spec
