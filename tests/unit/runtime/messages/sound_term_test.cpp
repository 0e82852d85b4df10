// SPDX-License-Identifier: MIT
// Checking long terms before they leave the node: a check in portions gives the same result as one at once,
// and a message is checked once.
#include "runtime/messages/sound_term.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/writer.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "large_terms.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr std::size_t long_size = 4 * sound_check::at_once;

using bytes = std::vector<std::uint8_t>;

struct judged {
  bool sound = false;
  std::size_t portions = 0;
};

judged in_portions(const bytes& term) {
  sound_check check(term);
  judged found;
  std::optional<bool> done;
  do {
    done = check.go_on();
    ++found.portions;
  } while (!done);
  found.sound = *done;
  return found;
}

// A map with the keys 0 to count - 1, and `last`.
bytes map_of(std::int64_t count, std::int64_t last) {
  etf::vector_writer out;
  out.list(1);
  out.map(static_cast<std::uint32_t>(count) + 1);
  for (std::int64_t i = 0; i < count; ++i) {
    out.integer(i);
    out.nil();
  }
  out.integer(last);
  out.nil();
  out.nil();
  return out.take();
}

bytes binary_in_map() {
  etf::vector_writer out;
  out.map(2);
  out.binary(std::string(long_size, 'k'));
  out.integer(1);
  out.binary(std::string(long_size, 'k') + "1");
  out.binary(std::string(long_size, 'v'));
  return out.take();
}

// A fun with one free variable, whose size field is too large by `wrong`, beside a map of two pairs.
bytes with_fun(std::uint32_t wrong) {
  etf::vector_writer inside;
  inside.raw(bytes{112, 0, 0, 0, 0, 1});
  inside.raw(bytes(20, 7));
  inside.raw(bytes{0, 0, 0, 1});
  inside.atom("m");
  inside.integer(1);
  inside.integer(2);
  inside.pid(etf::pid{"x@h", 5, 6, 7});
  inside.binary(std::string(long_size, 'v'));
  inside.patch32(1, static_cast<std::uint32_t>(inside.size()) - 1 + wrong);
  etf::vector_writer out;
  out.tuple(2);
  out.raw(inside.view());
  out.map(2);
  for (const char* each : {"a", "b"}) {
    out.atom(each);
    out.nil();
  }
  return out.take();
}

message long_message(std::string_view end) {
  message_writer out;
  out.tuple(2);
  out.binary(std::string(long_size, 'x'));
  out.atom(end);
  return out.take();
}

} // namespace

TEST_CASE("a long term is judged in portions as it is at once, and no portion is most of it") {
  std::vector<bytes> terms{map_of(200'000, 200'000), map_of(200'000, 7), binary_in_map(), with_fun(0),
                           with_fun(1)};
  for (const test::large_term& what : test::large_terms) {
    CAPTURE(what.name);
    etf::vector_writer out;
    what.write(out, long_size);
    terms.push_back(out.take());
    const judged found = in_portions(terms.back());
    CHECK(found.sound);
    CHECK(found.portions >= terms.back().size() / sound_check::at_once);
  }
  for (const bytes& term : terms) {
    CAPTURE(term.size());
    CHECK(in_portions(term).sound == is_sound_term(term));
    bytes other = term;
    other.push_back(106);
    CHECK_FALSE(in_portions(other).sound);
    other.resize(term.size() - 1);
    CHECK_FALSE(in_portions(other).sound);
    other.resize(term.size() / 2);
    CHECK_FALSE(in_portions(other).sound);
  }
  CHECK(in_portions(terms[0]).sound);
  CHECK_FALSE(in_portions(terms[1]).sound);
  CHECK(in_portions(terms[3]).sound);
  CHECK_FALSE(in_portions(terms[4]).sound);
  CHECK_FALSE(in_portions({}).sound);
}

TEST_CASE("a long message that is sound is known to be, and no part of it and no other one is") {
  const message one = long_message("end");
  CHECK_FALSE(is_known_sound(one));
  note_sound(one);
  CHECK(is_known_sound(one));
  const message copy = one;
  CHECK(is_known_sound(copy));
  CHECK_FALSE(is_known_sound(one.slice(one.bytes().last(5))));
  CHECK_FALSE(is_known_sound(one.slice(one.bytes().subspan(2, long_size + 5))));
  note_sound(one.slice(one.bytes().subspan(2, long_size + 5)));
  CHECK(is_known_sound(one));
  CHECK_FALSE(is_known_sound(long_message("end")));
  const message small = message::atom("small");
  note_sound(small);
  CHECK_FALSE(is_known_sound(small));
}

} // namespace coppice::runtime::testing
