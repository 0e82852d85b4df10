// rooms: etf
// SPDX-License-Identifier: MIT
// A term in pieces is accepted or refused as the whole is, and becomes the same bytes, wherever it is cut.
// The first byte of the input chooses the pieces: below 128 their size; from 128 on, sizes that follow from
// it.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <coppice/etf/canonical_stream.hpp>

namespace etf = coppice::etf;

namespace {

void demand(bool truth) {
  if (!truth) std::abort();
}

constexpr std::array<std::string_view, 3> names{"ok", "node@host",
                                                "an atom that is much longer than its index"};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t how = data[0];
  const etf::bytes in(data + 1, size - 1);
  const std::span<const std::string_view> table(names);
  const etf::atom_lookup atoms(table);
  etf::limits bounds;
  bounds.bytes = 1 << 12;
  bounds.depth = 50;
  bounds.atom_characters = 100;

  etf::vector_writer whole;
  const bool expected = etf::canonicalise(in, whole, bounds, atoms).has_value();

  etf::vector_writer out;
  etf::canonical_stream stream(out, bounds, atoms);
  std::uint32_t next = how;
  bool good = true;
  for (etf::bytes rest = in; good && !rest.empty();) {
    next = next * 1664525 + 1013904223;
    const std::size_t wanted = how < 128 ? how + 1U : (next >> 16) % how;
    const etf::bytes piece = rest.first(std::min<std::size_t>(wanted, rest.size()));
    // A copy, so that the address sanitizer finds reads past its end.
    const std::vector<std::uint8_t> copy(piece.begin(), piece.end());
    good = stream.feed(copy).has_value();
    rest = rest.subspan(piece.size());
    demand(stream.held() <=
           32 * bounds.bytes + 4096); // mostly tables of 33 keys, nested in each other's values
  }
  good = good && stream.finish().has_value();
  demand(good == expected);
  if (good)
    demand(std::equal(out.view().begin(), out.view().end(), whole.view().begin(), whole.view().end()));
  return 0;
}
