// SPDX-License-Identifier: MIT
// Checks whether a map has a key twice, for a caller that has the whole map. Erlang nodes close a connection
// over which such a map comes, so terms are checked where they enter (canonicalise()) and leave the node.
//
// One pass over a canonical term: each key, with the terms inside it, is hashed once while it is read, and a
// map's keys are compared by their hashes: in a small map at its end, in a large one as they come. The work
// is linear at any nesting of maps. The hash has a new seed at each start and begins with type and length, so
// nobody can choose keys that collide. A term in which different keys have equal hashes more often than
// chance allows is refused all the same. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/seen_keys.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

namespace detail {

/// A stack whose first `Near` elements need no heap: most maps are small and not deeply nested.
template <class T, std::size_t Near>
class near_stack {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T* data() { return more_.empty() ? near_ : more_.data(); }
  const T* data() const { return more_.empty() ? near_ : more_.data(); }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }
  void push_back(const T& value) {
    if (size_ < Near && more_.empty()) [[likely]] {
      near_[size_++] = value;
      return;
    }
    if (more_.empty()) more_.assign(near_, near_ + size_);
    more_.push_back(value);
    ++size_;
  }
  void pop_back() { shrink(size_ - 1); }
  /// Bytes of memory that it holds.
  std::size_t held() const { return more_.capacity() * sizeof(T); }
  /// Shrinks to the first `size` elements.
  void shrink(std::size_t size) {
    size_ = size;
    if (!more_.empty()) more_.resize(size);
  }

 private:
  std::size_t size_ = 0;
  T near_[Near]; // written before it is read
  std::vector<T> more_;
};

} // namespace detail

/// For a complete term, or for one that comes in pieces of consecutive elements.
class key_checker {
 public:
  key_checker() = default;
  key_checker(const key_checker&) = delete;
  key_checker& operator=(const key_checker&) = delete;

  /// Call it before the first pass: the input's first `from` bytes are left out; an element begins there.
  void leave_out(std::size_t from) { at_ = from; }

  /// Call it before the first pass if hash() is wanted.
  void hash_elements() { hashes_elements_ = true; }
  /// The hash of the last complete element.
  std::uint64_t hash() const { return element_; }

  /// `seen` is the earlier input and the bytes that have come since: whole elements of canonical terms, or,
  /// at its end, the beginning of a binary. duplicate_key names the key; it must not be used after that.
  result<void> pass(bytes seen);

  /// Bytes of memory that it holds. Costs the same however many maps are open.
  std::size_t held() const;
  /// Work beside the pass itself, which looks at each byte once: keys and slots looked at, keys moved, bytes
  /// compared. In proportion to the bytes of the term.
  std::uint64_t steps() const { return steps_; }

 private:
  struct frame {
    enum class type : std::uint8_t { row, list, map } what;
    bool hashed;         ///< it is a key, or inside one
    bool has_many;       ///< of a map: it has two or more keys
    bool in_table;       ///< of a map: its keys are in the last of tables_ and not in keys_
    std::uint64_t left;  ///< elements to come; of a list including its tail, of a map keys and values
    std::uint64_t hash;  ///< of the part that has come
    std::uint64_t sum;   ///< of a map: sum over its pairs, whose order does not count
    std::uint64_t key;   ///< of a map: hash of the key whose value is due
    std::uint64_t count; ///< of a map: number of keys
    std::size_t start;   ///< its offset
    std::size_t keys;    ///< of a map: index of its first key in keys_
  };

  /// Whether the hash of the next term is wanted.
  bool is_hashed() const {
    if (frames_.empty()) return hashes_elements_;
    const frame& top = frames_.back();
    return top.hashed || (top.has_many && top.left % 2 == 0);
  }
  bool step(bytes rest);
  bool leaf(bytes rest);
  bool list(bytes rest);
  bool string(bytes rest);
  bool fun(bytes rest);
  frame container(frame::type what, std::uint64_t left, std::uint64_t kind, std::uint64_t count) const;
  void open(const frame& made, std::size_t head);
  void deliver(std::uint64_t hash, std::size_t start);
  void begin_table(frame& map);
  void add_to_table(const frame& map, const detail::seen_key& key);
  void close_map(const frame& map);
  bool differ(const frame& map, const detail::seen_key& earlier, const detail::seen_key& key);

  std::size_t at_ = 0;
  bytes seen_; ///< during a pass
  detail::near_stack<frame, 8> frames_;
  detail::near_stack<detail::seen_key, 32> keys_; ///< of the open small maps
  std::vector<detail::seen_keys> tables_;         ///< of the open large maps
  std::size_t tables_bytes_ = 0;                  ///< what tables_ hold beside themselves
  std::uint64_t steps_ = 0;
  unsigned collisions_ = 0;     ///< different keys with equal hashes
  bool stopped_ = false;        ///< the term is refused: a key came twice, or too many hashes were equal
  std::size_t repeated_in_ = 0; ///< offset of the map
  bytes repeated_;              ///< the key
  bool hashes_elements_ = false;
  std::uint64_t element_ = 0;
};

/// Checks a whole canonical term.
result<void> check_keys(bytes canonical);

/// A seeded hash for tables whose keys come from other nodes; the same for canonical terms that match in
/// Erlang (=:=).
std::uint64_t equality_hash(bytes canonical);

/// Whether no map in `term`, which has passed validate(), has a key twice.
bool has_unique_keys(bytes term);

} // namespace coppice::etf
