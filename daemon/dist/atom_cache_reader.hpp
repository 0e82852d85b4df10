// SPDX-License-Identifier: MIT
// The receiving half of the distribution's atom cache: 8 segments of 256 slots, which the sender fills and
// replaces in the header of each frame, and the table of the atoms that one header names. A connection has
// one cache for each direction; it ends with the connection. The connection's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::dist {

// The atoms that ATOM_CACHE_REF n stands for in one frame. Borrows from the cache and the frame: valid until
// the cache reads the next header.
class atom_table {
 public:
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }
  // Null: the header did not name that index.
  const std::string_view* find(std::uint8_t index) const { return index < size_ ? &atoms_[index] : nullptr; }

 private:
  friend class atom_cache_reader;
  friend class owned_atoms;
  std::array<std::string_view, 255> atoms_;
  std::size_t size_ = 0;
};

// An atom_table that owns its text. Kept from the first fragment of a message until the last has come.
class owned_atoms {
 public:
  owned_atoms() = default;
  explicit owned_atoms(const atom_table& table);
  std::size_t bytes() const { return text_.size() + ends_.size() * sizeof(std::uint32_t); }
  // Empty: the header did not name that index. Borrows from this object.
  std::optional<std::string_view> find(std::uint8_t index) const;

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;
};

class atom_cache_reader {
 public:
  // Reads the header at the front of `body`, which begins with the count of references; stores its new
  // entries, fills `table`, and returns the header's size. After an error the cache no longer matches the
  // sender's: the connection has to end.
  base::result<std::size_t> read_header(std::span<const std::uint8_t> body, atom_table& table);
  // Bytes of memory of the atoms that it keeps and of their slots.
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t segment_count = 8;
  static constexpr std::size_t segment_size = 256;
  struct slot {
    std::string text;
    std::uint64_t used_by = 0; // the last header that named it
    bool taken = false;
  };
  using segment = std::array<slot, segment_size>;

  std::array<std::unique_ptr<segment>, segment_count> segments_;
  std::uint64_t header_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace coppice::dist
