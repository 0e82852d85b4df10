// SPDX-License-Identifier: MIT
// A term that arrives in pieces gives the same result as the whole term, wherever it is cut.
#include <doctest/doctest.h>

#include <optional>

#include <coppice/etf/canonical_stream.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

namespace {

using outcome = coppice::etf::result<buffer>;

outcome whole(etf::bytes in, const etf::limits& bounds = {}, const etf::atom_lookup& atoms = {}) {
  etf::vector_writer out;
  if (auto good = etf::canonicalise(in, out, bounds, atoms); !good) return coppice::unexpected(good.error());
  return out.take();
}

/// `next` returns the size of the next piece.
template <class Next>
outcome in_pieces(etf::bytes in, Next next, const etf::limits& bounds = {},
                  const etf::atom_lookup& atoms = {}) {
  etf::vector_writer out;
  etf::canonical_stream stream(out, bounds, atoms);
  while (!in.empty()) {
    const std::size_t size = std::min<std::size_t>(next(), in.size());
    // Each piece is an allocation of its own, so that a sanitizer reports reads beyond it.
    const buffer piece(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(size));
    if (auto good = stream.feed(piece); !good) return coppice::unexpected(good.error());
    in = in.subspan(size);
  }
  if (auto good = stream.finish(); !good) return coppice::unexpected(good.error());
  return out.take();
}

void check_same(const outcome& pieces, const outcome& all) {
  REQUIRE(pieces.has_value() == all.has_value());
  if (all) CHECK(*pieces == *all);
}

} // namespace

TEST_CASE("every kind of term, cut anywhere and everywhere, becomes what the whole becomes") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    const auto expected = whole(sample.wire);
    check_same(in_pieces(sample.wire, [] { return 1; }), expected);
    for (std::size_t cut = 1; cut <= sample.wire.size(); ++cut) {
      CAPTURE(cut);
      check_same(in_pieces(sample.wire, [cut] { return cut; }), expected);
    }
  }
}

TEST_CASE("every kind of term inside of containers and of a fun, likewise") {
  const std::vector<std::string_view> names = {"ok", "a@b", "a rather long name of a module"};
  const std::span<const std::string_view> table(names);
  const etf::atom_lookup atoms(table);
  for (const auto& sample : samples::all()) {
    if (!whole(sample.wire)) continue;
    CAPTURE(sample.name);
    buffer fun = hex(
        "70 00000000 01 00112233445566778899aabbccddeeff 00000007 00000003 52 02 61 07 62 00010203 58 52 01 "
        "00000007 00000001 00000100");
    for (int i = 0; i < 2; ++i) fun.insert(fun.end(), sample.wire.begin(), sample.wire.end());
    fun.insert(fun.end(), {82, 0});
    const std::size_t size = fun.size() - 1;
    fun[3] = static_cast<std::uint8_t>(size >> 8);
    fun[4] = static_cast<std::uint8_t>(size);
    buffer term = hex("69 00000003");
    term.insert(term.end(), sample.wire.begin(), sample.wire.end());
    term.insert(term.end(), fun.begin(), fun.end());
    term.insert(term.end(), {82, 1});
    const auto expected = whole(term, {}, atoms);
    REQUIRE(expected);
    for (const std::size_t cut : {1, 2, 3, 7, 31, 64, 1000}) {
      CAPTURE(cut);
      check_same(in_pieces(
                     term, [cut] { return cut; }, {}, atoms),
                 expected);
    }
    for (std::size_t cut = 1; cut < term.size(); ++cut) {
      CAPTURE(cut);
      std::size_t piece = cut;
      check_same(in_pieces(
                     term, [&] { return std::exchange(piece, term.size()); }, {}, atoms),
                 expected);
    }
  }
}

TEST_CASE("random terms with random damage in random pieces are taken or refused as the whole is") {
  std::mt19937_64 random(23);
  int good = 0;
  for (int i = 0; i < 400; ++i) {
    buffer term = samples::random_term(random, 4);
    if (i % 3 == 1) term[random() % term.size()] = static_cast<std::uint8_t>(random() % 40 + 80);
    if (i % 3 == 2) term.resize(term.size() - std::min<std::size_t>(term.size() - 1, random() % 3));
    const std::size_t most = 1 + random() % 40;
    const auto expected = whole(term);
    check_same(in_pieces(term, [&] { return 1 + random() % most; }), expected);
    good += expected.has_value();
  }
  CHECK(good > 130);
}

TEST_CASE("the limits are those of the whole") {
  const auto code = [](const outcome& of) {
    return of ? std::optional<etf::errc>() : std::optional(of.error().code);
  };
  const auto both = [&](const buffer& term, const etf::limits& bounds, std::optional<etf::errc> expected,
                        const etf::atom_lookup& atoms = {}) {
    CHECK(code(whole(term, bounds, atoms)) == expected);
    for (const std::size_t cut : {1, 3, 10, 100000})
      CHECK(code(in_pieces(
                term, [cut] { return cut; }, bounds, atoms)) == expected);
  };
  etf::limits bounds;
  bounds.depth = 3;
  both(hex("68 01 68 01 68 01 6a"), bounds, std::nullopt);
  both(hex("68 01 68 01 68 01 68 01 6a"), bounds, etf::errc::too_deep);
  bounds = {};
  bounds.atom_characters = 4;
  both(hex("77 08 c3a9c3a9c3a9c3a9"), bounds, std::nullopt);
  both(hex("77 05 6161616161"), bounds, etf::errc::too_large);
  both(hex("64 0005 6161616161"), bounds, etf::errc::too_large);
  bounds = {};
  bounds.bytes = 20;
  buffer term = hex("6d 0000000f");
  term.resize(20, 'x');
  both(term, bounds, std::nullopt);
  term[4] = 16;
  term.push_back('x');
  both(term, bounds, etf::errc::too_large);
  both(hex("6a 6a"), {}, etf::errc::trailing);
  const std::string name(255, 'x');
  const std::vector<std::string_view> names = {name};
  const std::span<const std::string_view> table(names);
  const etf::atom_lookup atoms(table);
  bounds.bytes = 600;
  both(hex("68 02 52 00 52 00"), bounds, std::nullopt, atoms);
  both(hex("68 03 52 00 52 00 52 00"), bounds, etf::errc::too_large, atoms);
  both(hex("52 01"), {}, etf::errc::bad_value, atoms);
  both(hex("52 00"), {}, etf::errc::bad_tag);
}

TEST_CASE("of a long binary nothing is kept back, of another element no more than itself") {
  etf::vector_writer out;
  etf::canonical_stream stream(out);
  const buffer head = hex("68 02 6d 00100000");
  REQUIRE(stream.feed(head));
  const std::size_t before = stream.held();
  CHECK(before < 4096);
  const buffer some(1000, 'x');
  for (int i = 0; i < 1000; ++i) REQUIRE(stream.feed(some));
  CHECK(out.size() == head.size() + 1'000'000);
  CHECK(stream.held() == before);
  REQUIRE(stream.feed(buffer((1 << 20) - 1'000'000, 'x')));
  REQUIRE(stream.feed(hex("77 0a 61626364")));
  CHECK(out.size() == head.size() + (1 << 20));
  CHECK(stream.held() < 4096);
  REQUIRE(stream.feed(hex("65666768696a")));
  CHECK(stream.finish());
}
