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
// those that the format wants, or it has a control sequence that is none of those above.
std::optional<std::string> io_format(etf::bytes format, etf::bytes arguments, std::size_t most);

} // namespace coppice::services
