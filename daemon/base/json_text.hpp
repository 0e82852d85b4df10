// SPDX-License-Identifier: MIT
// JSON as text, for all that the node prints, answers and logs. Strings in it may come from anywhere: a
// peer's term, an environment variable, a file's name. nlohmann's own dump() throws if bytes are not UTF-8;
// here they become U+FFFD. tests/layers.py forbids dump() everywhere else. Any thread.
#pragma once

#include <string>

namespace coppice::base {

// `indent`: spaces for each level; -1: everything on one line.
template <class Json>
std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

} // namespace coppice::base
