// SPDX-License-Identifier: MIT
// The HTTP server over loopback, with long bodies, bodies in parts, and upgrades to other protocols: a slow
// or vanished client affects its own exchange only.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "held_clock.hpp"
#include "net/http/http_server.hpp"
#include "net/http/websocket.hpp"
#include "net/tls_pair.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

using namespace std::chrono_literals;

// Streams every body. The test answers the requests.
struct place {
  explicit place(const http_options& options = {}) {
    http_handlers handlers;
    handlers.plan = [](const http_request&) { return http_body_plan{true, SIZE_MAX, 1000}; };
    handlers.handle = [this](const http_request& asked, http_exchange from) {
      path = asked.path();
      at = from;
      ++requests;
      if (path == "/upgrade") upgraded = server->upgrade(from, {101, "", "", {{"Upgrade", "x"}}});
    };
    handlers.body = [this](http_exchange, std::string_view part, bool last) {
      received += part.size();
      over = last;
    };
    handlers.abandoned = [this](http_exchange) { ++abandoned; };
    handlers.writable = [this](http_exchange) { ++writable; };
    server.emplace(
        http_server::start(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), options, handlers)
            .value());
  }
  void connect(const tls_options& tls = {}) {
    connect_options options;
    options.tls = tls;
    client = stream::connect(loop.raw(), server->address(), options, heard).value();
    REQUIRE(until([&] { return heard.connected; }));
  }
  void ask(std::string_view text) {
    client.write(text);
    REQUIRE(until([&] { return requests == 1; }));
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }
  bool has(std::string_view part) const { return heard.received.find(part) != std::string::npos; }

  base::uv::loop loop = base::uv::loop::make().value();
  std::string path;
  http_exchange at;
  int requests = 0;
  std::size_t received = 0;
  bool over = false;
  int abandoned = 0;
  int writable = 0;
  base::result<http_upgraded> upgraded = base::fail(base::errc::invalid, "none yet");
  test::recorder heard;
  stream client;
  std::optional<http_server> server;
};

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(std::size_t length) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

} // namespace

