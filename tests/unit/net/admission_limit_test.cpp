// SPDX-License-Identifier: MIT
// Which unauthenticated connection has to go when there are many of them, and how long each may take.
#include "net/admission/admission_limit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "held_clock.hpp"
#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"
#include "net/stream_recorder.hpp"

namespace coppice::net {
namespace {

using namespace std::chrono_literals;
using test::loop_until;
using test::recorder;

// An admission limit, and the names of the connections that it has dismissed.
struct guarded {
  explicit guarded(std::size_t places, std::chrono::milliseconds crowded = 2s)
      : at({.name = "test", .places = places, .crowded_patience = crowded}) {}

  admission_limit::place enter(std::string share, std::string who) {
    admission_limit::place made = at.enter(std::move(share));
    CHECK(made.on_dismissal([this, who = std::move(who)] { gone.push_back(who); }));
    return made;
  }

  std::vector<std::string> gone;
  admission_limit at;
};

using names = std::vector<std::string>;

} // namespace

TEST_CASE("when all places are taken the one silent for the longest goes, of any address") {
  guarded test(2);
  const auto a = test.enter("x", "a");
  const auto b = test.enter("x", "b");
  CHECK(test.gone.empty());
  const auto c = test.enter("x", "c");
  const auto d = test.enter("y", "d");
  CHECK(test.gone == names{"a", "b"});
  CHECK(test.at.taken() == 2);
}

TEST_CASE("an address that has most of the places makes room for every other one") {
  guarded test(4);
  const auto bystander = test.enter("y", "bystander");
  std::deque<admission_limit::place> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(test.enter("x", "x"));
  const auto another = test.enter("z", "another");
  CHECK(test.gone.size() == 98);
  CHECK(std::ranges::count(test.gone, "x") == 98);
}

TEST_CASE("who says something whole outlives who came later and says nothing") {
  guarded test(3);
  auto speaks = test.enter("x", "speaks");
  std::deque<admission_limit::place> crowd;
  for (int i = 0; i < 50; ++i) {
    crowd.push_back(test.enter("x", "x"));
    speaks.spoke();
  }
  CHECK(std::ranges::count(test.gone, "speaks") == 0);
  CHECK(std::ranges::count(test.gone, "x") == 48);
}

TEST_CASE("a place is free once its stranger is settled or gone, and no dismissal is told then") {
  guarded test(2);
  auto settled = test.enter("x", "settled");
  { const auto gone = test.enter("x", "gone"); }
  settled.settle();
  CHECK(test.at.taken() == 0);
  const auto a = test.enter("x", "a");
  const auto b = test.enter("x", "b");
  CHECK(test.gone.empty());
  settled.spoke();
  settled.hold(true);
  CHECK(test.at.taken() == 2);
}

TEST_CASE("who is held stays, and who is let go is not the one who makes room for it") {
  guarded test(1);
  auto held = test.enter("x", "held");
  held.hold(true);
  const auto second = test.enter("x", "second");
  CHECK(test.gone.empty());
  CHECK(test.at.taken() == 2);
  held.hold(false); // it came before "second", but its answer is on its way
  CHECK(test.gone == names{"second"});
  held.hold(true);
  CHECK_FALSE(test.at.dismiss_one());
  held.hold(false);
  CHECK(test.at.dismiss_one());
  CHECK(test.gone == names{"second", "held"});
}

TEST_CASE("while more than half of the places are taken newcomers have less time, and silence ends") {
  coppice::test::held_clock clock;
  guarded test(4, 0ms);
  const auto first = test.enter("x", "first");
  const auto second = test.enter("x", "second");
  CHECK(second.patience() == 7s);
  auto third = test.enter("x", "third");
  CHECK(third.patience() == 0ms);
  third.spoke();
  clock.advance(1ms);
  const auto fourth = test.enter("y", "fourth");
  CHECK(test.gone == names{"first", "second"});
  CHECK(admission_limit::place().patience() > 1h);
}

TEST_CASE("who is dismissed before he could be told of it is told when he asks") {
  admission_limit at({.name = "test", .places = 1});
  auto first = at.enter("x");
  const auto second = at.enter("x");
  bool told = false;
  CHECK_FALSE(first.on_dismissal([&] { told = true; }));
  CHECK_FALSE(told);
}

TEST_CASE("a stream whose place goes to another fails, and its peer sees it closed") {
  auto loop = base::uv::loop::make().value();
  listen_options one_place;
  one_place.admission = std::make_shared<admission_limit>(admission_options{.name = "test", .places = 1});
  std::deque<recorder> inside;
  std::deque<stream> accepted;
  auto listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, one_place,
                                 [&](accepted_socket socket) {
                                   accepted.push_back(stream::adopt(loop.raw(), std::move(socket)).value());
                                   accepted.back().start(inside.emplace_back());
                                 })
                       .value();
  recorder first_heard;
  const auto first = stream::connect(loop.raw(), listening.address(), {}, first_heard).value();
  REQUIRE(loop_until(loop, [&] { return accepted.size() == 1; }));
  recorder second_heard;
  const auto second = stream::connect(loop.raw(), listening.address(), {}, second_heard).value();
  REQUIRE(loop_until(loop, [&] { return inside[0].closed.has_value(); }));
  CHECK(inside[0].closed->code == base::errc::limit);
  accepted[0].close();
  REQUIRE(loop_until(loop, [&] { return first_heard.closed.has_value(); }));
  CHECK_FALSE(second_heard.closed);
  CHECK(one_place.admission->taken() == 1);
}

TEST_CASE("a stream that only still waits for its bytes to be taken makes room too") {
  auto loop = base::uv::loop::make().value();
  listen_options one_place;
  one_place.admission = std::make_shared<admission_limit>(admission_options{.name = "test", .places = 1});
  recorder inside;
  int accepted = 0;
  auto listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, one_place,
                                 [&](accepted_socket socket) {
                                   auto made = stream::adopt(loop.raw(), std::move(socket)).value();
                                   made.start(inside);
                                   if (++accepted == 1) made.write(std::string(64 << 20, 'x'));
                                   made.close_when_written(1h);
                                 })
                       .value();
  recorder takes_nothing;
  auto first = stream::connect(loop.raw(), listening.address(), {}, takes_nothing).value();
  first.pause();
  REQUIRE(loop_until(loop, [&] { return accepted == 1; }));
  CHECK(one_place.admission->taken() == 1);
  recorder second_heard;
  const auto second = stream::connect(loop.raw(), listening.address(), {}, second_heard).value();
  REQUIRE(loop_until(loop, [&] { return accepted == 2; }));
  REQUIRE(
      loop_until(loop, [&] { return one_place.admission->taken() == 0; })); // its own end, and the first's
  first.resume();
  REQUIRE(loop_until(loop, [&] { return takes_nothing.closed.has_value(); }));
  CHECK(takes_nothing.received.size() < 64 << 20);
}

} // namespace coppice::net
