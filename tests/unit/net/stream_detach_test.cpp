// SPDX-License-Identifier: MIT
// Streams that move from one loop to another while they write and read: no byte is lost, arrives twice or in
// another order, with TLS and without.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "net/tls_pair.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

// A connection with both ends on one loop, and another loop to move to.
struct moving : tls_pair {
  explicit moving(bool tls) {
    client_tls = server_tls = tls;
    connect();
    REQUIRE(until([&] { return at_client.connected && server && !server.securing(); }));
  }
  ~moving() { server.close(); } // it may be on `other`, which is destroyed first
  moving(const moving&) = delete;
  moving& operator=(const moving&) = delete;
  bool until_both(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds() && std::chrono::steady_clock::now() < end) {
      loop.turn(false);
      other.turn(false);
    }
    return holds();
  }
  void move_server() {
    auto loose = server.detach();
    REQUIRE(loose);
    CHECK_FALSE(server);
    server = stream::attach(other.raw(), std::move(*loose), moved).value();
  }

  base::uv::loop other = base::uv::loop::make().value();
  test::recorder moved;
};

std::string pattern(std::size_t size) {
  std::string out(size, ' ');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7919 >> 3);
  return out;
}

void count_release(void* context) {
  ++*static_cast<int*>(context);
}

} // namespace

TEST_CASE("a stream that moves reads and writes on as before, and its old handler hears nothing") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    moving test(tls);
    test.client.write("before ");
    REQUIRE(test.until([&] { return test.at_server.received == "before "; }));
    test.move_server();
    test.client.write("behind");
    test.server.write("answer");
    REQUIRE(test.until_both(
        [&] { return test.moved.received == "behind" && test.at_client.received == "answer"; }));
    CHECK(test.at_server.received == "before ");
    CHECK_FALSE(test.at_server.closed);
    CHECK(test.server.bytes_read() >= 13);
    CHECK(test.server.tls_version() == (tls ? "1.3" : ""));
    CHECK(test.listening.connections() == 1);
    test.client.close();
    REQUIRE(test.until_both([&] { return test.moved.closed.has_value(); }));
    test.server.close();
    REQUIRE(test.until_both([&] { return test.listening.connections() == 0; }));
  }
}

TEST_CASE("what was written and has not left goes along, in the middle of a write") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    moving test(tls);
    test.client.pause();
    const std::string much = pattern(9'000'000);
    int released = 0;
    test.server.write_owned(base::as_bytes(much), count_release, &released);
    for (int i = 0; i < 20; ++i) test.loop.turn(false);
    REQUIRE(test.server.bytes_queued() > 0);
    test.move_server();
    test.server.write(" and more");
    CHECK(released == 0);
    test.client.resume();
    REQUIRE(test.until_both([&] { return test.at_client.received.size() == much.size() + 9; }));
    CHECK(test.at_client.received == much + " and more");
    CHECK(released == 1);
    CHECK(test.server.bytes_queued() == 0);
    CHECK(test.moved.drained == 1);
  }
}

TEST_CASE("what had come and was not taken goes along") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    moving test(tls);
    const std::string much = pattern(3'000'000);
    test.at_server.after_data = [&] { test.server.pause(); };
    test.client.write(much);
    REQUIRE(test.until([&] { return test.server.paused(); }));
    for (int i = 0; i < 20; ++i) test.loop.turn(false);
    test.move_server();
    REQUIRE(test.until_both(
        [&] { return test.at_server.received.size() + test.moved.received.size() == much.size(); }));
    CHECK(test.at_server.received + test.moved.received == much);
  }
}

TEST_CASE("a stream moves again and again under load, also from within its handler") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    moving test(tls);
    const std::string there = pattern(2'000'000);
    const std::string back = pattern(1'500'000);
    test.client.write(there);
    test.server.write(back);
    int moves = 0;
    bool on_other = false;
    test::recorder all;
    const auto move = [&] {
      if (++moves > 30) return;
      auto loose = test.server.detach();
      REQUIRE(loose);
      on_other = !on_other;
      test.server = stream::attach((on_other ? test.other : test.loop).raw(), std::move(*loose), all).value();
    };
    all.after_data = move;
    move();
    REQUIRE(test.until_both([&] {
      return all.received.size() == there.size() && test.at_client.received.size() == back.size();
    }));
    CHECK(all.received == there);
    CHECK(test.at_client.received == back);
    CHECK(moves > 20);
  }
}

TEST_CASE("a stream moves to another thread") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    moving test(tls);
    const std::string much = pattern(1'000'000);
    test.client.write(much);
    auto loose = test.server.detach();
    REQUIRE(loose);
    std::string received;
    std::thread there([&, moved = std::move(*loose)]() mutable {
      auto loop = base::uv::loop::make().value();
      test::recorder handler;
      auto taken = stream::attach(loop.raw(), std::move(moved), handler).value();
      test::loop_until(loop, [&] { return handler.received.size() == much.size(); });
      received = handler.received;
      taken.write("all of it");
      taken.close_when_written();
    });
    const bool answered = test.until([&] { return test.at_client.received == "all of it"; });
    there.join();
    CHECK(answered);
    CHECK(received == much);
  }
}

TEST_CASE("a peer's end and a failure are told on the new loop") {
  moving test(false);
  test.client.write("last words");
  test.client.end();
  test.server.pause();
  test.moved.keep_after_end = true;
  test.move_server();
  REQUIRE(test.until_both([&] { return test.moved.ended; }));
  CHECK(test.moved.received == "last words");
  test.server.write("still open");
  REQUIRE(test.until_both([&] { return test.at_client.received == "still open"; }));
}

TEST_CASE("a Unix-domain socket moves too") {
  const test::temporary_folder folder;
  auto loop = base::uv::loop::make().value();
  test::recorder at_client;
  test::recorder at_server;
  stream server;
  auto listening =
      listener::unix_socket(loop.raw(), {folder.file("socket")}, {}, [&](accepted_socket socket) {
        server = stream::adopt(loop.raw(), std::move(socket)).value();
        server.start(at_server);
      }).value();
  auto client = stream::connect_unix(loop.raw(), folder.file("socket"), at_client).value();
  REQUIRE(test::loop_until(loop, [&] { return at_client.connected && server; }));
  server = stream::attach(loop.raw(), server.detach().value(), at_server).value();
  client.write("hello");
  REQUIRE(test::loop_until(loop, [&] { return at_server.received == "hello"; }));
  CHECK(server.peer_uid());
}

TEST_CASE("one that nobody attaches is closed") {
  moving test(false);
  {
    auto loose = test.server.detach();
    REQUIRE(loose);
  }
  REQUIRE(test.until([&] { return test.at_client.closed.has_value(); }));
  REQUIRE(test.until([&] { return test.listening.connections() == 0; }));
}

TEST_CASE("what is not open is not detached, and stays as it is") {
  SUBCASE("empty") {
    stream none;
    CHECK_FALSE(none.detach());
  }
  SUBCASE("about to be secured") {
    tls_pair test;
    test.connect();
    REQUIRE(test.until([&] { return static_cast<bool>(test.server); }));
    CHECK_FALSE(test.server.detach());
    CHECK_FALSE(test.client.detach());
    REQUIRE(test.until([&] { return test.at_client.connected; }));
  }
  SUBCASE("ended") {
    moving test(false);
    test.server.write("last words");
    test.server.end();
    CHECK_FALSE(test.server.detach());
    REQUIRE(test.until([&] { return test.at_client.received == "last words"; }));
  }
}

} // namespace coppice::net
