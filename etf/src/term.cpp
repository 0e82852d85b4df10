// SPDX-License-Identifier: MIT
// How a term is kept. raw_[15] says which of these it is:
//   a scalar: eight bytes from raw_[0]; short text: up to 14 bytes from raw_[0], their number in raw_[14];
//   a block: its address in raw_[0..7]. A block of bytes holds a long atom or binary, or the encoded form of
//   what nobody takes apart here (pids, ports, references, funs, large integers). A block of terms holds a
//   tuple's elements, a list's elements with the tail behind them, or a map's keys and values in turn, with a
//   hash index beside them when there are many.
// Whatever walks the tree does it with a list of its own and not by calling itself.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/inflate.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/validate.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

namespace {

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

struct block {
  std::size_t count = 0;          ///< bytes; elements of a tuple or list; pairs of a map
  std::uint32_t* index = nullptr; ///< of a map above 32 pairs: slots with pair number + 1, 0 is free
  std::size_t index_mask = 0;
  block* next = nullptr; ///< while a tree is destroyed

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  term* terms() { return reinterpret_cast<term*>(this + 1); }
};

constexpr std::size_t pairs_without_index = 32;

block* new_block(std::size_t size) {
  return new (::operator new(sizeof(block) + size)) block;
}
void free_block(block* b) {
  ::operator delete[](b->index);
  ::operator delete(b);
}

} // namespace

/// The representation, for this file's functions.
struct term_access {
  static repr what(const term& t) { return static_cast<repr>(t.raw_[15]); }
  static bool owns_block(const term& t) { return what(t) >= repr::long_atom; }
  static bool owns_terms(const term& t) { return what(t) >= repr::tuple; }

  template <class T>
  static T scalar(const term& t) {
    T value;
    std::memcpy(&value, t.raw_.data(), sizeof value);
    return value;
  }
  static block* blk(const term& t) { return scalar<block*>(t); }

  template <class T>
  static void set(term& t, repr what, T value, std::uint8_t extra = 0) {
    static_assert(sizeof value == 8);
    const std::array<std::uint8_t, 8> rest{0, 0, 0, 0, 0, 0, extra, static_cast<std::uint8_t>(what)};
    std::memcpy(t.raw_.data(), &value, 8);
    std::memcpy(t.raw_.data() + 8, rest.data(), 8);
  }
  static void set_text(term& t, repr as_short, repr as_long, bytes text) {
    if (text.size() <= 14) {
      t.raw_ = {};
      wire::copy(t.raw_.data(), text.data(), text.size());
      t.raw_[14] = static_cast<std::uint8_t>(text.size());
      t.raw_[15] = static_cast<std::uint8_t>(as_short);
    } else {
      set_bytes(t, as_long, text);
    }
  }
  static void set_bytes(term& t, repr what, bytes data, std::uint8_t extra = 0) {
    block* const b = new_block(data.size());
    b->count = data.size();
    if (!data.empty()) std::memcpy(b->data(), data.data(), data.size());
    set(t, what, b, extra);
  }
  /// A block of nils, `slots` terms.
  static block* set_terms(term& t, repr what, std::size_t count, std::size_t slots) {
    block* const b = new_block(slots * sizeof(term));
    b->count = count;
    std::uninitialized_default_construct_n(b->terms(), slots);
    set(t, what, b);
    return b;
  }

  static std::size_t slots(const term& t) {
    const std::size_t count = blk(t)->count;
    return what(t) == repr::map ? count * 2 : what(t) == repr::list ? count + 1 : count;
  }

  static bytes text(const term& t) {
    const repr w = what(t);
    if (w == repr::short_atom || w == repr::short_binary) return {t.raw_.data(), t.raw_[14]};
    if (owns_block(t) && !owns_terms(t)) return {blk(t)->data(), blk(t)->count};
    return {};
  }
  static unsigned bits(const term& t) { return t.raw_[14]; }

