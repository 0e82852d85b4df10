// SPDX-License-Identifier: MIT
// A map whose keys are terms, equal by Erlang's =:=. A look-up hashes the key once. Terms in messages are
// canonical, so most equal keys have equal bytes and are compared as bytes. Exceptions are keys that contain
// maps (whose pairs may be in any order) or lists (a list of small integers has two encodings): these are
// compared by the draft coppice/draft/order.h, and on a host without it they throw std::runtime_error. All
// hashes are seeded, so a client cannot choose keys that collide. Header-only. One thread at a time.
#pragma once

#include <coppice/order.hpp>
#include <coppice/owned.hpp>

#include <coppice/etf/hash.hpp>
#include <coppice/etf/order/seeded_hash.hpp>
#include <cstddef>
#include <cstring>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice {

namespace detail {

/// Whether all terms equal to this one have the same bytes. Uses constant stack at any depth.
inline bool is_bytewise(etf::bytes key) {
  etf::cursor at(key);
  for (std::uint64_t due = 1; due != 0; --due) {
    std::uint32_t count = 0;
    switch (at.peek()) {
      case etf::kind::tuple:
        if (!at.read_tuple(count)) return false;
        due += count;
        break;
      case etf::kind::map:
        if (!at.read_map(count) || count > 1) return false;
        due += std::uint64_t{count} * 2;
        break;
      case etf::kind::list:
      case etf::kind::fun:
        return false;
      default:
        if (!at.skip()) return false;
    }
  }
  return true;
}

/// A key to look up.
struct wanted_term {
  explicit wanted_term(coppice::term key)
      : encoded(key.encoded),
        bytewise(is_bytewise(key.encoded)),
        hash(bytewise ? etf::table_hash(key.encoded) : hash_of(key.encoded)) {}
  etf::bytes bytes() const { return encoded; }

  etf::bytes encoded;
  bool bytewise;
  std::size_t hash;

 private:
  static std::size_t hash_of(etf::bytes key) {
    static_cast<void>(order.need()); // the order interface, which will compare the key
    return etf::order::seeded_hash(key);
  }
};
/// A key in the map.
struct kept_term : owned_term {
  explicit kept_term(const wanted_term& from)
      : owned_term(coppice::term{from.encoded}), bytewise(from.bytewise), hash(from.hash) {}

  bool bytewise;
  std::size_t hash;
};

struct term_hash {
  using is_transparent = void;
  std::size_t operator()(const auto& key) const noexcept { return key.hash; }
};
struct term_equal {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const {
    const etf::bytes one = a.bytes(), other = b.bytes();
    if (one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size()) == 0) return true;
    return !a.bytewise && !b.bytewise && coppice::equal({a.bytes()}, {b.bytes()});
  }
};

} // namespace detail

/// The interface of std::unordered_map, for terms; iteration gives keys as owned_term. Encoded as a map;
/// reading a map that has a key twice fails.
template <class V>
class term_map {
  using table = std::unordered_map<detail::kept_term, V, detail::term_hash, detail::term_equal>;

 public:
  using value_type = typename table::value_type;
  using iterator = typename table::iterator;
  using const_iterator = typename table::const_iterator;

  /// The entry with this key, or end().
  iterator find(term key) { return table_.find(detail::wanted_term(key)); }
  const_iterator find(term key) const { return table_.find(detail::wanted_term(key)); }
  /// Whether there is an entry with this key.
  bool contains(term key) const { return find(key) != end(); }
  /// The entry, and whether it is new: a new value is V(args…), an existing one is not changed.
  template <class... Args>
  std::pair<iterator, bool> try_emplace(term key, Args&&... args) {
    const detail::wanted_term wanted(key);
    if (const auto found = table_.find(wanted); found != table_.end()) return {found, false};
    return table_.emplace(std::piecewise_construct, std::forward_as_tuple(wanted),
                          std::forward_as_tuple(std::forward<Args>(args)...));
  }
  template <class Value>
  std::pair<iterator, bool> insert_or_assign(term key, Value&& value) {
    const auto placed = try_emplace(key, std::forward<Value>(value));
    if (!placed.second) placed.first->second = std::forward<Value>(value);
    return placed;
  }
  V& operator[](term key) { return try_emplace(key).first->second; }
  /// The number of entries erased: 0 or 1.
  std::size_t erase(term key) {
    const auto found = find(key);
    if (found == end()) return 0;
    table_.erase(found);
    return 1;
  }
  iterator erase(const_iterator which) { return table_.erase(which); }
  void clear() { table_.clear(); }
  void reserve(std::size_t entries) { table_.reserve(entries); }

  /// In no order; each is borrowed until its entry is erased.
  std::vector<term> keys() const {
    std::vector<term> out(size());
    std::size_t at = 0;
    for (const auto& [key, value] : table_) out[at++] = key.term();
    return out;
  }
  std::size_t size() const { return table_.size(); }
  bool empty() const { return table_.empty(); }
  iterator begin() { return table_.begin(); }
  iterator end() { return table_.end(); }
  const_iterator begin() const { return table_.begin(); }
  const_iterator end() const { return table_.end(); }

 private:
  table table_;
};

} // namespace coppice

template <class V>
struct coppice::etf::codec<coppice::term_map<V>> {
  static constexpr std::string_view expected = "map";
  static void encode(writer& out, const term_map<V>& from) {
    if (from.size() > UINT32_MAX) return out.fail();
    out.map(static_cast<std::uint32_t>(from.size()));
    for (const auto& [key, value] : from) {
      out.raw(key.bytes());
      etf::encode(out, value);
    }
  }
  static bool decode(cursor& in, term_map<V>& into, mismatch& why) {
    std::uint32_t count = 0;
    if (!in.read_map(count)) return why.wanted(in, expected);
    into.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const cursor start = in;
      any_term key;
      V value{};
      if (!read(in, key, why) || !read(in, value, why)) return why.in_element(i);
      if (!into.try_emplace(key, std::move(value)).second)
        return why.refused(start, errc::duplicate_key, "expected a key only once");
    }
    return true;
  }
};
