// SPDX-License-Identifier: MIT
// The names on other nodes that terms of a thread's plugins named lately, {Name, Node}: who sends to one
// sends there again, and the same bytes mean the same as long as no node's index went out of date. One
// thread.
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
  // What `term` names, as kept at this node_names::epoch(); null: it is not here.
  const runtime::destination* find(etf::bytes term, std::uint64_t epoch) const {
    if (!may_be_here(term)) return nullptr;
    const entry& at = entries_[place_of(term)];
    const bool same = at.epoch == epoch && at.size == term.size() &&
                      std::memcmp(at.term.data(), term.data(), term.size()) == 0;
    return same ? &at.to : nullptr;
  }
  // None of this node, and no long ones. `epoch`: as of before `to` was read.
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
    std::uint64_t epoch = 0; // 0: nothing is here
    std::size_t size = 0;
    std::array<std::uint8_t, longest> term;
    runtime::destination to;
  };

  static bool may_be_here(etf::bytes term) {
    return term.size() >= shortest && term.size() <= longest &&
           term[0] == static_cast<std::uint8_t>(etf::tag::small_tuple);
  }
  // By the beginning of the name and the end of the node's.
  std::size_t place_of(etf::bytes term) const {
    const std::uint64_t words =
        etf::wire::load64(term.data() + 4) ^ etf::wire::load64(term.data() + term.size() - shortest);
    return static_cast<std::size_t>(words * 0x9E3779B97F4A7C15U >> 32) % entries_.size();
  }

  std::array<entry, 16> entries_;
};

} // namespace coppice::host
