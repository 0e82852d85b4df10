// SPDX-License-Identifier: MIT
// See unique_keys.hpp. What Erlang takes for equal has one hash: of lists their elements count and not which
// tag wrote them, of maps the pairs and not their order, of a fun what compare() looks at. Equal hashes are
// only ever the reason to compare the keys themselves.
//
// A container's hash begins with its type and length and takes one element after the other. The hash so far
// and the element are mixed with different secrets: were their places alike, a list could be built whose hash
// is that of another one with the two exchanged, whatever the secrets are.
#include <coppice/etf/unique_keys.hpp>

#include <algorithm>
#include <array>
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
// Tables at a time that are made as large as their map announces, within reason.
constexpr std::size_t believed_tables = 4;
// Different keys of one hash in a term. By chance there is none in thousands of years.
constexpr unsigned most_collisions = 16;

// What a container's hash begins with; digits of pi.
namespace kinds {
constexpr std::uint64_t tuple = 0x243F6A8885A308D3, list = 0x13198A2E03707344, map = 0xA4093822299F31D0,
                        fun = 0x082EFA98EC4E6C89, pair = 0x452821E638D01377;
} // namespace kinds

// Not the same for (a, b) and (b, a).
std::uint64_t join(std::uint64_t hash, std::uint64_t next) {
  return detail::fold(hash ^ detail::table_seed, next ^ detail::table_key);
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
  while (at_ < seen.size() && !stopped_) {
    if (!step(seen.subspan(at_))) break;
  }
  if (!stopped_) return {};
  if (repeated_.empty())
    return fail(errc::bad_value, repeated_in_, static_cast<std::uint8_t>(tag::map),
                "a map whose keys have not all the same hash expected");
  return fail(errc::duplicate_key, repeated_in_, static_cast<std::uint8_t>(tag::map),
              "each key only once expected in a map, which names " + print(repeated_, {.most = shown_bytes}) +
                  " twice");
}

