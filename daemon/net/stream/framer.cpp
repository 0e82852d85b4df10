// SPDX-License-Identifier: MIT
// Whether a frame is too large must not depend on how its bytes arrived: a line or a delimited frame is
// refused as soon as no further byte could end it in time. Any thread.
#include "net/stream/framer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace coppice::net {
namespace {

constexpr std::size_t longest_delimiter = 16;
constexpr std::size_t line_end = 2;                       // \r\n
constexpr std::size_t largest_max = std::size_t{1} << 40; // keeps the sums below from overflowing

base::status wrong(std::string text) {
  return base::fail(base::errc::invalid, "frame." + std::move(text));
}

std::uint64_t number_at(const std::uint8_t* from, std::size_t bytes, bool little_endian) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | from[little_endian ? bytes - 1 - i : i];
  return value;
}

} // namespace

base::status check_framing(const framing& how) {
  if (how.max == 0 || how.max > largest_max) return wrong(fmt::format("max: 1 to {}", largest_max));
  switch (how.by) {
    case framing::kind::none:
    case framing::kind::line:
      return {};
    case framing::kind::fixed:
      if (how.size >= 1 && how.size <= how.max) return {};
      return wrong(fmt::format("size: 1 to {}, which is max", how.max));
    case framing::kind::length:
      if (how.bytes != 1 && how.bytes != 2 && how.bytes != 4 && how.bytes != 8) {
        return wrong("bytes: 1, 2, 4 or 8");
      }
      if (std::size_t{how.at} + how.bytes <= how.header) return {};
      return wrong(fmt::format("header: at least {}, where the length ends", how.at + how.bytes));
    case framing::kind::delimiter:
      if (!how.delimiter.empty() && how.delimiter.size() <= longest_delimiter) return {};
      return wrong(fmt::format("delimiter: 1 to {} bytes", longest_delimiter));
  }
  return wrong("kind: none of the known ones");
}

framer::answer framer::look(base::bytes_span unconsumed) {
  if (failed_) return {outcome::too_large};
  switch (how_.by) {
    case framing::kind::none: {
      if (unconsumed.empty()) return more(1);
      const std::size_t length = std::min(unconsumed.size(), how_.max);
      return frame(0, length, length);
    }
    case framing::kind::line:
      return look_for_line(unconsumed);
    case framing::kind::fixed:
      if (unconsumed.size() < how_.size) return more(how_.size);
      return frame(0, how_.size, how_.size);
    case framing::kind::length:
      return look_at_length(unconsumed);
    case framing::kind::delimiter:
      return look_for_delimiter(unconsumed);
  }
  return too_large(0);
}

framer::answer framer::look_for_line(base::bytes_span bytes) {
  // A line end up to this offset is in time; bytes behind it are not searched for this line.
  const std::size_t until = std::min(bytes.size(), longest());
  if (searched_ < until) {
    const auto* found =
        static_cast<const std::uint8_t*>(std::memchr(bytes.data() + searched_, '\n', until - searched_));
    if (found != nullptr) {
      const auto end = static_cast<std::size_t>(found - bytes.data());
      const std::size_t length = end > 0 && bytes[end - 1] == '\r' ? end - 1 : end;
      if (length > how_.max) return too_large(0);
      return frame(0, length, end + 1);
    }
    searched_ = until;
  }
  if (searched_ > how_.max + 1) return too_large(0);
  if (searched_ == how_.max + 1 && bytes[how_.max] != '\r') return too_large(0);
  return more(bytes.size() + 1);
}

framer::answer framer::look_for_delimiter(base::bytes_span bytes) {
  const std::size_t width = how_.delimiter.size();
  const std::size_t until = std::min(bytes.size(), longest());
  if (searched_ + width <= until) {
    const void* found = memmem(bytes.data() + searched_, until - searched_, how_.delimiter.data(), width);
    if (found != nullptr) {
      const auto length = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
      return frame(0, length, length + width);
    }
    searched_ = until - (width - 1); // the last bytes may begin the delimiter
  }
  if (until == longest()) return too_large(0);
  return more(bytes.size() + 1);
}

framer::answer framer::look_at_length(base::bytes_span bytes) {
  const std::size_t header = how_.header;
  if (total_ == 0) {
    if (bytes.size() < header) return more(header);
    const std::uint64_t said = number_at(bytes.data() + how_.at, how_.bytes, how_.little_endian);
    const std::uint64_t counted = how_.includes_header ? header : 0;
    if (said < counted || said - counted > how_.max) return too_large(said);
    total_ = header + static_cast<std::size_t>(said - counted);
  }
  if (bytes.size() < total_) return more(total_);
  const std::size_t total = total_;
  if (how_.with_header) return frame(0, total, total);
  return frame(header, total - header, total);
}

framer::answer framer::more(std::size_t needed) const {
  answer out;
  out.needed = needed;
  return out;
}

framer::answer framer::frame(std::size_t offset, std::size_t length, std::size_t consumed) {
  searched_ = 0;
  total_ = 0;
  return {outcome::frame, offset, length, consumed, 0};
}

framer::answer framer::too_large(std::uint64_t announced) {
  failed_ = true;
  announced_ = announced;
  return {outcome::too_large};
}

std::size_t framer::longest() const {
  switch (how_.by) {
    case framing::kind::none:
      return how_.max;
    case framing::kind::line:
      return how_.max + line_end;
    case framing::kind::fixed:
      return how_.size;
    case framing::kind::length:
      return how_.max + how_.header;
    case framing::kind::delimiter:
      return how_.max + how_.delimiter.size();
  }
  return how_.max;
}

base::error framer::why() const {
  if (how_.by != framing::kind::length) {
    return {base::errc::limit, fmt::format("frame_too_large: more than {} bytes without an end", how_.max)};
  }
  if (how_.includes_header && announced_ < how_.header) {
    return {base::errc::limit, fmt::format("frame_too_large: {} bytes announced, less than its header's {}",
                                           announced_, how_.header)};
  }
  return {base::errc::limit,
          fmt::format("frame_too_large: {} bytes announced, at most {} are taken", announced_, how_.max)};
}

} // namespace coppice::net
