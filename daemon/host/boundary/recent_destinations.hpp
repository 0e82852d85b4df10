// SPDX-License-Identifier: MIT
// A cache of the names on other nodes, {Name, Node}, that plugins used lately on this thread. A sender often
// sends to the same name again, and the same bytes have the same meaning as long as no node's index has
// expired. One thread.
#pragma once

#include <array>
#include <coppice/etf/types.hpp>
#include <coppice/etf/wire.hpp>
#include <cstdint>
#include <cstring>

#include "runtime/messages/ids.hpp"

namespace coppice::host {

class recent_destinations {
 public:
  // The destination of `term` at this node_names::epoch(). Null: not in the cache.
  const runtime::destination* find(etf::bytes term, std::uint64_t epoch) const {
    if (!may_be_here(term)) return nullptr;
    const entry& at = entries_[place_of(term)];
    const bool same = at.epoch == epoch && at.size == term.size() &&
                      std::memcmp(at.term.data(), term.data(), term.size()) == 0;
    return same ? &at.to : nullptr;
  }
  // Ignores names of this node and long ones. `epoch`: read before `to` was.
  void keep(etf::bytes term, std::uint64_t epoch, const runtime::destination& to) {
    if (to.here() || !may_be_here(term)) return;
    entry& at = entries_[place_of(term)];
    at.epoch = epoch;
    at.size = term.size();
    std::memcpy(at.term.data(), term.data(), term.size());
    at.to = to;
  }

 private:
  static constexpr std::size_t shortest = 12, longest = 96; // bytes of a term
  struct entry {
    std::uint64_t epoch = 0; // 0: unused
    std::size_t size = 0;
    std::array<std::uint8_t, longest> term;
    runtime::destination to;
  };

  static bool may_be_here(etf::bytes term) {
    return term.size() >= shortest && term.size() <= longest &&
           term[0] == static_cast<std::uint8_t>(etf::tag::small_tuple);
  }
  // By the beginning of the name and the end of the node's name.
  std::size_t place_of(etf::bytes term) const {
    const std::uint64_t words =
        etf::wire::load64(term.data() + 4) ^ etf::wire::load64(term.data() + term.size() - shortest);
    return static_cast<std::size_t>(words * 0x9E3779B97F4A7C15U >> 32) % entries_.size();
  }

  std::array<entry, 16> entries_;
};

} // namespace coppice::host
