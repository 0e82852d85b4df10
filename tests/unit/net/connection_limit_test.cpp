// SPDX-License-Identifier: MIT
// Which connection ends to make room for a new one when all places are taken: the limit alone, and at a
// listener.
#include "net/admission/connection_limit.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"
#include "net/stream_recorder.hpp"

namespace coppice::net {
namespace {

using namespace std::chrono_literals;
using names = std::vector<std::string>;

// A limit with connections that have names. Times are in seconds.
struct bounded {
  explicit bounded(std::size_t most) : limit(most) {}

  connection_limit::connection& enter(const std::string& share, const std::string& name, std::uint64_t at) {
    here.push_back(limit.enter(share, 1000 * at));
    CHECK(here.back()->on_dismissal([this, name] { told.push_back(name); }));
    return *here.back();
  }
  bool make_room(std::uint64_t at) { return limit.make_room(1000 * at); }

  connection_limit limit;
  std::deque<std::shared_ptr<connection_limit::connection>> here;
  names told;
};

// A listener whose connections all count, with both ends of each.
struct listened {
  struct accepted_one {
    stream of;
    test::recorder handler;
  };

  explicit listened(std::size_t most, std::chrono::milliseconds quiet = 0ms, bool shed = false)
      : limit(std::make_shared<connection_limit>(most, quiet)) {
    listen_options options;
    options.limit = limit;
    options.shed = shed;
    const auto accept = [this](accepted_socket socket) {
      auto& fresh = accepted.emplace_back(std::make_unique<accepted_one>());
      fresh->of = stream::adopt(loop.raw(), std::move(socket)).value();
      fresh->of.start(fresh->handler);
    };
    listening =
        listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, options, accept)
            .value();
  }
  test::recorder& connect() {
    handlers.push_back(std::make_unique<test::recorder>());
    clients.push_back(stream::connect(loop.raw(), listening.address(), {}, *handlers.back()).value());
    return *handlers.back();
  }
  // Closes streams that have failed, as their owners do.
  bool until(const std::function<bool()>& holds) {
    return test::loop_until(loop, [&] {
      for (auto& one : accepted)
        if (one->of && one->handler.closed) one->of.close();
      return holds();
    });
  }

  // Until the loop's clock has moved, so that times before and after it differ.
  void pass_a_millisecond() {
    const std::uint64_t then = uv_now(loop.raw());
    base::uv::timer wakes(loop, [] {});
    wakes.start(1ms, 1ms);
    REQUIRE(until([&] { return uv_now(loop.raw()) > then; }));
  }

  base::uv::loop loop = base::uv::loop::make().value();
  std::shared_ptr<connection_limit> limit;
  listener listening;
  std::vector<std::unique_ptr<accepted_one>> accepted;
  std::vector<std::unique_ptr<test::recorder>> handlers;
  std::vector<stream> clients;
};

base::socket_address address(const char* text) {
  return *base::socket_address::parse(text, 1);
}

} // namespace

TEST_CASE("the address with the most connections loses the one that was quiet for longest") {
  bounded of(4);
  of.enter("b", "b1", 1);
  of.enter("a", "a1", 2).note_traffic(9000);
  of.enter("a", "a2", 3);
  of.enter("a", "a3", 4);
  CHECK(of.limit.full());
  CHECK(of.make_room(20));
  CHECK(of.told == names{"a2"});
}

TEST_CASE("of addresses with equally many the connection goes that was quiet for longest of all") {
  bounded of(3);
  of.enter("a", "a1", 3);
  of.enter("b", "b1", 1);
  of.enter("c", "c1", 2);
  CHECK(of.make_room(20));
  CHECK(of.make_room(20));
  CHECK(of.make_room(20));
  CHECK(of.told == names{"b1", "c1", "a1"});
}

