// SPDX-License-Identifier: MIT
// JSON as text, for all that the node prints, answers and logs. Texts in it may have come from anywhere: a
// peer's term, an environment variable, a file's name. nlohmann's own dump() throws for bytes that are not
// UTF-8; here they become U+FFFD. tests/layers.py refuses dump() everywhere else. Any thread.
#pragma once

#include <string>

namespace coppice::base {

// `indent`: spaces a level; -1: everything on one line.
template <class Json>
std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

} // namespace coppice::base
