// SPDX-License-Identifier: MIT
// YAML values as Erlang terms, for args and env: keys become atoms, texts binaries, numbers integers or
// floats, true/false/null the atoms true, false, undefined, lists and maps themselves. One thread.
#pragma once

#include <coppice/etf/writer.hpp>
#include <span>

#include "spec/schema/tree.hpp"
#include "spec/schema/type.hpp"
#include "spec/schema/values.hpp"

namespace coppice::spec {

// False, with errors reported, if something has no term: a number beyond 64 bits, a key too long for an
// atom.
bool encode_term(report&, const node&, encoded_term& into);

// Writes the term of any value to a writer; encode_key() writes a key. False: errors are reported.
bool encode_term(report&, const node&, etf::writer& to);
bool encode_key(report&, const node& key, etf::writer& to);

// The YAML a term came from; texts for what YAML cannot say.
json term_to_json(std::span<const std::uint8_t> term);

// A JSON value by the same rules.
void encode_json(const json&, etf::writer& to);

} // namespace coppice::spec