  static void destroy(term& root) noexcept {
    if (!owns_block(root)) return;
    if (!owns_terms(root)) return free_block(blk(root));
    block* work = blk(root);
    work->next = nullptr;
    // Each block waits in a chain through its own header, with its size where it was; nothing is allocated.
    std::size_t here = slots(root);
    work->count = here;
    while (work != nullptr) {
      block* const b = work;
      work = b->next;
      for (std::size_t i = 0; i < b->count; ++i) {
        const term& child = b->terms()[i];
        if (!owns_block(child)) continue;
        block* const below = blk(child);
        if (!owns_terms(child)) {
          free_block(below);
          continue;
        }
        below->count = slots(child);
        below->next = work;
        work = below;
      }
      free_block(b);
    }
  }

  static std::uint64_t hash(const term& t) {
    const repr w = what(t);
    if (w == repr::integer || w == repr::floating)
      return detail::fold(scalar<std::uint64_t>(t) ^ detail::table_seed, 0x9E3779B97F4A7C15U);
    if (!owns_terms(t)) return table_hash(text(t));
    const std::vector<std::uint8_t> encoded = t.encode();
    // A map among the keys has no order of its own; phash2 has none either.
    const bool has_map =
        std::find(encoded.begin(), encoded.end(), static_cast<std::uint8_t>(tag::map)) != encoded.end();
    return has_map ? phash2(encoded) : table_hash(encoded);
  }

  /// Indexes a map if it is large. False if a key comes twice (the first stays in the index).
  static bool seal_map(term& t) {
    block* const b = blk(t);
    const term* const all = b->terms();
    bool unique = true;
    if (b->count <= pairs_without_index) {
      for (std::size_t i = 1; i < b->count; ++i) {
        for (std::size_t j = 0; j < i; ++j) unique = unique && !(all[2 * i] == all[2 * j]);
      }
      return unique;
    }
    const std::size_t size = std::bit_ceil(b->count * 2);
    b->index = static_cast<std::uint32_t*>(::operator new[](size * sizeof(std::uint32_t)));
    b->index_mask = size - 1;
    std::fill_n(b->index, size, 0U);
    for (std::size_t i = 0; i < b->count; ++i) {
      std::size_t at = hash(all[2 * i]) & b->index_mask;
      while (b->index[at] != 0 && !(all[2 * (b->index[at] - 1)] == all[2 * i])) at = (at + 1) & b->index_mask;
      if (b->index[at] != 0)
        unique = false;
      else
        b->index[at] = static_cast<std::uint32_t>(i + 1);
    }
    return unique;
  }
};

namespace {

using access = term_access;

/// Bytes that a scan has passed to a tree.
class term_builder {
 public:
  /// `canonical`: the scan found it so, and opaque terms are taken as they are.
  term_builder(bytes in, bool canonical, bool twice_allowed)
      : in_(in), canonical_(canonical), twice_allowed_(twice_allowed) {
    frames_.reserve(8);
  }

  result<term> run() {
    term root;
    if (!one(root)) return broken();
    while (!frames_.empty()) {
      frame& top = frames_.back();
      if (top.at != top.end) {
        if (top.is_list && top.at + 1 == top.end && in_.peek() == kind::list) {
          if (!extend(top)) return broken();
          continue;
        }
        term& slot = *top.at++;
        if (!one(slot)) return broken();
        continue;
      }
      const frame done = top;
      frames_.pop_back();
      if (access::what(*done.owner) == repr::map && !access::seal_map(*done.owner) && !twice_allowed_) {
        return fail(errc::duplicate_key, done.offset, static_cast<std::uint8_t>(tag::map),
                    "each key only once expected in a map");
      }
    }
    return root;
  }

 private:
  struct frame {
    term* at;
    term* end;
    term* owner;
    std::size_t offset;
    bool is_list;
    std::size_t room; ///< terms the block has room for
  };

  tl::unexpected<error> broken() const {
    return fail(errc::bad_value, in_.offset(), in_.peek_tag(), "a term expected");
  }

