// SPDX-License-Identifier: MIT
// Builds the tree of a term from bytes that a scan has passed. Open containers are frames on a stack; a list
// that stands as the tail of another is joined to it, so that a chain of heads becomes one list in linear
// time.
#pragma once

#include <algorithm>
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

namespace coppice::etf {

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
      if (term_access::what(*done.owner) == repr::map && !term_access::seal_map(*done.owner) &&
          !twice_allowed_) {
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
    block* const b = term_access::set_terms(slot, what, count, slots);
    frames_.push_back({b->terms(), b->terms() + slots, &slot, offset, what == repr::list, slots});
  }

  /// A list stands where the tail of the innermost one is due: its elements join the others.
  bool extend(frame& top) {
    std::uint32_t length = 0;
    bytes text;
    if (!in_.read_string(text) && !in_.read_list(length)) return false;
    const std::size_t more = length + text.size();
    block* const old = term_access::blk(*top.owner);
    const auto used = static_cast<std::size_t>(top.at - old->terms());
    const std::size_t slots = used + more + 1;
    if (slots > top.room) {
      const std::size_t room = std::max(slots, top.room * 2);
      block* const b = new_block(room * sizeof(term));
      std::memcpy(static_cast<void*>(b->terms()), old->terms(), used * sizeof(term));
      for (std::size_t i = used; i < room; ++i) new (b->terms() + i) term;
      term_access::set(*top.owner, repr::list, b);
      ::operator delete(old);
      top.room = room;
    }
    block* const b = term_access::blk(*top.owner);
    b->count = slots - 1;
    top.at = b->terms() + used;
    for (const std::uint8_t byte : text) term_access::set(*top.at++, repr::integer, std::int64_t{byte});
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
        term_access::set(slot, repr::integer, std::int64_t{p[1]});
        return in_.advance(2), true;
      case tag::integer:
        term_access::set(slot, repr::integer, std::int64_t{static_cast<std::int32_t>(wire::load32(p + 1))});
        return in_.advance(5), true;
      case tag::new_float:
        term_access::set(slot, repr::floating, wire::load64(p + 1));
        return in_.advance(9), true;
      case tag::small_atom_utf8:
        term_access::set_text(slot, repr::short_atom, repr::long_atom, {p + 2, p[1]});
        return in_.advance(std::size_t{2} + p[1]), true;
      case tag::binary: {
        const std::size_t size = wire::load32(p + 1);
        term_access::set_text(slot, repr::short_binary, repr::long_binary, {p + 5, size});
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
        term_access::set(slot, repr::floating, value);
        return true;
      }
      case kind::atom: {
        std::string_view name;
        if (!in_.read_atom(name)) return latin1_atom(slot);
        term_access::set_text(slot, repr::short_atom, repr::long_atom,
                              {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
        return true;
      }
      case kind::binary: {
        bytes data;
        if (!in_.read_binary(data)) return false;
        term_access::set_text(slot, repr::short_binary, repr::long_binary, data);
        return true;
      }
      case kind::bitstring: {
        bytes data;
        unsigned bits;
        if (!in_.read_bitstring(data, bits)) {
          term_access::set_text(slot, repr::short_binary, repr::long_binary, {});
          return in_.skip();
        }
        term_access::set_bytes(slot, repr::bitstring, data, static_cast<std::uint8_t>(bits));
        term_access::blk(slot)->data()[data.size() - 1] &= static_cast<std::uint8_t>(0xFF00U >> bits);
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
    if (in_.read_integer(value)) return term_access::set(slot, repr::integer, value), true;
    return opaque(slot);
  }

  bool list(term& slot, std::size_t start) {
    bytes text;
    if (in_.read_string(text)) {
      if (text.empty()) return true;
      term* const at = term_access::set_terms(slot, repr::list, text.size(), text.size() + 1)->terms();
      for (std::size_t i = 0; i < text.size(); ++i)
        term_access::set(at[i], repr::integer, std::int64_t{text[i]});
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
    in_.advance(static_cast<std::size_t>(p - begin));
  }

  bool opaque(term& slot) {
    bytes whole;
    if (!in_.read_term(whole)) return false;
    if (canonical_) return term_access::set_bytes(slot, repr::encoded, whole), true;
    vector_writer out;
    if (!canonicalise(whole, out, {SIZE_MAX, SIZE_MAX, 255})) return false;
    term_access::set_bytes(slot, repr::encoded, out.view());
    return true;
  }

  bool latin1_atom(term& slot) {
    bytes whole;
    if (!in_.read_term(whole)) return false;
    vector_writer out;
    std::string_view name;
    if (!canonicalise(whole, out) || !cursor(out.view()).read_atom(name)) return false;
    term_access::set_text(slot, repr::short_atom, repr::long_atom,
                          {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    return true;
  }

  cursor in_;
  bool canonical_;
  bool twice_allowed_;
  std::vector<frame> frames_;
};

} // namespace coppice::etf
