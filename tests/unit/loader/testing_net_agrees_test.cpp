// SPDX-License-Identifier: MIT
// The test kit cuts frames as the node does: both are given the same bytes, in the same random pieces.
#include <doctest/doctest.h>
#include <coppice/testing/net_framing.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "net/stream/framer.hpp"

namespace {

using namespace coppice;
using testing::detail::cut;

struct both {
  coppice_framing kit{};
  net::framing node;
};

both random_framing(std::mt19937& random) {
  const auto up_to = [&](unsigned n) { return static_cast<std::uint32_t>(random() % (n + 1)); };
  static const std::string delimiters[] = {"|", "||", "ab", "aab"};
  both out;
  out.kit.size = sizeof out.kit;
  out.kit.kind = 1 + up_to(3);
  out.kit.max = out.node.max = 1 + up_to(12);
  out.kit.fixed_size = out.node.size = 1 + up_to(static_cast<unsigned>(out.kit.max) - 1);
  out.kit.length_bytes = 1U << up_to(3);
  out.kit.length_at = up_to(2);
  out.kit.length_header = out.kit.length_at + out.kit.length_bytes + up_to(2);
  out.kit.length_flags = up_to(7);
  const std::string& delimiter = delimiters[up_to(3)];
  out.kit.delimiter = {reinterpret_cast<const std::uint8_t*>(delimiter.data()), delimiter.size()};
  out.node.by = static_cast<net::framing::kind>(out.kit.kind);
  out.node.bytes = static_cast<std::uint8_t>(out.kit.length_bytes);
  out.node.at = static_cast<std::uint16_t>(out.kit.length_at);
  out.node.header = static_cast<std::uint16_t>(out.kit.length_header);
  out.node.includes_header = (out.kit.length_flags & COPPICE_LENGTH_INCLUDES_HEADER) != 0;
  out.node.little_endian = (out.kit.length_flags & COPPICE_LENGTH_LITTLE_ENDIAN) != 0;
  out.node.with_header = (out.kit.length_flags & COPPICE_LENGTH_WITH_HEADER) != 0;
  out.node.delimiter = delimiter;
  return out;
}

// What frames come of it, one a line, and how it ends.
std::string by_kit(const coppice_framing& how, const std::vector<std::string>& pieces) {
  const auto framing = testing::detail::framing::of(how);
  if (!framing) return "invalid";
  std::string out, kept;
  std::size_t needed = 1;
  for (const std::string& piece : pieces) {
    kept += piece;
    while (kept.size() >= needed) {
      const cut seen = look(*framing, kept);
      if (seen.is_frame) {
        out += kept.substr(seen.offset, seen.length) + "\n";
        kept.erase(0, seen.consumed);
        needed = 1;
      } else if (seen.needed == 0) {
        return out + "too large";
      } else {
        needed = std::max(seen.needed, kept.size() + 1);
      }
    }
  }
  return out;
}
std::string by_node(const net::framing& how, const std::vector<std::string>& pieces) {
  if (!net::check_framing(how)) return "invalid";
  net::framer framer(how);
  std::string out, kept;
  for (const std::string& piece : pieces) {
    kept += piece;
    while (!kept.empty()) {
      const auto seen = framer.look({reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()});
      if (seen.is == net::framer::outcome::too_large) return out + "too large";
      if (seen.is == net::framer::outcome::more) break;
      out += kept.substr(seen.offset, seen.length) + "\n";
      kept.erase(0, seen.consumed);
    }
  }
  return out;
}

} // namespace

TEST_CASE("the test kit cuts frames as the node does, and refuses what it refuses") {
  std::mt19937 random(4711); // NOLINT: the same each time
  static const std::string alphabet = {'\0', '\1', '\2', '\5', '\n', '\r', 'a', 'b', '|'};
  for (int round = 0; round < 20'000; ++round) {
    const both how = random_framing(random);
    std::vector<std::string> pieces(1 + random() % 8);
    for (std::string& piece : pieces)
      for (std::size_t i = random() % 12; i > 0; --i) piece += alphabet[random() % alphabet.size()];
    const std::string ours = by_kit(how.kit, pieces);
    INFO("kind ", how.kit.kind, " round ", round);
    REQUIRE(ours == by_node(how.node, pieces));
  }
}
