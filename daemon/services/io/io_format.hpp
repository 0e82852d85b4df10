// SPDX-License-Identifier: MIT
// io_lib:format/2: ~w ~p ~s ~c ~b ~f ~i ~n ~~ with field width, precision, padding and the modifiers t and l.
// A ~p is written in one line. Any other control sequence, also ~b of another base than ten, is written as it
// stands, its value in parentheses after it. Pure; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <optional>
#include <string>

namespace coppice::services {

// In UTF-8, hardly longer than `most` bytes, after which it may end anywhere. Nothing: the arguments are not
// those that the format wants, or it has more characters than formats have. The time and memory that it takes
// follow from `most`, but for passing over arguments.
std::optional<std::string> io_format(etf::bytes format, etf::bytes arguments, std::size_t most);

} // namespace coppice::services
