// SPDX-License-Identifier: MIT
// See samples.hpp. Random terms are often near the limits: 255 and 256, 2^31, 2^63, empty, one, and the sizes
// at which a tag changes.
#include "samples.hpp"

#include <bit>
#include <set>

#include <coppice/etf/utf8.hpp>

namespace samples {

namespace etf = coppice::etf;

buffer hex(std::string_view digits) {
  buffer out;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return out;
}

std::string to_hex(etf::bytes data) {
  constexpr std::string_view digit = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : data) {
    out += digit[byte >> 4];
    out += digit[byte & 15];
  }
  return out;
}

const std::vector<sample>& all() {
  static const std::vector<sample> list = {
      {"SMALL_INTEGER", hex("61 ff"), "255", true},
      {"INTEGER", hex("62 ff ff ff ff"), "-1", true},
      {"INTEGER of a small one", hex("62 00 00 00 05"), "5", false},
      {"FLOAT",
       hex("63 31 2e 35 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 65 2b 30 30 00 00 00 00 00 00"),
       "1.5", false},
      {"NEW_FLOAT", hex("46 3f f8 00 00 00 00 00 00"), "1.5", true},
      {"ATOM", hex("64 00 02 6f e9"), "'o\xC3\xA9'", false},
      {"SMALL_ATOM", hex("73 02 6f 6b"), "ok", false},
      {"ATOM_UTF8", hex("76 00 02 6f 6b"), "ok", false},
      {"SMALL_ATOM_UTF8", hex("77 02 6f 6b"), "ok", true},
      {"PORT", hex("66 77 03 61 40 62 00 00 00 07 02"), "#Port<a@b.2.7>", false},
      {"NEW_PORT", hex("59 77 03 61 40 62 00 00 00 07 00 00 01 00"), "#Port<a@b.256.7>", true},
      {"V4_PORT", hex("78 77 03 61 40 62 00 00 00 01 00 00 00 07 00 00 01 00"), "#Port<a@b.256.4294967303>",
       true},
      {"V4_PORT of a short one", hex("78 77 03 61 40 62 00 00 00 00 00 00 00 07 00 00 01 00"),
       "#Port<a@b.256.7>", false},
      {"PID", hex("67 77 03 61 40 62 00 00 00 07 00 00 00 01 02"), "#Pid<a@b.2.7.1>", false},
      {"NEW_PID", hex("58 77 03 61 40 62 00 00 00 07 00 00 00 01 00 00 01 00"), "#Pid<a@b.256.7.1>", true},
      {"NEW_PID with a latin1 node", hex("58 64 00 03 61 40 62 00 00 00 07 00 00 00 01 00 00 01 00"),
       "#Pid<a@b.256.7.1>", false},
      {"REFERENCE", hex("65 77 03 61 40 62 00 00 00 07 02"), "#Ref<a@b.2.7>", false},
      {"NEW_REFERENCE", hex("72 00 02 77 03 61 40 62 02 00 00 00 07 00 00 00 08"), "#Ref<a@b.2.7.8>", false},
      {"NEWER_REFERENCE", hex("5a 00 03 77 03 61 40 62 00 00 01 00 00 00 00 07 00 00 00 08 00 00 00 09"),
       "#Ref<a@b.256.7.8.9>", true},
      {"SMALL_TUPLE", hex("68 02 61 01 77 01 61"), "{1,a}", true},
      {"LARGE_TUPLE", hex("69 00 00 00 02 61 01 77 01 61"), "{1,a}", false},
      {"MAP", hex("74 00 00 00 02 77 01 61 61 01 77 01 62 6a"), "#{a => 1,b => []}", true},
      {"NIL", hex("6a"), "[]", true},
      {"STRING", hex("6b 00 03 61 62 63"), "\"abc\"", true},
      {"LIST", hex("6c 00 00 00 02 77 01 61 77 01 62 6a"), "[a,b]", true},
      {"LIST, improper", hex("6c 00 00 00 01 77 01 61 77 01 62"), "[a|b]", true},
      {"LIST with a list as tail", hex("6c 00 00 00 01 77 01 61 6c 00 00 00 01 77 01 62 6a"), "[a,b]", true},
      {"LIST of nothing", hex("6c 00 00 00 00 6a"), "[]", false},
      {"BINARY", hex("6d 00 00 00 02 01 ff"), "<<1,255>>", true},
      {"BIT_BINARY", hex("4d 00 00 00 02 03 01 a0"), "<<1,5:3>>", true},
      {"BIT_BINARY with stray bits", hex("4d 00 00 00 02 03 01 bf"), "<<1,5:3>>", false},
      {"SMALL_BIG", hex("6e 08 00 00 00 00 00 00 00 00 80"), "9223372036854775808", true},
      {"SMALL_BIG, negative", hex("6e 04 01 01 00 00 80"), "-2147483649", true},
      {"SMALL_BIG of a small one", hex("6e 04 01 00 00 00 80"), "-2147483648", false},
      {"LARGE_BIG", hex("6f 00 00 00 02 00 01 01"), "257", false},
      {"EXPORT", hex("71 77 05 6c 69 73 74 73 77 03 6d 61 70 61 02"), "fun lists:map/2", true},
      {"NEW_FUN",
       hex("70 00 00 00 3c 01 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 00 00 00 07 00 00 00 01"
           "77 01 6d 61 07 62 00 01 02 03 58 77 03 61 40 62 00 00 00 07 00 00 00 01 00 00 01 00 77 01 61"),
       "", true},
  };
  return list;
}

