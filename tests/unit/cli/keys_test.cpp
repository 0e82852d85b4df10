// SPDX-License-Identifier: MIT
// Tests which keys the bytes of a terminal are.
#include "cli/keys.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace coppice::cli {

TEST_CASE("bytes of a terminal are keys one by one, whole or in pieces") {
  const struct {
    const char* bytes;
    std::vector<key> keys;
  } cases[] = {
      {"q", {key::quit}},
      {"\x1b[A\x1b[B\x1bOA\x1bOB", {key::up, key::down, key::up, key::down}},
      {"jk<>", {key::down, key::up, key::left, key::right}},
      {"\x1b[5~\x1b[6~\x1b[C\x1b[D", {key::page_up, key::page_down, key::right, key::left}},
      {"\r\n\x7f", {key::enter, key::enter, key::back}},
      {"\x1b[Zq", {key::other, key::quit}},
      {"\x1b[15~q", {key::other, key::quit}},
      {"\x1bxq", {key::other, key::quit}},
      {"\xc3\xbcq", {key::other, key::other, key::quit}},
  };
  for (const auto& one : cases) {
    CAPTURE(one.bytes);
    std::string bytes = one.bytes;
    std::vector<key> found;
    while (const auto next = take_key(bytes, false)) found.push_back(*next);
    CHECK(found == one.keys);
    CHECK(bytes.empty());
  }
}

TEST_CASE("an escape alone is the key back only if nothing else comes") {
  std::string bytes = "\x1b";
  CHECK_FALSE(take_key(bytes, false));
  bytes += "[";
  CHECK_FALSE(take_key(bytes, false));
  bytes += "A";
  CHECK(take_key(bytes, false) == key::up);
  bytes = "\x1b";
  CHECK(take_key(bytes, true) == key::back);
  CHECK(bytes.empty());
  CHECK_FALSE(take_key(bytes, true));
}

} // namespace coppice::cli
