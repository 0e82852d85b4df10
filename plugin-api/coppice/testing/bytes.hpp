// SPDX-License-Identifier: MIT
// Reads bytes that a plugin passes to the host: a term, a destination, a text. All of it is checked.
// Any thread.
#pragma once

#include <coppice/message.h>

#include <optional>

#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

etf::bytes view(coppice_bytes bytes);
coppice_bytes plain(etf::bytes bytes);
/// Whether no map has a key twice. Null without erlang.hpp: not checked.
inline bool (*has_unique_keys)(etf::bytes) = nullptr;

bool is_term(etf::bytes bytes);

/// The bytes as one term. Empty: they are not one.
std::optional<value> term_of(coppice_bytes from);
/// The bytes as one term of this kind.
std::optional<value> term_of(coppice_bytes from, etf::kind wanted);
/// A pid, an atom, {Name, Node} or a reference.
std::optional<value> destination_of(coppice_bytes from);
std::string text_of(coppice_bytes from);

} // namespace coppice::testing::detail
