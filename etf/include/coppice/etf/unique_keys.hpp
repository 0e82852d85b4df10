// SPDX-License-Identifier: MIT
// What a scan leaves to whoever has the whole of a map: whether it names a key twice. Erlang nodes end the
// connection such a map comes over, so it is looked for where a term enters (canonicalise()) and leaves.
//
// One pass over a canonical term: what is a key, or lies in one, is hashed as it goes by, each term once, and
// a map's keys are compared by their hashes when it ends. So the work is linear however maps are nested in
// maps. The hash is seeded afresh at each start: nobody can choose keys that collide. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

/// For a term that is there, or that is still coming: elements, one behind the other.
class key_checker {
 public:
  /// Of what it will be given it leaves out the first `from` bytes; an element begins there.
  explicit key_checker(std::size_t from = 0) : at_(from) {}

  /// `seen` is what it was given before and what has come since: whole elements of canonical terms, or, at
  /// its end, the beginning of a binary. duplicate_key names the key; after that there is nothing more to do.
  result<void> pass(bytes seen);

 private:
  struct frame {
    enum class type : std::uint8_t { row, list, map } what;
    bool hashed;            ///< it is a key, or in one
    bool has_many;          ///< of a map: two keys or more
    std::uint64_t left;     ///< elements to come; of a list its tail too, of a map keys and values
    std::uint64_t hash = 0; ///< of what has come
    std::uint64_t sum = 0;  ///< of a map's pairs, whose order does not count
    std::uint64_t key = 0;  ///< whose value is due
    std::size_t start = 0;  ///< a map's offset
    std::size_t keys = 0;   ///< where a map's begin among hashes_
  };

  bool is_hashed() const;
  bool step(bytes rest);
  bool leaf(bytes rest);
  bool list(bytes rest);
  bool string(bytes rest);
  bool fun(bytes rest);
  void open(frame made, std::size_t head);
  void deliver(std::uint64_t hash);
  void close_map(const frame& map);
  bool find_among_few(const frame& map, std::size_t count);
  bool find_among_many(const frame& map, std::size_t count);
  bool same_keys(const frame& map, std::size_t i, std::size_t j);

  std::size_t at_;
  bytes seen_; ///< during a pass
  std::vector<frame> frames_;
  std::vector<std::uint64_t> hashes_; ///< of the keys of all maps that are open
  std::vector<std::uint32_t> slots_;  ///< of a large map that ends: numbers of keys, by their hash
  std::size_t repeated_in_ = 0;       ///< the map's offset
  bytes repeated_;                    ///< the key
};

/// The same for a whole canonical term.
result<void> check_keys(bytes canonical);

/// Whether every map in `term`, which has passed validate(), has each of its keys once.
bool has_unique_keys(bytes term);

} // namespace coppice::etf
