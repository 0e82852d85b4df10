// SPDX-License-Identifier: MIT
// Names that people give to plugins. "My-Actor" and "MyActor" become my_actor: a plugin's name is an atom
// that needs no quotes, an identifier of C and C++, a file's name and a target of Meson and CMake. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coppice::cli {

// As long as a name may be: object files of a plugin have it in theirs, beside 20 characters more.
inline constexpr std::size_t longest_plugin_name = 200; // bytes

// Lower case; a dash, a dot, blanks and the border before a capital become one underscore.
std::string plugin_name_of(std::string_view written);

// All that is wrong with a name that somebody has written, each a sentence without the name in front: "must
// …".
std::vector<std::string> check_plugin_name(std::string_view written);

} // namespace coppice::cli
