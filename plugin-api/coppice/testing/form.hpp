// SPDX-License-Identifier: MIT
// The form of a saved state: the keys of a map, the arity and tag of a tuple, or the kind of any other term.
// Two codes that have the same state version have to save the same form. Any thread.
#pragma once

#include <set>
#include <string>

#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

struct form {
  std::string kind;
  std::set<std::string> keys; ///< of a map all of whose keys are atoms, as a struct's are

  friend bool operator==(const form&, const form&) = default;
};

/// The change that the code makes to the form that it has read, as the beginning of a sentence. Empty: none.
std::string change_of_form(const value& before, const value& now);

} // namespace coppice::testing::detail
