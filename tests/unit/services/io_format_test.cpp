// SPDX-License-Identifier: MIT
// Tests of the printed form of very large terms, and of its cost: only what is printed is read.
#include "services/io/io_format.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <coppice/etf/writer.hpp>
#include <string>
#include <vector>

using namespace coppice;
using services::io_format;

namespace {

constexpr std::size_t most = 4096;
constexpr std::size_t much = std::size_t{64} << 20;

using buffer = std::vector<std::uint8_t>;

buffer term(std::string_view text) {
  return etf::parse(text).value();
}
buffer binary_of(std::size_t size, char what) {
  etf::vector_writer out;
  out.binary(std::string(size, what));
  return out.take();
}
// A list of `count` elements, each of which is `what`.
buffer list_of(std::uint32_t count, const buffer& what) {
  etf::vector_writer out;
  out.list(count);
  for (std::uint32_t i = 0; i < count; ++i) out.raw(what);
  out.nil();
  return out.take();
}
std::string formatted(std::string_view format, const buffer& arguments) {
  etf::vector_writer as_list;
  as_list.string(format);
  services::portions work;
  return io_format(as_list.view(), arguments, most, work).value_or("refused");
}

} // namespace

TEST_CASE("a format is filled in as io_lib does it") {
  CHECK(formatted("~p ~w", term("[<<\"ab\">>, \"ab\"]")) == "<<\"ab\">> [97,98]");
  CHECK(formatted("~5w|~-5w|~2w", term("[ab, ab, abc]")) == "   ab|ab   |**");
  CHECK(formatted("~s ~5s ~.2s", term("[\"ab\", <<\"cd\">>, [$e, [<<\"fg\">>]]]")) == "ab    cd ef");
  CHECK(formatted("~b ~3b ~5b|~-3b|", term("[10, 1000, -7, 1]")) == "10 ***    -7|1  |");
  CHECK(formatted("~f ~.1f ~7.2f", term("[1.5, -2.25, 3.0]")) == "1.500000 -2.2    3.00");
  CHECK(formatted("~*w", term("[-9223372036854775808, a]")) == "refused");
  CHECK(formatted("~ts", term("[<<\"\\x{263a}\"/utf8>>]")) == "\u263a");
}

TEST_CASE("a control sequence that is not known is written as it stands, its values after it") {
  CHECK(formatted("~.16b ~#, ~d.", term("[255, 5, {a, \"b\"}]")) == "~.16b(255) ~#(5), ~d({a,[98]}).");
  CHECK(formatted("~x ~10.16X|~w", term("[1, \"0x\", 2, pre, z]")) == "~x(1)([48,120]) ~10.16X(2)(pre)|z");
  CHECK(formatted("~10.3e|~tW", term("[1.5]")) == "~10.3e(1.5)|~tW");
  CHECK(formatted("~k", term("[1, 2]")) == "refused");
  CHECK(formatted("~", term("[1]")) == "refused");
}

TEST_CASE("of a large argument the beginning is printed, and no more of it is made") {
  const buffer zeros = list_of(1, binary_of(much, '\0'));
  const buffer text = list_of(1, binary_of(much, 'x'));
  for (const char* how : {"~p", "~w", "~tp", "~tw"}) {
    CAPTURE(how);
    for (const buffer* arguments : {&zeros, &text}) {
      const std::string made = formatted(how, *arguments);
      CHECK(made.starts_with("<<"));
      CHECK(made.size() > most);
      CHECK(made.size() < 8 * most);
      CHECK(made.capacity() < 32 * most);
    }
  }
  CHECK(formatted("~s", text).size() <= 2 * most);
  CHECK(formatted("~10s", text) == "xxxxxxxxxx");
  CHECK(formatted("~3w", text) == "***");
  etf::vector_writer list;
  list.list(1'000'000);
  for (int i = 0; i < 1'000'000; ++i) list.integer('x');
  list.nil();
  const std::string made = formatted("~p", list_of(1, list.take()));
  CHECK(made.starts_with("\"xxxx"));
  CHECK(made.size() < 4 * most);
}

TEST_CASE("a large integer is printed in the time of what shows of it") {
  etf::vector_writer out;
  const std::vector<std::uint8_t> magnitude(std::size_t{4} << 20, 0x5A);
  out.big(false, magnitude);
  const buffer huge = list_of(1, out.take());
  CHECK(formatted("~p", huge).size() < 4 * most);
  CHECK(formatted("~5w", huge) == "*****");
  CHECK(formatted("~b", huge).size() < 4 * most);
  etf::vector_writer smaller;
  smaller.big(false, std::span(magnitude).first(512));
  // Each of the integers is printed as one star, however many digits it has.
  std::string stars;
  for (int i = 0; i < 4000; ++i) stars += "~1b";
  CHECK(formatted(stars, list_of(4000, smaller.take())) == std::string(4000, '*'));
}

TEST_CASE("what a format prints nothing of costs little") {
  std::string nothing;
  for (int i = 0; i < 5000; ++i) nothing += "~0s";
  CHECK(formatted(nothing, list_of(5000, binary_of(10'000, 'x'))) == "");
  services::portions work;
  CHECK(io_format(binary_of(much, 'x'), term("[]"), most, work) == std::nullopt);
  CHECK(io_format(list_of(2'000'000, term("[]")), term("[]"), most, work) == std::nullopt);
}

TEST_CASE("the end of a long argument is found in portions") {
  services::portions work;
  CHECK(io_format(term("\"~i.\""), list_of(1, list_of(100'000, term("[]"))), most, work) == ".");
  CHECK(work.steps() > 100'000);
}

TEST_CASE("a text without characters is looked at in portions") {
  services::portions work;
  CHECK(io_format(term("\"~s.\""), list_of(1, list_of(100'000, term("[]"))), most, work) == ".");
  CHECK(work.steps() > 200'000); // the end is found first, then the text is read
}
