// SPDX-License-Identifier: MIT
// Tests of coppice/term.h against the ETF library: what its writers write, what its readers accept, and that
// both stay within their bytes whatever the bytes are.
#include <coppice/term.h>
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/etf/text.hpp>

#include "../etf/samples.hpp"
#include "paper.hpp"
#include "term_copy.h"

extern "C" int term_copy_in_c(coppice_reader* from, coppice_writer* to);

using namespace coppice;
using test::paper;
using buffer = samples::buffer;

namespace {

buffer erl(std::string_view text) {
  const auto parsed = etf::parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), text);
  return *parsed;
}

// Copies the bytes to the end of a page that has no next page, so that reading beyond them faults. The bytes
// of an earlier call are overwritten.
coppice_bytes at_the_edge(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t room = std::size_t{4} << 20;
  static std::uint8_t* const end = [] {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const base =
        ::mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(base != MAP_FAILED);
    REQUIRE(::mprotect(static_cast<std::uint8_t*>(base) + room, page, PROT_NONE) == 0);
    return static_cast<std::uint8_t*>(base) + room;
  }();
  REQUIRE(size <= room);
  if (size != 0) std::memcpy(end - size, bytes, size);
  return {end - size, size};
}
coppice_bytes at_the_edge(const buffer& bytes) {
  return at_the_edge(bytes.data(), bytes.size());
}

template <class Value>
using read_fn = int (*)(coppice_reader*, Value*);

// Whether a reader accepts the bytes. Checks that a reader which refuses them changes nothing.
template <class Value>
bool takes(read_fn<Value> read, coppice_bytes bytes) {
  coppice_reader at = coppice_read(bytes);
  const coppice_reader before = at;
  Value value{}, untouched{};
  std::memset(static_cast<void*>(&value), 0x5A, sizeof value);
  std::memset(static_cast<void*>(&untouched), 0x5A, sizeof untouched);
  const bool taken = read(&at, &value) != 0;
  CHECK(at.at <= before.end);
  CHECK(at.end == before.end);
  if (taken) return true;
  CHECK(at.at == before.at);
  CHECK(std::memcmp(static_cast<void*>(&value), &untouched, sizeof value) == 0);
  return false;
}

struct named_reader {
  const char* name;
  std::function<bool(coppice_bytes)> takes;
  std::vector<std::uint8_t> tags; // of terms that it may accept
  bool is_head;                   // it reads a head only: elements follow
};

template <class Value>
named_reader reader(const char* name, read_fn<Value> read, std::vector<std::uint8_t> tags,
                    bool is_head = false) {
  return {name, [read](coppice_bytes bytes) { return takes(read, bytes); }, std::move(tags), is_head};
}

const std::vector<named_reader> readers = {
    reader<std::int64_t>("integer", coppice_read_integer, {97, 98, 110}),
    reader<coppice_big>("big", coppice_read_big, {110, 111}),
    reader<double>("float", coppice_read_float, {70}),
    reader<coppice_bytes>("atom", coppice_read_atom, {118, 119}),
    reader<coppice_bytes>("binary", coppice_read_binary, {109}),
    reader<coppice_bytes>("string", coppice_read_string, {107}),
    reader<coppice_bytes>("bits", coppice_read_bits, {77}),
    reader<std::uint32_t>("list", coppice_read_list, {106, 108}, true),
    reader<std::uint32_t>("tuple", coppice_read_tuple_head, {104, 105}, true),
    reader<std::uint32_t>("map", coppice_read_map, {116}, true),
    reader<coppice_pid>("pid", coppice_read_pid, {88}),
    reader<coppice_port>("port", coppice_read_port, {89, 120}),
    reader<coppice_reference>("reference", coppice_read_reference, {90}),
};

