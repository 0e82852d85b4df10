// SPDX-License-Identifier: MIT
// The cursor reads the term at its position, does not move if it cannot, and never reads outside of its
// bytes.
#include <cmath>
#include <optional>

#include <doctest/doctest.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

TEST_CASE("every sample is one term to skip, and every prefix of it is none") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    etf::cursor whole{etf::bytes(sample.wire)};
    CHECK(whole.skip());
    CHECK(whole.at_end());
    for (std::size_t size = 0; size < sample.wire.size(); ++size) {
      const buffer prefix(
          sample.wire.begin(),
          sample.wire.begin() + static_cast<std::ptrdiff_t>(size)); // its own allocation: ASAN sees the edge
      etf::cursor part{etf::bytes(prefix)};
      CHECK_FALSE(part.skip());
      CHECK(part.offset() == 0);
    }
  }
}

TEST_CASE("terms are skipped by number: alike and mixed, to their end and no further") {
  struct part {
    const char* what;
    std::size_t count; // number of terms
    buffer wire;
  };
  const auto times = [](std::size_t count, const buffer& one) {
    buffer all;
    for (std::size_t i = 0; i < count; ++i) all.insert(all.end(), one.begin(), one.end());
    return all;
  };
  const buffer small = hex("6107"), plain = hex("62000186a0"), atom = hex("77026f6b"),
               tuple = hex("680261016102");
  const part parts[] = {{"small integers", 11, times(11, small)},
                        {"integers", 9, times(9, plain)},
                        {"atoms", 5, times(5, atom)},
                        {"tuples", 6, times(6, tuple)},
                        {"tags within integers", 6, times(6, hex("6261616161"))}};
  for (const part& first : parts) {
    for (const part& second : parts) {
      CAPTURE(first.what);
      CAPTURE(second.what);
      buffer wire = first.wire;
      wire.insert(wire.end(), second.wire.begin(), second.wire.end());
      const buffer exact(wire.begin(), wire.end()); // its own allocation: ASAN sees the edge
      for (std::size_t count = 0; count <= first.count + second.count + 1; ++count) {
        etf::cursor one{etf::bytes(exact)}, by_number{etf::bytes(exact)};
        bool all = true;
        for (std::size_t i = 0; all && i < count; ++i) all = one.skip();
        CHECK(by_number.skip(static_cast<std::uint32_t>(count)) == all);
        CHECK(by_number.offset() == (all ? one.offset() : 0));
      }
      for (std::size_t size = 0; size < wire.size(); ++size) {
        const buffer cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
        etf::cursor at{etf::bytes(cut)};
        CHECK_FALSE(at.skip(static_cast<std::uint32_t>(first.count + second.count)));
        CHECK(at.offset() == 0);
      }
    }
  }
}

namespace {

/// Calls every reader. Returns how many of them read something.
int read_all(const etf::cursor& at) {
  int taken = 0;
  const auto attempt = [&](auto&& read) {
    etf::cursor c = at;
    const bool good = read(c);
    CHECK((good || c.offset() == at.offset()));
    taken += good ? 1 : 0;
  };
  std::uint32_t count;
  std::string_view name, other;
  std::int64_t integer;
  std::uint64_t natural;
  std::uint8_t arity;
  double real;
  bool flag;
  unsigned bits;
  etf::bytes data;
  std::string text;
  etf::pid pid;
  etf::port port;
  etf::reference reference;
  attempt([&](etf::cursor& c) { return c.read_tuple(count); });
  attempt([&](etf::cursor& c) { return c.read_tuple_of(2); });
  attempt([&](etf::cursor& c) { return c.read_list(count); });
  attempt([&](etf::cursor& c) { return c.read_nil(); });
  attempt([&](etf::cursor& c) { return c.read_map(count); });
  attempt([&](etf::cursor& c) { return c.read_atom(name); });
  attempt([&](etf::cursor& c) { return c.read_atom_is("ok"); });
  attempt([&](etf::cursor& c) { return c.read_bool(flag); });
  attempt([&](etf::cursor& c) { return c.read_integer(integer); });
  attempt([&](etf::cursor& c) { return c.read_unsigned(natural); });
  attempt([&](etf::cursor& c) { return c.read_big(flag, data); });
  attempt([&](etf::cursor& c) { return c.read_float(real); });
  attempt([&](etf::cursor& c) { return c.read_binary(data); });
  attempt([&](etf::cursor& c) { return c.read_bitstring(data, bits); });
  attempt([&](etf::cursor& c) { return c.read_string(data); });
  attempt([&](etf::cursor& c) { return c.read_text(text); });
  attempt([&](etf::cursor& c) { return c.read_pid(pid); });
  attempt([&](etf::cursor& c) { return c.read_port(port); });
  attempt([&](etf::cursor& c) { return c.read_reference(reference); });
  attempt([&](etf::cursor& c) { return c.read_exported_fun(name, other, arity); });
  attempt([&](etf::cursor& c) { return c.read_term(data); });
  return taken;
}

} // namespace

