// SPDX-License-Identifier: MIT
// How deep a JSON text nests, told before a parser sees it: the library parses without recursion, but copies
// and prints with it. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace coppice::base {

// Whether objects and lists in it lie more than `most` deep in one another. Of what is no JSON the part
// counts that could be its beginning.
bool nests_deeper(std::string_view json, std::size_t most);

} // namespace coppice::base