std::vector<buffer> some_terms() {
  std::vector<buffer> terms;
  for (const auto& sample : samples::all())
    if (sample.canonical) terms.push_back(sample.wire);
  std::mt19937_64 random(20);
  while (terms.size() < 300)
    if (buffer term = samples::random_term(random, 2); term.size() < 1500) terms.push_back(std::move(term));
  return terms;
}

buffer copied(const buffer& term, int (*copy)(coppice_reader*, coppice_writer*)) {
  coppice_reader at = coppice_read(at_the_edge(term));
  paper out;
  CHECK(copy(&at, &out.writer) == 1);
  CHECK(coppice_left(&at) == 0);
  CHECK(out.writer.status == COPPICE_OK);
  CHECK_FALSE(out.overrun());
  return out.written();
}

buffer written(const std::function<void(coppice_writer*)>& write) {
  paper out;
  write(&out.writer);
  CHECK(out.writer.status == COPPICE_OK);
  CHECK_FALSE(out.overrun());
  return out.written();
}

coppice_bytes view(const buffer& bytes) {
  return {bytes.data(), bytes.size()};
}

} // namespace

TEST_CASE("a term that is read and written again is the same bytes, from C as from C++") {
  for (const buffer& term : some_terms()) {
    CAPTURE(etf::print(term));
    CHECK(copied(term, term_copy) == term);
    CHECK(copied(term, term_copy_in_c) == term);
  }
}

TEST_CASE("terms are written as Erlang's syntax has them") {
  const struct {
    const char* text;
    std::function<void(coppice_writer*)> write;
  } cases[] = {
      {"[]", [](coppice_writer* w) { coppice_write_list(w, 0), coppice_write_nil(w); }},
      {"[x]",
       [](coppice_writer* w) { coppice_write_list(w, 1), coppice_write_atom(w, "x"), coppice_write_nil(w); }},
      {"[x|y]",
       [](coppice_writer* w) {
         coppice_write_list(w, 1), coppice_write_atom(w, "x"), coppice_write_atom(w, "y");
       }},
      {"\"\"", [](coppice_writer* w) { coppice_write_string(w, "", 0); }},
      {"\"abc\"", [](coppice_writer* w) { coppice_write_string(w, "abc", 3); }},
      {"<<\"hello, you\">>",
       [](coppice_writer* w) {
         coppice_write_binary_head(w, 10), coppice_write_part(w, "hello, ", 7), coppice_write_part(w, "", 0),
             coppice_write_part(w, "you", 3);
       }},
      {"1.5", [](coppice_writer* w) { coppice_write_float(w, 1.5); }},
      {"''", [](coppice_writer* w) { coppice_write_atom(w, ""); }},
      {"-9223372036854775808", [](coppice_writer* w) { coppice_write_integer(w, INT64_MIN); }},
      {"#{a => {}}",
       [](coppice_writer* w) {
         coppice_write_map(w, 1), coppice_write_atom(w, "a"), coppice_write_tuple(w, 0);
       }},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    CHECK(written(one.write) == erl(one.text));
  }
}

