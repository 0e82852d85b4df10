// SPDX-License-Identifier: MIT
// Tests of bodies that stream as messages: the messages that a process gets and may send, and which answers
// begin a stream.
#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <string>

#include "behaviours/web/ended_requests.hpp"
#include "behaviours/web/request_term.hpp"
#include "behaviours/web/stream_term.hpp"

using namespace coppice;
using runtime::message;

namespace {

runtime::node_names& names() {
  static runtime::node_names all("n@h");
  return all;
}

const behaviours::stream_id here{{0, 1, 7, 0}, 3};

message term(const std::string& text) {
  const auto read = etf::parse(text);
  REQUIRE_MESSAGE(read, text);
  return message::copy_of(*read);
}

std::string shown(const message& of) {
  return etf::print(of.bytes());
}

// The id as text, in the form that a process gets.
std::string text(const behaviours::stream_id& id) {
  runtime::message_writer out;
  behaviours::write(out, id, names());
  return shown(out.take());
}

std::string pid_text(const runtime::pid& of) {
  runtime::message_writer out;
  runtime::write(out, of, names());
  return shown(out.take());
}

std::string read(const std::string& order) {
  const message m = term(order);
  if (!behaviours::is_stream_order(m.bytes())) return "other";
  const auto out = behaviours::read_stream_order(m, here, names());
  if (!out) return "malformed";
  if (!*out) return "another's";
  if (const auto* const wish = std::get_if<behaviours::stream_wish>(&**out))
    return "more " + shown(wish->reader.tag) + " " + std::to_string(wish->bytes);
  if (const auto* const watch = std::get_if<behaviours::stream_watch>(&**out))
    return "watch " + shown(watch->by.tag);
  const auto& part = std::get<behaviours::stream_part>(**out);
  return (part.last ? "last " : "data ") + part.data;
}

} // namespace

TEST_CASE("a process is sent parts, leave to send more, and the end, each with its own tag") {
  const behaviours::stream_place to{here.client, term("{my, [tag]}")};
  CHECK(shown(behaviours::stream_data(to, "ab", false)) == "{http_body,{my,[tag]},{data,<<\"ab\">>}}");
  CHECK(shown(behaviours::stream_data(to, "", true)) == "{http_body,{my,[tag]},{last,<<>>}}");
  CHECK(shown(behaviours::stream_more(to, 70)) == "{http_answer,{my,[tag]},{more,70}}");
  CHECK(shown(behaviours::stream_aborted(to, "closed")) == "{http_aborted,{my,[tag]},closed}");
}

TEST_CASE(
    "an order is for more of a body, a part of an answer, or to be told of the end; others are refused, or "
    "another request's") {
  const std::string id = text(here);
  const std::string pid = pid_text(here.client);
  const std::string old = text({here.client, 2});
  struct row {
    std::string order;
    const char* expected;
  };
  const row rows[] = {
      {"{http_body, " + id + ", {more, {" + pid + ", tag}, 100}}", "more tag 100"},
      {"{http_body, " + id + ", {more, {" + pid + ", {a, b}}, 18446744073709551615}}",
       "more {a,b} 18446744073709551615"},
      {"{http_answer, " + id + ", {data, [<<\"a\">>, $b]}}", "data ab"},
      {"{http_answer, " + id + ", {last, <<>>}}", "last "},
      {"{http_answer, " + old + ", {last, <<>>}}", "another's"},
      {"{http_body, " + old + ", {more, {" + pid + ", tag}, 1}}", "another's"},
      {"{http_answer, " + id + ", {data, 7}}", "malformed"},
      {"{http_answer, " + id + ", {data}}", "malformed"},
      {"{http_answer, " + id + ", {more, 7}}", "malformed"},
      {"{http_answer, " + id + ", last}", "malformed"},
      {"{http_answer, {a, b}, {last, <<>>}}", "malformed"},
      {"{http_body, " + id + ", {more, 7}}", "malformed"},
      {"{http_body, " + id + ", {more, {" + pid + ", tag}, -1}}", "malformed"},
      {"{http_body, " + id + ", {more, {" + pid + ", tag}, all}}", "malformed"},
      {"{http_body, " + id + ", {more, {name, tag}, 1}}", "malformed"},
      {"{http_body, " + id + ", {more, " + pid + ", 1}}", "malformed"},
      {"{http_watch, " + id + ", {" + pid + ", [tag]}}", "watch [tag]"},
      {"{http_watch, " + old + ", {" + pid + ", tag}}", "another's"},
      {"{http_watch, " + id + ", " + pid + "}", "malformed"},
      {"{http_watch, " + id + ", {name, tag}}", "malformed"},
      {"{http_watch, " + pid + ", {" + pid + ", tag}}", "malformed"},
      {"{http_event, " + id + ", {data, <<>>}}", "other"},
      {"{http_body, " + id + "}", "other"},
      {"ok", "other"},
  };
  for (const row& each : rows) {
    CAPTURE(each.order);
    CHECK(read(each.order) == each.expected);
  }
}

