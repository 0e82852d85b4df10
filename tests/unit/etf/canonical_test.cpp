// SPDX-License-Identifier: MIT
// The canonical form: each term has one encoding, whichever encoding a peer sent.
#include <doctest/doctest.h>

#include <algorithm>
#include <coppice/etf/canonical.hpp>
#include <coppice/etf/canonical_stream.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/text.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;
using samples::to_hex;

namespace {

buffer canonical(etf::bytes in, const etf::atom_lookup& atoms = {}) {
  etf::vector_writer out;
  const auto good = etf::canonicalise(in, out, {}, atoms);
  REQUIRE_MESSAGE(good, good.error().text());
  return out.take();
}

} // namespace

TEST_CASE("what is canonical already stays as it is; the rest becomes so, and once is enough") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    const buffer once = canonical(sample.wire);
    CHECK((once == sample.wire) == sample.canonical);
    CHECK(etf::is_canonical(once));
    CHECK(canonical(once) == once);
    if (!sample.text.empty()) CHECK(etf::print(once) == sample.text);
  }
}

TEST_CASE("old and new spellings of one identity are the same bytes") {
  CHECK(to_hex(canonical(hex("67 77 03 614062 00000007 00000001 02"))) ==
        to_hex(hex("58 77 03 614062 00000007 00000001 00000002")));
  CHECK(canonical(hex("65 64 0003 614062 00000007 02")) ==
        canonical(hex("72 0001 73 03 614062 02 00000007")));
  CHECK(canonical(hex("66 77 03 614062 00000007 02")) == hex("59 77 03 614062 00000007 00000002"));
  CHECK(canonical(hex("64 0003 e96f6b")) == hex("77 04 c3a96f6b"));
  CHECK(canonical(hex("59 77 03 614062 10000000 00000001")) ==
        hex("78 77 03 614062 0000000010000000 00000001"));
}

TEST_CASE("cached atoms are resolved everywhere an atom can stand, funs keep the right size") {
  const std::vector<std::string_view> names = {"ok", "a@b", "a rather long name of a module"};
  const std::span<const std::string_view> table(names);
  const etf::atom_lookup atoms(table);
  CHECK(canonical(hex("68 02 52 00 6d 00000001 52"), atoms) == hex("68 02 77 02 6f6b 6d 00000001 52"));
  CHECK(canonical(hex("58 52 01 00000007 00000001 00000100"), atoms) ==
        hex("58 77 03 614062 00000007 00000001 00000100"));
  CHECK(canonical(hex("71 52 00 52 01 61 02"), atoms) == hex("71 77 02 6f6b 77 03 614062 61 02"));
  // A fun within a fun. Their modules and nodes are cached atoms.
  const std::string inner =
      "70 00000035 01 00112233445566778899aabbccddeeff 00000007 00000000 52 02 61 07 62 00010203 58 52 01 "
      "00000007 00000001 00000100";
  buffer one = hex(inner);
  one[4] = static_cast<std::uint8_t>(one.size() - 1);
  buffer outer =
      hex("70 00000000 01 00112233445566778899aabbccddeeff 00000007 00000002 52 02 61 07 62 00010203 58 52 "
          "01 00000007 00000001 00000100");
  outer.insert(outer.end(), one.begin(), one.end());
  outer.insert(outer.end(), {82, 0});
  outer[4] = static_cast<std::uint8_t>(outer.size() - 1);
  const buffer out = canonical(outer, atoms);
  CHECK(etf::is_canonical(out));
  CHECK(out.size() > outer.size() + 60);
}

