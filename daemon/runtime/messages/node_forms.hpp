// SPDX-License-Identifier: MIT
// The bytes of a node's pids and references. All but the numbers is the same for each of them, so they are
// written by copying, and those of this node are recognised by comparing. A pid or reference that is not
// recognised here may have another spelling: the readers of ids.hpp decide. After set(), any thread.
#pragma once

#include <array>
#include <coppice/etf/types.hpp>
#include <coppice/etf/wire.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace coppice::runtime {

class node_forms {
 public:
  // The bytes before the reference in [alias|Ref].
  static constexpr std::array<std::uint8_t, 12> alias_head{108, 0, 0, 0, 1, 119, 5, 'a', 'l', 'i', 'a', 's'};

  // A name longer than `most` leaves known() false: nothing is recognised.
  void set(std::string_view node) {
    if (node.size() > most) return;
    name_ = static_cast<std::uint8_t>(node.size());
    const std::array<std::uint8_t, 3> pid_tags{88, 119, name_}; // NEW_PID_EXT, SMALL_ATOM_UTF8_EXT
    std::memcpy(pid_.data(), pid_tags.data(), pid_tags.size());
    std::memcpy(pid_.data() + 3, node.data(), node.size());
    const std::array<std::uint8_t, 5> ref_tags{90, 0, 5, 119, name_}; // NEWER_REFERENCE_EXT of 5 words
    std::memcpy(ref_.data(), ref_tags.data(), ref_tags.size());
    std::memcpy(ref_.data() + 5, node.data(), node.size());
    const std::array<std::uint8_t, 2> pair{104, 2};
    std::memcpy(from_.data(), pair.data(), pair.size());
    std::memcpy(from_.data() + 2, pid_.data(), std::size_t{3} + name_);
    std::memcpy(from_.data() + tag_at(), alias_head.data(), alias_head.size());
    std::memcpy(from_.data() + tag_at() + alias_head.size(), ref_.data(), std::size_t{5} + name_);
  }

  bool known() const { return name_ != 0; }
  std::size_t pid_size() const { return std::size_t{3} + name_ + 12; }
  std::size_t reference_size() const { return std::size_t{5} + name_ + 24; }

  // Write pid_size() and reference_size() bytes. Only if known().
  template <class Pid>
  void put_pid(std::uint8_t* at, const Pid& of) const {
    std::memcpy(at, pid_.data(), std::size_t{3} + name_);
    put_numbers(at + 3 + name_, of);
  }
  template <class Reference>
  void put_reference(std::uint8_t* at, const Reference& of) const {
    std::memcpy(at, ref_.data(), std::size_t{5} + name_);
    put_words(at + 5 + name_, of);
  }

  // A From, {Pid, [alias|Ref]}. Its first from_size() bytes are used; [alias|Ref] begins at tag_at().
  static constexpr std::size_t most = 59; // bytes of a node's name
  using from = std::array<std::uint8_t, 2 + (3 + most + 12) + alias_head.size() + (5 + most + 24)>;
  std::size_t from_size() const { return tag_at() + alias_head.size() + reference_size(); }
  std::size_t tag_at() const { return 2 + pid_size(); }
  template <class Pid, class Reference>
  void put_from(from& at, const Pid& who, const Reference& ref) const {
    at = from_;
    put_numbers(at.data() + 2 + 3 + name_, who);
    put_words(at.data() + tag_at() + alias_head.size() + 5 + name_, ref);
  }

  // Whether `in` begins with a pid or reference of this node, whose forms these have to be. Bytes behind it
  // are ignored.
  template <class Pid>
  [[gnu::always_inline]] bool get_pid(etf::bytes in, Pid& out) const {
    if (in.size() < pid_size() || name_ == 0 || !same(in.data(), pid_.data(), std::size_t{3} + name_))
      return false;
    const std::uint8_t* at = in.data() + 3 + name_;
    out = Pid{0, etf::wire::load32(at + 8), etf::wire::load32(at), etf::wire::load32(at + 4)};
    return true;
  }
  template <class Reference>
  bool get_reference(etf::bytes in, Reference& out) const {
    if (in.size() < reference_size() || name_ == 0 || !same(in.data(), ref_.data(), std::size_t{5} + name_))
      return false;
    const std::uint8_t* at = in.data() + 5 + name_;
    out.node = 0;
    out.creation = etf::wire::load32(at);
    out.count = 5;
    for (std::size_t i = 0; i < 5; ++i) out.words[i] = etf::wire::load32(at + 4 + 4 * i);
    return true;
  }

 private:
  // The bytes after the node's name.
  template <class Pid>
  static void put_numbers(std::uint8_t* at, const Pid& of) {
    etf::wire::store32(at, of.id);
    etf::wire::store32(at + 4, of.serial);
    etf::wire::store32(at + 8, of.creation);
  }
  template <class Reference>
  static void put_words(std::uint8_t* at, const Reference& of) {
    etf::wire::store32(at, of.creation);
    for (std::size_t i = 0; i < 5; ++i) etf::wire::store32(at + 4 + 4 * i, of.words[i]);
  }

  // Compares whole words, the last one overlapping. `size` is at least 4.
  static bool same(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
    const auto word = [](const std::uint8_t* at) {
      std::uint64_t read;
      std::memcpy(&read, at, 8);
      return read;
    };
    const auto pair = [word](const std::uint8_t* x, const std::uint8_t* y) {
      return (word(x) ^ word(y)) | (word(x + 8) ^ word(y + 8));
    };
    if (size >= 16 && size <= 32) [[likely]]
      return (pair(a, b) | pair(a + size - 16, b + size - 16)) == 0;
    if (size < 8) return std::memcmp(a, b, size) == 0;
    std::uint64_t differ = word(a + size - 8) ^ word(b + size - 8);
    for (std::size_t at = 0; at + 8 < size; at += 8) differ |= word(a + at) ^ word(b + at);
    return differ == 0;
  }

  std::array<std::uint8_t, most + 5> pid_{};
  std::array<std::uint8_t, most + 5> ref_{};
  from from_{};
  std::uint8_t name_ = 0;
};

} // namespace coppice::runtime
