// SPDX-License-Identifier: MIT
// A term as a value, for tools, tests and printing, where the shape is not known in advance. It has sixteen
// bytes; short atoms and binaries are stored inside, and a decoded term keeps all other data in a few blocks
// that its root owns. Hot paths read bytes with a cursor or a codec instead. Copying is deep; destroying and
// copying do not recurse. Maps keep their order and compare without it. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/etf/codec.hpp>
#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::etf {

class term {
 public:
  /// []
  term() noexcept;
  term(const term& other);
  term(term&& other) noexcept;
  term& operator=(const term& other);
  term& operator=(term&& other) noexcept;
  ~term();

  static term integer(std::int64_t value);
  static term unsigned_integer(std::uint64_t value);
  static term big(bool negative, bytes magnitude);
  /// NaN and infinities, which Erlang does not have, become the atom undefined.
  static term floating(double value);
  static term atom(std::string_view name);
  static term boolean(bool value);
  static term binary(bytes data);
  static term binary(std::string_view data);
  static term bitstring(bytes data, unsigned bits);
  static term string(std::string_view data); ///< a list of bytes
  static term tuple(std::vector<term> elements);
  static term list(std::vector<term> elements);
  static term improper_list(std::vector<term> elements, term tail);
  /// Of equal keys the first one is found.
  static term map(std::vector<std::pair<term, term>> pairs);
  /// Empty: a key comes twice.
  static std::optional<term> unique_map(std::vector<std::pair<term, term>> pairs);
  /// fun Module:Function/Arity
  static term exported_fun(std::string_view module, std::string_view function, std::uint8_t arity);
  static term pid(const etf::pid& value);
  static term port(const etf::port& value);
  static term reference(const etf::reference& value);
  /// Made from any C++ value that the codec can write.
  template <class T>
  static term of(const T& value) {
    const std::vector<std::uint8_t> encoded = etf::encode(value);
    auto made = decode(encoded);
    return made ? std::move(*made) : term();
  }

  /// Decodes the one term in `in` (no 131); a key that comes twice is an error.
  static result<term> decode(bytes in, const limits& bounds = {});
  /// Decodes bytes with the leading 131 of term_to_binary; inflates.
  static result<term> from_binary(bytes in, const limits& bounds = {});
  void encode(writer& out) const;
  std::vector<std::uint8_t> encode() const;
  std::vector<std::uint8_t> to_binary() const;
  /// Converts to a C++ value.
  template <class T>
  result<T> as() const {
    static_assert(!std::is_same_v<T, std::string_view> && !std::is_same_v<T, bytes>,
                  "would borrow from a temporary");
    return etf::decode<T>(encode());
  }

  etf::kind kind() const;
  bool is_atom(std::string_view name) const;
  std::optional<std::int64_t> as_integer() const;
  std::optional<double> as_float() const;
  std::optional<bool> as_bool() const;
  /// The name of an atom. Empty: not an atom.
  std::string_view atom_name() const;
  /// The bytes of a binary or bitstring; the encoded bytes of a pid, port, reference, fun or integer of more
  /// than 64 bits.
  bytes data() const;
  /// A binary or a list of bytes as text.
  std::optional<std::string> as_text() const;
  std::optional<etf::pid> as_pid() const;
  std::optional<etf::port> as_port() const;
  std::optional<etf::reference> as_reference() const;

  /// The number of elements of a tuple or list (without its tail), pairs of a map, or bytes of a binary.
  std::size_t size() const;
  std::span<const term> elements() const;
  /// The tail of an improper list. nullptr: none.
  const term* tail() const;
  /// Keys and values alternate.
  std::span<const term> pairs() const;
  /// The value under a key, by an index if there are more than 8 keys. nullptr: none.
  const term* find(const term& key) const;
  const term* find(std::string_view atom_key) const;
  const term& operator[](std::size_t index) const { return elements()[index]; }

  bool is_nil() const { return kind() == etf::kind::nil; }

  /// `=:=`
  friend bool operator==(const term& a, const term& b);
  /// Erlang's order.
  friend bool operator<(const term& a, const term& b);

 private:
  friend struct term_access;
  /// A scalar, up to 14 bytes of text, or the address of a row of them; then their kind (term_access.hpp).
  alignas(8) std::array<std::uint8_t, 16> raw_;
};

} // namespace coppice::etf
