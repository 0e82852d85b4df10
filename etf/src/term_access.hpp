// SPDX-License-Identifier: MIT
// How a term is kept. raw_[15] says which of these it is:
//   a scalar: eight bytes from raw_[0]; short text: up to 14 bytes from raw_[0], their number in raw_[14];
//   a block: its address in raw_[0..7]. A block of bytes holds a long atom or binary, or the encoded form of
//   what nobody takes apart here (pids, ports, references, funs, large integers). A block of terms holds a
//   tuple's elements, a list's elements with the tail behind them, or a map's keys and values in turn, with a
//   hash index beside them when there are many.
// Whatever walks the tree does it with a list of its own and not by calling itself.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <coppice/etf/hash.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

enum class repr : std::uint8_t {
  nil,
  integer,
  floating,
  short_atom,
  short_binary,
  long_atom,
  long_binary,
  bitstring,
  encoded,
  tuple,
  list,
  map,
};

struct block {
  std::size_t count = 0;          ///< bytes; elements of a tuple or list; pairs of a map
  std::uint32_t* index = nullptr; ///< of a map above 32 pairs: slots with pair number + 1, 0 is free
  std::size_t index_mask = 0;
  block* next = nullptr; ///< while a tree is destroyed

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  term* terms() { return reinterpret_cast<term*>(this + 1); }
};

inline constexpr std::size_t pairs_without_index = 32;

inline block* new_block(std::size_t size) {
  return new (::operator new(sizeof(block) + size)) block;
}
inline void free_block(block* b) {
  ::operator delete[](b->index);
  ::operator delete(b);
}

/// The way into a term's representation.
struct term_access {
  static repr what(const term& t) { return static_cast<repr>(t.raw_[15]); }
  static bool same_raw(const term& a, const term& b) { return a.raw_ == b.raw_; }
  static bool owns_block(const term& t) { return what(t) >= repr::long_atom; }
  static bool owns_terms(const term& t) { return what(t) >= repr::tuple; }

  template <class T>
  static T scalar(const term& t) {
    T value;
    std::memcpy(&value, t.raw_.data(), sizeof value);
    return value;
  }
  static block* blk(const term& t) { return scalar<block*>(t); }

  template <class T>
  static void set(term& t, repr what, T value, std::uint8_t extra = 0) {
    static_assert(sizeof value == 8);
    const std::array<std::uint8_t, 8> rest{0, 0, 0, 0, 0, 0, extra, static_cast<std::uint8_t>(what)};
    std::memcpy(t.raw_.data(), &value, 8);
    std::memcpy(t.raw_.data() + 8, rest.data(), 8);
  }
  static void set_text(term& t, repr as_short, repr as_long, bytes text) {
    if (text.size() <= 14) {
      t.raw_ = {};
      wire::copy(t.raw_.data(), text.data(), text.size());
      t.raw_[14] = static_cast<std::uint8_t>(text.size());
      t.raw_[15] = static_cast<std::uint8_t>(as_short);
    } else {
      set_bytes(t, as_long, text);
    }
  }
  static void set_bytes(term& t, repr what, bytes data, std::uint8_t extra = 0) {
    block* const b = new_block(data.size());
    b->count = data.size();
    if (!data.empty()) std::memcpy(b->data(), data.data(), data.size());
    set(t, what, b, extra);
  }
  /// A block of nils, `slots` terms.
  static block* set_terms(term& t, repr what, std::size_t count, std::size_t slots) {
    block* const b = new_block(slots * sizeof(term));
    b->count = count;
    std::uninitialized_default_construct_n(b->terms(), slots);
    set(t, what, b);
    return b;
  }

  static std::size_t slots(const term& t) {
    const std::size_t count = blk(t)->count;
    return what(t) == repr::map ? count * 2 : what(t) == repr::list ? count + 1 : count;
  }

  static bytes text(const term& t) {
    const repr w = what(t);
    if (w == repr::short_atom || w == repr::short_binary) return {t.raw_.data(), t.raw_[14]};
    if (owns_block(t) && !owns_terms(t)) return {blk(t)->data(), blk(t)->count};
    return {};
  }
  static unsigned bits(const term& t) { return t.raw_[14]; }

  static void destroy(term& root) noexcept {
    if (!owns_block(root)) return;
    if (!owns_terms(root)) return free_block(blk(root));
    block* work = blk(root);
    work->next = nullptr;
    // Each block waits in a chain through its own header, with its size where it was; nothing is allocated.
    std::size_t here = slots(root);
    work->count = here;
    while (work != nullptr) {
      block* const b = work;
      work = b->next;
      for (std::size_t i = 0; i < b->count; ++i) {
        const term& child = b->terms()[i];
        if (!owns_block(child)) continue;
        block* const below = blk(child);
        if (!owns_terms(child)) {
          free_block(below);
          continue;
        }
        below->count = slots(child);
        below->next = work;
        work = below;
      }
      free_block(b);
    }
  }

  static std::uint64_t hash(const term& t) {
    const repr w = what(t);
    if (w == repr::integer || w == repr::floating)
      return detail::fold(scalar<std::uint64_t>(t) ^ detail::table_seed, 0x9E3779B97F4A7C15U);
    if (!owns_terms(t)) return table_hash(text(t));
    const std::vector<std::uint8_t> encoded = t.encode();
    // A map among the keys has no order of its own; phash2 has none either.
    const bool has_map =
        std::find(encoded.begin(), encoded.end(), static_cast<std::uint8_t>(tag::map)) != encoded.end();
    return has_map ? phash2(encoded) : table_hash(encoded);
  }

  /// Indexes a map if it is large. False if a key comes twice (the first stays in the index).
  static bool seal_map(term& t) {
    block* const b = blk(t);
    const term* const all = b->terms();
    bool unique = true;
    if (b->count <= pairs_without_index) {
      for (std::size_t i = 1; i < b->count; ++i) {
        for (std::size_t j = 0; j < i; ++j) unique = unique && !(all[2 * i] == all[2 * j]);
      }
      return unique;
    }
    const std::size_t size = std::bit_ceil(b->count * 2);
    b->index = static_cast<std::uint32_t*>(::operator new[](size * sizeof(std::uint32_t)));
    b->index_mask = size - 1;
    std::fill_n(b->index, size, 0U);
    for (std::size_t i = 0; i < b->count; ++i) {
      std::size_t at = hash(all[2 * i]) & b->index_mask;
      while (b->index[at] != 0 && !(all[2 * (b->index[at] - 1)] == all[2 * i])) at = (at + 1) & b->index_mask;
      if (b->index[at] != 0)
        unique = false;
      else
        b->index[at] = static_cast<std::uint32_t>(i + 1);
    }
    return unique;
  }
};

} // namespace coppice::etf
