// rooms: etf
// SPDX-License-Identifier: MIT
// Any text: it parses, or the error has the column. What parsed prints and parses back the same.
#include <cstdlib>
#include <string_view>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/text.hpp>

namespace etf = coppice::etf;

namespace {
void demand(bool truth) {
  if (!truth) std::abort();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  etf::text_options options;
  options.bounds.depth = 200;
  const auto term = etf::parse(text, options);
  if (!term) {
    demand(!term.error().text().empty());
    return 0;
  }
  demand(etf::is_canonical(*term));
  etf::print_options how;
  how.pretty = size % 2 == 0;
  const auto again = etf::parse(etf::print(*term, how));
  demand(again.has_value() && *again == *term);
  return 0;
}
