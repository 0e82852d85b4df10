// SPDX-License-Identifier: MIT
// A header is a count n and then, unless n is 0, n + 1 half-bytes of flags (the lower half of a byte first)
// and n references. The half-byte of a reference has the slot's segment (3 bits) and the flag "new entry"
// (the upper bit). The last half-byte says in its lowest bit whether lengths of new atoms take two bytes. A
// reference is the slot within its segment and, for a new entry, length and UTF-8 text. One thread.
#include "dist/atom_cache_reader.hpp"

#include <coppice/etf/utf8.hpp>

namespace coppice::dist {
namespace {

constexpr std::uint8_t new_entry = 0x8;
constexpr std::uint8_t segment_mask = 0x7;
constexpr std::uint8_t long_atoms = 0x1;

std::uint8_t half_byte(std::span<const std::uint8_t> flags, std::size_t i) {
  return static_cast<std::uint8_t>((flags[i / 2] >> (i % 2 == 0 ? 0 : 4)) & 0xf);
}

auto broken(const char* why) {
  return base::fail(base::errc::invalid, std::string("atom cache header: ") + why);
}

} // namespace

base::result<std::size_t> atom_cache_reader::read_header(std::span<const std::uint8_t> body,
                                                         atom_table& table) {
  table.size_ = 0;
  if (body.empty()) return broken("nothing there");
  const std::size_t count = body[0];
  if (count == 0) return 1;
  const std::size_t flag_bytes = count / 2 + 1;
  if (body.size() < 1 + flag_bytes) return broken("its flags are cut off");
  const auto flags = body.subspan(1, flag_bytes);
  const std::size_t length_size = (half_byte(flags, count) & long_atoms) ? 2 : 1;
  std::size_t at = 1 + flag_bytes;
  ++header_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t flag = half_byte(flags, i);
    if (body.size() - at < 1) return broken("a reference is cut off");
    auto& owner = segments_[flag & segment_mask];
    if (!owner) {
      owner = std::make_unique<segment>();
      bytes_ += sizeof(segment);
    }
    slot& entry = (*owner)[body[at]];
    ++at;
    // A slot holds one atom in a frame; text that the table borrows must not change.
    if (entry.used_by == header_) return broken("names a slot twice");
    entry.used_by = header_;
    if (flag & new_entry) {
      if (body.size() - at < length_size) return broken("a new atom is cut off");
      const std::size_t size = length_size == 2 ? std::size_t{body[at]} << 8 | body[at + 1] : body[at];
      at += length_size;
      if (body.size() - at < size) return broken("a new atom is cut off");
      const auto characters = etf::utf8::length(body.data() + at, size);
      if (characters < 0 || characters > 255)
        return broken("a new atom is no UTF-8 of at most 255 characters");
      const std::size_t before = entry.text.capacity();
      entry.text.assign(reinterpret_cast<const char*>(body.data() + at), size);
      bytes_ += entry.text.capacity() - before;
      entry.taken = true;
      at += size;
    } else if (!entry.taken) {
      return broken("refers to an empty slot");
    }
    table.atoms_[i] = entry.text;
  }
  table.size_ = count;
  return at;
}

owned_atoms::owned_atoms(const atom_table& table) {
  ends_.reserve(table.size_);
  for (std::size_t i = 0; i < table.size_; ++i) {
    text_ += table.atoms_[i];
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }
}

std::optional<std::string_view> owned_atoms::find(std::uint8_t index) const {
  if (index >= ends_.size()) return std::nullopt;
  const std::size_t start = index == 0 ? 0 : ends_[index - 1U];
  return std::string_view(text_).substr(start, ends_[index] - start);
}

} // namespace coppice::dist
