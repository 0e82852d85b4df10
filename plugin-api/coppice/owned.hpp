// SPDX-License-Identifier: MIT
// Terms, pids and references that a class may keep. A value read from a message is borrowed and invalid once
// the callback returns; these are copies. Each is a type of messages and states like any other, and can be
// used wherever a coppice::term can. `message` is the other way to own a term: in the host's memory, counted
// and move-only. Header-only. Any thread.
#pragma once

#include <coppice/detail/host.hpp>

#include <compare>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

/// Any term, copied.
class owned_term {
 public:
  owned_term() = default; // no term
  owned_term(coppice::term borrowed)
      : encoded_(borrowed.encoded.data(), borrowed.encoded.data() + borrowed.encoded.size()) {}
  /// Reuses its memory if there is room; `borrowed` may be a part of this term.
  owned_term& operator=(coppice::term borrowed) {
    const std::size_t size = borrowed.encoded.size();
    if (size > encoded_.capacity()) return *this = owned_term(borrowed);
    if (size > encoded_.size()) encoded_.resize(size); // a part of this term is never larger than it
    if (size != 0) std::memmove(encoded_.data(), borrowed.encoded.data(), size);
    encoded_.resize(size);
    return *this;
  }
  /// Any value that <coppice/etf/codec.hpp> can write; no term if the value has no encoding.
  template <class T>
  static owned_term of(const T& value) {
    owned_term made;
    made.encoded_ = etf::encode(value);
    return made;
  }

  explicit operator bool() const { return !encoded_.empty(); }
  /// The encoded term. Borrowed from this object.
  etf::bytes bytes() const { return {encoded_.data(), encoded_.size()}; }
  /// Borrowed until this object is assigned to or destroyed.
  coppice::term term() const { return {bytes()}; }
  operator coppice::term() const { return term(); }
  /// Views in T borrow from this object.
  template <class T>
  etf::result<T> as() const {
    return etf::decode<T>(bytes());
  }
  /// Compares bytes. For Erlang's =:= see coppice/order.hpp.
  friend bool operator==(const owned_term&, const owned_term&) = default;

 private:
  std::vector<std::uint8_t> encoded_;
};

/// A copied pid or reference: Of is etf::pid or etf::reference. Equal ones have equal bytes, so comparison,
/// order and hash use the bytes; the order is not Erlang's.
template <class Of>
class owned_identity {
 public:
  owned_identity() = default; // none
  owned_identity(const Of& borrowed) : encoded_(etf::encode(borrowed)) {}
  /// Throws std::invalid_argument for any other term.
  explicit owned_identity(coppice::term borrowed) {
    etf::cursor at(borrowed.encoded);
    if (at.peek() != kind() || !at.skip() || !at.at_end())
      throw std::invalid_argument("this term is no " + std::string(etf::name_of(kind())));
    encoded_.assign(borrowed.encoded.data(), borrowed.encoded.data() + borrowed.encoded.size());
  }
  /// Which kind of term it keeps.
  static constexpr etf::kind kind() {
    return std::is_same_v<Of, etf::pid> ? etf::kind::pid : etf::kind::reference;
  }

  explicit operator bool() const { return !encoded_.empty(); }
  /// The encoded pid or reference. Borrowed from this object.
  etf::bytes bytes() const { return {encoded_.data(), encoded_.size()}; }
  /// Borrowed until this object is assigned to or destroyed, as is the result of view().
  coppice::term term() const { return {bytes()}; }
  operator coppice::term() const { return term(); }
  /// Its parts. Borrowed as the result of term() is.
  Of view() const {
    Of parts;
    etf::mismatch none;
    etf::cursor at(bytes());
    etf::read(at, parts, none);
    return parts;
  }
  friend bool operator==(const owned_identity& a, const owned_identity& b) { return a.text() == b.text(); }
  friend auto operator<=>(const owned_identity& a, const owned_identity& b) { return a.text() <=> b.text(); }

 private:
  std::string_view text() const { return {reinterpret_cast<const char*>(encoded_.data()), encoded_.size()}; }

  std::vector<std::uint8_t> encoded_;
};
/// A pid that an actor keeps.
using owned_pid = owned_identity<etf::pid>;
/// A reference that an actor keeps.
using owned_reference = owned_identity<etf::reference>;

} // namespace coppice

template <class Of>
struct std::hash<coppice::owned_identity<Of>> {
  std::size_t operator()(const coppice::owned_identity<Of>& one) const noexcept {
    const auto encoded = one.bytes();
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(encoded.data()), encoded.size()});
  }
};

template <>
struct coppice::etf::codec<coppice::owned_term> {
  static constexpr std::string_view expected = "term";
  static void encode(writer& out, const owned_term& from) { from ? out.raw(from.bytes()) : out.fail(); }
  static bool decode(cursor& in, owned_term& into, mismatch& why) {
    bytes whole;
    if (!in.read_term(whole)) return why.wanted(in, expected);
    into = any_term{whole};
    return true;
  }
};

template <class Of>
struct coppice::etf::codec<coppice::owned_identity<Of>> {
  static constexpr std::string_view expected = name_of(coppice::owned_identity<Of>::kind());
  static void encode(writer& out, const owned_identity<Of>& from) {
    from ? out.raw(from.bytes()) : out.fail();
  }
  static bool decode(cursor& in, owned_identity<Of>& into, mismatch& why) {
    Of borrowed;
    if (!read(in, borrowed, why)) return false;
    into = owned_identity<Of>(borrowed);
    return true;
  }
};
