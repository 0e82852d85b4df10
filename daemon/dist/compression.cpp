// SPDX-License-Identifier: MIT
// LZ4 behind the envelope's head. One thread.
#include "dist/compression.hpp"

#include <lz4.h>
#include <lz4hc.h>

#include "base/bytes.hpp"

namespace coppice::dist {
namespace {

constexpr std::size_t head_size = 4 + 2 + 4; // bytes: length, 131,76, size
constexpr int least_high = LZ4HC_CLEVEL_MIN;

const char* chars(const std::uint8_t* bytes) {
  return reinterpret_cast<const char*>(bytes);
}

} // namespace

std::span<const std::uint8_t> compressor::wrap(std::span<const std::uint8_t> head,
                                               std::span<const std::uint8_t> payload, std::uint32_t level) {
  const std::size_t size = head.size() + payload.size();
  if (size > max_enveloped) return {};
  frame_.assign(head.begin(), head.end());
  frame_.insert(frame_.end(), payload.begin(), payload.end());
  // Saving less than a sixteenth is not worth the other end's work.
  const std::size_t most = size - size / 16;
  envelope_.resize(head_size + most);
  const auto chosen = static_cast<int>(level);
  char* to = reinterpret_cast<char*>(envelope_.data() + head_size);
  const int made =
      chosen < least_high
          ? LZ4_compress_default(chars(frame_.data()), to, static_cast<int>(size), static_cast<int>(most))
          : LZ4_compress_HC(chars(frame_.data()), to, static_cast<int>(size), static_cast<int>(most), chosen);
  if (made <= 0) return {};
  const std::size_t whole = head_size + static_cast<std::size_t>(made);
  base::store_be32(envelope_.data(), static_cast<std::uint32_t>(whole - 4));
  envelope_[4] = frame_tag::version_magic;
  envelope_[5] = frame_tag::envelope;
  base::store_be32(envelope_.data() + 6, static_cast<std::uint32_t>(size));
  return std::span<const std::uint8_t>(envelope_).first(whole);
}

base::result<std::span<const std::uint8_t>> decompressor::unwrap(std::span<const std::uint8_t> envelope) {
  const auto invalid = [](const char* why) { return base::fail(base::errc::invalid, why); };
  if (envelope.size() <= head_size - 4) return invalid("a compressed frame shorter than its header");
  const std::size_t size = base::load_be32(envelope.data() + 2);
  if (size == 0 || size > max_enveloped) return invalid("a compressed frame that says it is too long");
  const auto block = envelope.subspan(head_size - 4);
  frame_.resize(size);
  const int made = LZ4_decompress_safe(chars(block.data()), reinterpret_cast<char*>(frame_.data()),
                                       static_cast<int>(block.size()), static_cast<int>(size));
  if (made < 0 || static_cast<std::size_t>(made) != size) return invalid("a compressed frame is damaged");
  return std::span<const std::uint8_t>(frame_);
}

} // namespace coppice::dist
