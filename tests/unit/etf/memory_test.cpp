// SPDX-License-Identifier: MIT
// The memory that the library takes: none if the target needs none, and little before the size that a peer
// claims is proven.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <tuple>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/codec.hpp>
#include <coppice/etf/inflate.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>
#include <coppice/etf/wire.hpp>

#include "allocations.hpp"
#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;

namespace {

struct call {
  static constexpr std::string_view etf_tag = "$gen_call";
  std::pair<etf::pid, etf::reference> from;
  std::tuple<etf::atom, std::string_view, std::int64_t, std::optional<double>> request;
};
struct options {
  static constexpr auto etf_form = etf::form::map;
  std::array<int, 3> levels;
  std::optional<etf::bytes> key;
  ///< The first alternatives do not match.
  std::variant<bool, etf::constant<"none">, call, std::int64_t> either;
};

call some_call() {
  return {{etf::pid{"a@b", 1, 2, 3}, etf::reference{std::string_view("a@b"), 3, 3, {1, 2, 3}}},
          {etf::atom{"put"}, "a key longer than any short string would be", -70'000, 1.5}};
}

/// The memory of zlib while it inflates, which operator new does not see: its window, and the state that
/// zlib.h describes.
constexpr std::size_t zlib_state = 48 * 1024;

/// A stream that inflates to `size` times 'x', and a head that claims `claim` bytes.
buffer bomb(std::size_t size, std::uint32_t claim) {
  etf::vector_writer out;
  out.binary(std::string(size, 'x'));
  buffer packed = etf::deflate(out.view(), 9);
  packed.erase(packed.begin());
  etf::wire::store32(packed.data() + 1, claim);
  return packed;
}

} // namespace

TEST_CASE("a target that owns no memory is read and written without any") {
  std::array<std::uint8_t, 512> room;
  const call value = some_call();
  const options chosen{{1, 2, 300}, etf::bytes(room), -5};
  std::size_t size = 0;
  const auto encoding = allocations::of([&] {
    etf::writer out(room.data(), room.data() + room.size());
    etf::encode(out, value);
    size = out.failed() ? 0 : out.size();
  });
  REQUIRE(size != 0);
  CHECK(encoding.count == 0);
  bool good = false;
  const auto decoding = allocations::of([&] {
    const auto back = etf::decode<call>(etf::bytes(room.data(), size));
    good = back && std::get<1>(back->request) == std::get<1>(value.request);
  });
  CHECK(good);
  CHECK(decoding.count == 0);

  const buffer map = etf::encode(chosen);
  const auto by_name = allocations::of([&] {
    const auto back = etf::decode<options>(map);
    good = back && back->levels[2] == 300 && back->key->size() == room.size() &&
           std::get<std::int64_t>(back->either) == -5;
  });
  CHECK(good);
  CHECK(by_name.count == 0);
}

TEST_CASE("an object that is read into again uses its memory again") {
  std::vector<std::int64_t> target;
  const buffer list = etf::encode(std::vector<std::int64_t>(1000, 70'000));
  REQUIRE(etf::decode_into(list, target));
  bool good = false;
  const auto again = allocations::of([&] { good = etf::decode_into(list, target).has_value(); });
  CHECK(good);
  CHECK(again.count == 0);
}

TEST_CASE("a term from a stranger is checked without memory, down to 64 levels") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    CHECK(allocations::of([&] { static_cast<void>(etf::validate(sample.wire)); }).count == 0);
  }
}

TEST_CASE("a dynamic term takes few blocks of memory") {
  etf::vector_writer out;
  out.list(100);
  for (int i = 0; i < 100; ++i) {
    out.tuple(2);
    out.binary(std::string_view("some bytes that are too long to stand inside"));
    out.list(1);
    out.atom("a");
    out.nil();
  }
  out.nil();
  etf::term made;
  const auto building = allocations::of([&] { made = etf::term::decode(out.view()).value(); });
  CHECK(made.size() == 100);
  CHECK(building.count <= 3);
  CHECK(building.peak < 8 * out.size());
}

TEST_CASE(
    "a bomb of 1 KiB that would be 1 GiB is refused having used less "
    "than 1 MiB") {
  constexpr std::uint32_t gigabyte = 1U << 30;
  const buffer packed = bomb(1'000'000, gigabyte);
  REQUIRE(packed.size() <= 1024);
  etf::limits open;
  open.bytes = std::size_t{4} << 30;
  for (const etf::limits& bounds : {etf::limits{}, open}) {
    etf::errc code{};
    const auto used = allocations::of([&] { code = etf::inflate(packed, bounds).error().code; });
    CHECK((code == etf::errc::too_large || code == etf::errc::bad_value));
    CHECK(used.peak + zlib_state < 1U << 20);
    const auto as_term = allocations::of([&] {
      buffer whole = {etf::version_magic};
      whole.insert(whole.end(), packed.begin(), packed.end());
      code = etf::term::from_binary(whole, bounds).error().code;
    });
    CHECK((code == etf::errc::too_large || code == etf::errc::bad_value));
    CHECK(as_term.peak + zlib_state < 1U << 20);
  }
}

TEST_CASE(
    "a stream that goes on beyond its claim is stopped there, a "
    "truncated one costs what came") {
  const buffer liar = bomb(1'000'000, 100'000);
  etf::errc code{};
  const auto used = allocations::of([&] { code = etf::inflate(liar).error().code; });
  CHECK(code == etf::errc::bad_value);
  CHECK(used.peak + zlib_state < 1U << 18);
  buffer cut = bomb(100'000, 100'005);
  cut.resize(cut.size() / 8);
  cut.resize(1024 * 1024, 0xFF); // so that the claim is possible
  etf::wire::store32(cut.data() + 1, 200U << 20);
  const auto little = allocations::of([&] { code = etf::inflate(cut).error().code; });
  CHECK(code != etf::errc{});
  CHECK(little.peak < 1U << 20);
}

TEST_CASE("counts that promise a gigabyte reserve what the bytes could fill") {
  for (const std::string_view digits :
       {"6c3fffffff6a", "743fffffff6a", "693fffffff", "6d3fffffff", "6f3fffffff00", "4d3fffffff08"}) {
    const buffer claim = samples::hex(digits);
    const auto used = allocations::of([&] {
      static_cast<void>(etf::term::decode(claim));
      static_cast<void>(etf::decode<std::vector<std::int64_t>>(claim));
      static_cast<void>(etf::decode<std::vector<std::string>>(claim));
      static_cast<void>(etf::decode<etf::flat_map<int, int>>(claim));
      static_cast<void>(etf::decode<std::string>(claim));
    });
    CHECK(used.peak < 1U << 20);
  }
}

TEST_CASE("the keys of small maps within one another are looked at without any") {
  std::array<std::uint8_t, 4096> room;
  std::string pairs = "{deep, #{a => 1, b => 2}} => 0";
  for (int i = 1; i < 20; ++i)
    pairs += "," + std::to_string(i) + " => #{x => [#{y => 1, z => {2}}], <<\"k\">> => w}";
  const buffer term = etf::parse("{put, #{" + pairs + "}}").value();
  bool good = false;
  const auto taken = allocations::of([&] {
    etf::writer out(room.data(), room.data() + room.size());
    good = etf::canonicalise(term, out).has_value();
  });
  CHECK(good);
  CHECK(taken.count == 0);
}
