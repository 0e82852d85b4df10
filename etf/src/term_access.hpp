// SPDX-License-Identifier: MIT
// How a term is kept. raw_[15] says which of these it is:
//   a scalar: eight bytes from raw_[0]; short text: up to 14 bytes from raw_[0], their number in raw_[14];
//   a row: its address in raw_[0..7], its length in raw_[8..13], in raw_[14] who frees it. A row of bytes
//   holds a long atom or binary, or the encoded form of what nobody takes apart here (pids, ports,
//   references, funs, large integers). A row of terms holds a tuple's elements, a list's elements with the
//   tail behind them, or a map's keys and values in turn, with a hash index behind them when there are many.
//
// Rows come from two places. Those of a term that was decoded lie one behind the other in the few chunks of
// an arena, and the root alone owns them all: nothing below it is freed by itself. A term put together from
// others owns its row, and so does each of those. An owned row has a head in front of it. Whatever walks the
// tree does it with a list of its own and not by calling itself.
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
#include <coppice/etf/unique_keys.hpp>
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

/// The start of each block of memory an arena took.
struct chunk {
  chunk* below;
  std::size_t unused = 0; ///< keeps what follows aligned to 16

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

/// In front of an owned row.
struct row_head {
  row_head* next = nullptr; ///< while a tree is destroyed
  union {
    std::size_t slots; ///< while a tree is destroyed
    chunk* arena;      ///< of the root of an arena: its newest chunk
  };
};

inline void free_chunks(chunk* newest) noexcept {
  while (newest != nullptr) ::operator delete(std::exchange(newest, newest->below));
}

/// The way into a term's representation.
struct term_access {
  static constexpr std::size_t most_short = 14;
  static constexpr std::size_t pairs_without_index = 8;
  static constexpr std::uint8_t owned = 0x10;      ///< has a head, and is freed with its term
  static constexpr std::uint8_t with_arena = 0x20; ///< … and everything below it lies in the arena

  static repr what(const term& t) { return static_cast<repr>(t.raw_[15]); }
  static bool same_raw(const term& a, const term& b) { return a.raw_ == b.raw_; }
  static bool has_row(const term& t) { return what(t) >= repr::long_atom; }
  static bool has_terms(const term& t) { return what(t) >= repr::tuple; }
  static bool is_owned(const term& t) { return (t.raw_[14] & owned) != 0; }
  static bool owns_arena(const term& t) { return (t.raw_[14] & with_arena) != 0; }

  template <class T>
  static T scalar(const term& t) {
    T value;
    std::memcpy(&value, t.raw_.data(), sizeof value);
    return value;
  }
  static term* terms(const term& t) { return scalar<term*>(t); }
  /// Bytes; elements of a tuple or list; pairs of a map.
  static std::size_t count(const term& t) {
    std::uint64_t value;
    std::memcpy(&value, t.raw_.data() + 8, sizeof value);
    return value & 0xFFFFFFFFFFFFU;
  }
  static unsigned bits(const term& t) { return t.raw_[14] & 0xFU; }

  static void set_nil(term& t) { t.raw_ = {}; }
  template <class T>
  static void set(term& t, repr what, T value) {
    static_assert(sizeof value == 8);
    const std::uint64_t rest = std::uint64_t{static_cast<std::uint8_t>(what)} << 56;
    std::memcpy(t.raw_.data(), &value, 8);
    std::memcpy(t.raw_.data() + 8, &rest, 8);
  }
  static void set_row(term& t, repr what, const void* row, std::size_t count, std::uint8_t flags = 0) {
    const std::uint64_t rest =
        count | std::uint64_t{flags} << 48 | std::uint64_t{static_cast<std::uint8_t>(what)} << 56;
    std::memcpy(t.raw_.data(), &row, 8);
    std::memcpy(t.raw_.data() + 8, &rest, 8);
  }
  /// Up to most_short bytes.
  static void set_short(term& t, repr what, const std::uint8_t* text, std::size_t size) {
    t.raw_ = {};
    wire::copy(t.raw_.data(), text, size);
    t.raw_[14] = static_cast<std::uint8_t>(size);
    t.raw_[15] = static_cast<std::uint8_t>(what);
  }
  static void set_text(term& t, repr as_short, repr as_long, bytes text) {
    if (text.size() <= most_short) return set_short(t, as_short, text.data(), text.size());
    set_bytes(t, as_long, text);
  }
  /// An owned row of bytes.
  static void set_bytes(term& t, repr what, bytes data, unsigned bits = 0) {
    std::uint8_t* const row = new_row(data.size());
    if (!data.empty()) std::memcpy(row, data.data(), data.size());
    set_row(t, what, row, data.size(), static_cast<std::uint8_t>(owned | bits));
  }
  /// An owned row of terms that are [] as yet.
  static term* set_terms(term& t, repr what, std::size_t count) {
    term* const row = reinterpret_cast<term*>(new_row(room(what, count)));
    std::uninitialized_default_construct_n(row, slots(what, count));
    set_row(t, what, row, count, owned);
    return row;
  }

