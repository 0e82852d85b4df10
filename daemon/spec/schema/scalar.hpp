// SPDX-License-Identifier: MIT
// What a scalar's text means: YAML 1.2's core rules for plain ones, and the two units of our own,
// durations (10ms 5s 2m 1h) and sizes (64KiB 1MB). Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "spec/schema/tree.hpp"

namespace coppice::spec {

// A whole number that may be larger than either type alone can hold.
struct whole_number {
  bool negative = false;
  std::uint64_t magnitude = 0;
  std::optional<std::int64_t> as_signed() const;
};

// A scalar with its type. The text is borrowed from the node.
struct too_large {}; // a number outside of 64 bits, or of a double
using scalar_value = std::variant<std::nullptr_t, bool, whole_number, double, std::string_view, too_large>;

// The value of a null or scalar node.
scalar_value resolve(const node&);

// "the number 5", "'abc'", "a list", "nothing": for "expected X, found Y". For a secret only its kind: "a
// text".
std::string describe(const node&);

// The scalar's text in quotes. For a secret: "what stands there".
std::string quoted(const node& scalar);

// At most ten digits and a unit. nullopt: not a duration.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view);
std::string print_duration(std::chrono::milliseconds);

// Bytes; at most twelve digits and a unit. nullopt: not a size, or above 2^63.
std::optional<std::uint64_t> parse_size(std::string_view);
std::string print_size(std::uint64_t);

inline constexpr const char* duration_pattern = "^[0-9]{1,10}(ms|s|m|h)$";
inline constexpr const char* size_pattern = "^[0-9]{1,12}(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$";

} // namespace coppice::spec
