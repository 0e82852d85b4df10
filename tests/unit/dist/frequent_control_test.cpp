// SPDX-License-Identifier: MIT
// The reader of frequent control messages gives the same result as the general decoder, or none.
#include "dist/frequent_control.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "hex.hpp"
#include "recorded_otp25.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

const std::array<std::string_view, 2> names{"a@127.0.0.1", ""};
const std::span<const std::string_view> all_names(names);
const etf::atom_lookup atoms(all_names);

std::vector<std::uint8_t> encoded(const control_message& m) {
  etf::vector_writer out;
  encode_control(out, m);
  REQUIRE_FALSE(out.failed());
  const auto bytes = out.view();
  return {bytes.begin(), bytes.end()};
}

control_message message(op what, const address& to) {
  control_message m;
  m.what = what;
  m.to = to;
  if (what != op::send) m.from = address::of(etf::pid{"b@127.0.0.1", 7, 8, 9});
  return m;
}

const etf::pid receiver{"a@127.0.0.1", 1, 2, 3};
const etf::reference alias{"a@127.0.0.1", 5, 3, {1, 2, 3}};

control_message any_send(std::uint64_t flags, const address& to) {
  control_message m = message(op::altact_sig_send, to);
  m.flags = flags;
  return m;
}

control_message monitor(op what, const address& to) {
  control_message m = message(what, to);
  m.ref = alias;
  return m;
}

} // namespace

TEST_CASE("sends to pids, names and aliases read as the general decoder reads them") {
  for (const auto& m :
       {message(op::send, address::of(receiver)), message(op::send_sender, address::of(receiver)),
        message(op::reg_send, address::of(std::string_view("kv"))),
        message(op::alias_send, address::of(alias)), monitor(op::monitor_p, address::of(receiver)),
        monitor(op::demonitor_p, address::of(std::string_view("kv"))),
        any_send(altact::alias, address::of(alias)), any_send(altact::priority, address::of(receiver)),
        any_send(altact::priority | altact::alias, address::of(alias)),
        any_send(altact::name, address::of(std::string_view("kv"))),
        any_send(0x60 | altact::alias, address::of(alias))}) {
    const auto whole = encoded(m);
    const auto expected = decode_control(whole);
    REQUIRE(expected);
    const std::size_t size = whole.size();
    auto bytes = whole;
    bytes.push_back(106); // the payload
    control_message got;
    const auto used = read_frequent_control(bytes, atoms, got);
    REQUIRE(used);
    CHECK(*used == size);
    CHECK(got.what == expected->what);
    CHECK(got.from == expected->from);
    CHECK(got.to == expected->to);
    CHECK(got.ref == expected->ref);
    CHECK(got.flags == expected->flags);
  }
}

TEST_CASE("a reference of three words has none of the words of a longer one that was read before") {
  const etf::reference longer{"a@127.0.0.1", 5, 5, {9, 8, 7, 6, 5}};
  auto with_longer = monitor(op::monitor_p, address::of(receiver));
  with_longer.ref = longer;
  control_message got; // one for all messages, as the unpacker has it
  const auto read = [&](const std::vector<std::uint8_t>& bytes) {
    return read_frequent_control(bytes, atoms, got).has_value();
  };
  const auto monitors = encoded(with_longer);
  REQUIRE(read(monitors));
  CHECK(got.ref == longer);
  const auto ends = encoded(monitor(op::demonitor_p, address::of(receiver)));
  REQUIRE(read(ends));
  CHECK(got.ref == alias);
  const auto sends_to_longer = encoded(message(op::alias_send, address::of(longer)));
  REQUIRE(read(sends_to_longer));
  CHECK(got.to.reference == longer);
  const auto sends = encoded(message(op::alias_send, address::of(alias)));
  REQUIRE(read(sends));
  CHECK(got.to.reference == alias);
}

TEST_CASE("an exit, a trace token or a contradiction in OTP 28's operation is left to the general decoder") {
  for (const auto& m : {any_send(altact::exit | altact::alias, address::of(alias)),
                        any_send(altact::exit, address::of(receiver)),
                        any_send(altact::alias | altact::name, address::of(alias)),
                        any_send(altact::alias, address::of(receiver)), any_send(0, address::of(alias))}) {
    control_message got;
    CHECK_FALSE(read_frequent_control(encoded(m), atoms, got));
  }
  auto traced = any_send(altact::token | altact::alias, address::of(alias));
  const std::vector<std::uint8_t> token = from_hex("6a");
  traced.token = token;
  control_message got;
  CHECK_FALSE(read_frequent_control(encoded(traced), atoms, got));
}

TEST_CASE("cached atoms are found, unknown ones are left to the general decoder") {
  auto bytes = from_hex("6803611677");
  bytes.pop_back();
  const auto pid = [&](std::uint8_t index) {
    for (const int b : {88, 82, int{index}, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}) {
      bytes.push_back(static_cast<std::uint8_t>(b));
    }
  };
  pid(0);
  auto unknown = bytes;
  pid(0);
  control_message got;
  REQUIRE(read_frequent_control(bytes, atoms, got));
  CHECK(got.to.pid == receiver);
  bytes = unknown;
  pid(9);
  CHECK_FALSE(read_frequent_control(bytes, atoms, got));
}

TEST_CASE("whatever is cut off or different is left to the general decoder") {
  control_message got;
  for (const auto& m :
       {message(op::send_sender, address::of(receiver)), message(op::alias_send, address::of(alias)),
        message(op::reg_send, address::of(std::string_view("kv")))}) {
    const auto bytes = encoded(m);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CHECK_FALSE(read_frequent_control(std::span<const std::uint8_t>(bytes).first(size), atoms, got));
    }
    for (const std::size_t at : {0u, 1u, 2u, 3u, 4u, 5u}) {
      auto changed = bytes;
      changed[at] ^= 0x80;
      CHECK_FALSE(read_frequent_control(changed, atoms, got));
    }
  }
  control_message link = message(op::send_sender, address::of(receiver));
  link.what = op::link;
  CHECK_FALSE(read_frequent_control(encoded(link), atoms, got));
  auto long_reference = encoded(message(op::alias_send, address::of(alias)));
  // 104 3 97 33, the sender's pid, 90 0 COUNT
  const std::size_t count_at = 4 + 1 + 2 + 11 + 12 + 2;
  REQUIRE(long_reference[count_at] == 3);
  long_reference[count_at] = 6;
  CHECK_FALSE(read_frequent_control(long_reference, atoms, got));
}
