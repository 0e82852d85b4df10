// SPDX-License-Identifier: MIT
// A stream of frames from a connected peer that sends anything: every frame is accepted, dropped or ends the
// connection, and an accepted one encodes again.
// rooms: dist
#include <cstddef>
#include <cstdint>
#include <span>

#include "dist/unpacker.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  constexpr std::size_t most = 1 << 16;
  dist::unpacker in({100, most, 255});
  std::span<const std::uint8_t> rest(data, size);
  for (;;) {
    const auto whole = dist::next_frame(rest, most);
    if (!whole || !*whole) break;
    const auto taken = in.take(**whole);
    if (!taken) break;
    if (!*taken) continue;
    etf::vector_writer again;
    dist::encode_control(again, (*taken)->control);
    if (again.failed() || !dist::decode_control(again.view())) __builtin_trap();
    const auto payload = (*taken)->payload.bytes();
    if (!payload.empty() && !(etf::is_canonical(payload) && etf::check_keys(payload))) __builtin_trap();
    if (in.unfinished().largest().bytes > 8 * most + 65536) __builtin_trap();
  }
  return 0;
}
