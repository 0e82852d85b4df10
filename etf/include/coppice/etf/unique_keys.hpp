// SPDX-License-Identifier: MIT
// What a scan leaves to whoever has the whole of a map: whether it names a key twice. Erlang nodes end the
// connection such a map comes over, so it is looked for where a term enters (canonicalise()) and leaves.
//
// One pass over a canonical term: what is a key, or lies in one, is hashed as it goes by, each term once, and
// a map's keys are compared by their hashes: of a small map when it ends, of a large one as they come. So the
// work is linear however maps are nested in maps. The hash is seeded afresh at each start, and what it begins
// with says type and length: nobody can choose keys that collide. A term in which different keys have equal
// hashes more often than chance allows is refused all the same. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/seen_keys.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

namespace detail {

/// The first `Near` need no memory of their own: most maps are small, and few lie in one another.
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
  /// Bytes of memory of its own.
  std::size_t held() const { return more_.capacity() * sizeof(T); }
  /// To its first `size`.
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

/// For a term that is there, or that is still coming: elements, one behind the other.
class key_checker {
 public:
  key_checker() = default;
  key_checker(const key_checker&) = delete;
  key_checker& operator=(const key_checker&) = delete;

  /// Before the first pass: of what it will be given the first `from` bytes are left out; an element begins
  /// there.
  void leave_out(std::size_t from) { at_ = from; }

  /// Before the first pass: hash() is wanted.
  void hash_elements() { hashes_elements_ = true; }
  /// Of the last element that was whole.
  std::uint64_t hash() const { return element_; }

  /// `seen` is what it was given before and what has come since: whole elements of canonical terms, or, at
  /// its end, the beginning of a binary. duplicate_key names the key; after that there is nothing more to do.
  result<void> pass(bytes seen);

  /// Bytes of memory of its own.
  std::size_t held() const;
  /// Work beside the pass itself, which looks at each byte once: keys and slots that were looked at for a
  /// key's sake, keys that were moved, bytes that were compared. In proportion to the bytes of the term.
  std::uint64_t steps() const { return steps_; }

 private:
  struct frame {
    enum class type : std::uint8_t { row, list, map } what;
    bool hashed;         ///< it is a key, or in one
    bool has_many;       ///< of a map: two keys or more
    bool in_table;       ///< of a map: its keys are in the last of tables_, and not among keys_
    std::uint64_t left;  ///< elements to come; of a list its tail too, of a map keys and values
    std::uint64_t hash;  ///< of what has come
    std::uint64_t sum;   ///< of a map's pairs, whose order does not count
    std::uint64_t key;   ///< whose value is due
    std::uint64_t count; ///< a map's keys
    std::size_t start;   ///< the offset
    std::size_t keys;    ///< where a map's begin among keys_
  };

  /// Whether the hash of what stands next is wanted.
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
  detail::near_stack<detail::seen_key, 32> keys_; ///< of the small maps that are open
  std::vector<detail::seen_keys> tables_;         ///< of the large maps that are open
  std::uint64_t steps_ = 0;
  unsigned collisions_ = 0;     ///< different keys of one hash
  bool stopped_ = false;        ///< the term is refused: a key came twice, or too many had one hash
  std::size_t repeated_in_ = 0; ///< the map's offset
  bytes repeated_;              ///< the key
  bool hashes_elements_ = false;
  std::uint64_t element_ = 0;
};

/// The same for a whole canonical term.
result<void> check_keys(bytes canonical);

/// For tables whose keys others choose: the same for canonical terms that match in Erlang (=:=), and seeded.
std::uint64_t equality_hash(bytes canonical);

/// Whether every map in `term`, which has passed validate(), has each of its keys once.
bool has_unique_keys(bytes term);

} // namespace coppice::etf
