// SPDX-License-Identifier: MIT
// Turns names that people give to plugins into valid ones: "My-Actor" and "MyActor" become my_actor. A
// plugin's name is an atom without quotes, an identifier of C and C++, a file name, and a target of Meson and
// CMake. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coppice::cli {

// Lower case; a dash, a dot, blanks and the boundary before a capital become one underscore.
std::string plugin_name_of(std::string_view written);

// All mistakes in a name as written, each a sentence without the name at its beginning: "must …".
std::vector<std::string> check_plugin_name(std::string_view written);

} // namespace coppice::cli
