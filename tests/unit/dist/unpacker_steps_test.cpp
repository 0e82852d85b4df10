// SPDX-License-Identifier: MIT
// How much work the unpacker does for what a peer sends, in steps (counted_steps.hpp), for large terms in
// each form of frame. A message that is four times as long takes about four times as many steps. No single
// call does most of the work for a message of several parts, since a call delays the other connections of the
// worker.
#include <doctest/doctest.h>

#include <algorithm>
#include <coppice/etf/inflate.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "counted_steps.hpp"
#include "dist/control_message.hpp"
#include "dist/unpacker.hpp"
#include "hex.hpp"
#include "large_terms.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

using frame = std::vector<std::uint8_t>;
using frames = std::vector<frame>;

constexpr std::uint64_t always = 100'000;
constexpr std::uint64_t most_a_byte = 1000;

struct cost {
  std::uint64_t all = 0;
  std::uint64_t call = 0; // steps of the most expensive call
};

void begin(etf::writer& out, std::string_view head) {
  control_message control;
  control.what = op::reg_send;
  control.from = address::of(etf::pid{"x@h", 5, 6, 7});
  control.to = address::of(std::string_view("kv"));
  out.raw(from_hex(head));
  encode_control(out, control);
}

frames behind_header(etf::bytes payload) {
  etf::vector_writer out;
  begin(out, "834400");
  out.raw(payload);
  return {out.take()};
}

frames passed_through(etf::bytes payload) {
  etf::vector_writer out;
  begin(out, "7083");
  out.raw(from_hex("83"));
  out.raw(payload);
  return {out.take()};
}

frames compressed(etf::bytes payload) {
  etf::vector_writer out;
  begin(out, "7083");
  out.raw(etf::deflate(payload));
  return {out.take()};
}

// Fragments of 64 KiB, as OTP sends them.
frames in_fragments(etf::bytes payload) {
  constexpr std::size_t size = 64 * 1024;
  const std::size_t count = (payload.size() + size - 1) / size;
  frames all;
  for (std::size_t i = 0; i < count; ++i) {
    etf::vector_writer out;
    char left[17];
    std::snprintf(left, sizeof left, "%016llx", static_cast<unsigned long long>(count - i));
    if (i == 0)
      begin(out, "83450000000000000005" + std::string(left) + "00");
    else
      out.raw(from_hex("83460000000000000005" + std::string(left)));
    out.raw(payload.subspan(i * size, std::min(size, payload.size() - i * size)));
    all.push_back(out.take());
  }
  return all;
}

// Fragments: the first has `first` bytes of the payload, each other one a single byte.
frames in_bytes_behind(std::size_t first, etf::bytes payload) {
  const std::size_t count = payload.size() - first + 1;
  frames all;
  for (std::size_t i = 0; i < count; ++i) {
    etf::vector_writer out;
    char left[17];
    std::snprintf(left, sizeof left, "%016llx", static_cast<unsigned long long>(count - i));
    if (i == 0)
      begin(out, "83450000000000000005" + std::string(left) + "00");
    else
      out.raw(from_hex("83460000000000000005" + std::string(left)));
    out.raw(i == 0 ? payload.first(first) : payload.subspan(first + i - 1, 1));
    all.push_back(out.take());
  }
  return all;
}

// A message in fragments that are almost empty.
frames in_small_fragments(etf::bytes payload) {
  return in_bytes_behind(1, payload);
}

struct way {
  std::string_view name;
  frames (*make)(etf::bytes payload);
};
constexpr way ways[] = {{"behind a header", behind_header},
                        {"passed through", passed_through},
                        {"compressed", compressed},
                        {"in fragments", in_fragments},
                        {"byte by byte", in_small_fragments}};

std::vector<std::uint8_t> term_of(const test::large_term& what, std::size_t bytes) {
  etf::vector_writer out;
  what.write(out, bytes);
  return out.take();
}

cost take(const frames& all) {
  unpacker in({});
  cost spent;
  const auto counted = [&](auto call) {
    const std::uint64_t before = test::steps();
    auto taken = call();
    const std::uint64_t now = test::steps() - before;
    spent.all += now;
    spent.call = std::max(spent.call, now);
    return taken;
  };
  base::result<unpacked*> taken = nullptr;
  for (const frame& one : all) {
    REQUIRE(taken);
    taken = counted([&] { return in.take(one); });
    while (taken && *taken == nullptr && in.busy()) taken = counted([&] { return in.go_on(); });
  }
  REQUIRE(taken);
  REQUIRE(*taken);
  CHECK((*taken)->dropped.empty());
  return spent;
}

} // namespace

TEST_CASE("what a message costs to unpack grows with its length and no faster, in every form") {
  std::uint64_t dearest = 0;
  for (const way& how : ways) {
    for (const test::large_term& what : test::large_terms) {
      CAPTURE(how.name);
      CAPTURE(what.name);
      const std::size_t size = how.make == in_small_fragments ? 2000 : 30'000;
      const auto once = take(how.make(term_of(what, size)));
      const auto longer = term_of(what, 4 * size);
      const auto four_times = take(how.make(longer));
      CHECK(four_times.all <= always + 6 * once.all);
      CHECK(four_times.all <= always + most_a_byte * longer.size());
      dearest = std::max(dearest, four_times.all / longer.size());
    }
  }
  std::printf("# measured: unpacking costs at most %llu steps a byte\n",
              static_cast<unsigned long long>(dearest));
  std::fflush(stdout);
}

TEST_CASE("a fragment costs what its own bytes cost, however many maps of its message are open") {
  constexpr std::uint32_t keys = 40; // more than are compared pairwise
  constexpr std::uint32_t elements = 2000;
  const auto of_last_bytes = [](std::uint32_t maps) {
    etf::vector_writer out;
    for (std::uint32_t i = 0; i < maps; ++i) {
      out.map(keys);
      for (std::uint32_t key = 0; key < keys; ++key) {
        out.integer(key);
        if (key + 1 < keys) out.nil();
      }
    }
    out.list(elements);
    const std::size_t first = out.size();
    for (std::uint32_t i = 0; i < elements; ++i) out.integer(1);
    out.nil();
    const frames all = in_bytes_behind(first, out.view());
    unpacker in({});
    REQUIRE(in.take(all.front()).has_value());
    const std::uint64_t before = test::steps();
    for (std::size_t i = 1; i < all.size(); ++i) REQUIRE(in.take(all[i]).has_value());
    return test::steps() - before;
  };
  CHECK(of_last_bytes(2000) <= always + 2 * of_last_bytes(10));
}

TEST_CASE("no call takes most of a message of several parts") {
  constexpr std::size_t size = 3 * unpacker::checked_at_once + unpacker::checked_at_once / 2;
  for (const way& how : ways) {
    // The other forms are alike, or cut already.
    if (how.make != behind_header && how.make != compressed) continue;
    for (const test::large_term& what : test::large_terms) {
      CAPTURE(how.name);
      CAPTURE(what.name);
      const auto term = term_of(what, size);
      if (term.size() < 2 * unpacker::checked_at_once) continue;
      const auto spent = take(how.make(term));
      // The payload is copied in one call, which costs an eighth of a step for each byte.
      CHECK(spent.call <= spent.all / 2 + size / 4 + always);
    }
  }
}
