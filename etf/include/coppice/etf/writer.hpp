// SPDX-License-Identifier: MIT
// Appends terms to storage that it does not own, byte for byte as OTP 26's term_to_binary would. Invariant:
// begin <= pos <= end, and every term reserves its room once. If the storage cannot grow the writer fails: it
// writes nothing more and reports it, so callers check once at the end. One thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/etf/types.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

struct storage {
  std::uint8_t* begin = nullptr;
  std::uint8_t* end = nullptr;
};

/// Returns storage with room for at least `used + needed` bytes and keeps the first `used`. {nullptr,
/// nullptr}: refused.
using grow_fn = storage (*)(void* context, storage old, std::size_t used, std::size_t needed);

class writer {
 public:
  /// Without a grower the storage does not grow.
  explicit writer(std::uint8_t* begin, std::uint8_t* end, grow_fn grower = nullptr, void* context = nullptr)
      : begin_(begin), pos_(begin), end_(end), grow_(grower), context_(context) {}
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  std::size_t size() const { return static_cast<std::size_t>(pos_ - begin_); }
  bool failed() const { return failed_; }
  bytes view() const { return {begin_, size()}; }
  /// Forgets all bytes from `to` on; `to` <= size().
  void rewind(std::size_t to = 0) { pos_ = begin_ + to; }

  void version() {
    if (std::uint8_t* at = room(1)) at[0] = version_magic, pos_ = at + 1;
  }

  /// The head only: `arity` terms follow.
  void tuple(std::uint32_t arity) {
    std::uint8_t* at = room(5);
    if (at == nullptr) return;
    if (arity < 256) {
      at[0] = code(tag::small_tuple);
      at[1] = static_cast<std::uint8_t>(arity);
      pos_ = at + 2;
    } else {
      head32(at, tag::large_tuple, arity);
    }
  }

  /// The head only: `length` elements follow, then nil() or another tail. Writes nothing for 0, so that
  /// list(0) and nil() make [].
  void list(std::uint32_t length) {
    if (length == 0) return;
    if (std::uint8_t* at = room(5)) head32(at, tag::list, length);
  }

  void nil() {
    if (std::uint8_t* at = room(1)) at[0] = code(tag::nil), pos_ = at + 1;
  }

  /// The head only: `pairs` keys follow, each with its value.
  void map(std::uint32_t pairs) {
    if (std::uint8_t* at = room(5)) head32(at, tag::map, pairs);
  }

  /// UTF-8, at most 255 characters; more than 65535 bytes fails the writer.
  void atom(std::string_view name) {
    if (name.size() < 256) {
      std::uint8_t* at = room(name.size() + 2);
      if (at != nullptr) pos_ = put_atom(at, name);
    } else if (name.size() < 65536) {
      std::uint8_t* at = room(name.size() + 3);
      if (at == nullptr) return;
      at[0] = code(tag::atom_utf8);
      wire::store16(at + 1, static_cast<std::uint16_t>(name.size()));
      std::memcpy(at + 3, name.data(), name.size());
      pos_ = at + 3 + name.size();
    } else {
      fail();
    }
  }

  void boolean(bool value) { value ? atom("true") : atom("false"); }

