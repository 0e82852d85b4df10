// SPDX-License-Identifier: MIT
// Both halves of the atom cache: one writes what the other reads.
#pragma once

#include <doctest/doctest.h>

#include <coppice/etf/canonical.hpp>
#include <vector>

#include "dist/atom_cache_reader.hpp"
#include "dist/atom_cache_writer.hpp"

namespace coppice::dist::testing {

// pass() sends a control message through both halves and returns it as the receiver reads it. `size`: bytes
// on the wire.
struct both_ends {
  atom_cache_writer sender;
  atom_cache_reader receiver;
  atom_table table;
  std::size_t size = 0;

  std::vector<std::uint8_t> pass(etf::bytes control) {
    etf::vector_writer wire;
    sender.write(wire, control);
    const auto bytes = wire.view();
    size = bytes.size();
    const auto head = receiver.read_header(bytes, table);
    REQUIRE(head);
    const etf::atom_lookup lookup(
        [](const void* known, std::uint8_t index) {
          const auto* found = static_cast<const atom_table*>(known)->find(index);
          return found == nullptr ? std::string_view{} : *found;
        },
        &table);
    etf::vector_writer out;
    REQUIRE(etf::canonicalise(bytes.subspan(*head), out, {}, lookup));
    const auto view = out.view();
    return {view.begin(), view.end()};
  }
};

} // namespace coppice::dist::testing
