// SPDX-License-Identifier: MIT
// The HTTP server over loopback, with the test's own handler: what a client receives, in order, and how slow,
// greedy and vanished clients are treated.
#include "net/http/http_server.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "net/loop_until.hpp"
#include "net/stream/stream.hpp"
#include "net/stream_recorder.hpp"

namespace coppice::net {
namespace {

using namespace std::chrono_literals;
using test::loop_until;
using test::recorder;

struct client {
  recorder heard;
  stream to;

  bool gone() const { return heard.closed.has_value() || heard.ended; }
  std::size_t count(std::string_view part) const {
    std::size_t n = 0;
    for (std::size_t at = heard.received.find(part); at != std::string::npos;
         at = heard.received.find(part, at + part.size()))
      ++n;
    return n;
  }
  bool has(std::string_view part) const { return count(part) != 0; }
};

// A server that answers with what the request says, or keeps the request, and the test answers it.
struct place {
  explicit place(const http_options& options = {}) {
    server.emplace(
        http_server::start(loop.raw(), base::socket_address::parse("127.0.0.1", 0).value(), options,
                           {[this](const http_request& asked, http_exchange from) { handle(asked, from); }})
            .value());
  }
  void handle(const http_request& asked, http_exchange from) {
    ++requests;
    if (asked.path() == "/keep") return kept.push_back(from);
    if (asked.path() == "/large") return server->answer(from, {200, "", std::string(1 << 20, 'x')});
    server->answer(from, {200, "text/plain", asked.method + " " + asked.target + " " + asked.body + "."});
  }
  client& connect() {
    client& made = clients.emplace_back();
    made.heard.keep_after_end = true;
    made.to = stream::connect(loop.raw(), server->address(), {}, made.heard).value();
    REQUIRE(until([&] { return made.heard.connected; }));
    return made;
  }
  bool until(const std::function<bool()>& holds) { return loop_until(loop, holds); }

