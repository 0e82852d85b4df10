// SPDX-License-Identifier: MIT
// Splitting a byte stream into frames.
#include "dist/frame.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.hpp"
#include "dist/frame_reader.hpp"
#include "hex.hpp"

using namespace coppice;
using namespace coppice::dist;

TEST_CASE("frames come off the front one by one, and a part stays") {
  const auto stream = from_hex(
      "00000000"
      "00000003703102"
      "000000087001");
  std::span<const std::uint8_t> in(stream);
  const auto tick = next_frame(in, 100);
  REQUIRE(tick.value().has_value());
  CHECK(parse_frame(**tick)->kind == frame_kind::tick);
  const auto plain = next_frame(in, 100);
  REQUIRE(plain.value().has_value());
  CHECK(parse_frame(**plain)->kind == frame_kind::pass_through);
  CHECK(parse_frame(**plain)->body.size() == 2);
  CHECK_FALSE(next_frame(in, 100).value().has_value());
  CHECK(in.size() == 6);
}

TEST_CASE("a frame longer than allowed is refused by its length alone") {
  const auto stream = from_hex("00000065");
  std::span<const std::uint8_t> in(stream);
  CHECK(next_frame(in, 100).error().code == base::errc::limit);
}

TEST_CASE("a long frame that is still coming counts as much as has come of it") {
  constexpr std::size_t size = std::size_t{40} << 20, at_once = 64 * 1024, small = 512 * 1024;
  frame_reader in(2 * size);
  std::size_t come = 0, most = 0, least = size;
  std::size_t whole = 0;
  while (whole == 0) {
    auto room = in.room();
    room = room.first(std::min({room.size(), at_once, size + 4 - come}));
    std::memset(room.data(), 'x', room.size());
    if (come == 0) base::store_be32(room.data(), size);
    in.commit(room.size());
    come += room.size();
    most = std::max(most, in.held());
    if (come > small) least = std::min(least, size - come + in.held());
    REQUIRE(in.for_each([&](base::bytes_span frame, const runtime::message&) -> base::status {
      whole = frame.size();
      return {};
    }));
  }
  CHECK(whole == size);
  CHECK(most <= size + 2 * at_once);
  CHECK(least >= size - at_once);
  CHECK(in.held() == 0);
}

TEST_CASE("each header is told by its first bytes") {
  struct row {
    const char* hex;
    frame_kind kind;
    std::size_t body;
  };
  for (const row& r : {row{"834400", frame_kind::header, 1},
                       row{"8345000000000000004800000000000000030701", frame_kind::first_fragment, 2},
                       row{"83460000000000000048000000000000000201", frame_kind::next_fragment, 1}}) {
    const auto bytes = from_hex(r.hex);
    const auto f = parse_frame(bytes);
    REQUIRE(f);
    CHECK(f->kind == r.kind);
    CHECK(f->body.size() == r.body);
    if (r.kind != frame_kind::header) CHECK(f->sequence == 0x48);
  }
  for (const char* bad : {"83", "8347", "47", "834500000048", "83450000000000000048000000000000000001"}) {
    CHECK_FALSE(parse_frame(from_hex(bad)));
  }
}