[[gnu::always_inline]] inline bool key_checker::leaf(bytes rest) {
  const std::size_t size = leaf_size(rest);
  const bool hashed = is_hashed();
  // Of a binary that is still coming the rest may be left out.
  const bool passes = size != 0 && (size <= rest.size() || !hashed);
  if (!passes) return false;
  const std::size_t start = at_;
  at_ += size;
  deliver(hashed ? table_hash(rest.first(size)) : 0, start);
  return true;
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
      open(container(frame::type::row, arity, kinds::tuple, arity), head);
      return true;
    }
    case tag::map: {
      if (rest.size() < 5) return false;
      const std::uint32_t pairs = wire::load32(p + 1);
      if (pairs == 0) return leaf(rest);
      frame made = container(frame::type::map, std::uint64_t{pairs} * 2, kinds::map, pairs);
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

// One that stands as the tail of another is the rest of it.
bool key_checker::list(bytes rest) {
  if (rest.size() < 5) return false;
  const std::uint64_t due = std::uint64_t{wire::load32(rest.data() + 1)} + 1;
  if (!frames_.empty() && frames_.back().what == frame::type::list && frames_.back().left == 1) {
    frames_.back().left = due;
    at_ += 5;
    return true;
  }
  open(container(frame::type::list, due, kinds::list, 0), 5);
  return true;
}

bool key_checker::string(bytes rest) {
  if (rest.size() < 3) return false;
  const std::size_t size = wire::load16(rest.data() + 1);
  if (size > rest.size() - 3) return false;
  const std::size_t start = at_;
  at_ += 3 + size;
  if (!is_hashed()) return deliver(0, start), true;
  const bool is_tail =
      !frames_.empty() && frames_.back().what == frame::type::list && frames_.back().left == 1;
  frame* const top = is_tail ? &frames_.back() : nullptr;
  std::uint64_t hash = top != nullptr ? top->hash : join(kinds::list, 0);
  for (const std::uint8_t byte : rest.subspan(3, size)) hash = join(hash, hashes_of_bytes()[byte]);
  if (top != nullptr) {
    top->hash = hash;
    deliver(hash_of_nil(), start);
  } else {
    deliver(join(hash, hash_of_nil()), start);
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
  frame made = container(frame::type::row, free_variables, kinds::fun, free_variables);
  if (made.hashed) {
    made.hash = join(made.hash, table_hash(rest.subspan(6, 20))); // uniq and index
    made.hash =
        join(made.hash, table_hash({reinterpret_cast<const std::uint8_t*>(module.data()), module.size()}));
    made.hash =
        join(join(made.hash, static_cast<std::uint64_t>(old_index)), static_cast<std::uint64_t>(old_uniq));
  }
  if (free_variables != 0) return open(made, in.offset()), true;
  at_ += in.offset();
  deliver(made.hash, made.start);
  return true;
}

// One that begins here. `kind` and `count` are what its hash begins with.
key_checker::frame key_checker::container(frame::type what, std::uint64_t left, std::uint64_t kind,
                                          std::uint64_t count) const {
  const bool hashed = is_hashed();
  return {what, hashed, false, false, left, hashed ? join(kind, count) : 0, 0, 0, count, at_, keys_.size()};
}

void key_checker::open(const frame& made, std::size_t head) {
  at_ += head;
  frames_.push_back(made);
}

// Something whole has gone by, which began at `start`: the containers that end with it are whole too.
void key_checker::deliver(std::uint64_t hash, std::size_t start) {
  while (!frames_.empty()) {
    frame& top = frames_.back();
    --top.left;
    if (top.what != frame::type::map) {
      if (top.hashed) top.hash = join(top.hash, hash);
    } else if (top.left % 2 == 0) {
      if (top.hashed) top.sum += join(join(kinds::pair, top.key), hash);
    } else {
      top.key = hash;
      if (top.in_table) {
        add_to_table(top, {hash, start});
      } else if (top.has_many) {
        keys_.push_back({hash, start});
        if (keys_.size() - top.keys > few) begin_table(top);
      }
    }
    if (top.left != 0) return;
    if (top.has_many) close_map(top);
    hash = top.what == frame::type::map && top.hashed ? join(top.hash, top.sum) : top.hash;
    start = top.start;
    frames_.pop_back();
  }
  element_ = hash;
}

// The small map that was thought of has many keys.
void key_checker::begin_table(frame& map) {
  map.in_table = true;
  tables_bytes_ += tables_.emplace_back().held();
  for (std::size_t i = map.keys; i < keys_.size() && !stopped_; ++i) add_to_table(map, keys_.data()[i]);
  keys_.shrink(map.keys);
}

void key_checker::add_to_table(const frame& map, const detail::seen_key& key) {
  // The count that a map announces is believed where it makes nobody else believe it again and again.
  const std::uint64_t expected = tables_.size() <= believed_tables ? map.count : 0;
  detail::seen_keys& table = tables_.back();
  const std::size_t before = table.held();
  steps_ +=
      table.add(key, expected, [&](const detail::seen_key& earlier) { return differ(map, earlier, key); });
  tables_bytes_ += table.held() - before;
}

void key_checker::close_map(const frame& map) {
  if (map.in_table) {
    tables_bytes_ -= tables_.back().held();
    return tables_.pop_back();
  }
  const detail::seen_key* const all = keys_.data() + map.keys;
  const std::size_t count = keys_.size() - map.keys;
  for (std::size_t i = 1; i < count && !stopped_; ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (all[i].hash == all[j].hash && !differ(map, all[j], all[i])) break;
  }
  steps_ += count * (count - 1) / 2;
  keys_.shrink(map.keys);
}

// Whether two keys of a map differ though their hashes do not; if they do not, or do too often, that is the
// end of the pass. The time it takes is that of their own bytes.
bool key_checker::differ(const frame& map, const detail::seen_key& earlier, const detail::seen_key& key) {
  bytes first, second;
  if (!cursor(seen_.subspan(earlier.offset)).read_term(first)) return true;
  if (!cursor(seen_.subspan(key.offset)).read_term(second)) return true;
  steps_ += std::min(first.size(), second.size());
  const bool differs = !equal_exact(first, second);
  if (!differs) repeated_ = second;
  if (differs && ++collisions_ <= most_collisions) return true;
  stopped_ = true;
  repeated_in_ = map.start;
  return false;
}

std::size_t key_checker::held() const {
  return frames_.held() + keys_.held() + tables_.capacity() * sizeof(detail::seen_keys) + tables_bytes_;
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
