// SPDX-License-Identifier: MIT
// Which terms a peer may send. Each other term is refused, with a code and the offset.
#include <doctest/doctest.h>

#include <coppice/etf/validate.hpp>
#include <coppice/etf/writer.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

TEST_CASE("every sample validates, whole and with bytes behind it; no prefix of it does") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    const auto length = etf::validate(sample.wire);
    REQUIRE_MESSAGE(length, length.error().text());
    CHECK(*length == sample.wire.size());
    buffer longer = sample.wire;
    longer.push_back(0xFF);
    CHECK(etf::validate(longer).value() == sample.wire.size());
    CHECK(etf::scan(sample.wire)->canonical == sample.canonical);
    for (std::size_t size = 0; size < sample.wire.size(); ++size) {
      const buffer prefix(sample.wire.begin(), sample.wire.begin() + static_cast<std::ptrdiff_t>(size));
      const auto refused = etf::validate(prefix);
      REQUIRE_FALSE(refused);
      CHECK_FALSE(refused.error().text().empty());
    }
  }
}

TEST_CASE("no prefix of a random term validates, and no changed byte is read out of bounds") {
  std::mt19937_64 random(5);
  for (int i = 0; i < 40; ++i) {
    const buffer term = samples::random_term(random, 3);
    for (std::size_t size = 0; size < std::min<std::size_t>(term.size(), 400); ++size) {
      const buffer prefix(term.begin(), term.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK_FALSE(etf::validate(prefix));
    }
    for (int change = 0; change < 200; ++change) {
      buffer changed = term;
      changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
      const auto length = etf::validate(changed);
      if (length) CHECK(*length <= changed.size());
    }
  }
}

TEST_CASE("bad terms are refused with a code and the place") {
  struct bad {
    std::string_view wire;
    etf::errc code;
    std::size_t offset;
  };
  const std::vector<bad> all = {
      {"", etf::errc::truncated, 0},
      {"00", etf::errc::bad_tag, 0},
      {"50 00000001 00", etf::errc::bad_tag, 0},
      {"68 02 6a 50 00000001 00", etf::errc::bad_tag, 3},
      {"52 00", etf::errc::bad_tag, 0},
      {"79 00", etf::errc::bad_tag, 0},
      {"75 00", etf::errc::bad_tag, 0},
      {"467ff0000000000000", etf::errc::bad_value, 0},
      {"467ff8000000000000", etf::errc::bad_value, 0},
      {"63 6e616e00000000000000000000000000000000000000000000000000000000", etf::errc::bad_value, 0},
      {"77 01 ff", etf::errc::bad_value, 0},
      {"77 02 c080", etf::errc::bad_value, 0},
      {"77 03 eda080", etf::errc::bad_value, 0},
      {"77 04 f4908080", etf::errc::bad_value, 0},
      {"4d 00000001 00 ff", etf::errc::bad_value, 0},
      {"4d 00000001 09 ff", etf::errc::bad_value, 0},
      {"6e 01 02 05", etf::errc::bad_value, 0},
      {"5a 0006 770161 00000000 00000000 00000000 00000000 00000000 00000000 00000000", etf::errc::bad_value,
       0},
      {"5a 0000 770161 00000000", etf::errc::bad_value, 0},
      {"58 6101 00000000 00000000 00000000", etf::errc::bad_value, 1},
      {"71 770161 770162 62 00000001", etf::errc::bad_value, 7},
      {"6c ffffffff 6a", etf::errc::truncated, 0},
      {"69 ffffffff 6a", etf::errc::truncated, 0},
      {"74 ffffffff 6a", etf::errc::truncated, 0},
      {"6d ffffffff 00", etf::errc::truncated, 0},
      {"6f ffffffff 00 00", etf::errc::truncated, 0},
  };
  for (const bad& each : all) {
    CAPTURE(each.wire);
    const auto refused = etf::validate(hex(each.wire));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == each.code);
    CHECK(refused.error().offset == each.offset);
  }
}

TEST_CASE("an atom has at most 255 characters, however many bytes they take") {
  const auto atom_of = [](std::size_t characters) {
    std::string name;
    for (std::size_t i = 0; i < characters; ++i) name += "\xF0\x9F\x98\x80";
    etf::vector_writer out;
    out.atom(name);
    return out.take();
  };
  CHECK(etf::validate(atom_of(255)));
  const auto refused = etf::validate(atom_of(256));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == etf::errc::too_large);
  etf::limits small;
  small.atom_characters = 3;
  CHECK(etf::validate(atom_of(3), small));
  CHECK_FALSE(etf::validate(atom_of(4), small));
  CHECK_FALSE(etf::validate(hex("7704 61626364"), small));
}

TEST_CASE("depth is nesting: tuples count, the tails of a list do not") {
  const auto nested = [](std::size_t depth) {
    buffer out;
    for (std::size_t i = 0; i < depth; ++i) out.insert(out.end(), {104, 1});
    out.push_back(106);
    return out;
  };
  CHECK(etf::validate(nested(10'000)));
  const auto refused = etf::validate(nested(10'001));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == etf::errc::too_deep);
  CHECK(etf::validate(nested(200'000)).error().code == etf::errc::too_deep);

  buffer chain;
  for (int i = 0; i < 100'000; ++i) chain.insert(chain.end(), {108, 0, 0, 0, 1, 106});
  chain.push_back(106);
  CHECK(etf::validate(chain).value() == chain.size());
}

TEST_CASE("a term longer than the limit is refused, one before other bytes is not") {
  etf::vector_writer out;
  out.binary(std::string(100, 'x'));
  etf::limits bounds;
  bounds.bytes = out.size();
  CHECK(etf::validate(out.view(), bounds));
  bounds.bytes -= 1;
  const auto refused = etf::validate(out.view(), bounds);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == etf::errc::too_large);
  buffer followed = hex("6a");
  followed.resize(1000);
  CHECK(etf::validate(followed, bounds).value() == 1);
}

TEST_CASE("a fun says its own size, and for a cursor it must keep to it") {
  for (const auto& sample : samples::all()) {
    if (sample.name != "NEW_FUN") continue;
    buffer shorter = sample.wire, longer = sample.wire;
    shorter[4] -= 1;
    longer[4] += 1;
    longer.push_back(106);
    CHECK(etf::validate(shorter).error().code == etf::errc::bad_value);
    CHECK(etf::validate(longer).error().code == etf::errc::bad_value);
  }
}

TEST_CASE("runs of integers and floats are checked like single ones") {
  etf::vector_writer out;
  out.list(40);
  for (int i = 0; i < 20; ++i) out.integer(1000 + i);
  for (int i = 0; i < 20; ++i) out.floating(i);
  out.nil();
  buffer term = out.take();
  CHECK(etf::scan(term)->canonical);
  buffer bad = term;
  bad[5 + 20 * 5 + 9 * 13 + 1] = 0x7F; // the exponent of the fourteenth float
  bad[5 + 20 * 5 + 9 * 13 + 2] = 0xF8;
  CHECK_FALSE(etf::validate(bad));
  buffer small = term;
  small[5 + 5 * 7 + 3] = 0; // the eighth integer becomes one that needs fewer bytes
  CHECK_FALSE(etf::scan(small)->canonical);
  for (std::size_t size = 0; size < term.size(); ++size) {
    CHECK_FALSE(etf::validate(buffer(term.begin(), term.begin() + static_cast<std::ptrdiff_t>(size))));
  }
}