  base::uv::loop loop = base::uv::loop::make().value();
  std::vector<http_exchange> kept;
  int requests = 0;
  std::deque<client> clients;
  std::optional<http_server> server;
};

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

} // namespace

TEST_CASE("a connection's requests are answered one after the other and it stays") {
  place at;
  client& one = at.connect();
  one.to.write("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(at.until([&] { return one.has("GET /a ."); }));
  one.to.write("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  one.to.flush();
  one.to.write("dy");
  REQUIRE(at.until([&] { return one.has("POST /b body."); }));
  CHECK(at.server->connections() == 1);
  CHECK(at.server->answered().at(200) == 2);
}

TEST_CASE("the address of a client is known while its request is worked on, and not once it has left") {
  place at;
  client& one = at.connect();
  one.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  const auto address = at.server->client(at.kept[0]);
  REQUIRE(address.has_value());
  CHECK(address->host() == "127.0.0.1");
  CHECK(address->port() != at.server->address().port());
  at.server->answer(at.kept[0], {200, "text/plain", "late"});
  one.to.close();
  REQUIRE(at.until([&] { return at.server->connections() == 0; }));
  CHECK_FALSE(at.server->client(at.kept[0]).has_value());
}

TEST_CASE("pipelined requests are answered in order, also when the first answer comes late") {
  place at;
  client& one = at.connect();
  one.to.write(
      "GET /keep HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
      "h\r\n\r\n");
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  CHECK(at.requests == 1);
  at.server->answer(at.kept[0], {200, "", "first."});
  at.server->answer(at.kept[0], {200, "", "again."});
  REQUIRE(at.until([&] { return one.has("GET /3 ."); }));
  const std::string& all = one.heard.received;
  CHECK(all.find("first.") < all.find("GET /2 ."));
  CHECK(all.find("GET /2 .") < all.find("GET /3 ."));
  CHECK_FALSE(one.has("again."));
}

TEST_CASE("who asks for much at once has no more turns than who asks for little") {
  place at;
  client& greedy = at.connect();
  client& other = at.connect();
  std::string many;
  for (int i = 0; i < 400; ++i) many += get;
  greedy.to.write(many);
  REQUIRE(at.until([&] { return at.requests > 0; }));
  other.to.write(get);
  REQUIRE(at.until([&] { return other.has("GET / ."); }));
  CHECK(at.requests < 300);
  REQUIRE(at.until([&] { return greedy.count("GET / .") == 400; }));
}

TEST_CASE("HEAD gets GET's head alone, and the next answer is in its place") {
  place at;
  client& one = at.connect();
  one.to.write("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
  one.to.write(get);
  REQUIRE(at.until([&] { return one.has("GET / ."); }));
  CHECK(one.has("Content-Length: 9\r\n"));
  CHECK_FALSE(one.has("HEAD /x"));
}

TEST_CASE("what was asked before the client's end of the stream is answered, then it is closed") {
  place at;
  client& one = at.connect();
  one.to.write(get);
  one.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  one.to.end();
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  at.server->answer(at.kept[0], {200, "", "late."});
  REQUIRE(at.until([&] { return one.gone(); }));
  CHECK(one.has("late."));
  CHECK(at.server->connections() == 0);
}

TEST_CASE("a client that has ended its side and is not answered in time gives its place back") {
  http_options options;
  options.timeouts.ended = 100ms;
  place at(options);
  client& stays = at.connect();
  stays.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  client& one = at.connect();
  one.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  one.to.end();
  REQUIRE(at.until([&] { return one.gone(); }));
  CHECK(at.kept.size() == 2);
  CHECK(one.heard.received.empty());
  CHECK(at.server->connections() == 1);
  at.server->answer(at.kept[0], {200, "", "late."});
  REQUIRE(at.until([&] { return stays.has("late."); }));
}

TEST_CASE("half a request and the end of the stream is no request") {
  place at;
  client& one = at.connect();
  one.to.write("GET / HTTP/1.1\r\nHost: h\r\n");
  one.to.end();
  REQUIRE(at.until([&] { return one.gone(); }));
  CHECK(at.requests == 0);
  CHECK(one.heard.received.empty());
}

TEST_CASE("an answer to a client that has left is dropped") {
  place at;
  client& one = at.connect();
  one.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  one.to.close();
  client& two = at.connect();
  two.to.write(get);
  REQUIRE(at.until([&] { return two.has("GET / ."); }));
  at.server->answer(at.kept[0], {200, "", "nobody"});
  at.server->answer({77, 1}, {200, "", "nobody"});
  at.server->answer({2, 9}, {200, "", "nobody"});
  two.to.write(get);
  REQUIRE(at.until([&] { return two.count("GET / .") == 2; }));
}

TEST_CASE("what is malformed is answered and closed, and nothing behind it is read") {
  place at;
  client& one = at.connect();
  one.to.write("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n");
  one.to.write(get);
  REQUIRE(at.until([&] { return one.gone(); }));
  CHECK(one.heard.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(one.count("HTTP/1.1") == 1);
  CHECK(at.requests == 0);
  CHECK(at.server->answered().at(400) == 1);
}

TEST_CASE("Connection: close and HTTP/1.0 end it with the answer") {
  for (const char* text :
       {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"}) {
    place at;
    client& one = at.connect();
    one.to.write(text);
    REQUIRE(at.until([&] { return one.gone(); }));
    CHECK(one.has("GET / ."));
  }
}

TEST_CASE("a client that waits for leave to send its body has it") {
  place at;
  client& one = at.connect();
  one.to.write("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  REQUIRE(at.until([&] { return one.has("HTTP/1.1 100 Continue\r\n\r\n"); }));
  one.to.write("ok");
  REQUIRE(at.until([&] { return one.has("POST / ok."); }));
}

TEST_CASE("a head or a body that does not come in time is answered with 408, an idle connection closed") {
  http_options options;
  options.timeouts = {100ms, 100ms, 100ms, 100ms};
  place at(options);
  client& head = at.connect();
  head.to.write("GET / HTTP/1.1\r\nHo");
  client& body = at.connect();
  body.to.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  client& silent = at.connect();
  client& idle = at.connect();
  idle.to.write(get);
  REQUIRE(at.until([&] { return head.gone() && body.gone() && silent.gone() && idle.gone(); }));
  CHECK(head.heard.received.starts_with("HTTP/1.1 408 "));
  CHECK(body.heard.received.starts_with("HTTP/1.1 408 "));
  CHECK(silent.heard.received.empty());
  CHECK(idle.count("HTTP/1.1") == 1);
  CHECK(at.server->connections() == 0);
}

TEST_CASE("an empty line behind a request begins none that could come too late") {
  http_options options;
  options.timeouts = {100ms, 100ms, 100ms, 100ms};
  place at(options);
  client& one = at.connect();
  one.to.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok\r\n");
  REQUIRE(at.until([&] { return one.gone(); }));
  CHECK(one.has("POST / ok."));
  CHECK_FALSE(one.has("408"));
}

TEST_CASE("a client that still sends when it is refused hears why, and is not reset") {
  http_options options;
  options.limits.body = 1000;
  place at(options);
  client& one = at.connect();
  const std::string part(1 << 20, 'x');
  one.to.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n");
  for (int i = 0; i < 8; ++i) one.to.write(part);
  one.to.end();
  REQUIRE(at.until([&] { return one.gone() && one.to.bytes_queued() == 0; }));
  CHECK(one.has("HTTP/1.1 413 "));
  CHECK_FALSE(one.heard.closed); // the client has seen an orderly end
}

TEST_CASE("what came in time is looked at before a deadline is called over, though the thread was busy") {
  http_options options;
  options.timeouts.head = 200ms;
  place at(options);
  client& one = at.connect();
  one.to.write("GET / HTTP/1.1\r\nHo");
  REQUIRE(at.until([&] { return one.to.bytes_queued() == 0; }));
  for (int i = 0; i < 10; ++i) at.loop.turn(false);
  one.to.write("st: h\r\n\r\n");
  one.to.flush();
  const base::nanos busy_until = base::mono_now() + 300 * base::nanos_per_ms;
  while (base::mono_now() < busy_until) {
  }
  REQUIRE(at.until([&] { return one.has("HTTP/1.1"); }));
  CHECK(one.has("GET / ."));
}

TEST_CASE("a byte now and then does not move the deadline of a head") {
  http_options options;
  options.timeouts.head = 300ms;
  place at(options);
  client& slow = at.connect();
  base::uv::timer drip(at.loop, [&] { slow.to.write("x"); });
  slow.to.write("GET /");
  drip.start(20ms, 20ms);
  REQUIRE(at.until([&] { return slow.gone(); }));
  CHECK(slow.heard.received.starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a client that takes no answers is asked no more and dropped in time") {
  http_options options;
  options.timeouts.write = 300ms;
  place at(options);
  client& greedy = at.connect();
  greedy.to.pause();
  std::string many;
  for (int i = 0; i < 200; ++i) many += "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
  greedy.to.write(many);
  REQUIRE(at.until([&] { return at.requests > 0; }));
  REQUIRE(at.until([&] { return at.server->connections() == 0; }));
  CHECK(at.requests < 100); // as many answers as the kernel's buffers hold
}

TEST_CASE("more than much is sent whole to a client that takes it") {
  place at;
  client& one = at.connect();
  for (int i = 0; i < 20; ++i) one.to.write("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(at.until([&] { return one.heard.received.size() > 20 << 20; }));
  CHECK(one.count("HTTP/1.1 200 OK") == 20);
  CHECK(at.requests == 20);
}

TEST_CASE("at the bound the connection whose last request is longest ago makes room") {
  http_options options;
  options.connections = 2;
  place at(options);
  client& first = at.connect();
  first.to.write(get);
  REQUIRE(at.until([&] { return first.has("GET / ."); }));
  client& busy = at.connect();
  busy.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  client& third = at.connect();
  REQUIRE(at.until([&] { return first.gone(); }));
  third.to.write(get);
  REQUIRE(at.until([&] { return third.has("GET / ."); }));
  at.server->answer(at.kept[0], {200, "", "kept."});
  REQUIRE(at.until([&] { return busy.has("kept."); }));
}

TEST_CASE("who says half of a request, or takes no answer, has to make room as well") {
  http_options options;
  options.connections = 3;
  place at(options);
  client& silent = at.connect();
  client& half = at.connect();
  half.to.write("GET / HT");
  client& greedy = at.connect();
  greedy.to.pause();
  std::string many;
  for (int i = 0; i < 200; ++i) many += "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
  greedy.to.write(many);
  REQUIRE(at.until([&] { return at.requests > 0; }));
  for (int i = 0; i < 3; ++i) {
    client& late = at.connect();
    late.to.write(get);
    REQUIRE(at.until([&] { return late.has("GET / ."); }));
  }
  CHECK(silent.gone());
  CHECK(half.gone());
  REQUIRE(at.until([&] { return at.server->connections() == 3; }));
}

TEST_CASE("while all are busy at the bound more wait, and come in when one ends") {
  http_options options;
  options.connections = 1;
  place at(options);
  for (std::size_t i = 1; i <= 4; ++i) {
    at.connect().to.write("GET /keep HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    REQUIRE(at.until([&] { return at.kept.size() == i; }));
  }
  client& another = at.connect(); // the kernel accepts it
  another.to.write(get);
  REQUIRE(at.until([&] { return another.to.bytes_queued() == 0; }));
  CHECK(at.requests == 4);
  at.server->answer(at.kept[0], {200, "", "done."});
  REQUIRE(at.until([&] { return another.has("GET / ."); }));
}

TEST_CASE("a connection has a bound of requests, and says so with the last") {
  http_options options;
  options.requests = 2;
  place at(options);
  client& one = at.connect();
  for (int i = 0; i < 3; ++i) one.to.write(get);
  REQUIRE(at.until([&] { return one.gone(); }));
  CHECK(one.count("GET / .") == 2);
  CHECK(one.count("Connection: close") == 1);
}

TEST_CASE("a port that is taken is said so") {
  place at;
  const auto second = http_server::start(at.loop.raw(), at.server->address(), {}, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == base::errc::exists);
}

TEST_CASE("the server may end while connections are open and answers are owed") {
  place at;
  client& one = at.connect();
  one.to.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  client& half = at.connect();
  half.to.write("GET / HT");
  REQUIRE(at.until([&] { return at.kept.size() == 1; }));
  at.server.reset();
  REQUIRE(at.until([&] { return one.gone() && half.gone(); }));
  CHECK(one.heard.received.empty());
}

} // namespace coppice::net
