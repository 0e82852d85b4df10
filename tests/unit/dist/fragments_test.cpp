// SPDX-License-Identifier: MIT
// Joining fragments of messages, in order and interleaved, and its limits.
#include "dist/fragments.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "hex.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

const auto control = from_hex("c0c1");

std::string text_of(const runtime::message& m) {
  const auto bytes = m.bytes();
  return to_hex({bytes.begin(), bytes.end()});
}

// A binary of `size` bytes, as the body of a message.
std::vector<std::uint8_t> binary(std::size_t size) {
  etf::vector_writer out;
  out.binary(std::string(size, 'x'));
  return out.take();
}

} // namespace

TEST_CASE("fragments of two senders interleave and come out whole, each with its control message") {
  fragments f({});
  const atom_table none;
  CHECK_FALSE(f.first(1, 3, none, control,
                      from_hex("6803"
                               "6101"))
                  .value());
  CHECK_FALSE(f.first(2, 2, none, from_hex("dd"), from_hex("6d00000003aa")).value());
  CHECK_FALSE(f.next(1, 2, from_hex("61")).value());
  const auto two = f.next(2, 1, from_hex("bbcc"));
  REQUIRE(two.value());
  CHECK(text_of((*two)->payload) == "6d00000003aabbcc");
  CHECK((*two)->control == from_hex("dd"));
  const auto one = f.next(1, 1, from_hex("026103"));
  REQUIRE(one.value());
  CHECK(text_of((*one)->payload) == "6803610161026103");
  CHECK((*one)->control == control);
  CHECK(f.unfinished() == 0);
  CHECK(f.bytes() == 0);
}

TEST_CASE("a message in one fragment is whole at once, with or without a payload") {
  fragments f({});
  CHECK(text_of((*f.first(1, 1, {}, control, from_hex("6101")).value()).payload) == "6101");
  CHECK_FALSE((*f.first(1, 1, {}, control, {}).value()).payload);
  CHECK(f.unfinished() == 0);
  CHECK(f.bytes() == 0);
}

TEST_CASE("what is spelled otherwise is canonical when it is whole, wherever it was cut") {
  const auto latin = from_hex(
      "6802"
      "640003e96f6b"
      "62000000ff"); // {éok, 255}
  for (std::size_t cut = 0; cut <= latin.size(); ++cut) {
    CAPTURE(cut);
    fragments f({});
    const std::span<const std::uint8_t> all(latin);
    CHECK_FALSE(f.first(1, 2, {}, control, all.first(cut)).value());
    const auto whole = f.next(1, 1, all.subspan(cut));
    REQUIRE(whole.value());
    CHECK(text_of((*whole)->payload) == "68027704c3a96f6b61ff");
  }
}

TEST_CASE("a fragment out of turn ends the connection") {
  fragments f({});
  CHECK_FALSE(f.next(1, 1, from_hex("01")));
  REQUIRE(f.first(1, 3, {}, control, from_hex("68")));
  CHECK_FALSE(f.next(1, 1, from_hex("01")));
  CHECK_FALSE(f.first(1, 3, {}, control, from_hex("68")));
}

TEST_CASE("nonsense ends the connection with the fragment it is in, a term cut short with the last") {
  fragments f({});
  REQUIRE(f.first(1, 3, {}, control, from_hex("6802")));
  CHECK(f.next(1, 2, from_hex("ff")).error().code == base::errc::invalid);
  REQUIRE(f.first(2, 2, {}, control, from_hex("6802")));
  CHECK(f.next(2, 1, from_hex("6101")).error().code == base::errc::invalid);
  REQUIRE(f.first(3, 2, {}, control, from_hex("6101")));
  CHECK(f.next(3, 1, from_hex("6101")).error().code == base::errc::invalid);
}

TEST_CASE("a term over a limit is dropped where it is noticed, told once, and its rest is ignored") {
  etf::limits shallow;
  shallow.depth = 2;
  fragments f(shallow);
  REQUIRE_FALSE(f.first(1, 4, {}, control, from_hex("6801")).value());
  CHECK_FALSE(f.next(1, 3, from_hex("6801")).value());
  const auto deep = f.next(1, 2, from_hex("6801"));
  REQUIRE(deep.value());
  CHECK((*deep)->dropped.find("depth") != std::string::npos);
  CHECK(f.bytes() == 0);
  CHECK(f.unfinished() == 1);
  CHECK_FALSE(f.next(1, 1, from_hex("ff")).value());
  CHECK(f.unfinished() == 0);
  CHECK(f.dropped() == 1);
}

