// SPDX-License-Identifier: MIT
// io_lib:format/2: ~w ~p ~s ~c ~b ~f ~i ~n ~~ with field width, precision, padding and the modifiers t and l.
// ~p writes one line. Any other control sequence, also ~b with another base than ten, is written literally,
// with its value in parentheses. In the process's own turn.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "services/answers/portions.hpp"

namespace coppice::services {

// Returns UTF-8 of about `most` bytes at most, and may stop anywhere after that. Empty: the arguments do not
// match the format, or the format is too long. Memory is bounded by `most`. May yield, so the bytes of the
// arguments have to be the process's own.
std::optional<std::string> io_format(etf::bytes format, etf::bytes arguments, std::size_t most,
                                     portions& work);

} // namespace coppice::services