  /// Terms in a row.
  static std::size_t slots(repr what, std::size_t count) {
    return what == repr::map ? count * 2 : what == repr::list ? count + 1 : count;
  }
  static std::size_t slots(const term& t) { return slots(what(t), count(t)); }
  /// Bytes a row of terms takes, with its index.
  static std::size_t room(repr what, std::size_t count) {
    const bool indexed = what == repr::map && count > pairs_without_index;
    return slots(what, count) * sizeof(term) + (indexed ? index_size(count) * sizeof(std::uint32_t) : 0);
  }

  static bytes text(const term& t) {
    const repr w = what(t);
    if (w == repr::short_atom || w == repr::short_binary) return {t.raw_.data(), t.raw_[14]};
    if (has_row(t) && !has_terms(t)) return {scalar<const std::uint8_t*>(t), count(t)};
    return {};
  }

  /// Of a row that is freed by itself, or with all of its arena.
  static row_head* head(const term& t) { return scalar<row_head*>(t) - 1; }

  /// Makes the root of a tree in an arena its owner.
  static void adopt(term& root, chunk* arena) {
    new (head(root)) row_head{nullptr, {.arena = arena}};
    set_row(root, what(root), terms(root), count(root), owned | with_arena);
  }

  static void destroy(term& root) noexcept {
    if (!is_owned(root)) return;
    if (frees_at_once(root)) return;
    row_head* work = head(root);
    work->next = nullptr;
    work->slots = slots(root);
    // Each row waits in a chain through its own head; nothing is allocated.
    while (work != nullptr) {
      row_head* const now = work;
      work = now->next;
      const term* const all = reinterpret_cast<const term*>(now + 1);
      for (std::size_t i = 0; i < now->slots; ++i) {
        if (!is_owned(all[i]) || frees_at_once(all[i])) continue;
        row_head* const below = head(all[i]);
        below->slots = slots(all[i]);
        below->next = work;
        work = below;
      }
      ::operator delete(now);
    }
  }

  static bool equal(const term& a, const term& b) { return has_row(a) ? a == b : same_raw(a, b); }

  static std::uint64_t hash(const term& t) {
    const repr w = what(t);
    if (w == repr::integer || w == repr::floating)
      return detail::fold(scalar<std::uint64_t>(t) ^ detail::table_seed, 0x9E3779B97F4A7C15U);
    if (!has_terms(t)) return table_hash(text(t));
    const std::vector<std::uint8_t> encoded = t.encode();
    // The pairs of a map among the keys have no order, which its bytes have.
    const bool has_map =
        std::find(encoded.begin(), encoded.end(), static_cast<std::uint8_t>(tag::map)) != encoded.end();
    return has_map ? equality_hash(encoded) : table_hash(encoded);
  }

  /// Indexes a map if it is large. False if a key comes twice (the first stays in the index).
  static bool seal_map(const term& t) {
    const std::size_t pairs = count(t);
    const term* const all = terms(t);
    bool unique = true;
    if (pairs <= pairs_without_index) {
      for (std::size_t i = 1; i < pairs; ++i) {
        for (std::size_t j = 0; j < i; ++j) unique = unique && !equal(all[2 * i], all[2 * j]);
      }
      return unique;
    }
    std::uint32_t* const slots = index(t);
    std::fill_n(slots, index_size(pairs), 0U);
    for (std::size_t i = 0; i < pairs; ++i) {
      std::uint32_t& slot = slots[probe(t, all[2 * i])];
      if (slot != 0)
        unique = false;
      else
        slot = static_cast<std::uint32_t>(i + 1);
    }
    return unique;
  }

  /// The number of the pair with this key in a sealed map, or as many as there are.
  static std::size_t find(const term& t, const term& key) {
    const std::size_t pairs = count(t);
    if (pairs > pairs_without_index) {
      const std::uint32_t found = index(t)[probe(t, key)];
      return found == 0 ? pairs : found - 1;
    }
    const term* const all = terms(t);
    std::size_t at = 0;
    while (at < pairs && !equal(all[2 * at], key)) ++at;
    return at;
  }

 private:
  static std::uint8_t* new_row(std::size_t size) {
    auto* const head = new (::operator new(sizeof(row_head) + size)) row_head{};
    return reinterpret_cast<std::uint8_t*>(head + 1);
  }
  /// Of an owned term; false if the terms in its row must be seen to first.
  static bool frees_at_once(const term& t) noexcept {
    if (owns_arena(t)) return free_chunks(head(t)->arena), true;
    if (has_terms(t)) return false;
    return ::operator delete(head(t)), true;
  }

  static std::size_t index_size(std::size_t pairs) { return std::bit_ceil(pairs * 2); }
  /// Slots that hold a pair's number + 1; 0 is free.
  static std::uint32_t* index(const term& t) { return reinterpret_cast<std::uint32_t*>(terms(t) + slots(t)); }
  /// Where in the index the key is, or could be put.
  static std::size_t probe(const term& t, const term& key) {
    const std::size_t mask = index_size(count(t)) - 1;
    const std::uint32_t* const slots = index(t);
    const term* const all = terms(t);
    std::size_t at = hash(key) & mask;
    while (slots[at] != 0 && !equal(all[2 * (slots[at] - 1)], key)) at = (at + 1) & mask;
    return at;
  }
};

} // namespace coppice::etf
