// SPDX-License-Identifier: MIT
// The receiving half of the atom cache: recorded headers, entries that are replaced, and senders that break
// the rules.
#include "dist/atom_cache_reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "hex.hpp"
#include "recorded_otp25.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

std::vector<std::string> atoms_of(const atom_table& table) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < table.size(); ++i) out.emplace_back(*table.find(static_cast<std::uint8_t>(i)));
  return out;
}

} // namespace

TEST_CASE("every recorded header leaves a tuple behind it and names the right atoms") {
  atom_cache_reader cache;
  atom_table table;
  std::vector<std::vector<std::string>> seen;
  for (const char* hex : recorded::initiator_frames) {
    const auto frame = from_hex(hex);
    if (frame[1] != 68) continue;
    const auto body = std::span<const std::uint8_t>(frame).subspan(2);
    const auto size = cache.read_header(body, table);
    REQUIRE(size);
    CHECK(body[*size] == 104); // SMALL_TUPLE: the control message
    seen.push_back(atoms_of(table));
  }
  CHECK(seen[0].empty());
  CHECK(seen[2] == std::vector<std::string>{"a@127.0.0.1", "", "rex", "features_request"});
  const auto has = [&](const std::string& atom) {
    return std::any_of(seen.begin(), seen.end(), [&](const auto& atoms) {
      return std::find(atoms.begin(), atoms.end(), atom) != atoms.end();
    });
  };
  CHECK(has("global_name_server"));
  CHECK(has(std::string(255, 'x')));
  std::string wide;
  for (int i = 0; i < 200; ++i) wide += "\u04d2";
  CHECK(has(wide));
}

TEST_CASE("a new entry replaces an old one in its slot") {
  atom_cache_reader cache;
  atom_table table;
  REQUIRE(cache.read_header(from_hex("01"
                                     "08"
                                     "05"
                                     "01"
                                     "61"),
                            table));
  CHECK(atoms_of(table) == std::vector<std::string>{"a"});
  REQUIRE(cache.read_header(from_hex("01"
                                     "08"
                                     "05"
                                     "02"
                                     "6262"),
                            table));
  CHECK(atoms_of(table) == std::vector<std::string>{"bb"});
  REQUIRE(cache.read_header(from_hex("01"
                                     "00"
                                     "05"),
                            table));
  CHECK(atoms_of(table) == std::vector<std::string>{"bb"});
  CHECK(table.find(1) == nullptr);
}

TEST_CASE("two-byte lengths are told by the half-byte after the last") {
  atom_cache_reader cache;
  atom_table table;
  REQUIRE(cache.read_header(from_hex("01"
                                     "18"
                                     "05"
                                     "0001"
                                     "61"),
                            table));
  CHECK(atoms_of(table) == std::vector<std::string>{"a"});
  REQUIRE(cache.read_header(from_hex("02"
                                     "80"
                                     "01"
                                     "05"
                                     "06"
                                     "0001"
                                     "62"),
                            table));
  CHECK(atoms_of(table) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("headers that make no sense are errors") {
  for (const char* bad : {"", "01", "0108", "010805",
                          "01080502"
                          "61",
                          "01"
                          "00"
                          "05",
                          "01"
                          "08"
                          "05"
                          "01"
                          "ff",
                          "02"
                          "88"
                          "00"
                          "05"
                          "01"
                          "61"
                          "05"
                          "01"
                          "62"}) {
    atom_cache_reader cache;
    atom_table table;
    CHECK_FALSE(cache.read_header(from_hex(bad), table));
  }
}

TEST_CASE("a table can be kept beyond its frame") {
  atom_cache_reader cache;
  atom_table table;
  REQUIRE(cache.read_header(from_hex("02"
                                     "88"
                                     "00"
                                     "05"
                                     "01"
                                     "61"
                                     "06"
                                     "02"
                                     "6263"),
                            table));
  const owned_atoms kept(table);
  REQUIRE(cache.read_header(from_hex("01"
                                     "08"
                                     "05"
                                     "01"
                                     "7a"),
                            table));
  CHECK(kept.find(0) == "a");
  CHECK(kept.find(1) == "bc");
  CHECK_FALSE(kept.find(2));
}

TEST_CASE("the memory of the atoms that it keeps is counted, and a slot is counted once") {
  atom_cache_reader cache;
  atom_table table;
  CHECK(cache.bytes() == 0);
  const auto name_it = [&](std::uint8_t slot, std::size_t characters) {
    std::vector<std::uint8_t> header{1, 8, slot, static_cast<std::uint8_t>(characters)};
    header.insert(header.end(), characters, 'x');
    return cache.read_header(header, table).has_value();
  };
  REQUIRE(name_it(1, 1));
  const std::size_t segment = cache.bytes();
  CHECK(segment >= 256 * sizeof(std::string));
  for (int slot = 0; slot < 256; ++slot) REQUIRE(name_it(static_cast<std::uint8_t>(slot), 250));
  const std::size_t full = cache.bytes();
  CHECK(full >= segment + 256 * 250 - 256 * sizeof(std::string));
  for (int slot = 0; slot < 256; ++slot) REQUIRE(name_it(static_cast<std::uint8_t>(slot), 250));
  CHECK(cache.bytes() == full);
}
