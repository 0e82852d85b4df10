// SPDX-License-Identifier: MIT
// Tests of events that wait because their consumer has no room: the bytes that wait are bounded. A consumer
// that exceeds the bound loses its subscription and the messages that wait for it; other consumers lose
// nothing.
#include <doctest/doctest.h>

#include "driven_stage.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;

namespace {

constexpr std::string_view very_much = "9007199254740992";

std::string binary(std::size_t bytes) {
  return "<<0:" + std::to_string(bytes * 8) + ">>";
}
// A list of one event.
std::string list_of(std::size_t bytes) {
  return "[" + binary(bytes) + "]";
}

// A message takes up to twice its bytes.
message large(std::size_t bytes) {
  runtime::message_writer out;
  out.binary(std::vector<std::uint8_t>(bytes));
  return out.take();
}

runtime::pid here(std::uint32_t id) {
  return {0, 4, id, 0};
}
runtime::pid away(std::uint32_t id) {
  return {1, 4, id, 0};
}

std::vector<subscriber_id> ids(const std::vector<stage_overload>& of) {
  std::vector<subscriber_id> out;
  for (const stage_overload& each : of) out.push_back(each.of);
  return out;
}

using all = std::vector<subscriber_id>;

} // namespace

TEST_CASE("a consumer that asks for very much and has no room is ended as overloaded, and its events go") {
  driven one(stage_role::producer, "[{backlog_bytes,100000}]");
  one.tell(subscribe("<0.7.0>", "t"));
  one.tell(ask("t", very_much));
  one.full = {7};
  std::string said;
  unsigned lists = 0;
  for (; said.empty() && lists < 100; ++lists) {
    REQUIRE(one.engine.subscriptions().size() == 1);
    CHECK(one.engine.subscriptions()[0].backlog <= 100'000);
    CHECK(one.engine.subscriptions()[0].backlog >= lists * 10'000);
    said = one.push(list_of(10'000));
  }
  CHECK(said == " c{t},{cancel,overloaded}} later");
  CHECK(lists > 4);
  CHECK(one.waiting.empty());
  CHECK(one.engine.subscriptions().empty());
  CHECK(one.told.find(",t} does not take its events: " + std::to_string(lists) + " that waited") !=
        std::string::npos);
  CHECK(one.engine.counters().overloaded == lists);
  CHECK(one.engine.counters().delivered == lists);
  CHECK(one.follow(one.engine.go_on()) == " cancelled:overloaded");
  CHECK(one.tell(ask("t", "1")) == " c{t},{cancel,unknown_subscription}}");
  CHECK(one.push("[a]") == "");
  CHECK(one.engine.counters().buffered == 1);
}

TEST_CASE("a consumer that was ended as overloaded may subscribe again at once, and begins anew") {
  driven one(stage_role::producer, "[{backlog_bytes,50000}]");
  one.full = {7};
  for (const char* tag : {"t", "u", "v"}) {
    CAPTURE(tag);
    CHECK(one.tell(subscribe("<0.7.0>", tag)) == "");
    one.tell(ask(tag, very_much));
    CHECK(one.push(list_of(30'000)) == "");
    CHECK(one.push(list_of(30'000)) == " c{" + std::string(tag) + "},{cancel,overloaded}} later");
    CHECK(one.follow(one.engine.go_on()) == " cancelled:overloaded");
  }
  CHECK(one.engine.counters().overloaded == 6);
}

TEST_CASE("what has no room within the bound waits, and comes in order when there is room") {
  driven one(stage_role::producer, "[{backlog_bytes,100000}]");
  one.tell(subscribe("<0.7.0>", "t"));
  one.tell(ask("t", very_much));
  one.full = {7};
  for (int i = 0; i < 100; ++i) CHECK(one.push("[{" + std::to_string(i) + "}]") == "");
  int next = 0;
  one.waiting.drain([&](const runtime::destination& to, const message& m) {
    CHECK(to == runtime::destination(here(7)));
    CHECK(text(m).ends_with(",[{" + std::to_string(next) + "}]}"));
    return ++next != 1000;
  });
  CHECK(next == 100);
  CHECK(one.waiting.empty());
  CHECK(one.engine.counters().overloaded == 0);
  CHECK(one.engine.subscriptions()[0].backlog == 0);
}

TEST_CASE("broadcast: when a consumer without room is ended the others go on at their own pace") {
  driven one(stage_role::producer, "[{dispatcher,broadcast},{backlog_bytes,20000}]");
  one.tell(subscribe("<0.7.0>", "a"));
  one.tell(subscribe("<0.8.0>", "b"));
  one.tell(ask("a", "3"));
  CHECK(one.tell(ask("b", "10")) == " demand:3");
  one.full = {7};
  CHECK(one.push(list_of(10'000)).starts_with(" c{b},"));
  // `a` has not asked for y and z, but `b` has.
  const std::string said = one.push("[" + binary(10'000) + ",x,y,z]");
  CHECK(said.find("c{a},{cancel,overloaded}}") != std::string::npos);
  CHECK(said.ends_with(",x]} c{a},{cancel,overloaded}} later c{b},[y,z]} later"));
  CHECK(one.engine.counters().buffered == 0);
  CHECK(one.follow(one.engine.go_on()) == " cancelled:overloaded");
  CHECK(one.follow(one.engine.go_on()) == " demand:5");
}

TEST_CASE("partition: the place of a consumer that was ended as overloaded is free") {
  driven one(stage_role::producer,
             "[{dispatcher,{partition,[{partitions,2}]}},{backlog_bytes,20000},{buffer_size,5}]");
  one.partitions_in_turn = 0;
  one.tell(subscribe("<0.7.0>", "a", "[{partition,0}]"));
  one.tell(subscribe("<0.8.0>", "b", "[{partition,1}]"));
  one.tell(ask("a", very_much));
  one.tell(ask("b", very_much));
  one.full = {7};
  std::string zeros = "[0";
  for (int i = 1; i < 10'000; ++i) zeros += ",0";
  zeros += "]";
  for (int i = 0; one.waiting.bytes(here(7), 1) < 15'000 && i < 10; ++i) CHECK(one.push(zeros) == "");
  const std::string said = one.push(zeros);
  CHECK(said.find(" c{a},{cancel,overloaded}} later") != std::string::npos);
  CHECK(one.follow(one.engine.go_on()).find(" cancelled:overloaded") == 0);
  CHECK(one.tell(subscribe("<0.9.0>", "c", "[{partition,0}]")).find("bad_opts") == std::string::npos);
  CHECK(one.push("[1]").find(" c{b},[1]}") == 0);
}

TEST_CASE("an ask for what is kept for a partition can be what passes the bound") {
  driven one(stage_role::producer, "[{dispatcher,{partition,[{partitions,2}]}},{backlog_bytes,2000}]");
  one.tell(subscribe("<0.7.0>", "a", "[{partition,0}]"));
  one.tell(subscribe("<0.8.0>", "b", "[{partition,1}]"));
  one.tell(ask("b", "100"));
  std::string zeros = "[0";
  for (int i = 1; i < 100; ++i) zeros += ",0";
  one.push(zeros + "]");
  one.full = {7};
  std::string said;
  for (int i = 0; i < 100 && said.find("overloaded") == std::string::npos; ++i)
    said = one.tell(ask("a", "1"));
  CHECK(said.find(" c{a},{cancel,overloaded}} later") == 0);
  CHECK(one.follow(one.engine.go_on()).find(" cancelled:overloaded") == 0);
}

TEST_CASE("the author's handle_cancel may emit when it hears that a consumer is overloaded") {
  driven one(stage_role::producer, "[{backlog_bytes,20000}]");
  one.emits_when_cancelled = "[back]";
  one.tell(subscribe("<0.7.0>", "t"));
  one.tell(ask("t", very_much));
  one.full = {7};
  one.push(list_of(10'000));
  CHECK(one.push(list_of(10'000)) == " c{t},{cancel,overloaded}} later");
  CHECK(one.follow(one.engine.go_on()) == " cancelled:overloaded");
  CHECK(one.engine.counters().buffered == 1);
  one.tell(subscribe("<0.8.0>", "u"));
  CHECK(one.tell(ask("u", "2")) == " c{u},[back]}");
}

TEST_CASE("a producer is not told of what consumers asked for that have left") {
  driven one(stage_role::producer, "[{demand_step,10}]");
  one.tell(subscribe("<0.7.0>", "t"));
  one.tell(subscribe("<0.8.0>", "u"));
  CHECK(one.tell(ask("t", very_much)) == " later demand:10");
  one.tell("{'$gen_producer',{<0.8.0>,u},{ask,14}}");
  one.tell("{'$gen_producer',{<0.7.0>,t},{cancel,bye}}");
  CHECK(one.follow(one.engine.go_on()) == " demand:4"); // the producer owes ten already
  CHECK(one.follow(one.engine.go_on()) == "");
  CHECK(one.tell("{'$gen_producer',{<0.8.0>,u},{ask,3}}") == " demand:3");
}

TEST_CASE("however much consumers asked for that have left, the next one has its events") {
  driven one(stage_role::producer);
  for (const char* tag : {"a", "b", "c", "d", "e"}) {
    one.tell(subscribe("<0.7.0>", tag));
    one.tell(ask(tag, very_much));
  }
  CHECK(one.follow(one.engine.go_on()) == " later demand:10000");
  for (const char* tag : {"a", "b", "c", "d", "e"})
    one.tell("{'$gen_producer',{<0.7.0>," + std::string(tag) + "},{cancel,bye}}");
  CHECK(one.follow(one.engine.go_on()) == "");
  one.tell(subscribe("<0.7.0>", "f"));
  CHECK(one.tell(ask("f", "20001")) == " demand:1"); // the producer owes twenty thousand already
}

TEST_CASE("a single message larger than the bound waits while nothing else does") {
  stage_backlog waiting;
  CHECK(waiting.add_events(here(7), 1, 1, large(1'000'000), 1000).empty());
  // The next message of the same consumer exceeds the bound.
  CHECK(ids(waiting.add_events(here(7), 1, 1, large(10), 1000)) == all{1});
  CHECK(waiting.empty());
  // Each consumer has a bound of its own.
  CHECK(waiting.add_events(here(7), 1, 1, large(1'000'000), 1000).empty());
  CHECK(waiting.add_events(here(8), 2, 1, large(1'000'000), 1000).empty());
  CHECK(waiting.add(here(7), term("{cancel,bye}")));
  int sent = 0;
  waiting.drain([&sent](const runtime::destination&, const message&) { return ++sent, true; });
  CHECK(sent == 3);
}

TEST_CASE("all consumers of another node have one bound together; the one with most of it is ended") {
  stage_backlog waiting;
  for (std::uint32_t i = 0; i < 4; ++i)
    CHECK(waiting.add_events(away(i + 1), i + 1, 1, large(1000), 100'000).empty());
  for (int i = 0; i < 30; ++i) CHECK(waiting.add_events(away(2), 2, 3, large(1000), 100'000).empty());
  std::vector<stage_overload> ended;
  for (int i = 0; i < 25 && ended.empty(); ++i) {
    ended = waiting.add_events(away(1), 1, 1, large(1000), 100'000);
    if (ended.empty()) ended = waiting.add_events(away(2), 2, 3, large(1000), 100'000);
  }
  REQUIRE(ids(ended) == all{2});
  CHECK(ended[0].events > 3 * 30);
  CHECK(waiting.bytes(away(2), 2) == 0);
  CHECK(waiting.bytes(away(3), 3) > 1000);
  // Many consumers with one message each: the bound of their node holds for all of them together.
  std::size_t gone = 0;
  for (std::uint32_t i = 10; i < 1000; ++i)
    gone += waiting.add_events(away(i), i, 1, large(1000), 100'000).size();
  CHECK(gone > 850); // of 990
  // Consumers of another node, and those of this node, have a bound of their own.
  CHECK(waiting.add_events({2, 4, 1, 0}, 2001, 1, large(40'000), 100'000).empty());
  CHECK(waiting.add_events(here(1), 2002, 1, large(40'000), 100'000).empty());
}

TEST_CASE("two subscriptions of one consumer wait in one line, and each is ended alone") {
  stage_backlog waiting;
  CHECK(waiting.add_events(here(7), 1, 1, term("[a]"), 20'000).empty());
  CHECK(waiting.add_events(here(7), 2, 1, large(6000), 20'000).empty());
  CHECK(waiting.add(here(7), term("stays")));
  CHECK(waiting.add_events(here(7), 1, 1, term("[b]"), 20'000).empty());
  CHECK(ids(waiting.add_events(here(7), 2, 1, large(20'000), 20'000)) == all{2});
  std::string left;
  waiting.drain([&left](const runtime::destination&, const message& m) { return left += text(m), true; });
  CHECK(left == "[a]stays[b]");
}

TEST_CASE("refusals are left out once many wait that are no events, for a consumer here or for a node") {
  stage_backlog waiting;
  const auto fill = [&waiting](const runtime::pid& to) {
    std::size_t count = 0;
    for (; waiting.has_room_for_refusal(to); ++count) CHECK(waiting.add(to, large(10'000)));
    return count;
  };
  CHECK(fill(here(7)) > 10);
  CHECK_FALSE(waiting.has_room_for_refusal(here(7)));
  CHECK(waiting.has_room_for_refusal(here(8)));
  CHECK(fill(away(1)) > 10);
  CHECK_FALSE(waiting.has_room_for_refusal(away(2)));
  waiting.take_line(here(7));
  CHECK(waiting.has_room_for_refusal(here(7)));
}

TEST_CASE("what is no event is not dropped: beyond a bound of its own it is to be taken out") {
  stage_backlog waiting;
  std::size_t count = 0;
  while (waiting.add(away(7), large(1000)) && count < 10'000) ++count;
  CHECK(count > 500);
  CHECK(count < 2000);
  CHECK(waiting.take_line(away(7)).size() == count + 1);
  CHECK(waiting.empty());
  CHECK(waiting.add(runtime::destination::remote("name", 1), large(1000)));
  CHECK(waiting.has(runtime::destination::remote("name", 1)));
  CHECK_FALSE(waiting.has(away(7)));
}
