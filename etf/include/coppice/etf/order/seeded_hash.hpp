// SPDX-License-Identifier: MIT
// A hash of terms for tables whose keys come from other nodes. It is the same for canonical terms that match
// in Erlang (=:=), for every encoding of a list and every order of a map, and it is seeded, which phash2 is
// not. It does the same as equality_hash() (unique_keys.hpp), header-only and with other values. Constant
// stack; invalid bytes have some hash. Any thread.
#pragma once

#include <cstdint>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf::order {

class seeded_hasher {
 public:
  std::uint64_t run(bytes term) {
    in_ = cursor(term);
    frames_.clear();
    do {
      if (!one()) return hash_;
    } while (!frames_.empty());
    return hash_;
  }

 private:
  enum class type : std::uint8_t { row, list, map };
  struct frame {
    type what;
    std::uint64_t left; ///< terms: of a list including its tail, of a map keys and values
    std::uint64_t hash;
    std::uint64_t sum = 0; ///< of a map: sum over its pairs
    std::uint64_t key = 0; ///< of a map: hash of the key whose value is due
  };
  // Digits of pi.
  static constexpr std::uint64_t of_tuple = 0x243F6A8885A308D3, of_list = 0x13198A2E03707344,
                                 of_map = 0xA4093822299F31D0, of_fun = 0x082EFA98EC4E6C89,
                                 of_pair = 0x452821E638D01377;

  /// Depends on the order of its arguments.
  static std::uint64_t join(std::uint64_t hash, std::uint64_t next) {
    return detail::fold(hash ^ detail::table_seed, next ^ detail::table_key);
  }
  static std::uint64_t hash_of_nil() {
    constexpr std::uint8_t nil[]{static_cast<std::uint8_t>(tag::nil)};
    return table_hash(nil);
  }

  /// Takes one head, or one term without elements. False: it is not a term.
  bool one() {
    in_.skip_empty_heads();
    std::uint32_t count = 0;
    switch (in_.peek()) {
      case kind::tuple:
        return in_.read_tuple(count) && open(type::row, count, join(of_tuple, count));
      case kind::map:
        return in_.read_map(count) && open(type::map, std::uint64_t{count} * 2, join(of_map, count));
      case kind::list:
        return list();
      case kind::fun:
        if (in_.peek_tag() == static_cast<std::uint8_t>(tag::new_fun)) return fun();
        return leaf();
      default:
        return leaf();
    }
  }

  bool leaf() {
    bytes whole;
    return in_.read_term(whole) && deliver(table_hash(whole));
  }

  bool open(type what, std::uint64_t left, std::uint64_t hash) {
    if (left == 0) return deliver(hash);
    frames_.push_back({what, left, hash});
    return true;
  }

  /// A list that is the tail of another one continues it.
  bool list() {
    const bool goes_on = !frames_.empty() && frames_.back().what == type::list && frames_.back().left == 1;
    if (!goes_on) frames_.push_back({type::list, 1, join(of_list, 0)});
    frame& top = frames_.back();
    bytes text;
    std::uint32_t length = 0;
    if (!in_.read_string(text)) {
      if (!in_.read_list(length)) return false;
      top.left = std::uint64_t{length} + 1;
      return true;
    }
    for (const std::uint8_t byte : text) {
      const std::uint8_t number[]{static_cast<std::uint8_t>(tag::small_integer), byte};
      top.hash = join(top.hash, table_hash(number));
    }
    return deliver(hash_of_nil());
  }

  /// The fun's creator, arity and size do not count.
  bool fun() {
    const bytes rest = in_.rest();
    if (rest.size() < 30) return false;
    cursor ahead(rest);
    ahead.advance(30);
    std::string_view module;
    std::int64_t old_index = 0, old_uniq = 0;
    etf::pid creator;
    if (!ahead.read_atom(module) || !ahead.read_integer(old_index) || !ahead.read_integer(old_uniq) ||
        !ahead.read_pid(creator))
      return false;
    const std::uint32_t free_variables = wire::load32(rest.data() + 26);
    std::uint64_t hash = join(join(of_fun, free_variables), table_hash(rest.subspan(6, 20)));
    hash = join(hash, table_hash({reinterpret_cast<const std::uint8_t*>(module.data()), module.size()}));
    hash = join(join(hash, static_cast<std::uint64_t>(old_index)), static_cast<std::uint64_t>(old_uniq));
    in_.advance(ahead.offset());
    return open(type::row, free_variables, hash);
  }

  /// A term is complete; so are the containers that end with it.
  bool deliver(std::uint64_t hash) {
    while (!frames_.empty()) {
      frame& top = frames_.back();
      --top.left;
      if (top.what != type::map)
        top.hash = join(top.hash, hash);
      else if (top.left % 2 == 0)
        top.sum += join(join(of_pair, top.key), hash);
      else
        top.key = hash;
      if (top.left != 0) return true;
      hash = top.what == type::map ? join(top.hash, top.sum) : top.hash;
      frames_.pop_back();
    }
    hash_ = hash;
    return true;
  }

  cursor in_;
  std::vector<frame> frames_;
  std::uint64_t hash_ = 0;
};

inline std::uint64_t seeded_hash(bytes term) {
  return seeded_hasher().run(term);
}

} // namespace coppice::etf::order