TEST_CASE(
    "who asks late for news of a request that has ended is told once, of the last sixteen, for ten seconds") {
  behaviours::ended_requests ended;
  const std::string pid = pid_text(here.client);
  const auto told = [&](std::uint64_t number, const std::string& head, const std::string& rest) {
    const auto out = ended.answer(term("{" + head + ", " + text({here.client, number}) + ", " + rest + "}"),
                                  here.client, names());
    if (out) CHECK(out->to == here.client);
    return out ? shown(out->what) : "nothing";
  };
  const std::string me = "{" + pid + ", [tag]}";
  const base::nanos second = base::nanos_per_second;

  CHECK(ended.empty());
  CHECK_FALSE(ended.remembered_until(0));
  for (std::uint64_t number = 1; number <= 17; ++number)
    ended.add(number, number % 2 == 0 ? "closed" : "timeout", static_cast<base::nanos>(number) * second);
  CHECK(told(1, "http_watch", me) == "nothing"); // the seventeenth replaced it
  CHECK(told(2, "http_watch", me) == "{http_aborted,[tag],closed}");
  CHECK(told(2, "http_watch", me) == "nothing");
  CHECK(told(3, "http_answer", "{last, <<>>}") == "nothing");
  CHECK(told(3, "http_watch", pid) == "nothing");
  CHECK(told(3, "http_watch", me) == "{http_aborted,[tag],timeout}");
  CHECK(told(18, "http_watch", me) == "nothing");

  CHECK(ended.remembered_until(16 * second) == 27 * second);
  CHECK(told(6, "http_watch", me) == "nothing");
  CHECK(told(7, "http_watch", me) == "{http_aborted,[tag],timeout}");
  CHECK_FALSE(ended.remembered_until(27 * second));
  CHECK(ended.empty());
}

TEST_CASE("an answer that streams has a status, headers and who writes it; its length may be known") {
  const std::string pid = pid_text(here.client);
  const auto answer = [](const std::string& text) -> std::string {
    const message m = term(text);
    if (!behaviours::is_streamed_answer(m.bytes())) return "other";
    const auto out = behaviours::read_streamed_answer(m.bytes(), m, names());
    if (!out) return "malformed";
    return std::to_string(out->head.status) + " " + std::to_string(out->head.headers.size()) + " " +
           shown(out->writer.tag) + " " + (out->length ? std::to_string(*out->length) : "-");
  };
  CHECK(answer("{200, [], {stream, {" + pid + ", t}}}") == "200 0 t -");
  CHECK(answer("{206, [{<<\"a\">>, \"b\"}], {stream, {" + pid + ", [t]}, 17}}") == "206 1 [t] 17");
  for (const char* bad : {", -1", ", x", ", 1, 2", ", 1.0"})
    CHECK_MESSAGE(answer("{200, [], {stream, {" + pid + ", t}" + bad + "}}") == "malformed", bad);
  CHECK(answer("{99, [], {stream, {" + pid + ", t}}}") == "malformed");
  CHECK(answer("{200, [{<<\"a\">>, <<\"b\\r\\n\">>}], {stream, {" + pid + ", t}}}") == "malformed");
  CHECK(answer("{200, [], {stream, name}}") == "malformed");
  CHECK(answer("{200, [], <<\"body\">>}") == "other");
  CHECK(answer("{200, {stream, {" + pid + ", t}}}") == "other");
}

TEST_CASE("a request of a route that streams says which it is, and whether its body comes") {
  net::http_request asked;
  asked.method = "PUT";
  const auto written = [&asked] {
    return shown(behaviours::write_streamed_request(asked, {"/p", {}, {}, "p", here}, names()));
  };
  asked.streamed = true;
  CHECK(written().find("body => streamed") != std::string::npos);
  CHECK(written().find("stream => " + text(here)) != std::string::npos);
  asked.streamed = false;
  CHECK(written().find("body => <<>>") != std::string::npos);
}