TEST_CASE("a body without credit stays with the client, and goes on with credit") {
  constexpr std::size_t size = 900'000;
  place it;
  it.connect();
  it.client.write(std::string(post(size)) + std::string(size, 'x'));
  REQUIRE(it.until([&] { return it.received == 1000; }));
  for (int i = 0; i < 20; ++i) it.loop.turn(false);
  CHECK(it.received == 1000);
  while (!it.over) {
    const std::size_t before = it.received;
    it.server->grant(it.at, 50'000);
    REQUIRE(it.until([&] { return it.received >= before + 50'000 || it.over; }));
  }
  CHECK(it.received == size);
  it.server->answer(it.at, {200, "", "thanks"});
  REQUIRE(it.until([&] { return it.has("thanks"); }));
}

TEST_CASE("a streamed body has its deadline for each part, and none while it waits for credit") {
  http_options options;
  options.timeouts.body = 200ms;
  place it(options);
  it.connect();
  it.ask(post(2000) + std::string(1000, 'x'));
  REQUIRE(it.until([&] { return it.received == 1000; }));
  bool later = false;
  base::uv::timer wait(it.loop, [&] { later = true; });
  wait.start(500ms);
  REQUIRE(it.until([&] { return later; }));
  CHECK(it.heard.received.empty());
  it.server->grant(it.at, 1000);
  REQUIRE(it.until([&] { return it.has("HTTP/1.1 408 "); }));
  CHECK(it.abandoned == 1);
}

TEST_CASE("an answer of any length goes to a client that takes it, at the client's pace") {
  constexpr std::size_t pieces = 600;
  place it;
  it.connect();
  it.client.pause();
  it.ask(get);
  REQUIRE(it.server->begin(it.at, {200}));
  const std::string piece(16 << 10, 'x');
  std::size_t written = 0;
  const auto write_some = [&] {
    while (written < pieces) {
      ++written;
      const http_written how = it.server->write(it.at, piece);
      REQUIRE(how != http_written::gone);
      if (how == http_written::full) return;
    }
  };
  write_some();
  CHECK(written < pieces); // only as many as the kernel's buffers hold
  it.client.resume();
  int seen = 0;
  while (written < pieces) {
    REQUIRE(it.until([&] { return it.writable > seen; }));
    seen = it.writable;
    write_some();
  }
  it.server->end(it.at);
  REQUIRE(it.until([&] { return it.heard.received.ends_with("\r\n0\r\n\r\n"); }));
  CHECK(it.heard.received.size() > pieces * piece.size());
}

TEST_CASE("a client that does not take a streamed answer is dropped in time, and its writer is told") {
  http_options options;
  options.timeouts.write = 200ms;
  place it(options);
  it.connect();
  it.client.pause();
  it.ask(get);
  REQUIRE(it.server->begin(it.at, {200}));
  int seen = -1;
  REQUIRE(it.until([&] { // the kernel takes some of it
    for (; seen < it.writable; seen = it.writable)
      while (it.server->write(it.at, std::string(64 << 10, 'x')) == http_written::taken) {
      }
    return it.abandoned == 1;
  }));
  CHECK(it.server->write(it.at, "x") == http_written::gone);
  CHECK(it.server->connections() == 0);
}

TEST_CASE("who is to answer hears of a client that vanishes") {
  place it;
  it.connect();
  it.ask(get);
  const linger hard{1, 0};
  REQUIRE(setsockopt(it.client.descriptor(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
  it.client.close(); // with RST
  REQUIRE(it.until([&] { return it.abandoned == 1; }));
  CHECK(it.server->connections() == 0);
}

TEST_CASE(
    "a client that resets its upload is missed at once, though nothing of it is read; one that has said all "
    "is not") {
  constexpr std::size_t size = 100'000; // more than is read without credit, less than the sockets hold
  place it;
  it.connect();
  it.client.write(std::string(post(size)) + std::string(size, 'x'));
  REQUIRE(it.until([&] { return it.received == 1000 && it.client.bytes_queued() == 0; }));
  it.client.end();
  CHECK_FALSE(test::loop_until(
      it.loop, [&] { return it.abandoned != 0; }, 100ms));
  it.server->grant(it.at, size);
  REQUIRE(it.until([&] { return it.over; }));
  it.server->answer(it.at, {200, "", "all"});
  REQUIRE(it.until([&] { return it.has("all"); }));

  place other;
  other.connect();
  other.client.write(std::string(post(size)) + std::string(size, 'x'));
  REQUIRE(other.until([&] { return other.received == 1000 && other.client.bytes_queued() == 0; }));
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(other.client.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  other.client.close();
  REQUIRE(other.until([&] { return other.abandoned == 1; }));
}

TEST_CASE("an answer that is broken off ends without its last chunk") {
  place it;
  it.connect();
  it.ask(get);
  REQUIRE(it.server->begin(it.at, {200}));
  it.server->write(it.at, "abc");
  REQUIRE(it.until([&] { return it.has("abc"); }));
  it.server->break_off(it.at);
  REQUIRE(it.until([&] { return it.heard.closed.has_value(); }));
  CHECK_FALSE(it.has("0\r\n\r\n"));
}

TEST_CASE("an upgraded connection is another's, with what was sent already") {
  place it;
  it.connect();
  it.ask("GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfirst");
  REQUIRE(it.upgraded);
  REQUIRE(it.until([&] { return it.server->connections() == 0; }));
  CHECK(it.upgraded->first == "first");
  test::recorder other;
  stream taken = stream::attach(it.loop.raw(), std::move(it.upgraded->connection), other).value();
  taken.write("hello");
  REQUIRE(it.until([&] { return it.has("\r\n\r\nhello"); }));
  CHECK(it.has("HTTP/1.1 101 Switching Protocols\r\n"));
  it.client.write("second");
  REQUIRE(it.until([&] { return other.received == "second"; }));
}

namespace {

// The server's end of a WebSocket, and what it has received.
struct websocket_end final : websocket::owner {
  websocket_end(place& it, const websocket_options& how) : itself(it.loop.raw(), how, *this) {
    it.connect();
    it.ask("GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    REQUIRE(it.upgraded);
    REQUIRE(itself.start(std::move(*it.upgraded)).has_value());
  }
  void on_message(websocket_kind, std::string_view data) override { heard += data; }
  void on_writable() override {}
  void on_closed(const websocket_close& why) override { closed = why.code; }

  std::string heard;
  int closed = 0;
  websocket itself;
};

// A frame of a client. Its mask is zero.
std::string client_frame(unsigned char first_byte, std::string_view data) {
  const std::string mask(4, '\0');
  return std::string(1, static_cast<char>(first_byte)) + static_cast<char>(0x80 | data.size()) + mask +
         std::string(data);
}

constexpr unsigned char whole_text = 0x81, first_part = 0x01, last_part = 0x80, pong = 0x8a;

} // namespace

TEST_CASE("what a WebSocket client sent in time counts, though the thread was busy until it was over" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  const std::string ping("\x89\0", 2);
  websocket_options how;
  how.ping = 60s;
  how.pong = 10s;
  how.whole = 30s;
  place it;
  websocket_end end(it, how);

  it.client.write(client_frame(whole_text, "a") + client_frame(first_part, "b"));
  // The first part of the second message has arrived with it.
  REQUIRE(it.until([&] { return end.heard == "a"; }));
  it.client.write(client_frame(last_part, "c"));
  it.client.flush();
  clock.advance(how.whole);
  it.loop.turn(false);
  CHECK(end.heard == "abc");

  clock.advance(how.ping);
  REQUIRE(it.until([&] { return it.heard.received.ends_with(ping); }));
  it.client.write(client_frame(pong, ""));
  it.client.flush();
  clock.advance(how.pong);
  it.loop.turn(false);
  CHECK(end.itself.is_open());
  CHECK(end.closed == 0);

  // The next period of silence begins with the pong.
  clock.advance(how.ping);
  REQUIRE(it.until([&] { return it.heard.received.ends_with(ping + ping); }));
  clock.advance(how.pong);
  REQUIRE(it.until([&] { return end.closed != 0; }));
  CHECK(end.closed == websocket_close::abnormal);
}

TEST_CASE("a server with a certificate speaks TLS only, in the protocol that is chosen") {
  test::temporary_folder folder;
  const auto leaf = issue_leaf(our_authority().ca, {"127.0.0.1"}, base::wall_now(), 5 * one_day).value();
  const std::string certificate = folder.write("c.pem", leaf.certificate);
  const std::string key = folder.write("k.pem", leaf.key);
  tls_files files{certificate, key, ""};
  files.protocols = {"http/1.1"};
  http_options options;
  options.tls = tls_source::open(files).value();
  place it(options);
  tls_settings trusting{"", "", our_authority().ca.certificate, true, false};
  trusting.protocols = {"h2", "http/1.1"};
  tls_pacer pacer(it.loop.raw());
  it.connect({context(tls_role::client, trusting), &pacer, "127.0.0.1", 7000ms});
  CHECK(it.client.alpn() == "http/1.1");
  it.ask(get);
  it.server->answer(it.at, {200, "", "sealed"});
  REQUIRE(it.until([&] { return it.has("sealed"); }));

  test::recorder clear;
  stream other = stream::connect(it.loop.raw(), it.server->address(), {}, clear).value();
  other.write(get);
  REQUIRE(it.until([&] { return clear.closed.has_value(); }));
  CHECK(clear.received.find("HTTP/1.1") == std::string::npos);
  CHECK(it.requests == 1);
}

} // namespace coppice::net
