// SPDX-License-Identifier: MIT
// Streams over a carrier that is not a socket behave as over a socket, with TLS and without.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

#include "net/memory_carrier.hpp"
#include "net/tls_pair.hpp"

namespace coppice::net {
namespace {

std::string pattern(std::size_t size) {
  std::string out(size, ' ');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7919 >> 3);
  return out;
}

// Two streams with a connection in memory between them.
struct in_memory {
  explicit in_memory(bool tls, std::size_t room = 10'000) {
    auto [one, other] = test::memory_carrier::pair(loop.raw(), room);
    client = stream::over(loop.raw(), std::move(one), tls ? options(tls_role::client) : tls_options{});
    server = stream::over(loop.raw(), std::move(other), tls ? options(tls_role::server) : tls_options{});
    client.start(at_client);
    server.start(at_server);
  }
  tls_options options(tls_role role) {
    return {context(role, our_authority().settings()), &pacer, role == tls_role::client ? "127.0.0.1" : ""};
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }

  base::uv::loop loop = base::uv::loop::make().value();
  tls_pacer pacer{loop.raw()};
  test::recorder at_client;
  test::recorder at_server;
  stream client;
  stream server;
};

} // namespace

TEST_CASE("over another carrier than a socket both ends write more than it holds, and end") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    in_memory both(tls);
    const std::string there = pattern(700'000);
    const std::string back = pattern(500'001);
    both.client.write(there);
    both.server.write(back);
    REQUIRE(both.until([&] {
      return both.at_server.received.size() == there.size() && both.at_client.received.size() == back.size();
    }));
    CHECK(both.at_server.received == there);
    CHECK(both.at_client.received == back);
    CHECK(both.client.tls_version() == (tls ? "1.3" : ""));
    REQUIRE(both.until([&] { return both.client.bytes_queued() == 0; }));
    CHECK(both.client.bytes_written() >= there.size() + (tls ? 1 : 0));
    CHECK(both.client.bytes_written() == both.server.bytes_read());
    CHECK(both.at_client.drained == 1);
    both.at_server.keep_after_end = true;
    both.client.end();
    REQUIRE(both.until([&] { return both.at_server.ended; }));
    both.at_client.received.clear();
    both.server.write("still open");
    REQUIRE(both.until([&] { return both.at_client.received == "still open"; }));
    both.server.close();
    REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
    CHECK(both.at_client.closed->code == base::errc::closed);
  }
}

TEST_CASE("over another carrier a pause holds the peer's data back, and its writer's") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    in_memory both(tls);
    both.client.write("first");
    REQUIRE(both.until([&] { return both.at_server.received == "first"; }));
    both.server.pause();
    const std::string much = pattern(400'000);
    both.client.write(much);
    for (int i = 0; i < 50; ++i) both.loop.turn(false);
    CHECK(both.at_server.received == "first");
    CHECK(both.client.bytes_queued() > 100'000);
    both.server.resume();
    REQUIRE(both.until([&] { return both.at_server.received.size() == much.size() + 5; }));
    CHECK(both.at_server.received == "first" + much);
  }
}

TEST_CASE("over TLS the last on_drained comes when no more than the low mark is queued") {
  constexpr std::size_t room = 20'000;
  constexpr std::size_t size = 400'000;
  in_memory both(true, room);
  REQUIRE(both.until([&] { return !both.client.securing() && !both.server.securing(); }));
  bool was_low = false;
  std::size_t mark = 0;
  both.at_client.after_drained = [&] { was_low = both.client.bytes_queued() <= mark; };
  // In some of these rounds, the first part that leaves takes the queue to the mark, and the records that are
  // sealed after that take it above the mark again.
  for (mark = size - room; mark < size - room + 700; mark += 11) {
    CAPTURE(mark);
    was_low = false;
    both.at_server.received.clear();
    both.server.pause();
    both.client.set_low_mark(mark);
    both.client.write(pattern(size));
    both.client.flush();
    both.server.resume();
    REQUIRE(both.until(
        [&] { return both.at_server.received.size() == size && both.client.bytes_queued() == 0; }));
    REQUIRE(both.until([&] { return was_low; }));
  }
}

TEST_CASE("over another carrier a plain stream goes on with TLS while its bytes wait for room") {
  in_memory both(false, 1000);
  const std::string much = pattern(50'000);
  both.server.write(much);
  both.server.flush();
  REQUIRE(both.server.bytes_queued() > 0);
  both.server.start_tls(both.options(tls_role::server));
  both.server.write("sealed");
  both.at_client.after_data = [&] {
    if (both.at_client.received.size() == much.size()) both.client.start_tls(both.options(tls_role::client));
  };
  REQUIRE(both.until([&] { return both.at_client.received == much + "sealed"; }));
  CHECK(both.client.tls_version() == "1.3");
  both.client.write("and this");
  REQUIRE(both.until([&] { return both.at_server.received == "and this"; }));
}

TEST_CASE("over another carrier close_when_written delivers everything and then ends") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    in_memory both(tls);
    REQUIRE(both.until([&] { return !both.client.securing() && !both.server.securing(); }));
    const std::string much = pattern(300'000);
    both.client.write(much);
    both.client.close_when_written();
    CHECK_FALSE(both.client);
    REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
    CHECK(both.at_server.received == much);
    CHECK(both.at_server.closed->code == base::errc::closed);
    both.server.close();
    CHECK(both.until([] { return test::memory_carrier::all() == 0; }));
  }
}

TEST_CASE("a handshake over another carrier that is lost ends in words") {
  in_memory both(true);
  both.client.close();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->text.find("the peer closed the connection before its end") !=
        std::string::npos);
}

TEST_CASE("a stream without a socket has no address, and is not detached") {
  in_memory both(false);
  CHECK(both.client.descriptor() == -1);
  CHECK_FALSE(both.client.peer_address());
  CHECK_FALSE(both.client.local_address());
  const auto loose = both.client.detach();
  REQUIRE_FALSE(loose);
  CHECK(loose.error().code == base::errc::unsupported);
  both.client.write("as before");
  REQUIRE(both.until([&] { return both.at_server.received == "as before"; }));
}

} // namespace coppice::net