TEST_CASE("too many unfinished messages are an error") {
  fragments f({});
  for (std::uint64_t i = 0; i < fragments::most_at_once; ++i) REQUIRE(f.first(i, 2, {}, {}, {}));
  CHECK(f.first(fragments::most_at_once, 2, {}, {}, {}).error().code == base::errc::limit);
}

TEST_CASE("what is reserved for fragments to come is counted, and is no more than a term may have") {
  etf::limits bounds;
  bounds.bytes = 1'000'000;
  fragments f(bounds);
  const auto term = binary(900'000);
  const std::span<const std::uint8_t> all(term);
  REQUIRE(f.first(1, UINT64_MAX, {}, control, all.first(100'000)));
  CHECK(f.bytes() >= 400'000);
  REQUIRE(f.next(1, UINT64_MAX - 1, all.subspan(100'000, 400'000)));
  CHECK(f.bytes() >= 1'000'000);
  CHECK(f.bytes() < 1'100'000);
  CHECK(f.largest().sequence == 1);
  CHECK(f.largest().bytes == f.bytes());
}

TEST_CASE("what is kept to find keys that come twice is counted") {
  etf::vector_writer out;
  out.map(100'000);
  for (std::int64_t i = 0; i < 90'000; ++i) {
    out.integer(i);
    out.nil();
  }
  fragments f({});
  REQUIRE(f.first(1, 2, {}, control, out.view()));
  CHECK(f.bytes() >= out.size() + 90'000 * sizeof(std::uint64_t));
}

TEST_CASE("a message grows older until bytes of it come; without bytes a fragment is no progress") {
  fragments f({});
  const auto term = binary(90);
  const std::span<const std::uint8_t> all(term);
  CHECK(f.oldest().idle == 0);
  REQUIRE(f.first(1, 4, {}, control, all.first(10)));
  REQUIRE(f.first(2, 4, {}, control, all.first(10)));
  f.grow_older();
  REQUIRE(f.next(1, 3, all.subspan(10, 10)));
  REQUIRE(f.next(2, 3, {}));
  f.grow_older();
  CHECK(f.oldest().sequence == 2);
  CHECK(f.oldest().idle == 2);
  REQUIRE(f.next(2, 2, all.subspan(10, 70)));
  CHECK(f.oldest().sequence == 1);
  CHECK(f.oldest().idle == 1);
}

TEST_CASE(
    "what is kept of a begun message beside its bytes is small and counted, also after it was dropped") {
  constexpr std::uint64_t many = 100;
  etf::limits shallow;
  shallow.depth = 1;
  fragments f(shallow);
  for (std::uint64_t i = 0; i < many; ++i) REQUIRE(f.first(i, 3, {}, control, from_hex("6801")));
  const std::size_t begun = f.outside_blocks();
  CHECK(begun >= many * sizeof(etf::canonical_stream));
  CHECK(begun <= many * 1600);
  CHECK(f.bytes() > many * sizeof(etf::canonical_stream));
  for (std::uint64_t i = 0; i < many; ++i) REQUIRE(f.next(i, 2, from_hex("6801")));
  CHECK(f.dropped() == many);
  CHECK(f.bytes() == 0);
  CHECK(f.outside_blocks() > 0);
  CHECK(f.outside_blocks() < begun / 4);
  for (std::uint64_t i = 0; i < many; ++i) REQUIRE(f.next(i, 1, from_hex("6101")));
  CHECK(f.outside_blocks() == 0);
}

TEST_CASE("keys of maps are kept for messages alone that have such a map") {
  fragments f({});
  REQUIRE(f.first(1, 2, {}, control, from_hex("6d000000ffaa")));
  const std::size_t plain = f.outside_blocks();
  CHECK(plain < sizeof(etf::canonical_stream) + sizeof(etf::key_checker));
  REQUIRE(f.first(2, 2, {}, control, from_hex("7400000002610161026101")));
  CHECK(f.outside_blocks() >= 2 * plain + sizeof(etf::key_checker));
  CHECK_FALSE(f.next(2, 1, from_hex("6102")));
}
