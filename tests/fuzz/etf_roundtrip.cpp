// rooms: etf
// SPDX-License-Identifier: MIT
// What decodes encodes to an equal term; encoded a second time it gives the same bytes.
#include <cstdlib>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>

namespace etf = coppice::etf;

namespace {
void demand(bool truth) {
  if (!truth) std::abort();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  etf::limits bounds;
  bounds.bytes = 1 << 16;
  bounds.depth = 200;
  const etf::bytes in(data, size);
  const auto value = etf::term::decode(in, bounds);
  if (!value) return 0;
  etf::vector_writer canonical;
  demand(etf::canonicalise(in, canonical, bounds).has_value());
  const std::vector<std::uint8_t> once = value->encode();
  demand(etf::is_canonical(once));
  demand(etf::equal_exact(once, canonical.view()));
  demand(etf::compare(once, canonical.view()) == 0);
  demand(etf::phash2(once) == etf::phash2(canonical.view()));
  const auto again = etf::term::decode(once);
  demand(again.has_value() && again->encode() == once && *again == *value);
  const etf::term copy = *value;
  demand(copy == *value);

  etf::print_options how;
  how.pretty = size % 2 == 0;
  how.width = 40;
  const auto parsed = etf::parse(etf::print(once, how));
  demand(parsed.has_value() && *parsed == once);
  return 0;
}
