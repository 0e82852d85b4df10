// SPDX-License-Identifier: MIT
// One pass over the text that counts brackets outside strings. See json_depth.hpp. Any thread.
#include "base/json_depth.hpp"

namespace coppice::base {

bool nests_deeper(std::string_view json, std::size_t most) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if ((c == '{' || c == '[') && ++depth > most) return true;
    if ((c == '}' || c == ']') && depth != 0) --depth;
  }
  return false;
}

} // namespace coppice::base
