// SPDX-License-Identifier: MIT
// Builds the tree of a term from bytes that a scan has passed, and so without a check of its own. Open
// containers are frames on a stack; a list that stands as the tail of another is joined to it, so that a
// chain of heads becomes one list in linear time. Rows go into one arena, which the root owns in the end.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/error.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/wire.hpp>
#include <coppice/etf/writer.hpp>

#include "term_access.hpp"
#include "term_arena.hpp"

namespace coppice::etf {

class term_builder {
 public:
  /// `canonical`: the scan found it so, and opaque terms are taken as they are.
  term_builder(bytes in, bool canonical, bool twice_allowed)
      : begin_(in.data()),
        p_(begin_),
        end_(begin_ + in.size()),
        canonical_(canonical),
        twice_allowed_(twice_allowed),
        arena_(in.size()) {}

  result<term> run() {
    result<term> root{std::in_place};
    root_ = &*root;
    if (!one(*root)) return broken();
    while (depth_ != 0) {
      const std::size_t depth = depth_;
      frame& top = stack_[depth - 1]; // until a container opens
      while (top.at != top.last) {
        if (!one(*top.at++)) return broken();
        if (depth_ != depth) break;
      }
      if (depth_ != depth) continue;
      if (top.what == repr::list && !top.tailed) {
        if (!tail(top)) return broken();
        continue;
      }
      --depth_;
      if (top.what == repr::map && !term_access::seal_map(*top.owner) && !twice_allowed_) {
        return fail(errc::duplicate_key, top.offset, static_cast<std::uint8_t>(tag::map),
                    "each key only once expected in a map");
      }
    }
    if (term_access::has_row(*root) && !term_access::is_owned(*root))
      term_access::adopt(*root, arena_.release());
    return root;
  }

 private:
  struct frame {
    term* at;
    term* last; ///< behind the elements; a list's tail is due there
    term* owner;
    std::size_t offset;
    std::size_t room; ///< terms a list's row has room for
    repr what;
    bool tailed; ///< a list's tail has been seen to
  };

  unexpected<error> broken() const {
    return fail(errc::bad_value, offset(), p_ == end_ ? std::uint8_t{0} : *p_, "a term expected");
  }
  std::size_t offset() const { return static_cast<std::size_t>(p_ - begin_); }

  // Rows

  /// A row for `slot`, which begins with a head if the slot is the root.
  std::uint8_t* row(const term& slot, std::size_t size) {
    if (&slot != root_) return arena_.take(size);
    return arena_.take(size + sizeof(row_head)) + sizeof(row_head);
  }
  void set_bytes(term& slot, repr what, bytes data, unsigned bits = 0) {
    if (&slot == root_) return term_access::set_bytes(slot, what, data, bits);
    std::uint8_t* const to = arena_.take(data.size());
    if (!data.empty()) std::memcpy(to, data.data(), data.size());
    term_access::set_row(slot, what, to, data.size(), static_cast<std::uint8_t>(bits));
  }
  void set_text(term& slot, repr as_short, repr as_long, const std::uint8_t* text, std::size_t size) {
    if (size <= term_access::most_short) [[likely]]
      return term_access::set_short(slot, as_short, text, size);
    set_bytes(slot, as_long, {text, size});
  }
  void set_atom(term& slot, std::string_view name) {
    set_text(slot, repr::short_atom, repr::long_atom, reinterpret_cast<const std::uint8_t*>(name.data()),
             name.size());
  }
  term* set_terms(term& slot, repr what, std::size_t count) {
    auto* const to = reinterpret_cast<term*>(row(slot, term_access::room(what, count)));
    term_access::set_row(slot, what, to, count);
    return to;
  }

  // Containers

  void open(term& slot, repr what, std::size_t count, std::size_t offset) {
    term* const first = set_terms(slot, what, count);
    if (depth_ == capacity_) [[unlikely]]
      widen();
    const std::size_t elements = what == repr::map ? count * 2 : count;
    stack_[depth_++] = {first, first + elements, &slot, offset, count + 1, what, false};
  }
  [[gnu::cold, gnu::noinline]] void widen() {
    if (more_.empty()) more_.assign(near_.begin(), near_.end());
    capacity_ *= 2;
    more_.resize(capacity_);
    stack_ = more_.data();
  }

  /// At a list's tail. A list there is joined: its elements are due next.
  bool tail(frame& top) {
    const auto t = static_cast<tag>(*p_);
    if (t != tag::string && t != tag::list) {
      top.tailed = true;
      return one(*top.at);
    }
    std::size_t more;
    if (t == tag::list) {
      more = wire::load32(p_ + 1);
      p_ += 5;
    } else {
      more = wire::load16(p_ + 1);
      p_ += 3;
    }
    term* const first = term_access::terms(*top.owner);
    const auto used = static_cast<std::size_t>(top.at - first);
    if (used + more + 1 > top.room) {
      top.room = std::max(used + more + 1, top.room * 2);
      auto* const to = reinterpret_cast<term*>(row(*top.owner, top.room * sizeof(term)));
      std::memcpy(static_cast<void*>(to), first, used * sizeof(term));
      top.at = to + used;
    }
    term* const start = top.at - used;
    term_access::set_row(*top.owner, repr::list, start, used + more);
    top.last = start + used + more;
    if (t == tag::list) return true;
    top.at = byte_list(top.at, more);
    term_access::set_nil(*top.at);
    return top.tailed = true;
  }

  term* byte_list(term* at, std::size_t size) {
    for (const std::uint8_t* const stop = p_ + size; p_ != stop; ++p_)
      term_access::set(*at++, repr::integer, std::int64_t{*p_});
    return at;
  }

