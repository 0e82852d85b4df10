// SPDX-License-Identifier: MIT
// Cuts bytes into frames as a node does. Any thread.
#include <coppice/testing/net_framing.hpp>

#include <optional>

namespace coppice::testing::detail {

std::optional<framing> framing::of(const coppice_framing& from) {
  framing out;
  out.kind = from.kind;
  if (from.max != 0) out.max = static_cast<std::size_t>(from.max);
  out.fixed = static_cast<std::size_t>(from.fixed_size);
  out.flags = from.length_flags;
  if (from.length_bytes != 0) out.bytes = from.length_bytes;
  out.at = from.length_at;
  out.header = from.length_header != 0 ? from.length_header : out.at + out.bytes;
  if (from.delimiter.size != 0)
    out.delimiter.assign(reinterpret_cast<const char*>(from.delimiter.data), from.delimiter.size);
  return out.is_right() ? std::optional(out) : std::nullopt;
}

bool framing::is_right() const {
  constexpr std::uint32_t known =
      COPPICE_LENGTH_INCLUDES_HEADER | COPPICE_LENGTH_LITTLE_ENDIAN | COPPICE_LENGTH_WITH_HEADER;
  constexpr std::size_t most = std::size_t{1} << 30;
  if (kind > COPPICE_FRAMING_DELIMITER || (flags & ~known) != 0 || max > most) return false;
  if (kind == COPPICE_FRAMING_FIXED) return fixed >= 1 && fixed <= max;
  if (kind == COPPICE_FRAMING_DELIMITER) return !delimiter.empty() && delimiter.size() <= 16;
  if (kind != COPPICE_FRAMING_LENGTH) return true;
  const bool has_size = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
  return has_size && at <= UINT16_MAX && header <= UINT16_MAX && at + bytes <= header;
}

cut look_for(std::string_view end, const framing& how, std::string_view bytes) {
  const std::size_t found = bytes.find(end);
  const bool is_line = how.kind == COPPICE_FRAMING_LINE;
  if (found != std::string_view::npos) {
    const bool returns = is_line && found > 0 && bytes[found - 1] == '\r';
    const std::size_t length = returns ? found - 1 : found;
    return length > how.max ? cut{} : cut{true, 0, length, found + end.size(), 0};
  }
  // No further byte can end the frame within its bound.
  const bool may_end =
      is_line ? bytes.size() <= how.max || (bytes.size() == how.max + 1 && bytes[how.max] == '\r')
              : bytes.size() < how.max + end.size();
  return may_end ? cut{false, 0, 0, 0, bytes.size() + 1} : cut{};
}

cut look(const framing& how, std::string_view bytes) {
  switch (how.kind) {
    case COPPICE_FRAMING_LINE:
      return look_for("\n", how, bytes);
    case COPPICE_FRAMING_DELIMITER:
      return look_for(how.delimiter, how, bytes);
    case COPPICE_FRAMING_FIXED:
      if (bytes.size() < how.fixed) return {false, 0, 0, 0, how.fixed};
      return {true, 0, how.fixed, how.fixed, 0};
    default:
      break;
  }
  if (bytes.size() < how.header) return {false, 0, 0, 0, how.header};
  std::uint64_t said = 0;
  for (std::size_t i = 0; i < how.bytes; ++i) {
    const bool little = (how.flags & COPPICE_LENGTH_LITTLE_ENDIAN) != 0;
    said = said << 8 | static_cast<std::uint8_t>(bytes[how.at + (little ? how.bytes - 1 - i : i)]);
  }
  const std::uint64_t counted = (how.flags & COPPICE_LENGTH_INCLUDES_HEADER) != 0 ? how.header : 0;
  if (said < counted || said - counted > how.max) return {};
  const std::size_t total = how.header + static_cast<std::size_t>(said - counted);
  if (bytes.size() < total) return {false, 0, 0, 0, total};
  if ((how.flags & COPPICE_LENGTH_WITH_HEADER) != 0) return {true, 0, total, total, 0};
  return {true, how.header, total - how.header, total, 0};
}

} // namespace coppice::testing::detail
