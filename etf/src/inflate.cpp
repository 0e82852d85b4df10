// SPDX-License-Identifier: MIT
// zlib in slices: memory follows what has really been inflated and not what the sender claims. The claim is
// held to the byte.
#include <algorithm>
#include <cstring>
#include <utility>

#include <zlib.h>

#include <coppice/etf/inflate.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

namespace {

constexpr std::size_t slice_size = 64 * 1024;
/// zlib cannot make more than 1032 bytes of one; a claim beyond that is a lie told before any work.
constexpr std::size_t best_ratio = 1032;
constexpr auto here = static_cast<std::uint8_t>(tag::compressed);

} // namespace

struct inflater::stream {
  z_stream z{};
  ~stream() { inflateEnd(&z); }
};

inflater::inflater(bytes in, const limits& bounds) : in_(in), bounds_(bounds) {}
inflater::~inflater() = default;

result<void> inflater::begin() {
  if (!is_compressed(in_))
    return fail(errc::bad_tag, 0, in_.empty() ? std::uint8_t{0} : in_[0], "a compressed term expected");
  if (in_.size() < 5) return fail(errc::truncated, 0, here, "the rest of a term expected");
  claim_ = wire::load32(in_.data() + 1);
  if (claim_ > bounds_.bytes)
    return fail(errc::too_large, 1, here, "a term within the limit of bytes expected after inflating");
  if (claim_ / best_ratio > in_.size())
    return fail(errc::bad_value, 1, here, "a size that can be true expected");
  if (claim_ > bounds_.small_inflated && claim_ / bounds_.inflate_ratio > in_.size())
    return fail(errc::too_large, 1, here, "a term that inflates within the limit of that expected");
  stream_ = std::make_unique<stream>();
  if (inflateInit(&stream_->z) != Z_OK) return fail(errc::out_of_memory, 0, here, "no memory to inflate");
  stream_->z.next_in = const_cast<Bytef*>(in_.data() + 5);
  stream_->z.avail_in = static_cast<uInt>(std::min<std::size_t>(in_.size() - 5, UINT32_MAX));
  slice_.resize(std::min(slice_size, claim_ + 1));
  return {};
}

result<bytes> inflater::next() {
  if (ended_) return bytes();
  if (stream_ == nullptr)
    if (auto begun = begin(); !begun) return unexpected<error>(begun.error());
  z_stream& z = stream_->z;
  z.next_out = slice_.data();
  z.avail_out = static_cast<uInt>(slice_.size());
  int state = Z_OK;
  while (state == Z_OK && z.avail_out != 0) {
    state = ::inflate(&z, Z_NO_FLUSH);
    if (state == Z_OK && z.avail_in == 0 && z.avail_out != 0) state = Z_BUF_ERROR;
  }
  const std::size_t made = slice_.size() - z.avail_out;
  made_ += made;
  if (made_ > claim_)
    return fail(errc::bad_value, 5, here, "no more than the size it names expected of a compressed term");
  if (state == Z_BUF_ERROR)
    return fail(errc::truncated, in_.size(), here, "the rest of a compressed term expected");
  if (state != Z_OK && state != Z_STREAM_END)
    return fail(errc::bad_value, consumed(), here, "a zlib stream expected");
  ended_ = state == Z_STREAM_END;
  if (ended_ && made_ != claim_)
    return fail(errc::bad_value, 1, here, "the size it names expected of a compressed term");
  return bytes(slice_).first(made);
}

std::size_t inflater::consumed() const {
  return stream_ == nullptr ? 0 : in_.size() - stream_->z.avail_in;
}

result<std::vector<std::uint8_t>> inflate(bytes in, const limits& bounds, std::size_t* consumed) {
  inflater from(in, bounds);
  std::vector<std::uint8_t> out;
  for (;;) {
    const auto slice = from.next();
    if (!slice) return unexpected<error>(slice.error());
    if (slice->empty()) break;
    out.insert(out.end(), slice->begin(), slice->end());
  }
  const std::size_t used = from.consumed();
  if (consumed != nullptr)
    *consumed = used;
  else if (used != in.size())
    return fail(errc::trailing, used, in[used], "the end expected");
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
