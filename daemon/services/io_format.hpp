// SPDX-License-Identifier: MIT
// io_lib:format/2: ~w ~p ~s ~c ~b ~B ~+ ~# ~x ~X ~f ~i ~n ~~ with field width, precision, padding and the
// modifier t. A ~p is written in one line. Pure; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <optional>
#include <string>

namespace coppice::services {

// In UTF-8, hardly longer than `most` bytes, after which it may end anywhere. Nothing: the arguments are not
// those that the format wants, or it has a control sequence that is none of those above, or more characters
// than formats have. The time and memory that it takes follow from `most`, but for passing over arguments.
std::optional<std::string> io_format(etf::bytes format, etf::bytes arguments, std::size_t most);

} // namespace coppice::services
