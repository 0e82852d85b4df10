// SPDX-License-Identifier: MIT
// The requests and answers of one HTTP connection, without sockets: bodies that arrive in parts and need
// credit, answers that are written in parts, and what happens to either when the other side breaks the rules.
#include "net/http/http_session.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace coppice::net {
namespace {

struct session final : http_session::events {
  explicit session(unfinished_bytes* unfinished = nullptr) : of({}, 100, *this, unfinished) {}
  http_body_plan plan_body(const http_request&) override { return plan; }
  void on_request(const http_request& asked, std::uint64_t) override { requests.push_back(asked); }
  void on_body(std::uint64_t, std::string_view part, bool last) override {
    body += part;
    parts += 1;
    over = last;
  }
  void on_abandoned(std::uint64_t number) override { abandoned.push_back(number); }
  void on_refusal(const http_request* asked, http_response& answer) override {
    refused.push_back(asked == nullptr ? "" : asked->method + " " + asked->target);
    answer.headers.push_back({"X-Site", "own"});
  }
  void on_answered(int status) override { statuses.push_back(status); }
  void on_bytes(std::string_view bytes) override { sent += bytes; }

  void feed(std::string_view bytes) {
    of.feed(bytes);
    while (of.step()) {
    }
  }
  bool has(std::string_view part) const { return sent.find(part) != std::string::npos; }

