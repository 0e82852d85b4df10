// SPDX-License-Identifier: MIT
// Checks the fields that are wider in the plugin's struct, then all by net::check_framing(). Any thread.
#include "host/boundary/framing.hpp"

namespace coppice::host {

std::optional<net::framing> framing_of(const coppice_framing& from) {
  constexpr std::uint64_t most = std::uint64_t{1} << 30; // bytes of a frame
  constexpr std::uint64_t longest_delimiter = 1 << 16;   // that is copied; check_framing() allows less
  constexpr std::uint32_t known =
      COPPICE_LENGTH_INCLUDES_HEADER | COPPICE_LENGTH_LITTLE_ENDIAN | COPPICE_LENGTH_WITH_HEADER;
  const coppice_bytes end = from.delimiter;
  if (from.kind > COPPICE_FRAMING_DELIMITER || from.max > most || (from.length_flags & ~known) != 0)
    return {};
  if (from.length_at > UINT16_MAX || from.length_bytes > 8 || from.length_header > UINT16_MAX) return {};
  if (end.size > longest_delimiter || (end.size != 0 && end.data == nullptr)) return {};
  net::framing out;
  out.by = static_cast<net::framing::kind>(from.kind);
  if (from.max != 0) out.max = from.max;
  out.size = from.fixed_size;
  if (from.length_bytes != 0) out.bytes = static_cast<std::uint8_t>(from.length_bytes);
  out.at = static_cast<std::uint16_t>(from.length_at);
  out.header = static_cast<std::uint16_t>(from.length_header != 0 ? from.length_header : out.at + out.bytes);
  out.includes_header = (from.length_flags & COPPICE_LENGTH_INCLUDES_HEADER) != 0;
  out.little_endian = (from.length_flags & COPPICE_LENGTH_LITTLE_ENDIAN) != 0;
  out.with_header = (from.length_flags & COPPICE_LENGTH_WITH_HEADER) != 0;
  if (end.size != 0) out.delimiter.assign(reinterpret_cast<const char*>(end.data), end.size);
  if (!net::check_framing(out)) return {};
  return out;
}

} // namespace coppice::host
