// SPDX-License-Identifier: MIT
// Walks over heads and leaves as they lie, no recursion; keys are compared each with each while they are few,
// else only those of equal hash.
#include <coppice/etf/unique_keys.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>

namespace coppice::etf {
namespace {

constexpr std::uint32_t few = 16;

struct hashed_key {
  std::uint32_t hash;
  bytes key;
};

bool is_tag(std::uint8_t byte, tag t) {
  return byte == static_cast<std::uint8_t>(t);
}

// The same key twice: of two small atoms their bytes decide.
bool same(bytes a, bytes b) {
  if (is_tag(a[0], tag::small_atom_utf8) && is_tag(b[0], tag::small_atom_utf8))
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
  return equal_exact(a, b);
}

bool next_key(cursor& in, bytes& key) {
  return in.read_term(key) && in.skip();
}

bool few_are_unique(cursor in, std::uint32_t pairs) {
  std::array<bytes, few> keys;
  for (std::uint32_t i = 0; i < pairs && next_key(in, keys[i]); ++i) {
    for (std::uint32_t j = 0; j < i; ++j)
      if (same(keys[j], keys[i])) return false;
  }
  return true;
}

bool many_are_unique(cursor in, std::uint32_t pairs) {
  std::vector<hashed_key> keys;
  keys.reserve(pairs);
  for (bytes key; keys.size() < pairs && next_key(in, key);) keys.push_back({phash2(key), key});
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.hash < b.hash; });
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = i + 1; j < keys.size() && keys[j].hash == keys[i].hash; ++j)
      if (same(keys[i].key, keys[j].key)) return false;
  }
  return true;
}

bool is_unique(cursor map) {
  std::uint32_t pairs = 0;
  if (!map.read_map(pairs)) return true;
  return pairs <= few ? few_are_unique(map, pairs) : many_are_unique(map, pairs);
}

// Of a head its own bytes, of anything else all of it; of a fun what comes before its free variables.
std::size_t step(bytes rest) {
  switch (static_cast<tag>(rest[0])) {
    case tag::small_tuple:
      return 2;
    case tag::large_tuple:
    case tag::list:
    case tag::map:
      return 5;
    case tag::new_fun: {
      cursor in(rest.subspan(30));
      for (int i = 0; i < 4; ++i) in.skip(); // module, old index, old uniq, pid
      return 30 + in.offset();
    }
    default: {
      cursor in(rest);
      in.skip();
      return in.offset();
    }
  }
}

} // namespace

bool has_unique_keys(bytes term) {
  const void* first =
      term.empty() ? nullptr : std::memchr(term.data(), static_cast<int>(tag::map), term.size());
  if (first == nullptr) return true;
  while (!term.empty()) {
    if (is_tag(term[0], tag::map) && !is_unique(cursor(term))) return false;
    const std::size_t size = step(term);
    if (size == 0) return true; // no term: nothing was promised
    term = term.subspan(std::min(size, term.size()));
  }
  return true;
}

} // namespace coppice::etf
