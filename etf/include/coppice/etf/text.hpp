// SPDX-License-Identifier: MIT
// Terms as text in Erlang's syntax, both ways: parse(print(t)) is t for every term. Text is UTF-8. Forms
// beyond Erlang's syntax that can be parsed: #Pid<'n@h'.Creation.Id.Serial>, #Ref<'n@h'.Creation.W1.W2…>,
// #Port<'n@h'.Creation.Id>, #Fun<base64 of the term>; <0.N.S> is a pid of the local node. Exported funs are
// `fun m:f/1`. Any thread; no recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

struct text_options {
  std::string_view node = "nonode@nohost"; ///< the node of pids written as <0.N.S>
  std::uint32_t creation = 0;
  limits bounds = {};
};

/// Parses one term, with or without a full stop after it. Skips comments (%) and spaces and joins adjacent
/// "strings". Takes all literals: floats, integers in any base, $c, quoted atoms, <<"utf8"/utf8>>, <<1,2:3>>,
/// 16#ff, maps; of OTP 27 triple-quoted strings and the sigils ~, ~b, ~B, ~s, ~S. An error's offset is the
/// column, from 1; if there are several lines, the sentence has the line.
result<std::vector<std::uint8_t>> parse(std::string_view erlang_text, const text_options& options = {});

/// Parts of terms that print() writes as "...", wherever they are in a term.
struct hidden_parts {
  std::span<const std::string_view> keys;   ///< values of maps, by keys that are atoms
  std::span<const std::string_view> pairs;  ///< the second element of {Name, _}, by Name, a binary
  std::span<const std::string_view> tuples; ///< all but the first element, by the first one, an atom
};

struct print_options {
  bool pretty = false;        ///< break lines and indent like ~p
  std::size_t width = 80;     ///< columns, when pretty
  std::string_view node = {}; ///< pids of this node and creation are printed <0.N.S>
  std::uint32_t creation = 0;
  std::size_t most = SIZE_MAX;         ///< characters; longer text ends with "..." and cannot be parsed
  const hidden_parts* hides = nullptr; ///< null: nothing
};

/// `term` (no 131) must have passed validate(). In a broken term "?" replaces everything from the broken
/// place on.
std::string print(bytes term, const print_options& options = {});

/// The atom as in Erlang source: quoted if it must be.
std::string print_atom(std::string_view name);

} // namespace coppice::etf