namespace {

std::uint64_t upto(std::mt19937_64& random, std::uint64_t most) {
  return random() % (most + 1);
}

std::string random_name(std::mt19937_64& random) {
  static const std::vector<std::string> known = {
      "ok", "", "error", "undefined", "an atom", "Elixir.Foo", "it's", "\xC3\xA9t\xC3\xA9", "\xE6\xBC\xA2"};
  switch (upto(random, 8)) {
    case 0: {
      std::string longest;
      const std::uint64_t length = 250 + upto(random, 5);
      for (std::uint64_t i = 0; i < length; ++i)
        coppice::etf::utf8::append(longest, 0x430 + static_cast<std::uint32_t>(upto(random, 31)));
      return longest;
    }
    case 1:
      return std::string(upto(random, 255), 'x');
    default:
      return known[upto(random, known.size() - 1)];
  }
}

void random_integer(std::mt19937_64& random, etf::writer& out) {
  switch (upto(random, 5)) {
    case 0:
      return out.integer(static_cast<std::int64_t>(upto(random, 255)));
    case 1:
      return out.integer(static_cast<std::int64_t>(upto(random, 1U << 20)) - (1 << 19));
    case 2:
      return out.integer(static_cast<std::int64_t>(random()));
    case 3: {
      static const std::vector<std::int64_t> edges = {0,
                                                      255,
                                                      256,
                                                      -1,
                                                      INT32_MAX,
                                                      INT32_MIN,
                                                      INT64_MAX,
                                                      INT64_MIN,
                                                      std::int64_t{INT32_MAX} + 1,
                                                      std::int64_t{INT32_MIN} - 1,
                                                      (std::int64_t{1} << 27) - 1,
                                                      std::int64_t{1} << 27,
                                                      -(std::int64_t{1} << 27),
                                                      -(std::int64_t{1} << 27) - 1,
                                                      (std::int64_t{1} << 59) - 1,
                                                      std::int64_t{1} << 59,
                                                      -(std::int64_t{1} << 59) - 1,
                                                      (std::int64_t{1} << 53) + 1};
      return out.integer(edges[upto(random, edges.size() - 1)]);
    }
    default: {
      buffer magnitude(1 + upto(random, upto(random, 9) == 0 ? 400 : 30));
      for (std::uint8_t& byte : magnitude) byte = static_cast<std::uint8_t>(random());
      return out.big(random() % 2 == 0, magnitude);
    }
  }
}

void random_float(std::mt19937_64& random, etf::writer& out) {
  double value;
  do {
    const std::uint64_t bits = random();
    value = upto(random, 2) == 0
                ? static_cast<double>(static_cast<std::int64_t>(upto(random, 2000)) - 1000) / 4
                : std::bit_cast<double>(bits);
  } while (!(value - value == 0));
  out.floating(value);
}

std::string random_bytes(std::mt19937_64& random, std::uint64_t most) {
  std::string text(upto(random, most), 0);
  const bool readable = random() % 2 == 0;
  for (char& c : text) c = static_cast<char>(readable ? 'a' + upto(random, 25) : random());
  return text;
}

etf::pid random_pid(std::mt19937_64& random) {
  return {"a@b", static_cast<std::uint32_t>(upto(random, 0x7FFF)),
          static_cast<std::uint32_t>(upto(random, 0x1FFF)), static_cast<std::uint32_t>(random())};
}

void random_leaf(std::mt19937_64& random, etf::writer& out) {
  switch (upto(random, 9)) {
    case 0:
    case 1:
      return random_integer(random, out);
    case 2:
      return random_float(random, out);
    case 3:
      return out.atom(random_name(random));
    case 4:
      return out.binary(random_bytes(random, 40));
    case 5:
      return out.string(random_bytes(random, 300));
    case 6:
      return out.nil();
    case 7: {
      const std::string data = random_bytes(random, 10);
      const auto* at = reinterpret_cast<const std::uint8_t*>(data.data());
      return out.bitstring({at, data.size()}, 1 + static_cast<unsigned>(upto(random, 7)));
    }
    case 8:
      return out.exported_fun("lists", "map", static_cast<std::uint8_t>(upto(random, 255)));
    default:
      break;
  }
  switch (upto(random, 2)) {
    case 0:
      return out.pid(random_pid(random));
    case 1:
      return out.port({"a@b", upto(random, 1) == 0 ? upto(random, 1U << 20) : random() >> 4,
                       static_cast<std::uint32_t>(random())});
    default: { // three words or more: OTP does not find a shorter reference again as a key of a large map
      etf::reference made{
          "a@b", static_cast<std::uint32_t>(random()), 3 + static_cast<std::uint32_t>(upto(random, 2)), {}};
      for (std::uint32_t i = 0; i < made.count; ++i) made.words[i] = static_cast<std::uint32_t>(random());
      made.words[0] &= 0x3FFFF;
      return out.reference(made);
    }
  }
}

} // namespace

