// SPDX-License-Identifier: MIT
// The values Erlang text has a spelling of their own for, one file each; containers are text_parse.cpp's.
// Each function is called where its value begins, and passes it or refuses (text_reader.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <coppice/etf/term.hpp>

#include "text_reader.hpp"

namespace coppice::etf {

/// 1, -2, 16#ff, 1.5e3, $c (text_number.cpp).
bool read_number(text_reader& in, term& out);
/// "a" "b", """…""", ~b"a", ~s(a) (text_string.cpp).
bool read_string(text_reader& in, term& out);
bool read_sigil(text_reader& in, term& out);
/// <<1, 2:3, "text"/utf8>> (text_binary.cpp).
bool read_binary(text_reader& in, term& out);
/// <0.1.2> (text_identity.cpp).
bool read_local_pid(text_reader& in, term& out);
/// #Pid<…>, #Port<…>, #Ref<…>, #Fun<…>
bool read_identity(text_reader& in, term& out);

} // namespace coppice::etf