  http_body_plan plan;
  std::vector<http_request> requests;
  std::string body;
  int parts = 0;
  bool over = false;
  std::vector<std::uint64_t> abandoned;
  std::vector<std::string> refused;
  std::vector<int> statuses;
  std::string sent;
  http_session of;
};

session& streaming(session& made, std::size_t credit) {
  made.plan = {true, 1000, credit};
  return made;
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n";
using phase = http_session::phase;

} // namespace

TEST_CASE("an answer 205 has no content, and says so") {
  session whole;
  whole.feed(get);
  CHECK(whole.of.answer(1, {205, "text/plain", "text"}));
  CHECK(whole.has("205 Reset Content\r\n"));
  CHECK(whole.has("Content-Length: 0\r\n"));
  CHECK(whole.sent.ends_with("\r\n\r\n"));
  session parts;
  parts.feed(get);
  CHECK(parts.of.begin(1, {205}, std::nullopt));
  CHECK(parts.of.write(1, "text"));
  CHECK(parts.of.end(1));
  CHECK(parts.has("Content-Length: 0\r\n"));
  CHECK(parts.sent.ends_with("\r\n\r\n"));
  CHECK(parts.of.now() == phase::waiting);
}

TEST_CASE("a streamed body is handed out as far as there is credit") {
  session made;
  session& it = streaming(made, 2);
  it.feed(post + "abc");
  REQUIRE(it.requests.size() == 1);
  CHECK(it.requests[0].streamed);
  CHECK(it.requests[0].body.empty());
  CHECK(it.body == "ab");
  CHECK(it.of.now() == phase::held);
  CHECK(it.of.unread() == 1);
  CHECK(it.of.grant(1, 3));
  it.feed("def" + get);
  CHECK(it.body == "abcde");
  CHECK_FALSE(it.over);
  CHECK(it.of.grant(1, 100));
  it.feed("");
  CHECK(it.body == "abcdef");
  CHECK(it.over);
  CHECK(it.of.now() == phase::answering);
  CHECK_FALSE(it.of.grant(1, 1));
  CHECK(it.requests.size() == 1);
  CHECK(it.of.answer(1, {200, "", "x"}));
  it.feed("");
  CHECK(it.requests.size() == 2);
}

TEST_CASE("a chunked body that is streamed costs credit for its data alone, and its end is told") {
  session made;
  session& it = streaming(made, 4);
  it.feed("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char c : std::string("2;x=y\r\nab\r\n2\r\ncd\r\n")) it.feed({&c, 1});
  CHECK(it.body == "abcd");
  CHECK_FALSE(it.over);
  CHECK(it.of.grant(1, 1));
  it.feed("0\r\n\r\n");
  CHECK(it.over);
}

TEST_CASE("a client is told to send its body when the body will be read, and once") {
  const std::string asks = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n";
  session made;
  session& it = streaming(made, 0);
  it.feed(asks);
  CHECK(it.sent.empty());
  CHECK(it.of.grant(1, 10));
  CHECK(it.sent == "HTTP/1.1 100 Continue\r\n\r\n");
  it.of.grant(1, 10);
  CHECK(it.sent == "HTTP/1.1 100 Continue\r\n\r\n");

  session answering;
  session& early = streaming(answering, 0);
  early.feed(asks);
  CHECK(early.of.begin(1, {200}, std::nullopt));
  CHECK(early.sent.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
  CHECK(early.of.grant(1, 10));
  early.feed("abcdef");
  CHECK(early.of.end(1));
  CHECK(early.of.now() == phase::waiting);

  session refusing_begun;
  session& refuses = streaming(refusing_begun, 0);
  refuses.feed(asks);
  CHECK(refuses.of.begin(1, {403}, std::nullopt));
  CHECK_FALSE(refuses.has("100 Continue"));
  CHECK(refuses.has("Connection: close\r\n"));

  session refusing;
  session& other = streaming(refusing, 0);
  other.feed(asks);
  CHECK(other.of.answer(1, {403, "", "no"}));
  CHECK_FALSE(other.has("100 Continue"));
  CHECK(other.has("Connection: close\r\n"));
  CHECK(other.of.now() == phase::closing);

  session limited;
  limited.plan.limit = 5;
  limited.feed(asks);
  CHECK(limited.sent.starts_with("HTTP/1.1 413 "));
  CHECK(limited.requests.empty());
}

TEST_CASE("an answer in pieces is chunked, of the length it says, or ends with the connection") {
  session chunked;
  chunked.feed(get + get);
  REQUIRE(chunked.of.begin(1, {200, "text/plain", "not sent"}, {}));
  CHECK(chunked.of.write(1, "abc"));
  CHECK(chunked.of.write(1, ""));
  CHECK(chunked.of.write(1, std::string(26, 'x')));
  CHECK(chunked.of.end(1));
  CHECK(chunked.has("Transfer-Encoding: chunked\r\n"));
  CHECK(chunked.sent.ends_with("\r\n\r\n3\r\nabc\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n"));
  chunked.feed("");
  CHECK(chunked.requests.size() == 2);

  session known;
  known.feed(get);
  REQUIRE(known.of.begin(1, {200}, 3));
  CHECK(known.of.write(1, "ab"));
  CHECK(known.of.write(1, "c"));
  CHECK(known.of.end(1));
  CHECK(known.has("Content-Length: 3\r\n"));
  CHECK(known.sent.ends_with("\r\n\r\nabc"));
  CHECK(known.of.now() == phase::waiting);

  session old;
  old.feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(old.of.begin(1, {200}, {}));
  CHECK(old.of.write(1, "abc"));
  CHECK(old.of.end(1));
  CHECK_FALSE(old.has("chunked"));
  CHECK(old.sent.ends_with("\r\n\r\nabc"));
  CHECK(old.of.now() == phase::closing);
}

TEST_CASE("an answer that has no body has none in pieces either") {
  session head;
  head.feed("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(head.of.begin(1, {200}, 3));
  CHECK(head.of.write(1, "abc"));
  CHECK(head.of.end(1));
  CHECK(head.has("Content-Length: 3\r\n"));
  CHECK(head.sent.ends_with("\r\n\r\n"));
  session none;
  none.feed(get);
  REQUIRE(none.of.begin(1, {304}, {}));
  CHECK(none.of.write(1, "abc"));
  CHECK(none.of.end(1));
  CHECK(none.sent.ends_with("\r\n\r\n"));
  CHECK_FALSE(none.has("chunked"));
  CHECK(none.of.now() == phase::waiting);
}

TEST_CASE("an answer that is not of its length, or not finished, is cut and not ended") {
  session longer;
  longer.feed(get);
  REQUIRE(longer.of.begin(1, {200}, 3));
  CHECK_FALSE(longer.of.write(1, "abcd"));
  CHECK(longer.of.now() == phase::broken);
  CHECK(longer.sent.ends_with("\r\n\r\n"));
  session shorter;
  shorter.feed(get);
  REQUIRE(shorter.of.begin(1, {200}, 3));
  CHECK_FALSE(shorter.of.end(1));
  CHECK(shorter.of.now() == phase::broken);
  session cut;
  cut.feed(get);
  REQUIRE(cut.of.begin(1, {200}, {}));
  CHECK(cut.of.write(1, "a"));
  CHECK(cut.of.break_off(1));
  CHECK(cut.of.now() == phase::broken);
  CHECK(cut.sent.ends_with("1\r\na\r\n"));
  CHECK(cut.abandoned.empty()); // the caller that broke it off is not told
}

TEST_CASE("an exchange takes one answer, and none when it is over") {
  session it;
  it.feed(get);
  CHECK_FALSE(it.of.write(1, "a"));
  CHECK_FALSE(it.of.end(1));
  CHECK_FALSE(it.of.answer(2, {200}));
  CHECK(it.of.begin(1, {200}, {}));
  CHECK_FALSE(it.of.begin(1, {200}, {}));
  CHECK_FALSE(it.of.answer(1, {200}));
  CHECK(it.of.end(1));
  CHECK_FALSE(it.of.write(1, "a"));
  CHECK_FALSE(it.of.break_off(1));
  it.feed(get);
  CHECK_FALSE(it.of.answer(1, {200}));
  CHECK(it.of.answer(2, {200}));
  CHECK(it.statuses == std::vector<int>{200, 200});
}

TEST_CASE("who waits to answer hears that the client is gone, once") {
  session owed;
  owed.feed(get);
  owed.of.gone();
  owed.of.gone();
  CHECK(owed.abandoned == std::vector<std::uint64_t>{1});
  CHECK_FALSE(owed.of.answer(1, {200}));
  session half;
  streaming(half, 100);
  half.feed(post + "abc");
  half.of.end_of_input();
  half.feed("");
  CHECK(half.abandoned.size() == 1);
  CHECK(half.of.now() == phase::broken);
  session idle;
  idle.feed(get);
  idle.of.answer(1, {200});
  idle.of.gone();
  CHECK(idle.abandoned.empty());
}

TEST_CASE("a streamed body that is wrong, too long or too slow ends its request") {
  for (const int wanted : {400, 413, 408}) {
    session it;
    streaming(it, 5000);
    it.feed("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (wanted == 400) it.feed("3\r\nabcd");
    if (wanted == 413) it.feed("3e9\r\n" + std::string(1001, 'x'));
    if (wanted == 408) it.of.time_out();
    CHECK(it.statuses == std::vector<int>{wanted});
    CHECK(it.abandoned.size() == 1);
    CHECK(it.of.now() == phase::closing);
  }
  session begun;
  streaming(begun, 5000);
  begun.feed("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  begun.of.begin(1, {200}, {});
  begun.feed("x");
  CHECK(begun.statuses == std::vector<int>{200});
  CHECK(begun.of.now() == phase::broken);
  CHECK(begun.abandoned.size() == 1);
  CHECK(begun.refused == std::vector<std::string>{"PUT /"});
  CHECK_FALSE(begun.has(" 400 "));
}

TEST_CASE("bodies in parts have a bound for all clients, beyond it is 503, and what came whole makes room") {
  unfinished_bytes all(10);
  const std::string nine = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
  session one(&all), other(&all);
  one.feed(nine + "12345");
  CHECK(all.kept() == 5);
  session whole(&all);
  whole.feed(nine + "123456789");
  CHECK(whole.requests.size() == 1);
  other.feed(nine + "123456");
  CHECK(other.has("HTTP/1.1 503 "));
  CHECK(other.has("Retry-After: 1\r\n"));
  CHECK(other.refused == std::vector<std::string>{"PUT /"});
  CHECK(other.of.now() == phase::closing);
  one.feed("6789");
  CHECK(one.requests.size() == 1);
  CHECK(one.requests[0].body == "123456789");
  CHECK(all.kept() == 0);
  CHECK(all.refused() == 1);
  {
    session gone(&all);
    gone.feed(nine + "12345678");
    CHECK(all.kept() == 8);
    gone.of.gone();
    CHECK(all.kept() == 0);
  }
  session streamed(&all);
  streaming(streamed, 1000)
      .feed("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\n" + std::string(80, 'x'));
  CHECK(streamed.body.size() == 80);
}

TEST_CASE("what is refused is told by its head, if that was understood, and takes further headers") {
  struct row {
    std::string said;
    int status;
    std::string head; // empty: the head was not understood
  };
  const std::string h = " HTTP/1.1\r\nHost: h\r\n";
  const row rows[] = {
      {"PUT /a" + h + "Content-Length: 2000000\r\n\r\n", 413, "PUT /a"},
      {"PUT /b" + h + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "PUT /b"},
      {"PUT /c" + h + "Transfer-Encoding: gzip\r\n\r\n", 501, "PUT /c"},
      {"PUT /d" + h + "Expect: wonders\r\n\r\n", 417, "PUT /d"},
      {"PUT /f HTTP/1.1\r\n\r\n", 400, ""},
      {"PUT /" + std::string(9000, 'g') + h + "\r\n", 414, ""},
      {"PUT /h HTTP/2.0\r\n\r\n", 505, ""},
      {get + "PUT /i HTTP/1.1\n", 400, ""},
  };
  for (const row& one : rows) {
    CAPTURE(one.said);
    session it;
    it.feed(one.said);
    if (!it.requests.empty()) it.of.answer(1, {});
    it.feed("");
    CHECK(it.refused == std::vector{one.head});
    CHECK(it.statuses.back() == one.status);
    CHECK(it.has("X-Site: own\r\n"));
    CHECK(it.of.now() == phase::closing);
  }
  session head;
  head.feed("HEAD /" + h + "Content-Length: 2000000\r\n\r\n");
  CHECK(head.sent.ends_with("\r\n\r\n"));
  session slow;
  slow.feed(post + "abc");
  slow.of.time_out();
  CHECK(slow.refused == std::vector<std::string>{"POST /"});
}

TEST_CASE("a body may be answered while it comes, and the connection stays if it has come") {
  session it;
  streaming(it, 100);
  it.feed(post);
  REQUIRE(it.of.begin(1, {200}, {}));
  it.feed("abcdef");
  CHECK(it.of.write(1, it.body));
  CHECK(it.of.end(1));
  CHECK(it.of.now() == phase::waiting);
  session early;
  streaming(early, 100);
  early.feed(post + "abc");
  REQUIRE(early.of.begin(1, {200}, {}));
  CHECK(early.of.end(1));
  CHECK(early.of.now() == phase::closing);
}

TEST_CASE("one that is to take no more closes behind the answer it gives, or has begun") {
  session it;
  it.feed(get);
  it.of.take_no_more();
  CHECK(it.of.now() == phase::answering);
  CHECK(it.of.answer(1, {200, "", "x"}));
  CHECK(it.has("Connection: close\r\n"));
  CHECK(it.of.now() == phase::closing);

  session begun;
  begun.feed(get);
  CHECK(begun.of.begin(1, {}, 2));
  begun.of.take_no_more();
  CHECK(begun.of.write(1, "ab"));
  CHECK(begun.of.end(1));
  CHECK(begun.of.now() == phase::closing);
  CHECK(begun.sent.ends_with("ab"));
}

TEST_CASE("what comes behind the last request is dropped, once that can be upgraded no more") {
  session it;
  it.feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get);
  CHECK(it.of.unread() == get.size());
  CHECK(it.of.begin(1, {200}, std::nullopt));
  CHECK(it.of.unread() == 0);
  it.feed(get);
  CHECK(it.of.unread() == 0);
  CHECK(it.requests.size() == 1);

  session stays;
  stays.feed(get + get);
  CHECK(stays.of.begin(1, {200}, std::nullopt));
  stays.feed(get);
  CHECK(stays.of.unread() == 2 * get.size());
}

TEST_CASE("of an answer whose length was said bytes may go another way, as many as are left") {
  session it;
  it.feed(get + get + "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(it.of.may_pass(1) == 0);
  CHECK(it.of.begin(1, {200}, 5));
  CHECK(it.of.write(1, "ab"));
  CHECK(it.of.may_pass(1) == 3);
  CHECK(it.of.may_pass(2) == 0);
  it.of.passed(3);
  CHECK(it.of.end(1));
  it.feed("");
  CHECK(it.of.begin(2, {200}, std::nullopt));
  CHECK(it.of.may_pass(2) == 0);
  CHECK(it.of.end(2));
  it.feed("");
  CHECK(it.of.begin(3, {200}, 5));
  CHECK(it.of.may_pass(3) == 0);
}

TEST_CASE("a connection is handed on with what came behind the request") {
  const std::string asks = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: x\r\n";
  session it;
  it.feed(asks + "\r\nrest");
  const auto rest = it.of.upgrade(1, {101, "", "", {{"Upgrade", "x"}}});
  REQUIRE(rest);
  CHECK(*rest == "rest");
  CHECK(it.sent.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK(it.has("Connection: Upgrade\r\nUpgrade: x\r\n"));
  CHECK_FALSE(it.has("chunked"));
  CHECK(it.of.now() == phase::upgraded);
  CHECK_FALSE(it.of.answer(1, {200}));

  session plain;
  plain.feed(get);
  CHECK_FALSE(plain.of.upgrade(1, {101}));
  CHECK(plain.of.answer(1, {426, "", "", {{"Upgrade", "x"}}}));
  session body;
  body.feed(asks + "Content-Length: 2\r\n\r\nab");
  REQUIRE(body.requests.size() == 1);
  CHECK_FALSE(body.of.upgrade(1, {101}));
}

TEST_CASE("an answer's headers cannot say how long it is, or what becomes of the connection") {
  session it;
  it.feed(get);
  it.of.answer(1, {200,
                   "a\r\nb: c",
                   "abc",
                   {{"Content-Length", "7"},
                    {"transfer-encoding", "chunked"},
                    {"Connection", "upgrade"},
                    {"DATE", "never"},
                    {"X-A", "b"}}});
  CHECK(it.has("Content-Length: 3\r\n"));
  CHECK_FALSE(it.has(": 7"));
  CHECK_FALSE(it.has("chunked"));
  CHECK_FALSE(it.has("upgrade"));
  CHECK_FALSE(it.has("never"));
  CHECK_FALSE(it.has("b: c"));
  CHECK(it.has("X-A: b\r\n"));
}

} // namespace coppice::net
