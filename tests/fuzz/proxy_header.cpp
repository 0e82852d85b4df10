// SPDX-License-Identifier: MIT
// PROXY headers out of arbitrary bytes: their length is bounded, the result for a prefix is consistent with
// that for the whole, and a complete header is read the same when more bytes follow.
// rooms: net
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "net/stream/proxy_header.hpp"

namespace {

using namespace coppice;

void check(bool holds) {
  if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::bytes_span bytes{data, size};
  const auto whole = net::read_proxy_header(bytes);
  if (!whole) check(!whole.error().text.empty());
  if (whole && !*whole) check(size < net::longest_proxy_header);
  if (whole && *whole) {
    const net::proxy_header& header = **whole;
    check(header.consumed <= size && header.consumed <= net::longest_proxy_header);
    check(header.source.has_value() == header.destination.has_value());
    check(!header.local || !header.source);
    const auto exact = net::read_proxy_header(bytes.first(header.consumed));
    check(exact && *exact && (*exact)->source == header.source && (*exact)->consumed == header.consumed);
  }
  constexpr std::size_t most_looks = 600;
  const std::size_t most = size < most_looks ? size : most_looks;
  for (std::size_t i = 0; i < most; ++i) {
    const auto part = net::read_proxy_header(bytes.first(i));
    // A prefix that is refused stays refused, and a complete one stays complete.
    if (!part) check(!whole);
    if (part && *part) check(whole && *whole && (*whole)->consumed == (*part)->consumed);
  }
  return 0;
}
