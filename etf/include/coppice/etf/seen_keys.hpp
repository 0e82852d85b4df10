// SPDX-License-Identifier: MIT
// The keys of one large map that have been read, by their hashes, in a table that grows while keys come. The
// cost of a key is so paid by the piece of the term that contains it, and none is left for the map's end. A
// large table is divided by the first bits of the hash, and each part grows by itself, so that no single key
// pays for all earlier ones. The caller checks keys with equal hashes. One thread.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace coppice::etf::detail {

/// A key of a map: the hash of the term, and its offset in the checker's input. Hash 0: none.
struct seen_key {
  std::uint64_t hash;
  std::size_t offset;
};

class seen_keys {
 public:
  /// Adds a key. `expected`: the expected number of keys. Calls `differs(earlier)` for each earlier key of
  /// the same hash until it returns false. Returns the steps taken: slots looked at and keys moved.
  template <class Differs>
  std::size_t add(seen_key key, std::uint64_t expected, const Differs& differs) {
    if (key.hash == 0) key.hash = 1;
    std::size_t steps = 1;
    part* of = part_of(key.hash);
    if (of->used == of->most) [[unlikely]] {
      steps += make_room(*of, expected);
      of = part_of(key.hash);
    }
    seen_key* const slots = of->slots.get();
    const std::size_t mask = of->size - 1;
    std::size_t at = key.hash & mask;
    for (; slots[at].hash != 0; at = (at + 1) & mask, ++steps)
      if (slots[at].hash == key.hash && !differs(slots[at])) return steps;
    slots[at] = key;
    ++of->used;
    return steps;
  }

  /// Bytes of memory that it holds.
  std::size_t held() const { return parts_.capacity() * sizeof(part) + slots_ * sizeof(seen_key); }

 private:
  static constexpr std::size_t smallest = 64;        // slots of a part
  static constexpr std::size_t believed = 4096;      // most slots made because of an expected number
  static constexpr std::size_t grows_fast_to = 1024; // slots: up to here a part grows by four
  static constexpr std::size_t divided_from = std::size_t{1} << 15; // keys
  static constexpr unsigned parts_bits = 8;

  struct freed {
    void operator()(seen_key* slots) const noexcept { std::free(slots); }
  };
  struct part {
    std::unique_ptr<seen_key[], freed> slots;
    std::size_t size = 0;
    std::size_t used = 0;
    std::size_t most = 0; ///< most keys before a larger part is needed
  };

  part* part_of(std::uint64_t hash) {
    return parts_.data() + (hash >> (64 - parts_bits) & (parts_.size() - 1));
  }

  std::size_t make_room(part& of, std::uint64_t expected) {
    if (parts_.size() == 1 && of.used == divided_from) return divide();
    std::size_t size = of.size < grows_fast_to ? of.size * 4 : of.size * 2;
    if (size < smallest) size = smallest;
    while (size < believed && size / 4 * 3 < expected) size *= 2;
    return resize(of, size);
  }

  std::size_t resize(part& of, std::size_t size) {
    // calloc() gives large blocks as untouched pages.
    auto* const fresh = static_cast<seen_key*>(std::calloc(size, sizeof(seen_key)));
    if (fresh == nullptr) throw std::bad_alloc();
    part made{{}, size, of.used, size / 4 * 3};
    if (parts_.size() == 1 && made.most > divided_from) made.most = divided_from;
    made.slots.reset(fresh);
    for (std::size_t i = 0; i < of.size; ++i)
      if (of.slots[i].hash != 0) put(made, of.slots[i]);
    slots_ += size - of.size;
    of = std::move(made);
    return of.used;
  }

  /// Divides the one part into many.
  std::size_t divide() {
    const part whole = std::move(parts_[0]);
    parts_ = std::vector<part>(std::size_t{1} << parts_bits);
    slots_ = 0;
    std::size_t steps = 0;
    for (std::size_t i = 0; i < whole.size; ++i) {
      const seen_key& key = whole.slots[i];
      if (key.hash == 0) continue;
      part& of = *part_of(key.hash);
      if (of.used == of.most) steps += resize(of, of.size == 0 ? whole.size >> parts_bits : of.size * 2);
      put(of, key);
      ++of.used;
      ++steps;
    }
    for (part& of : parts_)
      if (of.size == 0) steps += resize(of, smallest);
    return steps;
  }

  static void put(part& into, const seen_key& key) {
    const std::size_t mask = into.size - 1;
    std::size_t at = key.hash & mask;
    while (into.slots[at].hash != 0) at = (at + 1) & mask;
    into.slots[at] = key;
  }

  std::vector<part> parts_ = std::vector<part>(1);
  std::size_t slots_ = 0; ///< slots of all parts
};

} // namespace coppice::etf::detail