  void integer(std::int64_t value) {
    std::uint8_t* at = room(11);
    if (at == nullptr) return;
    if (static_cast<std::uint64_t>(value) < 256) {
      at[0] = code(tag::small_integer);
      at[1] = static_cast<std::uint8_t>(value);
      pos_ = at + 2;
    } else if (value == static_cast<std::int32_t>(value)) {
      head32(at, tag::integer, static_cast<std::uint32_t>(value));
    } else {
      const bool negative = value < 0;
      put_big(at, negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value),
              negative);
    }
  }

  void unsigned_integer(std::uint64_t value) {
    if (value <= INT32_MAX) return integer(static_cast<std::int64_t>(value));
    if (std::uint8_t* at = room(11)) put_big(at, value, false);
  }

  /// An integer of any length, as its magnitude with the least significant byte first. Leading zeros are
  /// dropped, and a value that fits 32 bits is written as INTEGER_EXT or shorter.
  void big(bool negative, bytes magnitude) {
    std::size_t size = magnitude.size();
    while (size != 0 && magnitude[size - 1] == 0) --size;
    if (size <= 7) {
      std::uint64_t value = 0;
      for (std::size_t i = size; i-- != 0;) value = value << 8 | magnitude[i];
      return integer(negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value));
    }
    std::uint8_t* at = room(size + 6);
    if (at == nullptr) return;
    if (size < 256) {
      at[0] = code(tag::small_big);
      at[1] = static_cast<std::uint8_t>(size);
      at += 2;
    } else {
      at[0] = code(tag::large_big);
      wire::store32(at + 1, static_cast<std::uint32_t>(size));
      at += 5;
    }
    at[0] = negative;
    std::memcpy(at + 1, magnitude.data(), size);
    pos_ = at + 1 + size;
  }

  /// A finite number: NaN and infinity, which Erlang does not have, fail the writer.
  void floating(double value) {
    std::uint8_t* at = room(9);
    if (at == nullptr) return;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    if ((bits >> 52 & 0x7FF) == 0x7FF) return fail();
    at[0] = code(tag::new_float);
    wire::store64(at + 1, bits);
    pos_ = at + 9;
  }

  /// Only the head of a binary; the caller sends its `size` bytes from elsewhere (a gathered write).
  void binary_head(std::uint32_t size) {
    if (std::uint8_t* at = room(5)) head32(at, tag::binary, size);
  }
  void binary(bytes data) { blob(data.data(), data.size()); }
  void binary(std::string_view data) { blob(data.data(), data.size()); }

  /// `bits` (1 to 8) of the last byte count, from the top; the others are written as zeros.
  void bitstring(bytes data, unsigned bits) {
    if (data.empty() || bits >= 8) return binary(data);
    std::uint8_t* at = room(data.size() + 6);
    if (at == nullptr) return;
    at[0] = code(tag::bit_binary);
    wire::store32(at + 1, static_cast<std::uint32_t>(data.size()));
    at[5] = static_cast<std::uint8_t>(bits);
    std::memcpy(at + 6, data.data(), data.size());
    pos_ = at + 6 + data.size();
    pos_[-1] &= static_cast<std::uint8_t>(0xFF00U >> bits);
  }

  /// A list of bytes as OTP writes it: [] or STRING_EXT; above 65535 bytes a list of integers.
  void string(std::string_view data) {
    if (data.empty()) return nil();
    if (data.size() < 65536) {
      std::uint8_t* at = room(data.size() + 3);
      if (at == nullptr) return;
      at[0] = code(tag::string);
      wire::store16(at + 1, static_cast<std::uint16_t>(data.size()));
      wire::copy(at + 3, data.data(), data.size());
      pos_ = at + 3 + data.size();
      return;
    }
    list(static_cast<std::uint32_t>(data.size()));
    std::uint8_t* at = room(data.size() * 2 + 1);
    if (at == nullptr) return;
    for (const char c : data) {
      *at++ = code(tag::small_integer);
      *at++ = static_cast<std::uint8_t>(c);
    }
    *at = code(tag::nil);
    pos_ = at + 1;
  }

  void pid(const etf::pid& value) {
    std::uint8_t* at = room_with_node(value.node, 12);
    if (at == nullptr) return;
    at[0] = code(tag::new_pid);
    at = put_node(at + 1, value.node);
    wire::store32(at, value.id);
    wire::store32(at + 4, value.serial);
    wire::store32(at + 8, value.creation);
    pos_ = at + 12;
  }

  void port(const etf::port& value) {
    std::uint8_t* at = room_with_node(value.node, 12);
    if (at == nullptr) return;
    const bool is_short = value.id < (std::uint64_t{1} << 28);
    at[0] = code(is_short ? tag::new_port : tag::v4_port);
    at = put_node(at + 1, value.node);
    if (is_short) {
      wire::store32(at, static_cast<std::uint32_t>(value.id));
      at += 4;
    } else {
      wire::store64(at, value.id);
      at += 8;
    }
    wire::store32(at, value.creation);
    pos_ = at + 4;
  }

  /// A `count` above 5 fails the writer.
  void reference(const etf::reference& value) {
    if (value.count > value.words.size()) return fail();
    std::uint8_t* at = room_with_node(value.node, 2 + 4 + 20);
    if (at == nullptr) return;
    at[0] = code(tag::newer_reference);
    wire::store16(at + 1, static_cast<std::uint16_t>(value.count));
    at = put_node(at + 3, value.node);
    wire::store32(at, value.creation);
    at += 4;
    for (std::uint32_t i = 0; i < value.count; ++i, at += 4) wire::store32(at, value.words[i]);
    pos_ = at;
  }

  void exported_fun(std::string_view module, std::string_view function, std::uint8_t arity) {
    if (std::uint8_t* at = room(1)) at[0] = code(tag::exported_fun), pos_ = at + 1;
    atom(module);
    atom(function);
    integer(arity);
  }

  /// Appends encoded bytes: a term, several, or a part of one. They are not checked.
  void raw(bytes term) {
    std::uint8_t* at = room(term.size());
    if (at == nullptr) return;
    wire::copy(at, term.data(), term.size());
    pos_ = at + term.size();
  }

  /// Overwrites four bytes written before, for a count that is only known afterwards. `offset` + 4 <= size().
  void patch32(std::size_t offset, std::uint32_t value) {
    if (!failed_) wire::store32(begin_ + offset, value);
  }

  /// Room for `count` bytes that the caller fills; then it calls advance(). nullptr: the writer has failed.
  std::uint8_t* room(std::size_t count) {
    if (static_cast<std::size_t>(end_ - pos_) >= count && !failed_) [[likely]]
      return pos_;
    return grow(count);
  }
  void advance(std::size_t count) { pos_ += count; }

  /// Marks the writer as failed: the value has no encoding.
  void fail() {
    failed_ = true;
    end_ = pos_;
  }

 protected:
  void reset(storage now) {
    begin_ = pos_ = now.begin;
    end_ = now.end;
    failed_ = false;
  }

 private:
  static constexpr std::uint8_t code(tag t) { return static_cast<std::uint8_t>(t); }

  void head32(std::uint8_t* at, tag t, std::uint32_t value) {
    at[0] = code(t);
    wire::store32(at + 1, value);
    pos_ = at + 5;
  }

  void put_big(std::uint8_t* at, std::uint64_t magnitude, bool negative) {
    const unsigned size = (71U - static_cast<unsigned>(__builtin_clzll(magnitude))) / 8;
    at[0] = code(tag::small_big);
    at[1] = static_cast<std::uint8_t>(size);
    at[2] = negative;
    wire::store64_little(at + 3, magnitude);
    pos_ = at + 3 + size;
  }

  static std::uint8_t* put_atom(std::uint8_t* at, std::string_view name) {
    at[0] = code(tag::small_atom_utf8);
    at[1] = static_cast<std::uint8_t>(name.size());
    wire::copy(at + 2, name.data(), name.size());
    return at + 2 + name.size();
  }

  /// A node name has at most 255 characters, so up to 1020 bytes: it may need the long atom tag.
  std::uint8_t* room_with_node(std::string_view node, std::size_t rest) {
    if (node.size() > 65535) return fail(), nullptr;
    return room(1 + 3 + node.size() + rest);
  }

  static std::uint8_t* put_node(std::uint8_t* at, std::string_view node) {
    if (node.size() < 256) [[likely]]
      return put_atom(at, node);
    at[0] = code(tag::atom_utf8);
    wire::store16(at + 1, static_cast<std::uint16_t>(node.size()));
    std::memcpy(at + 3, node.data(), node.size());
    return at + 3 + node.size();
  }

  void blob(const void* data, std::size_t size) {
    if (size > UINT32_MAX) return fail();
    std::uint8_t* at = room(size + 5);
    if (at == nullptr) return;
    at[0] = code(tag::binary);
    wire::store32(at + 1, static_cast<std::uint32_t>(size));
    wire::copy(at + 5, data, size);
    pos_ = at + 5 + size;
  }

  [[gnu::noinline, gnu::cold]] std::uint8_t* grow(std::size_t count) {
    if (failed_ || grow_ == nullptr) return fail(), nullptr;
    const std::size_t used = size();
    const storage now = grow_(context_, {begin_, end_}, used, count);
    if (now.begin == nullptr) return fail(), nullptr;
    begin_ = now.begin;
    pos_ = now.begin + used;
    end_ = now.end;
    return pos_;
  }

  std::uint8_t* begin_;
  std::uint8_t* pos_;
  std::uint8_t* end_;
  grow_fn grow_;
  void* context_;
  bool failed_ = false;
};

/// A writer with its own storage, which doubles as it fills.
class vector_writer : public writer {
 public:
  explicit vector_writer(std::size_t reserve = 256) : writer(nullptr, nullptr, &vector_writer::grow, this) {
    data_.resize(reserve);
    reset({data_.data(), data_.data() + data_.size()});
  }

  /// The bytes written; the writer is empty and usable again afterwards.
  std::vector<std::uint8_t> take() {
    data_.resize(size());
    std::vector<std::uint8_t> out = std::exchange(data_, {});
    reset({nullptr, nullptr});
    return out;
  }

 private:
  static storage grow(void* context, storage, std::size_t used, std::size_t needed) {
    auto& self = *static_cast<vector_writer*>(context);
    std::size_t size = self.data_.size() < 128 ? 256 : self.data_.size() * 2;
    if (size < used + needed) size = used + needed;
    self.data_.resize(size);
    return {self.data_.data(), self.data_.data() + size};
  }

  std::vector<std::uint8_t> data_;
};

} // namespace coppice::etf