  bool list(term& slot) {
    while (*p_ == static_cast<std::uint8_t>(tag::list) && wire::load32(p_ + 1) == 0)
      p_ += 5; // the tail alone
    if (*p_ != static_cast<std::uint8_t>(tag::list)) return one(slot);
    open(slot, repr::list, wire::load32(p_ + 1), offset());
    p_ += 5;
    numbers(stack_[depth_ - 1]);
    return true;
  }

  /// A list of numbers is filled without a look at the frames between them.
  void numbers(frame& top) {
    const std::uint8_t* p = p_;
    term* at = top.at;
    for (; at != top.last; ++at) {
      if (*p == static_cast<std::uint8_t>(tag::integer)) {
        term_access::set(*at, repr::integer, std::int64_t{static_cast<std::int32_t>(wire::load32(p + 1))});
        p += 5;
      } else if (*p == static_cast<std::uint8_t>(tag::small_integer)) {
        term_access::set(*at, repr::integer, std::int64_t{p[1]});
        p += 2;
      } else if (*p == static_cast<std::uint8_t>(tag::new_float)) {
        term_access::set(*at, repr::floating, wire::load64(p + 1));
        p += 9;
      } else {
        break;
      }
    }
    top.at = at;
    p_ = p;
  }

  // Terms

  bool one(term& slot) {
    const std::uint8_t* const p = p_;
    switch (static_cast<tag>(*p)) {
      case tag::small_integer:
        term_access::set(slot, repr::integer, std::int64_t{p[1]});
        return p_ += 2, true;
      case tag::integer:
        term_access::set(slot, repr::integer, std::int64_t{static_cast<std::int32_t>(wire::load32(p + 1))});
        return p_ += 5, true;
      case tag::new_float:
        term_access::set(slot, repr::floating, wire::load64(p + 1));
        return p_ += 9, true;
      case tag::nil:
        term_access::set_nil(slot);
        return ++p_, true;
      case tag::small_atom_utf8:
        set_text(slot, repr::short_atom, repr::long_atom, p + 2, p[1]);
        return p_ += std::size_t{2} + p[1], true;
      case tag::binary: {
        const std::size_t size = wire::load32(p + 1);
        set_text(slot, repr::short_binary, repr::long_binary, p + 5, size);
        return p_ += 5 + size, true;
      }
      case tag::small_tuple:
        open(slot, repr::tuple, p[1], offset());
        return p_ += 2, true;
      case tag::large_tuple:
        open(slot, repr::tuple, wire::load32(p + 1), offset());
        return p_ += 5, true;
      case tag::map:
        open(slot, repr::map, wire::load32(p + 1), offset());
        return p_ += 5, true;
      case tag::list:
        return list(slot);
      case tag::string:
        return string(slot);
      default:
        return other(slot);
    }
  }

  bool string(term& slot) {
    const std::size_t size = wire::load16(p_ + 1);
    p_ += 3;
    if (size == 0) return term_access::set_nil(slot), true;
    term_access::set_nil(*byte_list(set_terms(slot, repr::list, size), size));
    return true;
  }

  bool other(term& slot) {
    cursor in({p_, end_});
    const bool good = rare(in, slot);
    p_ += in.offset();
    return good;
  }

  bool rare(cursor& in, term& slot) {
    switch (in.peek()) {
      case kind::integer: {
        std::int64_t value;
        if (in.read_integer(value)) return term_access::set(slot, repr::integer, value), true;
        return opaque(in, slot);
      }
      case kind::floating: {
        double value;
        if (!in.read_float(value)) return false;
        return term_access::set(slot, repr::floating, value), true;
      }
      case kind::atom: {
        std::string_view name;
        if (!in.read_atom(name)) return latin1_atom(in, slot);
        return set_atom(slot, name), true;
      }
      case kind::binary:
      case kind::bitstring:
        return bitstring(in, slot);
      case kind::pid:
      case kind::port:
      case kind::reference:
      case kind::fun:
        return opaque(in, slot);
      default:
        return false;
    }
  }

  bool bitstring(cursor& in, term& slot) {
    bytes data;
    unsigned bits = 8;
    if (!in.read_bitstring(data, bits) && !in.skip()) return false; // an empty one of no bits
    if (bits == 8) {
      set_text(slot, repr::short_binary, repr::long_binary, data.data(), data.size());
      return true;
    }
    set_bytes(slot, repr::bitstring, data, bits);
    auto* const last = const_cast<std::uint8_t*>(term_access::text(slot).data()) + data.size() - 1;
    *last &= static_cast<std::uint8_t>(0xFF00U >> bits);
    return true;
  }

  bool opaque(cursor& in, term& slot) {
    bytes whole;
    if (!in.read_term(whole)) return false;
    if (canonical_) return set_bytes(slot, repr::encoded, whole), true;
    vector_writer out;
    if (!canonicalise(whole, out, {SIZE_MAX, SIZE_MAX, 255})) return false;
    set_bytes(slot, repr::encoded, out.view());
    return true;
  }

  bool latin1_atom(cursor& in, term& slot) {
    bytes whole;
    if (!in.read_term(whole)) return false;
    vector_writer out;
    std::string_view name;
    if (!canonicalise(whole, out) || !cursor(out.view()).read_atom(name)) return false;
    return set_atom(slot, name), true;
  }

  const std::uint8_t* begin_;
  const std::uint8_t* p_;
  const std::uint8_t* end_;
  bool canonical_;
  bool twice_allowed_;
  term_arena arena_;
  term* root_ = nullptr;
  std::size_t depth_ = 0;
  std::size_t capacity_ = 16;
  std::array<frame, 16> near_;
  frame* stack_ = near_.data();
  std::vector<frame> more_;
};

} // namespace coppice::etf
