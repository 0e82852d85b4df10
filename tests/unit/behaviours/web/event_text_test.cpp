// SPDX-License-Identifier: MIT
// Tests of events as a process sends them and as a client gets them, and of which clients may have any.
#include "behaviours/web/event_text.hpp"
#include "behaviours/web/cross_origin.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>

using namespace coppice;

namespace {

std::vector<std::uint8_t> term(std::string_view text) {
  const auto read = etf::parse(text);
  REQUIRE_MESSAGE(read, text);
  return {read->begin(), read->end()};
}

std::string sent(std::string_view text) {
  const auto out = behaviours::event_text(term(text));
  REQUIRE_MESSAGE(out, out.error().text);
  return out->value_or("(close)");
}

std::string refused(std::string_view text) {
  const auto out = behaviours::event_text(term(text));
  REQUIRE_MESSAGE(!out, text);
  CHECK(out.error().code == base::errc::invalid);
  return out.error().text;
}

int status(std::vector<net::http_header> headers, bool allowed = false) {
  net::http_request asked;
  asked.headers = std::move(headers);
  asked.headers.push_back({"host", "shop.example:8080"});
  behaviours::cross_origin others;
  if (allowed) others.origins = {"*"};
  if (!behaviours::takes_events(asked)) return 406;
  return others.refuses(asked) ? 403 : 0;
}

} // namespace

TEST_CASE("each line of the data is one of the event's") {
  CHECK(sent("{http_event, #{data => <<\"x\">>}}") == "data: x\n\n");
  CHECK(sent("{http_event, #{data => <<>>}}") == "data: \n\n");
  CHECK(sent("{http_event, #{data => [<<\"a\">>, \"b\\nc\", [10, <<\"d\\r\">>]]}}") ==
        "data: ab\ndata: c\ndata: d\ndata: \n\n");
  CHECK(sent("{http_event, #{data => <<\"a\\r\\n\\r\\nb\\rc\">>}}") ==
        "data: a\ndata: \ndata: b\ndata: c\n\n");
  CHECK(sent("{http_event, #{data => <<\"x\">>, event => <<\"e\">>, id => \"7\", retry => 1500}}") ==
        "event: e\nid: 7\nretry: 1500\ndata: x\n\n");
  CHECK(sent("{http_event, close}") == "(close)");
  CHECK(behaviours::retry_text(3 * base::nanos_per_second) == "retry: 3000\n\n");
}

TEST_CASE("what can be no event is refused, and says why") {
  CHECK(refused("{http_event, #{}}") == "an event: it has no data");
  CHECK(refused("{http_event, #{event => <<\"e\">>}}") == "an event: it has no data");
  CHECK(refused("{http_event, #{data => x}}") == "an event: data is no iodata");
  CHECK(refused("{http_event, #{data => [256]}}") == "an event: data is no iodata");
  CHECK(refused("{http_event, #{data => <<>>, what => 1}}") == "an event: it has no what");
  CHECK(refused("{http_event, #{data => <<>>, retry => -1}}") == "an event: retry is no time up to a day");
  CHECK(refused("{http_event, #{data => <<>>, retry => 86400001}}") ==
        "an event: retry is no time up to a day");
  CHECK(refused("{http_event, #{data => <<>>, retry => soon}}") == "an event: retry is no time up to a day");
  CHECK(refused("{http_event, #{<<\"data\">> => <<>>}}") == "an event: a key is no atom");
  for (const char* name : {"a\\nb", "a\\rb", "a\\0b"})
    for (const char* key : {"event", "id"})
      CHECK(refused(std::string("{http_event, #{data => <<>>, ") + key + " => <<\"" + name + "\">>}}") ==
            "an event: its name or id has a line's end");
  CHECK(refused("{http_event, what}") == "an event: it is no map");
  CHECK(refused("{other, #{data => <<>>}}") == "an event: it is no {http_event, Event}");
  CHECK(refused("close") == "an event: it is no {http_event, Event}");
}

TEST_CASE("events are for clients that take them, and for pages of the site") {
  CHECK(status({}) == 0);
  CHECK(status({{"accept", "text/event-stream"}}) == 0);
  CHECK(status({{"accept", "text/html, */*;q=0.1"}}) == 0);
  CHECK(status({{"accept", "Text/Event-Stream"}}) == 0);
  CHECK(status({{"accept", "application/json"}}) == 406);
  CHECK(status({{"accept", "text/html"}, {"accept", "text/event-stream"}}) == 0);
  CHECK(status({{"origin", "http://shop.example:8080"}}) == 0);
  CHECK(status({{"origin", "https://SHOP.example:8080"}}) == 0);
  CHECK(status({{"origin", "http://shop.example"}}) == 403);
  CHECK(status({{"origin", "http://evil.example:8080"}}) == 403);
  CHECK(status({{"origin", "null"}}) == 403);
  CHECK(status({{"origin", "http://evil.example"}}, true) == 0);
}
