// SPDX-License-Identifier: MIT
// Reads a plugin's ELF note from memory. The manifest has values that the descriptor does not have.
// One thread.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coppice::testing::detail {

struct note_search {
  std::uintptr_t inside = 0; // an address inside the object
  std::string_view text;
};

/// The manifest of the plugin that contains `address`; empty: it has no note.
std::string_view manifest_around(const void* address);

// A minimal JSON reader that finds a string in a manifest; the node validates the manifest.

/// The word under this key of an actor in the manifest; empty: none.
std::string_view word_of_actor(std::string_view manifest, std::string_view actor, std::string_view key);

} // namespace coppice::testing::detail