TEST_CASE("a list of bytes beyond a string's length is written as a list, and a tuple beyond 255 large") {
  const std::string text(70'000, 'x');
  std::string listed, tupled = "{0";
  for (int i = 1; i < 300; ++i) tupled += ",0";
  const buffer list = written([&](coppice_writer* w) { coppice_write_string(w, text.data(), text.size()); });
  CHECK(list == erl("\"" + text + "\""));
  coppice_reader at = coppice_read(view(list));
  std::uint32_t length = 0;
  CHECK(coppice_read_list(&at, &length));
  CHECK(length == 70'000);
  const buffer tuple = written([](coppice_writer* w) {
    coppice_write_tuple(w, 300);
    for (int i = 0; i < 300; ++i) coppice_write_integer(w, 0);
  });
  CHECK(tuple == erl(tupled + "}"));
  at = coppice_read(view(tuple));
  CHECK_FALSE(coppice_read_tuple(&at, 299));
  CHECK(coppice_read_tuple(&at, 300));
}

TEST_CASE("integers beyond 64 bits are written in the shortest form and read with their sign") {
  const struct {
    const char* text;
    std::int32_t negative;
    buffer magnitude;
  } cases[] = {
      {"0", 1, {}},
      {"0", 0, buffer(400)},
      {"-255", 1, {255, 0, 0}},
      {"2147483648", 0, {0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0}},
      {"-9223372036854775809", 1, {1, 0, 0, 0, 0, 0, 0, 0x80}},
      {"18446744073709551616", 0, {0, 0, 0, 0, 0, 0, 0, 0, 1, 0}},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const coppice_big value = {view(one.magnitude), one.negative};
    CHECK(written([&](coppice_writer* w) { coppice_write_big(w, &value); }) == erl(one.text));
  }
  const buffer wide = erl("-" + std::string(700, '7'));
  REQUIRE(wide[0] == 111);
  coppice_reader at = coppice_read(view(wide));
  std::int64_t small = 0;
  coppice_big big{};
  CHECK_FALSE(coppice_read_integer(&at, &small));
  REQUIRE(coppice_read_big(&at, &big));
  CHECK(big.negative == 1);
  CHECK(big.magnitude.size == wide.size() - 6);
  CHECK(written([&](coppice_writer* w) { coppice_write_big(w, &big); }) == wide);
}

TEST_CASE("an int64_t is read up to its bounds and no further") {
  const struct {
    const char* text;
    bool fits;
  } cases[] = {{"9223372036854775807", true},
               {"-9223372036854775808", true},
               {"9223372036854775808", false},
               {"-9223372036854775809", false}};
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const buffer term = erl(one.text);
    coppice_reader at = coppice_read(view(term));
    std::int64_t value = 0;
    CHECK((coppice_read_integer(&at, &value) != 0) == one.fits);
    if (one.fits) CHECK(std::to_string(value) == one.text);
  }
}

TEST_CASE("identities are read into their parts") {
  const buffer pid = erl("#Pid<'n@h'.5.6.7>"), port = erl("#Port<'n@h'.5.68719476736>"),
               reference = erl("#Ref<'n@h'.5.1.2.3.4.6>");
  const auto node = coppice_text("n@h");
  coppice_reader at = coppice_read(view(pid));
  coppice_pid p{};
  REQUIRE(coppice_read_pid(&at, &p));
  CHECK(coppice_same(p.node, node));
  CHECK(p.creation == 5);
  CHECK(p.id == 6);
  CHECK(p.serial == 7);
  at = coppice_read(view(port));
  coppice_port o{};
  REQUIRE(coppice_read_port(&at, &o));
  CHECK(coppice_same(o.node, node));
  CHECK(o.creation == 5);
  CHECK(o.id == std::uint64_t{1} << 36);
  at = coppice_read(view(reference));
  coppice_reference r{};
  REQUIRE(coppice_read_reference(&at, &r));
  CHECK(coppice_same(r.node, node));
  CHECK(r.creation == 5);
  REQUIRE(r.count == 5);
  CHECK(r.words[0] == 1);
  CHECK(r.words[4] == 6);
}

TEST_CASE("elements of any list, [] among them, are read by one loop") {
  const auto walk = [](const char* text) {
    const buffer term = erl(text);
    coppice_reader at = coppice_read(view(term));
    std::string said;
    std::uint32_t length = 0;
    coppice_bytes name{};
    REQUIRE(coppice_read_list(&at, &length));
    for (; length != 0; --length) {
      REQUIRE(coppice_read_atom(&at, &name));
      said.append(reinterpret_cast<const char*>(name.data), name.size);
    }
    if (!coppice_read_nil(&at)) {
      REQUIRE(coppice_read_atom(&at, &name));
      said.append("|").append(reinterpret_cast<const char*>(name.data), name.size);
    }
    CHECK(coppice_left(&at) == 0);
    return said;
  };
  CHECK(walk("[]").empty());
  CHECK(walk("[a,b]") == "ab");
  CHECK(walk("[a,b|'']") == "ab|");
}

TEST_CASE("a term that is cut short anywhere is not read") {
  for (const buffer& term : some_terms()) {
    CAPTURE(etf::print(term));
    for (std::size_t size = 0; size < term.size(); ++size) {
      const coppice_bytes cut = at_the_edge(term.data(), size);
      CHECK_FALSE(takes<coppice_bytes>(coppice_read_term, cut));
      coppice_reader at = coppice_read(cut);
      paper out;
      CHECK_FALSE(term_copy(&at, &out.writer));
    }
  }
}

TEST_CASE("a reader takes its own tags, and leaves all as it was before any other or one cut short") {
  for (const buffer& term : some_terms()) {
    CAPTURE(etf::print(term));
    for (const auto& each : readers) {
      CAPTURE(each.name);
      const bool own = std::find(each.tags.begin(), each.tags.end(), term[0]) != each.tags.end();
      const bool perhaps = &each == &readers.front() && term[0] == 110 && term[1] >= 8; // may not fit 64 bits
      if (!perhaps) CHECK(each.takes(at_the_edge(term)) == own);
      for (std::size_t size = 0; size < std::min<std::size_t>(term.size(), 40); ++size)
        if (each.takes(at_the_edge(term.data(), size))) CHECK(each.is_head); // a head with some elements
    }
  }
}

TEST_CASE("any byte in any place leaves every reader within its bytes") {
  std::mt19937_64 random(7);
  for (const buffer& term : some_terms()) {
    for (int i = 0; i < 20; ++i) {
      buffer changed = term;
      for (std::uint64_t count = 1 + random() % 3; count != 0; --count)
        changed[random() % std::min<std::size_t>(changed.size(), 64)] = static_cast<std::uint8_t>(random());
      const coppice_bytes place = at_the_edge(changed);
      for (const auto& each : readers) each.takes(place);
      takes<coppice_bytes>(coppice_read_term, place);
      coppice_reader at = coppice_read(place);
      paper out;
      term_copy(&at, &out.writer);
      CHECK(at.at <= at.end);
      coppice_bytes value{};
      coppice_map_get(place, "a", &value);
      coppice_map_get_term(place, coppice_text("j"), &value);
    }
  }
}

TEST_CASE("lengths that promise more than is there are refused where they stand") {
  const char* const lies[] = {
      "68 02 6a",                                        // {} of 2 with one element's bytes
      "69 ff ff ff ff 6a",                               //
      "6c ff ff ff ff 6a",                               // and a tail, which is 0 in 32 bits
      "6c 00 00 00 02 6a",                               // two elements in a byte
      "74 80 00 00 00 6a 6a",                            // twice that is 0 in 32 bits
      "74 00 00 00 02 6a 6a 6a",                         // two pairs in three bytes
      "6d ff ff ff ff 00",                               //
      "4d ff ff ff fa 01 00",                            // 6 more are 0 in 32 bits
      "6b ff ff 00",                                     //
      "76 ff ff 00",                                     //
      "77 02 00",                                        //
      "6e ff 00 00",                                     //
      "6f ff ff ff ff 00 00",                            //
      "70 00 00 00 00",                                  // a fun that is shorter than its size
      "70 ff ff ff ff 00",                               //
      "5a ff ff 77 01 61 00 00 00 01 00 00 00 02",       // a reference of 65535 words
      "58 77 ff 61 00 00 00 01 00 00 00 02 00 00 00 03", // a pid whose node's name reaches beyond it
      "58 61 01 00 00 00 01 00 00 00 02 00 00 00 03 00", // a pid whose node is no atom
      "00",
      "83 6a",
  };
  for (const char* lie : lies) {
    CAPTURE(lie);
    const coppice_bytes place = at_the_edge(samples::hex(lie));
    CHECK_FALSE(takes<coppice_bytes>(coppice_read_term, place));
    for (const auto& each : readers) {
      CAPTURE(each.name);
      CHECK_FALSE(each.takes(place));
    }
  }
}

TEST_CASE("values that Erlang does not have are not read") {
  for (const char* odd : {"46 7f f0 00 00 00 00 00 00", "46 ff f8 00 00 00 00 00 00", // infinity, NaN
                          "5a 00 00 77 01 61 00 00 00 01", // a reference without words
                          "5a 00 06 77 01 61 00 00 00 01 00 00 00 01 00 00 00 02 00 00 00 03"
                          "00 00 00 04 00 00 00 05 00 00 00 06"}) { // a reference with one word too many
    CAPTURE(odd);
    const coppice_bytes place = at_the_edge(samples::hex(odd));
    for (const auto& each : readers) CHECK_FALSE(each.takes(place));
  }
}

TEST_CASE("nothing at all is read as nothing") {
  for (const auto& each : readers) CHECK_FALSE(each.takes({nullptr, 0}));
  CHECK_FALSE(takes<coppice_bytes>(coppice_read_term, {nullptr, 0}));
  const coppice_reader at = coppice_read({nullptr, 0});
  CHECK(coppice_tag(&at) == 0);
  CHECK(coppice_left(&at) == 0);
  coppice_bytes value{};
  CHECK_FALSE(coppice_map_get({nullptr, 0}, "a", &value));
}

TEST_CASE("a map's value is found by an atom and by any term's bytes") {
  const buffer map = erl("#{1 => one, a => 2, {k, <<\"b\">>} => [3], '' => nothing}");
  const auto get = [&](const char* key) {
    coppice_bytes value{};
    return coppice_map_get(view(map), key, &value) ? etf::print({value.data, value.size}) : "none";
  };
  const auto get_term = [&](const char* key) {
    const buffer term = erl(key);
    coppice_bytes value{};
    return coppice_map_get_term(view(map), view(term), &value) ? etf::print({value.data, value.size})
                                                               : "none";
  };
  CHECK(get("a") == "2");
  CHECK(get("") == "nothing");
  CHECK(get("b") == "none");
  CHECK(get_term("a") == "2");
  CHECK(get_term("1") == "one");
  CHECK(get_term("{k, <<\"b\">>}") == "[3]");
  CHECK(get_term("{k, <<\"c\">>}") == "none");
  coppice_bytes value{};
  CHECK_FALSE(coppice_map_get(view(erl("[a]")), "a", &value));
}

TEST_CASE("what Erlang has no term for is refused when it is written, and nothing after it is written") {
  coppice_reference none{}, many{};
  many.count = 6;
  const std::string name(65'536, 'x');
  const std::uint64_t too_much = std::uint64_t{1} << 32;
  const std::function<void(coppice_writer*)> cases[] = {
      [](coppice_writer* w) { coppice_write_float(w, std::nan("")); },
      [](coppice_writer* w) { coppice_write_float(w, -std::numeric_limits<double>::infinity()); },
      [&](coppice_writer* w) { coppice_write_atom(w, name.c_str()); },
      [&](coppice_writer* w) { coppice_write_binary(w, nullptr, too_much); },
      [&](coppice_writer* w) { coppice_write_binary_head(w, too_much); },
      [&](coppice_writer* w) { coppice_write_string(w, nullptr, too_much); },
      [&](coppice_writer* w) { coppice_write_reference(w, &none); },
      [&](coppice_writer* w) { coppice_write_reference(w, &many); },
  };
  for (const auto& write : cases) {
    paper out;
    write(&out.writer);
    CHECK(out.writer.status == COPPICE_E_INVALID);
    coppice_write_integer(&out.writer, 1);
    coppice_write_atom(&out.writer, "x");
    coppice_write_string(&out.writer, "x", 1);
    CHECK(out.written().empty());
  }
}