  void open(term& slot, repr what, std::size_t count, std::size_t slots, std::size_t offset) {
    block* const b = access::set_terms(slot, what, count, slots);
    frames_.push_back({b->terms(), b->terms() + slots, &slot, offset, what == repr::list, slots});
  }

  /// A list stands where the tail of the innermost one is due: its elements join the others.
  bool extend(frame& top) {
    std::uint32_t length = 0;
    bytes text;
    if (!in_.read_string(text) && !in_.read_list(length)) return false;
    const std::size_t more = length + text.size();
    block* const old = access::blk(*top.owner);
    const auto used = static_cast<std::size_t>(top.at - old->terms());
    const std::size_t slots = used + more + 1;
    if (slots > top.room) {
      const std::size_t room = std::max(slots, top.room * 2);
      block* const b = new_block(room * sizeof(term));
      std::memcpy(static_cast<void*>(b->terms()), old->terms(), used * sizeof(term));
      for (std::size_t i = used; i < room; ++i) new (b->terms() + i) term;
      access::set(*top.owner, repr::list, b);
      ::operator delete(old);
      top.room = room;
    }
    block* const b = access::blk(*top.owner);
    b->count = slots - 1;
    top.at = b->terms() + used;
    for (const std::uint8_t byte : text) access::set(*top.at++, repr::integer, std::int64_t{byte});
    top.end = length != 0 ? b->terms() + slots
                          : top.at; // after text, or a list of none, the tail is [] and stays so
    return true;
  }

  /// The common tags, without the checks the scan has made.
  bool one(term& slot) {
    const bytes rest = in_.rest();
    if (rest.size() < 2) return other(slot);
    const std::uint8_t* const p = rest.data();
    switch (static_cast<tag>(*p)) {
      case tag::small_integer:
        access::set(slot, repr::integer, std::int64_t{p[1]});
        return in_.advance(2), true;
      case tag::integer:
        access::set(slot, repr::integer, std::int64_t{static_cast<std::int32_t>(wire::load32(p + 1))});
        return in_.advance(5), true;
      case tag::new_float:
        access::set(slot, repr::floating, wire::load64(p + 1));
        return in_.advance(9), true;
      case tag::small_atom_utf8:
        access::set_text(slot, repr::short_atom, repr::long_atom, {p + 2, p[1]});
        return in_.advance(std::size_t{2} + p[1]), true;
      case tag::binary: {
        const std::size_t size = wire::load32(p + 1);
        access::set_text(slot, repr::short_binary, repr::long_binary, {p + 5, size});
        return in_.advance(5 + size), true;
      }
      case tag::small_tuple:
        open(slot, repr::tuple, p[1], p[1], in_.offset());
        return in_.advance(2), true;
      default:
        return other(slot);
    }
  }