TEST_CASE("no connection ends over which one side has sent something within ten seconds") {
  bounded of(3);
  of.enter("a", "a1", 10).note_traffic(15'000);
  of.enter("a", "a2", 12);
  of.enter("b", "b1", 1); // its address has fewer connections than "a"
  CHECK_FALSE(of.make_room(20));
  CHECK_FALSE(of.make_room(21));
  CHECK(of.make_room(22));
  CHECK(of.told == names{"a2"});
}

TEST_CASE("one that is to end counts with its address no more, and is not told twice") {
  bounded of(4);
  for (const char* name : {"a1", "a2", "a3"}) of.enter("a", name, 1);
  of.enter("b", "b1", 2);
  of.enter("b", "b2", 3);
  CHECK(of.make_room(20));
  CHECK(of.make_room(20));
  CHECK(of.told.size() == 2);
  CHECK(of.make_room(20));
  CHECK(of.told.back() == "b1");
  CHECK(of.limit.taken() == 5); // connections count until they are destroyed
  of.here.clear();
  CHECK(of.limit.taken() == 0);
}

TEST_CASE("a connection that nothing can end yet is passed over, and learns of it if it was to end") {
  connection_limit limit(1);
  const auto one = limit.enter("a", 1000);
  CHECK_FALSE(limit.make_room(20'000));
  int told = 0;
  CHECK(one->on_dismissal([&] { ++told; }));
  CHECK(limit.make_room(21'000));
  CHECK(told == 1);
  CHECK_FALSE(one->on_dismissal([&] { ++told; }));
  one->stay(22'000);
  CHECK(one->on_dismissal([&] { ++told; }));
  CHECK_FALSE(limit.make_room(31'000));
  CHECK(limit.make_room(32'000));
  CHECK(told == 2);
}

TEST_CASE("what a proxy brings counts with the client it is for") {
  bounded of(4);
  const char* proxy = "p";
  of.enter(proxy, "p1", 1).count_with("a");
  of.enter(proxy, "p2", 2).count_with("b");
  of.enter(proxy, "p3", 3).count_with("b");
  of.enter("c", "c1", 0);
  CHECK(of.make_room(20));
  CHECK(of.told == names{"p2"});
}

TEST_CASE("addresses of one client: an IPv4 address, mapped or not, and a network of IPv6") {
  CHECK(share_of(address("10.1.2.3")) == share_of(address("::ffff:10.1.2.3")));
  CHECK(share_of(address("10.1.2.3")) != share_of(address("10.1.2.4")));
  CHECK(share_of(address("2001:db8::1")) == share_of(address("2001:db8::ffff:1")));
  CHECK(share_of(address("2001:db8::1")) != share_of(address("2001:db8:0:1::1")));
}

TEST_CASE("at a full listener a newcomer has the place of the one that is quiet for longest") {
  for (const bool shed : {false, true}) {
    CAPTURE(shed);
    listened at(2, 0ms, shed);
    at.connect();
    REQUIRE(at.until([&] { return at.accepted.size() == 1; }));
    at.connect();
    REQUIRE(at.until([&] { return at.accepted.size() == 2; }));
    at.pass_a_millisecond();
    at.clients[0].write("x");
    REQUIRE(at.until([&] { return at.accepted[0]->handler.received == "x"; }));
    at.connect();
    REQUIRE(at.until([&] { return at.accepted.size() == 3; }));
    CHECK(at.accepted[1]->handler.closed->code == base::errc::limit);
    CHECK_FALSE(at.accepted[0]->handler.closed);
    CHECK(at.listening.counts().shed == 0);
  }
}

TEST_CASE("at a full listener of which no connection is quiet a newcomer waits, or is closed") {
  listened at(1, 10s);
  at.connect();
  REQUIRE(at.until([&] { return at.accepted.size() == 1; }));
  const test::recorder& waits = at.connect();
  REQUIRE(at.until([&] { return at.listening.saturated() && waits.connected; }));
  CHECK_FALSE(at.accepted[0]->handler.closed);
  at.clients[0].close();
  REQUIRE(at.until([&] { return at.accepted.size() == 2; }));

  listened shedding(1, 10s, true);
  shedding.connect();
  REQUIRE(shedding.until([&] { return shedding.accepted.size() == 1; }));
  const test::recorder& closed = shedding.connect();
  REQUIRE(shedding.until([&] { return closed.closed.has_value(); }));
  CHECK_FALSE(shedding.accepted[0]->handler.closed);
  CHECK(shedding.listening.counts().shed == 1);
}

TEST_CASE("a connection counts until its socket is closed, though its owner has left it") {
  listened at(1, 10s);
  at.connect();
  REQUIRE(at.until([&] { return at.accepted.size() == 1; }));
  at.clients[0].pause();
  at.accepted[0]->of.write(std::string(std::size_t{16} << 20, 'x'));
  at.accepted[0]->of.close_when_written(30s);
  CHECK(at.limit->taken() == 1);
  at.connect();
  REQUIRE(at.until([&] { return at.listening.saturated(); }));
  CHECK(at.accepted.size() == 1);
  at.clients[0].close();
  REQUIRE(at.until([&] { return at.accepted.size() == 2; }));
}

TEST_CASE("one that is closing makes room as any other does, once it is quiet") {
  listened at(1);
  at.connect();
  REQUIRE(at.until([&] { return at.accepted.size() == 1; }));
  at.clients[0].pause();
  at.accepted[0]->of.write(std::string(std::size_t{16} << 20, 'x'));
  at.accepted[0]->of.close_when_written(30s);
  at.connect();
  REQUIRE(at.until([&] { return at.accepted.size() == 2; }));
}

TEST_CASE("a connection of which bytes wait to be read is not quiet") {
  listened at(1);
  at.connect();
  REQUIRE(at.until([&] { return at.accepted.size() == 1; }));
  at.clients[0].write("x");
  at.clients[0].flush();
  CHECK(at.limit->make_room(uv_now(at.loop.raw())));
  CHECK(at.until([&] { return at.accepted[0]->handler.received == "x"; }));
  CHECK_FALSE(at.accepted[0]->handler.closed);
  CHECK(at.limit->make_room(uv_now(at.loop.raw())));
  CHECK(at.until([&] { return at.accepted[0]->handler.closed.has_value(); }));
}

TEST_CASE("a connection keeps its place on its way to another loop, where it learns that it was to end") {
  listened at(1);
  at.connect();
  REQUIRE(at.until([&] { return at.accepted.size() == 1; }));
  auto loose = at.accepted[0]->of.detach();
  REQUIRE(loose);
  CHECK(at.limit->taken() == 1);
  const auto here = [](const std::function<void()>& task) { task(); };
  test::recorder moved;
  bool was_to_end = false;
  SUBCASE("meanwhile") {
    CHECK(at.limit->make_room(uv_now(at.loop.raw())));
    was_to_end = true;
  }
  SUBCASE("later") {}
  loose->socket.run_there = here;
  stream taken = stream::attach(at.loop.raw(), std::move(*loose), moved).value();
  if (!was_to_end) CHECK(at.limit->make_room(uv_now(at.loop.raw())));
  REQUIRE(at.until([&] { return moved.closed.has_value(); }));
  CHECK(moved.closed->code == base::errc::limit);
}

} // namespace coppice::net