TEST_CASE("a fun ends where its parts do, whatever size it names: it is written with the right one") {
  // A fun with two free variables: {[], #{1 => [2 | 3]}}, and a fun without any, which ends the outer one
  // too.
  const std::string inner =
      "70 00000000 01 00112233445566778899aabbccddeeff 00000007 00000000 77 01 6d 61 07 61 08 58 77 03 "
      "614062 "
      "00000007 00000001 00000100";
  const std::string outer =
      "70 00000000 01 00112233445566778899aabbccddeeff 00000007 00000002 77 01 6d 61 07 61 08 58 77 03 "
      "614062 "
      "00000007 00000001 00000100 68 02 6a 74 00000001 61 01 6c 00000001 61 02 61 03 ";
  const auto sized = [&](int wrong_outer, int wrong_inner) {
    buffer in = hex(inner), out = hex(outer);
    const std::size_t size = out.size() + in.size() - 1;
    in[4] = static_cast<std::uint8_t>(static_cast<int>(in.size()) - 1 + wrong_inner);
    out[4] = static_cast<std::uint8_t>(static_cast<int>(size) + wrong_outer);
    out.insert(out.end(), in.begin(), in.end());
    buffer pair = hex("68 02");
    pair.insert(pair.end(), out.begin(), out.end());
    pair.push_back(106);
    return pair;
  };
  const buffer right = sized(0, 0);
  CHECK(etf::is_canonical(right));
  for (const int outer_by : {-100, -3, 0, 7, 90})
    for (const int inner_by : {-60, -3, 0, 7, 90}) {
      if (outer_by == 0 && inner_by == 0) continue;
      CAPTURE(outer_by);
      CAPTURE(inner_by);
      const buffer wrong = sized(outer_by, inner_by);
      CHECK_FALSE(etf::is_canonical(wrong));
      CHECK(canonical(wrong) == right);
    }
}

TEST_CASE("a cached atom without a cache, or unknown to it, is an error") {
  etf::vector_writer out;
  CHECK(etf::canonicalise(hex("52 00"), out).error().code == etf::errc::bad_tag);
  const std::vector<std::string_view> names = {"ok"};
  const std::span<const std::string_view> table(names);
  CHECK(etf::canonicalise(hex("52 01"), out, {}, etf::atom_lookup(table)).error().code ==
        etf::errc::bad_value);
}

TEST_CASE("atoms that grow when resolved stay within the limit of bytes") {
  const std::string name(255, 'x');
  const std::vector<std::string_view> names = {name};
  const std::span<const std::string_view> table(names);
  buffer wire = hex("69 00010000");
  for (int i = 0; i < 65536; ++i) wire.insert(wire.end(), {82, 0});
  etf::limits bounds;
  bounds.bytes = 1 << 20;
  etf::vector_writer out;
  const auto refused = etf::canonicalise(wire, out, bounds, etf::atom_lookup(table));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == etf::errc::too_large);
  CHECK(out.size() < (2u << 20));
}

TEST_CASE("a term with cached atoms grows in proportion to its bytes") {
  constexpr std::size_t many = 131'072;
  const std::string name(255, 'x'), usual(40, 'x');
  const std::vector<std::string_view> names = {name, usual};
  const std::span<const std::string_view> table(names);
  const auto tuple_of = [](std::uint8_t index) {
    buffer wire = hex("69 00020000");
    for (std::size_t i = 0; i < many; ++i) wire.insert(wire.end(), {82, index});
    return wire;
  };
  for (const bool in_pieces : {false, true}) {
    CAPTURE(in_pieces);
    const auto written = [&](const buffer& wire, const etf::limits& bounds, etf::writer& out) {
      if (!in_pieces) return etf::canonicalise(wire, out, bounds, etf::atom_lookup(table));
      etf::canonical_stream stream(out, bounds, etf::atom_lookup(table));
      for (etf::bytes rest(wire); !rest.empty();) {
        const std::size_t size = std::min<std::size_t>(1001, rest.size());
        if (auto fed = stream.feed(rest.first(size)); !fed) return fed;
        rest = rest.subspan(size);
      }
      return stream.finish();
    };
    etf::vector_writer too_long, as_usual, allowed;
    const auto refused = written(tuple_of(0), {}, too_long);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == etf::errc::too_large);
    CHECK(too_long.size() < std::size_t{5} << 20);
    CHECK(written(tuple_of(1), {}, as_usual));
    CHECK(as_usual.size() > etf::limits{}.small_inflated);
    etf::limits wide;
    wide.inflate_ratio = 200;
    CHECK(written(tuple_of(0), wide, allowed));
    CHECK(allowed.size() > many * name.size());
  }
}

TEST_CASE("random terms that validate after damage have a canonical form equal to themselves") {
  std::mt19937_64 random(11);
  int seen = 0;
  for (int i = 0; i < 3000; ++i) {
    buffer term = samples::random_term(random, 3);
    term[random() % term.size()] = static_cast<std::uint8_t>(random() % 32 + 90);
    const auto length = etf::validate(term);
    if (!length) continue;
    term.resize(*length);
    const buffer out = canonical(term);
    CHECK(etf::is_canonical(out));
    ++seen;
  }
  CHECK(seen > 500);
}
