// SPDX-License-Identifier: MIT
// Terms of tests: owned, made from C++ values, compared by their bytes. Two equal maps may have different
// orders of keys, and then differ here; read them with as<T>(). Any thread.
#pragma once

#include <coppice/etf/codec.hpp>
#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(_GLIBCXX_DEBUG) || defined(_LIBCPP_VERSION) || !_GLIBCXX_USE_CXX11_ABI
#error "libcoppice-testing is built for libstdc++ as usual: compile tests without _GLIBCXX_DEBUG and libc++"
#endif

namespace coppice::testing {

/// The test asks for something impossible: an unknown actor, a reply of another type, a plugin that does not
/// load. Every test framework reports it as a failure.
struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class value {
 public:
  /// No term.
  value() = default;
  /// Any value that <coppice/etf/codec.hpp> can write.
  template <class T>
  requires(!std::is_same_v<T, value>) value(const T& from) : encoded_(etf::encode(from)) {
    if (encoded_.empty()) throw failure("this value has no encoding as a term");
  }
  /// Encoded bytes, without the leading 131.
  static value of(etf::bytes encoded);

  explicit operator bool() const { return !encoded_.empty(); }
  etf::bytes bytes() const { return encoded_; }
  /// Borrowed until this value is assigned to or destroyed.
  etf::any_term term() const { return {encoded_}; }
  /// Views in T borrow from this value.
  template <class T>
  T as() const {
    auto read = etf::decode<T>(bytes());
    if (!read) throw failure(read.error().text());
    return std::move(*read);
  }

  friend bool operator==(const value& a, const value& b) { return a.text() == b.text(); }
  /// Orders by bytes, for sets of terms.
  friend auto operator<=>(const value& a, const value& b) { return a.text() <=> b.text(); }

 private:
  std::string_view text() const { return {reinterpret_cast<const char*>(encoded_.data()), encoded_.size()}; }

  std::vector<std::uint8_t> encoded_;
};

value atom(std::string_view name);
value empty_map();

namespace detail {
/// Prints a term in messages; coppice/testing/erlang.hpp prints Erlang's syntax.
std::string show_bytes(etf::bytes encoded);
inline std::string (*show)(etf::bytes encoded) = &show_bytes;
} // namespace detail

std::ostream& operator<<(std::ostream& out, const value& shown);

} // namespace coppice::testing

template <>
struct coppice::etf::codec<coppice::testing::value> {
  static constexpr std::string_view expected = "a term";
  static void encode(writer& out, const testing::value& from) { out.raw(from.bytes()); }
  static bool decode(cursor& in, testing::value& into, mismatch& why) {
    etf::bytes whole;
    if (!in.read_term(whole)) return why.wanted(in, expected);
    into = testing::value::of(whole);
    return true;
  }
};