  bool other(term& slot) {
    const std::size_t start = in_.offset();
    switch (in_.peek()) {
      case kind::integer:
        return integer(slot);
      case kind::floating: {
        double value;
        if (!in_.read_float(value)) return false;
        access::set(slot, repr::floating, value);
        return true;
      }
      case kind::atom: {
        std::string_view name;
        if (!in_.read_atom(name)) return latin1_atom(slot);
        access::set_text(slot, repr::short_atom, repr::long_atom,
                         {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
        return true;
      }
      case kind::binary: {
        bytes data;
        if (!in_.read_binary(data)) return false;
        access::set_text(slot, repr::short_binary, repr::long_binary, data);
        return true;
      }
      case kind::bitstring: {
        bytes data;
        unsigned bits;
        if (!in_.read_bitstring(data, bits)) {
          access::set_text(slot, repr::short_binary, repr::long_binary, {});
          return in_.skip();
        }
        access::set_bytes(slot, repr::bitstring, data, static_cast<std::uint8_t>(bits));
        access::blk(slot)->data()[data.size() - 1] &= static_cast<std::uint8_t>(0xFF00U >> bits);
        return true;
      }
      case kind::tuple: {
        std::uint32_t arity;
        if (!in_.read_tuple(arity)) return false;
        open(slot, repr::tuple, arity, arity, start);
        return true;
      }
      case kind::nil:
        return in_.read_nil();
      case kind::list:
        return list(slot, start);
      case kind::map: {
        std::uint32_t pairs;
        if (!in_.read_map(pairs)) return false;
        open(slot, repr::map, pairs, std::size_t{pairs} * 2, start);
        return true;
      }
      case kind::pid:
      case kind::port:
      case kind::reference:
      case kind::fun:
        return opaque(slot);
      case kind::none:
        return false;
    }
    return false;
  }

  bool integer(term& slot) {
    std::int64_t value;
    if (in_.read_integer(value)) return access::set(slot, repr::integer, value), true;
    return opaque(slot);
  }

  bool list(term& slot, std::size_t start) {
    bytes text;
    if (in_.read_string(text)) {
      if (text.empty()) return true;
      term* const at = access::set_terms(slot, repr::list, text.size(), text.size() + 1)->terms();
      for (std::size_t i = 0; i < text.size(); ++i) access::set(at[i], repr::integer, std::int64_t{text[i]});
      return true;
    }
    std::uint32_t length;
    cursor ahead = in_;
    if (!ahead.read_list(length)) { // a head of 0 before a tail that is no list: the tail alone
      in_.skip_empty_heads();
      return in_.peek() != kind::list && one(slot);
    }
    in_ = ahead;
    if (length == 0) return true;
    open(slot, repr::list, length, std::size_t{length} + 1, start);
    numbers(frames_.back().at, length);
    return true;
  }

  /// A list of numbers is filled without a look at the frames between them.
  void numbers(term*& at, std::uint32_t length) {
    const std::uint8_t* const begin = in_.rest().data();
    const std::uint8_t* p = begin;
    for (; length != 0; --length, ++at) {
      if (*p == static_cast<std::uint8_t>(tag::integer)) {
        access::set(*at, repr::integer, std::int64_t{static_cast<std::int32_t>(wire::load32(p + 1))});
        p += 5;
      } else if (*p == static_cast<std::uint8_t>(tag::small_integer)) {
        access::set(*at, repr::integer, std::int64_t{p[1]});
        p += 2;
      } else if (*p == static_cast<std::uint8_t>(tag::new_float)) {
        access::set(*at, repr::floating, wire::load64(p + 1));
        p += 9;
      } else {
        break;
      }
    }
    in_.advance(static_cast<std::size_t>(p - begin));
  }

  bool opaque(term& slot) {
    bytes whole;
    if (!in_.read_term(whole)) return false;
    if (canonical_) return access::set_bytes(slot, repr::encoded, whole), true;
    vector_writer out;
    if (!canonicalise(whole, out, {SIZE_MAX, SIZE_MAX, 255})) return false;
    access::set_bytes(slot, repr::encoded, out.view());
    return true;
  }

  bool latin1_atom(term& slot) {
    bytes whole;
    if (!in_.read_term(whole)) return false;
    vector_writer out;
    std::string_view name;
    if (!canonicalise(whole, out) || !cursor(out.view()).read_atom(name)) return false;
    access::set_text(slot, repr::short_atom, repr::long_atom,
                     {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    return true;
  }

  cursor in_;
  bool canonical_;
  bool twice_allowed_;
  std::vector<frame> frames_;
};

bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Moves `from` into the block behind `to`.
term row(repr what, std::vector<term>& from, term* tail) {
  term made;
  block* const b = access::set_terms(made, what, from.size(), from.size() + (tail != nullptr ? 1 : 0));
  std::move(from.begin(), from.end(), b->terms());
  if (tail != nullptr) b->terms()[from.size()] = std::move(*tail);
  return made;
}

/// By way of the bytes, for what is kept as bytes.
template <class Write>
term written(Write&& write) {
  vector_writer out;
  write(out);
  auto made = term::decode(out.view());
  return made ? std::move(*made) : term();
}

/// The elements if OTP would write this list as STRING_EXT.
bool is_byte_list(const term& t) {
  const std::span<const term> all = t.elements();
  if (all.size() >= 65536 || t.tail() != nullptr) return false;
  return std::all_of(all.begin(), all.end(), [](const term& each) {
    return access::what(each) == repr::integer && access::scalar<std::uint64_t>(each) < 256;
  });
}

void encode_leaf(const term& t, writer& out) {
  switch (access::what(t)) {
    case repr::nil:
      return out.nil();
    case repr::integer:
      return out.integer(access::scalar<std::int64_t>(t));
    case repr::floating:
      return out.floating(access::scalar<double>(t));
    case repr::short_atom:
    case repr::long_atom:
      return out.atom(t.atom_name());
    case repr::short_binary:
    case repr::long_binary:
      return out.binary(t.data());
    case repr::bitstring:
      return out.bitstring(t.data(), access::bits(t));
    case repr::encoded:
      return out.raw(t.data());
    default:
      return;
  }
}

} // namespace

term::term() noexcept : raw_{} {}
term::term(term&& other) noexcept : raw_(std::exchange(other.raw_, {})) {}
term::term(const term& other) : raw_(other.raw_) {
  if (!access::owns_block(other)) return;
  raw_ = {};
  const std::vector<std::uint8_t> encoded = other.encode();
  if (auto copied = term_builder(encoded, true, true).run()) raw_ = std::exchange(copied->raw_, {});
}
term& term::operator=(const term& other) {
  if (this != &other) *this = term(other);
  return *this;
}
term& term::operator=(term&& other) noexcept {
  if (this == &other) return *this;
  term old;
  old.raw_ = std::exchange(raw_, std::exchange(other.raw_, {}));
  return *this;
}
term::~term() {
  access::destroy(*this);
}

term term::integer(std::int64_t value) {
  term made;
  access::set(made, repr::integer, value);
  return made;
}
term term::unsigned_integer(std::uint64_t value) {
  if (value <= INT64_MAX) return integer(static_cast<std::int64_t>(value));
  return written([value](writer& out) { out.unsigned_integer(value); });
}
term term::big(bool negative, bytes magnitude) {
  return written([&](writer& out) { out.big(negative, magnitude); });
}
term term::floating(double value) {
  if (!std::isfinite(value)) return atom("undefined");
  term made;
  access::set(made, repr::floating, value);
  return made;
}
term term::atom(std::string_view name) {
  term made;
  access::set_text(made, repr::short_atom, repr::long_atom, bytes_of(name));
  return made;
}
term term::boolean(bool value) {
  return atom(value ? "true" : "false");
}
term term::binary(bytes data) {
  term made;
  access::set_text(made, repr::short_binary, repr::long_binary, data);
  return made;
}
term term::binary(std::string_view data) {
  return binary(bytes_of(data));
}
term term::bitstring(bytes data, unsigned bits) {
  return written([&](writer& out) { out.bitstring(data, bits); });
}
term term::string(std::string_view data) {
  return written([&](writer& out) { out.string(data); });
}
term term::tuple(std::vector<term> elements) {
  return row(repr::tuple, elements, nullptr);
}
term term::list(std::vector<term> elements) {
  term end;
  return elements.empty() ? end : row(repr::list, elements, &end);
}
term term::improper_list(std::vector<term> elements, term tail) {
  if (elements.empty()) return tail;
  if (access::what(tail) == repr::list) { // the longer list it is
    const std::span<const term> more = tail.elements();
    elements.insert(elements.end(), more.begin(), more.end());
    term end;
    if (tail.tail() != nullptr) end = *tail.tail();
    return row(repr::list, elements, &end);
  }
  return row(repr::list, elements, &tail);
}
term term::map(std::vector<std::pair<term, term>> pairs) {
  term made;
  block* const b = access::set_terms(made, repr::map, pairs.size(), pairs.size() * 2);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    b->terms()[2 * i] = std::move(pairs[i].first);
    b->terms()[2 * i + 1] = std::move(pairs[i].second);
  }
  access::seal_map(made);
  return made;
}
std::optional<term> term::unique_map(std::vector<std::pair<term, term>> pairs) {
  term made = map(std::move(pairs));
  const std::span<const term> all = made.pairs();
  for (std::size_t i = 0; i < all.size(); i += 2) {
    if (made.find(all[i]) != &all[i + 1]) return std::nullopt;
  }
  return made;
}
term term::exported_fun(std::string_view module, std::string_view function, std::uint8_t arity) {
  return written([&](writer& out) { out.exported_fun(module, function, arity); });
}
term term::pid(const etf::pid& value) {
  return written([&](writer& out) { out.pid(value); });
}
term term::port(const etf::port& value) {
  return written([&](writer& out) { out.port(value); });
}
term term::reference(const etf::reference& value) {
  return written([&](writer& out) { out.reference(value); });
}

result<term> term::decode(bytes in, const limits& bounds) {
  const auto seen = scan(in, bounds);
  if (!seen) return tl::unexpected<error>(seen.error());
  if (seen->length != in.size())
    return fail(errc::trailing, seen->length, in[seen->length], "the end expected");
  return term_builder(in, seen->canonical, false).run();
}

result<term> term::from_binary(bytes in, const limits& bounds) {
  if (in.empty() || in[0] != version_magic)
    return fail(errc::bad_tag, 0, in.empty() ? std::uint8_t{0} : in[0], "the version 131 expected");
  in = in.subspan(1);
  if (!is_compressed(in)) return decode(in, bounds);
  const auto plain = inflate(in, bounds);
  if (!plain) return tl::unexpected<error>(plain.error());
  return decode(*plain, bounds);
}

void term::encode(writer& out) const {
  struct span_left {
    const term* at;
    const term* end;
  };
  std::vector<span_left> open;
  const term* now = this;
  for (;;) {
    if (!access::owns_terms(*now)) {
      encode_leaf(*now, out);
    } else if (access::what(*now) == repr::list && is_byte_list(*now)) {
      std::string text;
      for (const term& each : now->elements())
        text.push_back(static_cast<char>(access::scalar<std::int64_t>(each)));
      out.string(text);
    } else {
      const auto count = static_cast<std::uint32_t>(access::blk(*now)->count);
      if (access::what(*now) == repr::tuple)
        out.tuple(count);
      else if (access::what(*now) == repr::list)
        out.list(count);
      else
        out.map(count);
      const term* const first = access::blk(*now)->terms();
      open.push_back({first, first + access::slots(*now)});
    }
    while (!open.empty() && open.back().at == open.back().end) open.pop_back();
    if (open.empty()) return;
    now = open.back().at++;
  }
}

std::vector<std::uint8_t> term::encode() const {
  vector_writer out;
  encode(out);
  return out.take();
}
std::vector<std::uint8_t> term::to_binary() const {
  vector_writer out;
  out.version();
  encode(out);
  return out.take();
}

kind term::kind() const {
  switch (access::what(*this)) {
    case repr::nil:
      return etf::kind::nil;
    case repr::integer:
      return etf::kind::integer;
    case repr::floating:
      return etf::kind::floating;
    case repr::short_atom:
    case repr::long_atom:
      return etf::kind::atom;
    case repr::short_binary:
    case repr::long_binary:
      return etf::kind::binary;
    case repr::bitstring:
      return etf::kind::bitstring;
    case repr::encoded:
      return kind_of(data()[0]);
    case repr::tuple:
      return etf::kind::tuple;
    case repr::list:
      return etf::kind::list;
    case repr::map:
      return etf::kind::map;
  }
  return etf::kind::none;
}

bool term::is_atom(std::string_view name) const {
  return kind() == etf::kind::atom && atom_name() == name;
}
std::optional<std::int64_t> term::as_integer() const {
  if (access::what(*this) != repr::integer) return std::nullopt;
  return access::scalar<std::int64_t>(*this);
}
std::optional<double> term::as_float() const {
  if (access::what(*this) != repr::floating) return std::nullopt;
  return access::scalar<double>(*this);
}
std::optional<bool> term::as_bool() const {
  if (is_atom("true")) return true;
  if (is_atom("false")) return false;
  return std::nullopt;
}
std::string_view term::atom_name() const {
  const repr what = access::what(*this);
  if (what != repr::short_atom && what != repr::long_atom) return {};
  const bytes name = access::text(*this);
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}
bytes term::data() const {
  const repr what = access::what(*this);
  return what == repr::short_atom || what == repr::long_atom ? bytes{} : access::text(*this);
}
std::optional<std::string> term::as_text() const {
  std::string text;
  if (kind() == etf::kind::nil) return text;
  if (kind() == etf::kind::binary)
    return text.assign(reinterpret_cast<const char*>(data().data()), data().size());
  if (kind() != etf::kind::list || tail() != nullptr) return std::nullopt;
  for (const term& each : elements()) {
    const auto byte = each.as_integer();
    if (!byte || *byte < 0 || *byte > 255) return std::nullopt;
    text.push_back(static_cast<char>(*byte));
  }
  return text;
}
std::optional<etf::pid> term::as_pid() const {
  etf::pid value;
  return cursor(data()).read_pid(value) && access::what(*this) == repr::encoded ? std::optional(value)
                                                                                : std::nullopt;
}
std::optional<etf::port> term::as_port() const {
  etf::port value;
  return cursor(data()).read_port(value) && access::what(*this) == repr::encoded ? std::optional(value)
                                                                                 : std::nullopt;
}
std::optional<etf::reference> term::as_reference() const {
  etf::reference value;
  return cursor(data()).read_reference(value) && access::what(*this) == repr::encoded ? std::optional(value)
                                                                                      : std::nullopt;
}

std::size_t term::size() const {
  return access::owns_terms(*this) ? access::blk(*this)->count : data().size();
}
std::span<const term> term::elements() const {
  const repr what = access::what(*this);
  if (what != repr::tuple && what != repr::list) return {};
  return {access::blk(*this)->terms(), access::blk(*this)->count};
}
const term* term::tail() const {
  if (access::what(*this) != repr::list) return nullptr;
  const term* const end = access::blk(*this)->terms() + access::blk(*this)->count;
  return access::what(*end) == repr::nil ? nullptr : end;
}
std::span<const term> term::pairs() const {
  if (access::what(*this) != repr::map) return {};
  return {access::blk(*this)->terms(), access::blk(*this)->count * 2};
}
const term* term::find(const term& key) const {
  if (access::what(*this) != repr::map) return nullptr;
  block* const b = access::blk(*this);
  const term* const all = b->terms();
  if (b->index == nullptr) {
    for (std::size_t i = 0; i < b->count; ++i) {
      if (all[2 * i] == key) return &all[2 * i + 1];
    }
    return nullptr;
  }
  for (std::size_t at = access::hash(key) & b->index_mask; b->index[at] != 0; at = (at + 1) & b->index_mask) {
    const std::size_t pair = b->index[at] - 1;
    if (all[2 * pair] == key) return &all[2 * pair + 1];
  }
  return nullptr;
}
const term* term::find(std::string_view atom_key) const {
  return find(atom(atom_key));
}

bool operator==(const term& a, const term& b) {
  if (!access::owns_block(a) || !access::owns_block(b)) return a.raw_ == b.raw_;
  if (access::what(a) != access::what(b)) return false;
  if (access::owns_terms(a)) return a.size() == b.size() && equal_exact(a.encode(), b.encode());
  const bytes x = access::text(a), y = access::text(b);
  return access::bits(a) == access::bits(b) && x.size() == y.size() &&
         std::equal(x.begin(), x.end(), y.begin());
}

bool operator<(const term& a, const term& b) {
  return compare(a.encode(), b.encode()) < 0;
}

} // namespace coppice::etf
