// SPDX-License-Identifier: MIT
// How deep a JSON text nests, found before it is parsed. The JSON library parses without recursion, but
// copies and prints recursively, so deep texts have to be refused. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace coppice::base {

// Whether objects and lists in the text nest more than `most` deep. If the text is no JSON, the part that
// could begin one counts.
bool nests_deeper(std::string_view json, std::size_t most);

} // namespace coppice::base
