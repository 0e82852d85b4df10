// SPDX-License-Identifier: MIT
// See unique_keys.hpp. What Erlang takes for equal has one hash: of lists their elements count and not which
// tag wrote them, of maps the pairs and not their order, of a fun what compare() looks at. Equal hashes are
// only ever the reason to compare the keys themselves.
#include <coppice/etf/unique_keys.hpp>

#include <array>
#include <bit>
#include <string>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/wire.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::etf {
namespace {

constexpr std::size_t few = 32;          // keys, compared each with each
constexpr std::size_t shown_bytes = 200; // of a key, in an error

// What a container's hash begins with.
enum class seed : std::uint64_t { tuple = 1, list, map, fun };

std::uint64_t join(std::uint64_t hash, std::uint64_t next) {
  return detail::fold(hash ^ next ^ detail::table_seed, 0x9E3779B97F4A7C15U);
}
std::uint64_t begin(seed of, std::uint64_t count) {
  return join(static_cast<std::uint64_t>(of), count);
}

std::uint64_t hash_of(std::initializer_list<std::uint8_t> leaf) {
  return table_hash({leaf.begin(), leaf.size()});
}
std::uint64_t hash_of_nil() {
  static const std::uint64_t hash = hash_of({static_cast<std::uint8_t>(tag::nil)});
  return hash;
}
// Of the integers that a string's bytes are.
const std::array<std::uint64_t, 256>& hashes_of_bytes() {
  static const auto all = [] {
    std::array<std::uint64_t, 256> made{};
    for (std::size_t i = 0; i < made.size(); ++i)
      made[i] = hash_of({static_cast<std::uint8_t>(tag::small_integer), static_cast<std::uint8_t>(i)});
    return made;
  }();
  return all;
}

// Of a term without elements; 0 if it is not all there.
std::size_t leaf_size(bytes rest) {
  const std::uint8_t* const p = rest.data();
  std::size_t size = 0;
  switch (static_cast<tag>(*p)) {
    case tag::small_integer:
      size = 2;
      break;
    case tag::small_atom_utf8:
      size = rest.size() < 2 ? 0 : std::size_t{2} + p[1];
      break;
    case tag::integer:
      size = 5;
      break;
    case tag::new_float:
      size = 9;
      break;
    case tag::binary:
      size = rest.size() < 5 ? 0 : std::size_t{5} + wire::load32(p + 1);
      break;
    default: {
      cursor in(rest);
      size = in.skip() ? in.offset() : 0;
    }
  }
  return size;
}

} // namespace

result<void> key_checker::pass(bytes seen) {
  seen_ = seen;
  while (at_ < seen.size() && repeated_.empty()) {
    if (!step(seen.subspan(at_))) break;
  }
  if (repeated_.empty()) return {};
  return fail(errc::duplicate_key, repeated_in_, static_cast<std::uint8_t>(tag::map),
              "each key only once expected in a map, which names " + print(repeated_, {.most = shown_bytes}) +
                  " twice");
}

// Whether the hash of what stands next is wanted.
bool key_checker::is_hashed() const {
  if (frames_.empty()) return hashes_elements_;
  const frame& top = frames_.back();
  return top.hashed || (top.has_many && top.left % 2 == 0);
}

// Takes one head or leaf; false if it is not all there.
bool key_checker::step(bytes rest) {
  const std::uint8_t* const p = rest.data();
  switch (static_cast<tag>(*p)) {
    case tag::small_tuple:
    case tag::large_tuple: {
      const std::size_t head = *p == static_cast<std::uint8_t>(tag::small_tuple) ? 2 : 5;
      if (rest.size() < head) return false;
      const std::uint32_t arity = head == 2 ? p[1] : wire::load32(p + 1);
      if (arity == 0) return leaf(rest);
      open(container(frame::type::row, arity, begin(seed::tuple, arity)), head);
      return true;
    }
    case tag::map: {
      if (rest.size() < 5) return false;
      const std::uint32_t pairs = wire::load32(p + 1);
      if (pairs == 0) return leaf(rest);
      frame made = container(frame::type::map, std::uint64_t{pairs} * 2, begin(seed::map, pairs));
      made.has_many = pairs > 1;
      open(made, 5);
      return true;
    }
    case tag::list:
      return list(rest);
    case tag::string:
      return string(rest);
    case tag::new_fun:
      return fun(rest);
    default:
      return leaf(rest);
  }
}

bool key_checker::leaf(bytes rest) {
  const std::size_t size = leaf_size(rest);
  const bool hashed = is_hashed();
  // Of a binary that is still coming the rest may be left out.
  const bool passes = size != 0 && (size <= rest.size() || !hashed);
  if (!passes) return false;
  at_ += size;
  deliver(hashed ? table_hash(rest.first(size)) : 0);
  return true;
}

// One that stands as the tail of another is the rest of it.
bool key_checker::list(bytes rest) {
  if (rest.size() < 5) return false;
  const std::uint64_t due = std::uint64_t{wire::load32(rest.data() + 1)} + 1;
  if (!frames_.empty() && frames_.back().what == frame::type::list && frames_.back().left == 1) {
    frames_.back().left = due;
    at_ += 5;
    return true;
  }
  open(container(frame::type::list, due, begin(seed::list, 0)), 5);
  return true;
}

