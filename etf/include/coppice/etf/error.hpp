// SPDX-License-Identifier: MIT
// Errors of the ETF library: a code, the offset and tag where reading stopped, and a sentence. An error is
// only built after a failure, so it may own memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <coppice/etf/result.hpp>

namespace coppice::etf {

enum class errc : std::uint8_t {
  truncated, ///< the bytes end inside a term, or a count promises more than is left
  bad_tag, ///< no such tag, or one that is not allowed here (compressed or cached inside a term, local funs)
  bad_value,     ///< a tag whose content breaks the format: NaN, bad UTF-8, a fun's size, …
  too_deep,      ///< limits::depth
  too_large,     ///< limits::bytes or limits::atom_characters
  trailing,      ///< bytes after the term
  mismatch,      ///< a valid term that does not have the target type's shape
  duplicate_key, ///< a map has a key twice
  syntax,        ///< Erlang text that does not parse; `offset` is the column, from 1
  out_of_memory, ///< a writer could not grow
};

namespace detail {

/// Concatenates. For `"…" + std::string(…)` g++ 12 warns at -O3 where it is inlined (-Wrestrict, GCC bug
/// 105651), also in a plugin's files.
inline std::string concatenated(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all.append(part.data(), part.size());
  return all;
}

} // namespace detail

struct error {
  errc code = errc::bad_value;
  std::size_t offset = 0; ///< bytes from the start of the input; a 1-based column in text
  std::uint8_t tag = 0;   ///< the tag at that place; 0: none
  std::string what;       ///< what was expected: a sentence without the place

  /// The whole sentence: "expected an atom at byte 12 (tag 97)".
  std::string text() const {
    using detail::concatenated;
    if (code == errc::mismatch || code == errc::out_of_memory) return what;
    if (code == errc::syntax) return concatenated({what, " at column ", std::to_string(offset)});
    if (tag == 0) return concatenated({what, " at byte ", std::to_string(offset)});
    return concatenated(
        {what, " at byte ", std::to_string(offset), " (tag ", std::to_string(std::size_t{tag}), ")"});
  }
};

template <class T>
using result = expected<T, error>;

inline unexpected<error> fail(errc code, std::size_t offset, std::uint8_t tag, std::string what) {
  return unexpected<error>(error{code, offset, tag, std::move(what)});
}

} // namespace coppice::etf
