// rooms: api-c etf
// SPDX-License-Identifier: MIT
// Any bytes in coppice/term.h: no reader reads out of bounds, a valid term is skipped as the ETF library
// skips it, and bytes in the form of a message are the same after reading and writing.
#include <coppice/term.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <coppice/etf/canonical.hpp>

#include "../unit/plugins/paper.hpp"
#include "../unit/plugins/term_copy.h"

namespace etf = coppice::etf;

namespace {

void demand(bool truth) {
  if (!truth) std::abort();
}

/// Each key of a map leads to the value of the first equal key.
void look_up(coppice_bytes map) {
  coppice_reader at = coppice_read(map);
  std::uint32_t pairs = 0;
  if (!coppice_read_map(&at, &pairs)) return;
  pairs = std::min(pairs, std::uint32_t{16});
  for (coppice_bytes key, value, found; pairs != 0; --pairs) {
    if (!coppice_read_term(&at, &key) || !coppice_read_term(&at, &value)) return;
    demand(coppice_map_get_term(map, key, &found) != 0);
    demand(found.data <= value.data);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> exact(data, data + size);
  const coppice_bytes bytes = {exact.data(), exact.size()};

  coppice_reader at = coppice_read(bytes);
  coppice_bytes whole = {};
  const bool passed = coppice_read_term(&at, &whole) != 0;
  etf::cursor there({exact.data(), exact.size()});
  // The ETF library's cursor also skips forms that no message has.
  if (passed) demand(there.skip() && there.offset() == whole.size);

  etf::limits bounds;
  bounds.bytes = 1 << 20;
  const auto seen = etf::scan({exact.data(), exact.size()}, bounds);
  const bool canonical = seen && seen->canonical;
  if (canonical) demand(passed && whole.size == seen->length);

  at = coppice_read(bytes);
  coppice::test::paper out;
  const bool copied = term_copy(&at, &out.writer) != 0;
  demand(at.at <= at.end && !out.overrun());
  const std::vector<std::uint8_t> again = out.written();
  if (canonical)
    demand(copied && out.writer.status == COPPICE_OK &&
           std::equal(again.begin(), again.end(), whole.data, whole.data + whole.size));

  look_up(bytes);
  coppice_bytes value;
  coppice_map_get(bytes, "a", &value);
  return 0;
}