bool key_checker::string(bytes rest) {
  if (rest.size() < 3) return false;
  const std::size_t size = wire::load16(rest.data() + 1);
  if (size > rest.size() - 3) return false;
  at_ += 3 + size;
  if (!is_hashed()) return deliver(0), true;
  const bool is_tail =
      !frames_.empty() && frames_.back().what == frame::type::list && frames_.back().left == 1;
  frame* const top = is_tail ? &frames_.back() : nullptr;
  std::uint64_t hash = top != nullptr ? top->hash : begin(seed::list, 0);
  for (const std::uint8_t byte : rest.subspan(3, size)) hash = join(hash, hashes_of_bytes()[byte]);
  if (top != nullptr) {
    top->hash = hash;
    deliver(hash_of_nil());
  } else {
    deliver(join(hash, hash_of_nil()));
  }
  return true;
}

// Who made it, its arity and its size make no difference.
bool key_checker::fun(bytes rest) {
  if (rest.size() < 30) return false;
  cursor in(rest);
  in.advance(30);
  std::string_view module;
  std::int64_t old_index = 0, old_uniq = 0;
  pid creator;
  if (!in.read_atom(module) || !in.read_integer(old_index) || !in.read_integer(old_uniq) ||
      !in.read_pid(creator))
    return false;
  const std::uint32_t free_variables = wire::load32(rest.data() + 26);
  frame made = container(frame::type::row, free_variables, begin(seed::fun, free_variables));
  if (made.hashed) {
    made.hash = join(made.hash, table_hash(rest.subspan(6, 20))); // uniq and index
    made.hash =
        join(made.hash, table_hash({reinterpret_cast<const std::uint8_t*>(module.data()), module.size()}));
    made.hash =
        join(join(made.hash, static_cast<std::uint64_t>(old_index)), static_cast<std::uint64_t>(old_uniq));
  }
  if (free_variables != 0) return open(made, in.offset()), true;
  at_ += in.offset();
  deliver(made.hash);
  return true;
}

// One that begins here.
key_checker::frame key_checker::container(frame::type what, std::uint64_t left, std::uint64_t hash) const {
  return {what, is_hashed(), false, left, hash, 0, 0, at_, hashes_.size()};
}

void key_checker::open(const frame& made, std::size_t head) {
  at_ += head;
  frames_.push_back(made);
}

// Something whole has gone by: the containers that end with it are whole too.
void key_checker::deliver(std::uint64_t hash) {
  while (!frames_.empty()) {
    frame& top = frames_.back();
    --top.left;
    if (top.what != frame::type::map) {
      if (top.hashed) top.hash = join(top.hash, hash);
    } else if (top.left % 2 == 0) {
      if (top.hashed) top.sum += join(join(0, top.key), hash);
    } else {
      top.key = hash;
      if (top.has_many) hashes_.push_back(hash);
    }
    if (top.left != 0) return;
    if (top.has_many) close_map(top);
    hash = top.what == frame::type::map ? join(top.hash, top.sum) : top.hash;
    frames_.pop_back();
  }
  element_ = hash;
}

void key_checker::close_map(const frame& map) {
  const std::size_t count = hashes_.size() - map.keys;
  if (count <= few ? find_among_few(map, count) : find_among_many(map, count)) repeated_in_ = map.start;
  hashes_.shrink(map.keys);
}

bool key_checker::find_among_few(const frame& map, std::size_t count) {
  const std::uint64_t* const all = hashes_.data() + map.keys;
  for (std::size_t i = 1; i < count; ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (all[i] == all[j] && same_keys(map, j, i)) return true;
  }
  return false;
}

bool key_checker::find_among_many(const frame& map, std::size_t count) {
  const std::uint64_t* const all = hashes_.data() + map.keys;
  const std::size_t mask = std::bit_ceil(count * 2) - 1;
  slots_.assign(mask + 1, 0); // the number of a key + 1; 0 is free
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = all[i] & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      const std::size_t j = slots_[at] - 1;
      if (all[i] == all[j] && same_keys(map, j, i)) return true;
    }
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
  return false;
}

// The i-th key and the j-th, which comes later, are equal and not only their hashes.
bool key_checker::same_keys(const frame& map, std::size_t i, std::size_t j) {
  cursor in(seen_.subspan(map.start));
  in.advance(5);
  bytes first, second;
  for (std::size_t at = 0; at <= j; ++at) {
    bytes& key = at == i ? first : second;
    if (!in.read_term(key) || (at != j && !in.skip())) return false; // the last value may still be coming
  }
  if (!equal_exact(first, second)) return false;
  repeated_ = second;
  return true;
}

result<void> check_keys(bytes canonical) {
  return key_checker().pass(canonical);
}

std::uint64_t equality_hash(bytes canonical) {
  key_checker over;
  over.hash_elements();
  (void)over.pass(canonical);
  return over.hash();
}

bool has_unique_keys(bytes term) {
  constexpr limits boundless{SIZE_MAX, SIZE_MAX, 255};
  vector_writer out(term.size());
  const auto made = canonicalise(term, out, boundless);
  return made || made.error().code != errc::duplicate_key;
}

} // namespace coppice::etf
