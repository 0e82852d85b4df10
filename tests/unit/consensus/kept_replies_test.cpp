// SPDX-License-Identifier: MIT
// The replies to the latest commands, by serial: they are bounded, and kept no longer than the log has the
// commands.
#include "consensus/kept_replies.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coppice;
using namespace coppice::consensus;

namespace {

payload bytes(std::string_view text) {
  return payload(base::as_bytes(text));
}

} // namespace

TEST_CASE("a reply is found by its serial, with the index of its entry") {
  kept_replies of;
  CHECK(of.find(0) == nullptr);
  CHECK(of.find(1) == nullptr);
  of.keep(1, 4, bytes("one"));
  of.keep(2, 7, bytes("two"));
  REQUIRE(of.find(1) != nullptr);
  CHECK(of.find(1)->index == 4);
  CHECK(of.find(1)->reply == bytes("one"));
  REQUIRE(of.find(2) != nullptr);
  CHECK(of.find(2)->reply == bytes("two"));
  CHECK(of.find(3) == nullptr);
  CHECK(of.find(UINT64_MAX) == nullptr);
}

TEST_CASE("replies go with the entries that the log drops") {
  kept_replies of;
  for (std::uint64_t i = 1; i <= 10; ++i) of.keep(i, 10 * i, bytes("x"));
  of.forget_up_to(39);
  CHECK(of.find(3) == nullptr);
  CHECK(of.find(4) != nullptr);
  of.forget_up_to(40);
  CHECK(of.find(4) == nullptr);
  CHECK(of.count() == 6);
  of.forget_up_to(1000);
  CHECK(of.count() == 0);
  of.keep(11, 1001, bytes("y"));
  REQUIRE(of.find(11) != nullptr);
  CHECK(of.find(11)->index == 1001);
}

TEST_CASE("the oldest replies go beyond the bound, and the last one stays however long it is") {
  kept_replies of(1000);
  for (std::uint64_t i = 1; i <= 100; ++i) of.keep(i, i, bytes(std::string(100, 'x')));
  CHECK(of.count() < 10);
  CHECK(of.find(100) != nullptr);
  CHECK(of.find(1) == nullptr);
  of.keep(101, 101, bytes(std::string(5000, 'y')));
  CHECK(of.count() == 1);
  CHECK(of.find(101) != nullptr);
  of.keep(102, 102, bytes("z"));
  CHECK(of.count() == 1);
  CHECK(of.find(102) != nullptr);
}

TEST_CASE("a member that goes on from another serial knows none of before") {
  kept_replies of;
  of.keep(1, 1, bytes("one"));
  of.keep(50, 90, bytes("fifty"));
  CHECK(of.find(1) == nullptr);
  CHECK(of.find(49) == nullptr);
  CHECK(of.find(50) != nullptr);
  of.keep(3, 5, bytes("three"));
  CHECK(of.find(50) == nullptr);
  CHECK(of.find(3) != nullptr);
}
