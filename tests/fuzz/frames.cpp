// SPDX-License-Identifier: MIT
// Frames cut out of arbitrary bytes: they are the same in whatever pieces the bytes come, each at its place,
// and never above the bound. The first eight bytes choose the framing.
// rooms: net
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "net/stream/framer.hpp"

namespace {

using namespace coppice;

constexpr std::size_t choices = 8;

void check(bool holds) {
  if (!holds) std::abort();
}

net::framing choose(const std::uint8_t* from) {
  net::framing how;
  how.by = static_cast<net::framing::kind>(1 + from[0] % 4);
  how.max = 1 + from[1];
  how.size = from[2];
  how.bytes = static_cast<std::uint8_t>(from[3] % 9);
  how.at = from[4] % 8;
  how.header = from[5] % 24;
  how.includes_header = (from[6] & 1) != 0;
  how.little_endian = (from[6] & 2) != 0;
  how.with_header = (from[6] & 4) != 0;
  how.delimiter = std::string("\r\n\r\nabcabcabcabcd").substr(from[7] % 4, 1 + from[7] / 4 % 17);
  return how;
}

using frame = std::pair<std::size_t, std::size_t>; // offset in the stream, length

struct cutting {
  std::vector<frame> frames;
  bool failed = false;
};

// Cuts `bytes`, which come in pieces of `step`.
cutting cut(const net::framing& how, base::bytes_span bytes, std::size_t step) {
  net::framer framer(how);
  cutting out;
  std::size_t done = 0;
  for (std::size_t there = 0; there < bytes.size() && !out.failed;) {
    there = std::min(bytes.size(), there + step);
    for (;;) {
      const auto seen = framer.look(bytes.subspan(done, there - done));
      if (seen.is == net::framer::outcome::more) {
        check(seen.needed > there - done && seen.needed <= framer.longest());
        break;
      }
      out.failed = seen.is == net::framer::outcome::too_large;
      if (out.failed) {
        check(!framer.why().text.empty());
        break;
      }
      check(seen.consumed > 0 && seen.consumed <= there - done && seen.consumed <= framer.longest());
      check(seen.offset + seen.length <= seen.consumed);
      check(seen.length <= how.max + (how.with_header ? how.header : 0));
      out.frames.emplace_back(done + seen.offset, seen.length);
      done += seen.consumed;
    }
  }
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < choices) return 0;
  const net::framing how = choose(data);
  if (!net::check_framing(how)) return 0;
  const base::bytes_span bytes{data + choices, size - choices};
  const cutting whole = cut(how, bytes, std::max<std::size_t>(1, bytes.size()));
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{16}}) {
    const cutting pieces = cut(how, bytes, step);
    check(pieces.frames == whole.frames && pieces.failed == whole.failed);
  }
  return 0;
}