TEST_CASE("a reader that fails stays, on whole terms, on prefixes and on changed bytes") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    CHECK(read_all(etf::cursor{etf::bytes(sample.wire)}) >= 1);
    for (std::size_t size = 0; size < sample.wire.size(); ++size) {
      const buffer prefix(sample.wire.begin(), sample.wire.begin() + static_cast<std::ptrdiff_t>(size));
      read_all(etf::cursor{etf::bytes(prefix)});
    }
    for (std::size_t at = 0; at < sample.wire.size(); ++at) {
      for (const int change : {1, 2, 0x80, 0xFF}) {
        buffer changed = sample.wire;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
        read_all(etf::cursor{etf::bytes(changed)});
      }
    }
  }
}

TEST_CASE("integers are read at the edges of their types and refused beyond") {
  const auto signed_of = [](std::string_view digits) {
    const buffer wire = hex(digits);
    std::int64_t value = 99;
    return etf::cursor{etf::bytes(wire)}.read_integer(value) ? std::optional(value) : std::nullopt;
  };
  const auto unsigned_of = [](std::string_view digits) {
    const buffer wire = hex(digits);
    std::uint64_t value = 99;
    return etf::cursor{etf::bytes(wire)}.read_unsigned(value) ? std::optional(value) : std::nullopt;
  };
  CHECK(signed_of("61ff") == 255);
  CHECK(signed_of("6280000000") == INT32_MIN);
  CHECK(signed_of("6e0800ffffffffffffff7f") == INT64_MAX);
  CHECK(signed_of("6e08010000000000000080") == INT64_MIN);
  CHECK_FALSE(signed_of("6e08000000000000000080"));
  CHECK_FALSE(signed_of("6e08010100000000000080"));
  CHECK(signed_of("6e0a0001000000000000000000") == 1);
  CHECK(signed_of("6f00000002000101") == 257);
  CHECK(signed_of("6e0000") == 0);
  CHECK(unsigned_of("6e0800ffffffffffffffff") == UINT64_MAX);
  CHECK_FALSE(unsigned_of("6e0900000000000000000001"));
  CHECK_FALSE(unsigned_of("62ffffffff"));
}

TEST_CASE("floats that Erlang has not are refused") {
  double value = 0;
  for (const std::string_view digits :
       {"467ff0000000000000", "46fff0000000000000", "467ff8000000000000", "467ff0000000000001"}) {
    const buffer wire = hex(digits);
    CHECK_FALSE(etf::cursor{etf::bytes(wire)}.read_float(value));
  }
  const buffer negative_zero = hex("468000000000000000");
  CHECK(etf::cursor{etf::bytes(negative_zero)}.read_float(value));
  CHECK(std::signbit(value));
}

TEST_CASE("a text is a binary, a string or a list of bytes") {
  for (const std::string_view digits : {"6d00000002 6869", "6b0002 6869", "6c00000002 6168 6169 6a"}) {
    const buffer wire = hex(digits);
    std::string text;
    CHECK(etf::cursor{etf::bytes(wire)}.read_text(text));
    CHECK(text == "hi");
  }
  std::string text = "kept";
  for (const std::string_view digits :
       {"6c00000002 6168 620000ffff 6a", "6c00000001 6168 6168", "770161", "6c00000009 6168 6a"}) {
    const buffer wire = hex(digits);
    CHECK_FALSE(etf::cursor{etf::bytes(wire)}.read_text(text));
    CHECK(text == "kept");
  }
}

TEST_CASE("what the writer writes the cursor reads") {
  etf::vector_writer out(1); // it has to grow at once
  const etf::pid pid{"n@h", 1, 2, 3};
  const etf::port port{"n@h", std::uint64_t{1} << 40, 3};
  const etf::reference reference{std::string_view("n@h"), 7, 2, {5, 6}};
  const std::string long_name(300, 'x');
  out.tuple(300);
  out.pid(pid);
  out.port(port);
  out.reference(reference);
  out.atom(long_name);
  out.string("abc");
  etf::cursor in(out.view());
  std::uint32_t arity;
  etf::pid pid_back;
  etf::port port_back;
  etf::reference reference_back;
  std::string_view name;
  std::string text;
  CHECK(in.read_tuple(arity));
  CHECK(arity == 300);
  CHECK(in.read_pid(pid_back));
  CHECK(pid_back == pid);
  CHECK(in.read_port(port_back));
  CHECK(port_back == port);
  CHECK(in.read_reference(reference_back));
  CHECK(reference_back == reference);
  CHECK(in.read_atom(name));
  CHECK(name == long_name);
  CHECK(in.read_text(text));
  CHECK(in.at_end());
}

TEST_CASE("a writer that cannot grow is failed and writes no more") {
  std::uint8_t room[8];
  etf::writer out(room, room + sizeof room);
  out.atom("abc");
  CHECK(out.size() == 5);
  out.binary(std::string_view("too long for this"));
  CHECK(out.failed());
  out.nil();
  CHECK(out.size() == 5);
}