void random_term(std::mt19937_64& random, etf::writer& out, int depth) {
  if (depth == 0 || upto(random, 2) == 0) return random_leaf(random, out);
  // Some terms are wide, but only on one level. Wide terms within wide terms would take too long.
  const bool wide = depth == 1 && upto(random, 20) == 0;
  const auto count = static_cast<std::uint32_t>(upto(random, wide ? 300 : 5));
  switch (upto(random, 3)) {
    case 0:
      out.tuple(count);
      for (std::uint32_t i = 0; i < count; ++i) random_term(random, out, depth - 1);
      return;
    case 1: { // never all bytes, which OTP would write as a string
      out.list(count + 1);
      for (std::uint32_t i = 0; i < count; ++i) random_term(random, out, depth - 1);
      out.atom("end");
      return out.nil();
    }
    case 2:
      out.list(count + 1);
      for (std::uint32_t i = 0; i <= count; ++i) random_term(random, out, depth - 1);
      return out.atom("tail");
    default: {
      std::set<buffer> keys;
      for (std::uint32_t i = 0; i < count; ++i) keys.insert(random_term(random, depth - 1));
      out.map(static_cast<std::uint32_t>(keys.size()));
      for (const buffer& key : keys) {
        out.raw(key);
        random_term(random, out, depth - 1);
      }
      return;
    }
  }
}

buffer random_term(std::mt19937_64& random, int depth) {
  etf::vector_writer out;
  random_term(random, out, depth);
  return out.take();
}

} // namespace samples
