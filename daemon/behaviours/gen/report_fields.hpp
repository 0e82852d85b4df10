// SPDX-License-Identifier: MIT
// Writes the pairs of a map that an engine shows to people: an atom as the key, then a value. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::behaviours::report {

inline void number(runtime::message_writer& out, std::string_view key, std::uint64_t value) {
  out.atom(key);
  out.unsigned_integer(value);
}

// The atom true or false.
inline void flag(runtime::message_writer& out, std::string_view key, bool value) {
  out.atom(key);
  out.boolean(value);
}

// A binary.
inline void text(runtime::message_writer& out, std::string_view key, std::string_view value) {
  out.atom(key);
  out.binary(value);
}

} // namespace coppice::behaviours::report
