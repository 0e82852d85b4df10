// SPDX-License-Identifier: MIT
// Notes of crashes: how many are kept, which caller gets a note, and the limits of what a note shows.
#include "runtime/crash_notes.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <string>

#include "base/log_settings.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::runtime {
namespace {

pid number(std::uint32_t id) {
  pid made;
  made.id = id;
  return made;
}

message tagged(std::string_view tag, std::string_view text) {
  message_writer out;
  out.tuple(2);
  out.atom(tag);
  out.binary(text);
  return out.take();
}

message term(std::string_view text) {
  return message::copy_of(etf::parse(text).value());
}

} // namespace

TEST_CASE("a note is its process's, for the first who asks, and the oldest goes when there are too many") {
  crash_notes notes;
  CHECK_FALSE(notes.take(number(1)));
  for (std::uint32_t i = 0; i <= crash_notes::most; ++i)
    notes.leave(number(i), {.callback = "handle_" + std::to_string(i)});
  CHECK_FALSE(notes.take(number(0)));
  const auto found = notes.take(number(7));
  REQUIRE(found);
  CHECK(found->callback == "handle_7");
  CHECK_FALSE(notes.take(number(7)));
}

TEST_CASE("the head of a term is at most so many bytes, of whole characters") {
  std::string umlauts;
  for (int i = 0; i < 3000; ++i) umlauts += "ä";
  for (const std::string& before : {std::string(), std::string("x")}) {
    const std::string text = shown_in_note(message::atom(before + umlauts.substr(0, 400)).bytes());
    CHECK(text.size() <= crash_note::most);
    const std::string cut = shown_in_note(tagged("put", before + std::string(5000, 'x')).bytes());
    CHECK(cut.size() <= crash_note::most);
    CHECK(cut.ends_with("..."));
  }
  message_writer out;
  out.list(20);
  for (int i = 0; i < 20; ++i) out.atom(umlauts.substr(0, 200));
  out.nil();
  const std::string list = shown_in_note(out.take().bytes());
  CHECK(list.size() <= crash_note::most);
  CHECK(list.ends_with("..."));
  const auto last = static_cast<unsigned char>(list[list.size() - 4]);
  CHECK((last < 0x80 || (last & 0xC0) == 0x80)); // the last byte is not the first of a longer character
}

TEST_CASE("of web requests no log shows bodies, nor headers by which a client shows who it is") {
  const message request = term(
      "{bad_call, {http, #{headers => [{<<\"host\">>, <<\"a\">>}, {<<\"authorization\">>, <<\"Bearer "
      "SECRET\">>}, "
      "{<<\"cookie\">>, <<\"SECRET\">>}], body => <<\"SECRET\">>, number => 1}}}");
  const std::string shown_so =
      "{bad_call,{http,#{headers => [{<<\"host\">>,<<\"a\">>},{<<\"authorization\">>,...},"
      "{<<\"cookie\">>,...}],body => ...,number => 1}}}";
  CHECK(shown_reason(request, 1000) == shown_so);
  CHECK(shown_in_note(request.bytes()) == shown_so);
  CHECK(shown(term("{http_body, 7, {data, <<\"SECRET\">>}}")) == "{http_body,...}");
  CHECK(shown(term("{<<\"cookie\">>, a, b}")) == "{<<\"cookie\">>,a,b}");
  CHECK(shown(term("#{body => {[1], 2}, a => body}")) == "#{body => ...,a => body}");
}

TEST_CASE("where messages are not shown a reason does not show the request that nobody took") {
  CHECK(shown_reason(tagged("bad_call", "secret"), 100) == "{bad_call,<<\"secret\">>}");
  base::log::settings wanted;
  wanted.rate.per_second = 0;
  wanted.messages = false;
  REQUIRE(base::log::use(wanted));
  CHECK(shown_reason(tagged("bad_call", "secret"), 100) == "{bad_call,...}");
  CHECK(shown_reason(tagged("bad_cast", "secret"), 100) == "{bad_cast,...}");
  CHECK(shown_reason(tagged("oops", "said"), 100) == "{oops,<<\"said\">>}");
  wanted.messages = true;
  REQUIRE(base::log::use(wanted));
}

} // namespace coppice::runtime
