// SPDX-License-Identifier: MIT
// Frames from a peer that agreed on compression and then sends anything: an envelope never costs more than
// its bound, and its contents are handled as any frame is.
// rooms: dist
#include <cstddef>
#include <cstdint>
#include <span>

#include "dist/handshake_message.hpp"
#include "dist/unpacker.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  constexpr std::size_t most = 1 << 16;
  dist::decompressor alone;
  dist::unpacker in({100, most, 255}, dist::handshake_message::capability::all);
  std::span<const std::uint8_t> rest(data, size);
  for (;;) {
    const auto whole = dist::next_frame(rest, most);
    if (!whole || !*whole) break;
    const auto inside = alone.unwrap(**whole);
    if (inside && inside->size() > dist::max_enveloped) __builtin_trap();
    const auto taken = in.take(**whole);
    if (!taken) break;
    if (*taken && (*taken)->payload && !etf::is_canonical((*taken)->payload.bytes())) __builtin_trap();
  }
  return 0;
}
