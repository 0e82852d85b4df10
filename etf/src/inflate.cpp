// SPDX-License-Identifier: MIT
// zlib in steps: the output grows as the stream delivers, at most doubling, so memory follows what has really
// been inflated and not what the sender claims. The claim is held to the byte.
#include <algorithm>
#include <cstring>
#include <memory>

#include <zlib.h>

#include <coppice/etf/inflate.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

namespace {

constexpr std::size_t first_step = 16 * 1024;
/// zlib cannot make more than 1032 bytes of one; a claim beyond that is a lie told before any work.
constexpr std::size_t best_ratio = 1032;

struct inflate_end {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

} // namespace

result<std::vector<std::uint8_t>> inflate(bytes in, const limits& bounds, std::size_t* consumed) {
  constexpr auto here = static_cast<std::uint8_t>(tag::compressed);
  if (!is_compressed(in))
    return fail(errc::bad_tag, 0, in.empty() ? std::uint8_t{0} : in[0], "a compressed term expected");
  if (in.size() < 5) return fail(errc::truncated, 0, here, "the rest of a term expected");
  const std::size_t claim = wire::load32(in.data() + 1);
  if (claim > bounds.bytes)
    return fail(errc::too_large, 1, here, "a term within the limit of bytes expected after inflating");
  if (claim / best_ratio > in.size())
    return fail(errc::bad_value, 1, here, "a size that can be true expected");

  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return fail(errc::out_of_memory, 0, here, "no memory to inflate");
  const std::unique_ptr<z_stream, inflate_end> guard(&stream);
  stream.next_in = const_cast<Bytef*>(in.data() + 5);
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size() - 5, UINT32_MAX));

  std::vector<std::uint8_t> out;
  std::size_t filled = 0;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    if (filled == out.size())
      out.resize(std::min(claim, std::max(first_step, out.size() * 2)) + (filled == claim ? 1 : 0));
    stream.next_out = out.data() + filled;
    stream.avail_out = static_cast<uInt>(out.size() - filled);
    state = ::inflate(&stream, Z_NO_FLUSH);
    filled = out.size() - stream.avail_out;
    if (filled > claim)
      return fail(errc::bad_value, 5, here, "no more than the size it names expected of a compressed term");
    if (state == Z_STREAM_END || (state == Z_OK && (stream.avail_in != 0 || stream.avail_out == 0))) continue;
    if (state == Z_OK || state == Z_BUF_ERROR)
      return fail(errc::truncated, in.size(), here, "the rest of a compressed term expected");
    return fail(errc::bad_value, in.size() - stream.avail_in, here, "a zlib stream expected");
  }
  if (filled != claim)
    return fail(errc::bad_value, 1, here, "the size it names expected of a compressed term");
  const std::size_t used = in.size() - stream.avail_in;
  if (consumed != nullptr)
    *consumed = used;
  else if (used != in.size())
    return fail(errc::trailing, used, in[used], "the end expected");
  out.resize(filled);
  return out;
}

std::vector<std::uint8_t> deflate(bytes term, int level) {
  std::vector<std::uint8_t> out;
  uLongf size = compressBound(static_cast<uLong>(term.size()));
  if (term.size() <= UINT32_MAX && size < UINT32_MAX) {
    out.resize(6 + size);
    if (compress2(out.data() + 6, &size, term.data(), static_cast<uLong>(term.size()), level) == Z_OK &&
        size + 5 < term.size()) {
      out[0] = version_magic;
      out[1] = static_cast<std::uint8_t>(tag::compressed);
      wire::store32(out.data() + 2, static_cast<std::uint32_t>(term.size()));
      out.resize(6 + size);
      return out;
    }
  }
  out.assign(1, version_magic);
  out.insert(out.end(), term.begin(), term.end());
  return out;
}

} // namespace coppice::etf
