// SPDX-License-Identifier: MIT
// Node names: `alive@host`, at most 255 characters. A name is long if its host has a dot or a colon, else
// short. Nodes with long and with short names never connect to each other, so the error says which is which.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::dist {

// The two parts, borrowed from the name.
struct node_name {
  std::string_view alive;
  std::string_view host;
  // A host with a dot, or with a colon (an IPv6 address), makes the name long.
  bool is_long() const;
};

// The longest node name on the wire, in bytes: 255 characters of up to four bytes.
inline constexpr std::size_t max_node_name = 1020;

// Most bytes of a name that are shown in an error text; enough for 255 ASCII characters.
inline constexpr std::size_t longest_shown_name = 255;

// Splits the name at its only '@'. errc::invalid: a part is missing, there is a second '@', the name is too
// long, has a space, or is not printable (base/printable.hpp).
base::result<node_name> parse_node_name(std::string_view name);

// Checks that both names are long or both are short. errc::refused: they differ; the text names both and the
// remedy.
base::status check_same_kind(std::string_view ours, std::string_view theirs);

} // namespace coppice::dist
