// SPDX-License-Identifier: MIT
// A state machine with one step for each byte, except within the data of a chunk. One thread.
#include "net/http/http_chunks.hpp"

#include <algorithm>

#include "net/http/http_message.hpp"

namespace coppice::net {
namespace {

constexpr unsigned most_digits = 16; // of a 64-bit number

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

bool is_field_character(char c) {
  return is_http_field_value({&c, 1});
}

} // namespace

http_chunks::piece http_chunks::feed(std::string_view bytes, std::size_t most) {
  piece out;
  while (out.taken < bytes.size() && now() == state::more) {
    if (at_ == place::data) {
      out.data = bytes.substr(out.taken, static_cast<std::size_t>(std::min<std::uint64_t>(left_, most)));
      out.taken += out.data.size();
      left_ -= out.data.size();
      if (left_ == 0) at_ = place::data_cr;
      return out;
    }
    at_ = after(bytes[out.taken++]);
  }
  return out;
}

http_chunks::state http_chunks::now() const {
  switch (at_) {
    case place::done:
      return state::done;
    case place::malformed:
      return state::malformed;
    case place::too_long:
      return state::too_long;
    default:
      return state::more;
  }
}

http_chunks::place http_chunks::after(char c) {
  switch (at_) {
    case place::size_begin:
    case place::size:
      return after_digit(c);
    case place::extension:
      return after_extension(c);
    case place::size_lf:
      if (c != '\n') return place::malformed;
      digits_ = 0;
      if (left_ != 0) return place::data;
      extra_bytes_ = 0;
      return place::trailer_begin;
    case place::data_cr:
      return c == '\r' ? place::data_lf : place::malformed;
    case place::data_lf:
      return c == '\n' ? place::size_begin : place::malformed;
    case place::trailer_begin:
      return c == '\r' ? place::end_lf : after_trailer(c);
    case place::trailer_name:
    case place::trailer_value:
      return after_trailer(c);
    case place::trailer_lf:
      return c == '\n' ? place::trailer_begin : place::malformed;
    case place::end_lf:
      return c == '\n' ? place::done : place::malformed;
    case place::data: // taken by feed(), not byte by byte
    case place::done:
    case place::malformed:
    case place::too_long:
      break;
  }
  return at_;
}

http_chunks::place http_chunks::after_digit(char c) {
  if (const int value = digit(c); value >= 0) {
    if (++digits_ > most_digits) return place::malformed;
    left_ = left_ << 4 | static_cast<unsigned>(value);
    return place::size;
  }
  if (at_ == place::size_begin) return place::malformed;
  if (c == '\r') return place::size_lf;
  return c == ';' ? counted(place::extension) : place::malformed;
}

http_chunks::place http_chunks::after_extension(char c) {
  if (c == '\r') return place::size_lf;
  return is_field_character(c) ? counted(place::extension) : place::malformed;
}

http_chunks::place http_chunks::after_trailer(char c) {
  if (at_ == place::trailer_value) {
    if (c == '\r') return place::trailer_lf;
    return is_field_character(c) ? counted(place::trailer_value) : place::malformed;
  }
  if (c == ':' && at_ == place::trailer_name) return counted(place::trailer_value);
  return is_http_token({&c, 1}) ? counted(place::trailer_name) : place::malformed;
}

http_chunks::place http_chunks::counted(place next) {
  return ++extra_bytes_ > extras_ ? place::too_long : next;
}

} // namespace coppice::net
