// SPDX-License-Identifier: MIT
// Node names: `alive@host`, at most 255 characters, long (the host has a dot) or short. Nodes of the
// two kinds never connect, so the difference is told in words. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::dist {

// The two halves, borrowed from the name.
struct node_name {
  std::string_view alive;
  std::string_view host;
  // Long names have a dot in the host, or a colon (an IPv6 address).
  bool is_long() const;
};

// Longest node name on the wire: 255 characters of up to four bytes.
inline constexpr std::size_t max_node_name = 1020;

// Bytes of a name that are shown in a sentence; 255 ASCII characters are.
inline constexpr std::size_t longest_shown_name = 255;

// Splits at the only '@'. Fails with errc::invalid when a half is missing, there is a second '@', the
// name is too long, has a space, or is not printable (base/printable.hpp).
base::result<node_name> parse_node_name(std::string_view name);

// ok when both are long or both short; else errc::refused naming both and the remedy.
base::status check_same_kind(std::string_view ours, std::string_view theirs);

} // namespace coppice::dist
