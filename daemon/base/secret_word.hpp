// SPDX-License-Identifier: MIT
// Reads a cookie or a token: one line of printable ASCII, often in a file of its own. A start of the node and
// the check of a configuration read such a file by the same function, so that what one takes the other takes.
// No error contains the word. Reading blocks. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::base {

inline constexpr std::size_t longest_secret_word = 8192; // bytes of the file
inline constexpr std::size_t short_secret_word = 12;     // characters; a word with fewer may be guessed

// `text` without the newlines and blanks at its end. `where`: begins the error; `noun`: "cookie" or "token".
// errc::invalid: it is empty, or has other than printable ASCII characters.
result<std::string> secret_word(std::string text, std::string_view where, std::string_view noun);

// "cookie file PATH", as errors about it begin.
std::string secret_word_place(const std::string& path, std::string_view noun);

// The word in a file. errc::not_found: there is no such file. errc::refused: others than its owner may access
// it. errc::invalid: as secret_word(), or it is no regular file, or a link to nothing. errc::limit: it is too
// large. errc::system.
result<std::string> read_secret_word(const std::string& path, std::string_view noun);

} // namespace coppice::base
