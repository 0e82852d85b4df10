// SPDX-License-Identifier: MIT
// Tests of what the stage engine guarantees beyond GenStage: bounds, refusals, and renewed subscriptions.
// Random messages check that no consumer gets more than it asked for, and that every lost event is counted.
#include "behaviours/stage/engine.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <set>

#include "driven_stage.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;

TEST_CASE(
    "an ask is an integer of at most 2^53, in any encoding; another ends its subscription and nothing else") {
  for (const char* bad : {"-1", "9007199254740993", "18446744073709551616", "-18446744073709551616"}) {
    CAPTURE(bad);
    driven one(stage_role::producer);
    one.tell(subscribe("<0.7.0>", "t"));
    one.tell(subscribe("<0.8.0>", "u"));
    CHECK(one.tell(ask("t", bad)) ==
          " c{t},{cancel,{bad_demand," + std::string(bad) + "}}} cancelled:{bad_demand," + bad + "}");
    CHECK(one.tell(ask("u", "3")) == " demand:3");
    CHECK(one.engine.counters().malformed == 1);
  }
  // 1000 as a SMALL_BIG_EXT of four bytes
  driven one(stage_role::producer);
  one.tell(subscribe("<0.7.0>", "t"));
  const message written = term(ask("t", "1000"));
  std::vector<std::uint8_t> bytes(written.bytes().begin(), written.bytes().end() - 5);
  for (const int byte : {110, 4, 0, 0xE8, 3, 0, 0}) bytes.push_back(static_cast<std::uint8_t>(byte));
  CHECK(one.follow(one.engine.receive(message::copy_of(bytes))) == " demand:1000");
}

TEST_CASE("asks that add up beyond 2^53 stay there") {
  driven one(stage_role::producer, "[{demand_step,9007199254740992}]");
  one.tell(subscribe("<0.7.0>", "t"));
  CHECK(one.tell(ask("t", "9007199254740992")) == " demand:9007199254740992");
  CHECK(one.tell(ask("t", "9007199254740992")) == "");
}

TEST_CASE("a producer is asked for a step at a time, and what is asked meanwhile waits its turn") {
  driven one(stage_role::producer, "[{demand_step,10}]");
  one.tell(subscribe("<0.7.0>", "t"));
  CHECK(one.tell(ask("t", "25")) == " later demand:10");
  CHECK(one.tell(ask("t", "2")) == "");
  CHECK(one.follow(one.engine.go_on()) == " later demand:10");
  CHECK(one.follow(one.engine.go_on()) == " demand:7");
  CHECK(one.follow(one.engine.go_on()) == "");
}

TEST_CASE("a producer that sends more than twice its maximum beyond what it was asked for is cancelled") {
  driven one(stage_role::consumer);
  message reply;
  one.follow(
      one.engine.call(term("{'$subscribe',nil,<0.9.0>,[{max_demand,2},{min_demand,1}]}").bytes(), reply));
  CHECK(text(reply) == "{ok,{ref,1}}");
  one.said();
  CHECK(one.tell("{'$gen_consumer',{<0.9.0>,{ref,1}},[a,b,c,d,e,f]}").find("cancel") == std::string::npos);
  CHECK(one.tell("{'$gen_consumer',{<0.9.0>,{ref,1}},[a,b,c,d]}").find("cancel") == std::string::npos);
  CHECK(one.tell("{'$gen_consumer',{<0.9.0>,{ref,1}},[a,b,c,d,e,f,g]}") ==
        " p{{ref,1}},{cancel,excess_events}} cancelled:excess_events");
  CHECK(one.tell("{'$gen_consumer',{<0.9.0>,{ref,1}},[a]}") == " p{{ref,1}},{cancel,unknown_subscription}}");
  CHECK(one.engine.counters().excess == 4 + 2 + 5);
}

TEST_CASE("a subscription of the options is made again, later each time, until events come") {
  stage_options options = default_options(stage_role::consumer);
  options.subscribe_to.push_back(
      {term("nobody"), term("[]"), base::nanos_per_second, 3 * base::nanos_per_second});
  options.subscribe_to.push_back(
      {term("up"), term("[{max_demand,4}]"), base::nanos_per_second, base::nanos_per_second});
  driven one(stage_role::consumer, "[]", options);
  CHECK(one.follow(one.engine.start()) ==
        " again:0,1s p{{ref,2}},{subscribe,nil,[{max_demand,4}]}} p{{ref,2}},{ask,4}}");
  CHECK(one.follow(one.engine.subscribe_again(0)) == " again:0,2s");
  CHECK(one.follow(one.engine.subscribe_again(0)) == " again:0,3s");
  CHECK(one.follow(one.engine.down(term("{ref,2}").bytes(), term("boom").bytes())) ==
        " down:boom again:1,1s");
}

TEST_CASE("a buffer is bounded in bytes as well, and what is kept holds no more memory than it is") {
  driven one(stage_role::producer, "[{buffer_bytes,100}]");
  CHECK(one.push("[<<0:320>>]") == "");
  CHECK(one.push("[<<1:320>>]") == "");
  CHECK(one.push("[<<2:320>>]") == " dropped:1");
  driven first(stage_role::producer, "[{buffer_bytes,100},{buffer_keep,first}]");
  CHECK(first.push("[<<0:320>>]") == "");
  CHECK(first.push("[<<1:320>>,<<2:320>>]") == " dropped:1");
  std::vector<std::uint8_t> large(1 << 20, 0);
  runtime::message_writer out;
  out.list(2);
  out.binary(large);
  out.unsigned_integer(1);
  out.nil();
  auto events = event_list::of(out.take());
  events->drop(1);
  CHECK(events->compact().list().footprint() < 4096);
}

TEST_CASE("what accumulates is bounded as the buffer is") {
  driven last(stage_role::producer, "[{demand,accumulate},{buffer_size,3}]");
  CHECK(last.push("[1,2]") == "");
  CHECK(last.push("[3,4]") == " dropped:1");
  last.tell(subscribe("<0.7.0>", "t"));
  last.tell(ask("t", "9"));
  CHECK(last.cast("{'$demand',forward}") == " c{t},[2,3,4]} demand:9");
  driven first(stage_role::producer, "[{demand,accumulate},{buffer_size,3},{buffer_keep,first}]");
  first.push("[1,2]");
  CHECK(first.push("[3,4]") == " dropped:1");
}

TEST_CASE("what accumulates is bounded in bytes as well") {
  driven one(stage_role::producer, "[{demand,accumulate},{buffer_bytes,100}]");
  CHECK(one.push("[<<0:320>>]") == "");
  CHECK(one.push("[<<1:320>>]") == "");
  CHECK(one.push("[<<2:320>>]") == " dropped:1");
}

TEST_CASE("whatever the order of events and demand, what accumulates is bounded, and comes in its order") {
  constexpr std::uint64_t many = 100'000;
  held_back held;
  const auto store = [&held](std::uint64_t number) {
    runtime::message_writer out;
    out.list(1);
    out.tuple(1);
    out.unsigned_integer(number);
    out.nil();
    return held.store(*event_list::of(out.take()), {3, 1 << 20, buffer_keep::last});
  };
  std::uint64_t dropped = 0;
  for (std::uint64_t number = 0; number < many; ++number) {
    held.ask(1);
    dropped += store(number);
  }
  CHECK(dropped == many - 3);
  CHECK(held.events() == 3);
  CHECK(held.demand() == many);
  CHECK(held.asks() == held_back::most_asks);
  std::string events;
  std::uint64_t asked = 0;
  while (const auto each = held.take()) {
    if (const auto* const list = std::get_if<event_list>(&*each))
      events += test::text(list->list());
    else
      asked += std::get<std::uint64_t>(*each);
  }
  CHECK(asked == many);
  CHECK(events == "[{99997},{99998}][{99999}]");
  CHECK(held.demand() == 0);
  held.ask(2);
  store(1);
  held.ask(3);
  store(2);
  std::string order;
  while (const auto each = held.take()) {
    const auto* const list = std::get_if<event_list>(&*each);
    order += list != nullptr ? test::text(list->list()) : std::to_string(std::get<std::uint64_t>(*each));
  }
  CHECK(order == "2[{1}]3[{2}]");
}

TEST_CASE("what a handle_cancel emits is not lost with the consumer that leaves") {
  driven one(stage_role::producer);
  one.emits_when_cancelled = "[back]";
  one.tell(subscribe("<0.7.0>", "t"));
  one.tell(ask("t", "5"));
  CHECK(one.tell("{'$gen_producer',{<0.7.0>,t},{cancel,bye}}") == " c{t},{cancel,bye}} cancelled:bye");
  CHECK(one.engine.counters().buffered == 1);
}

TEST_CASE(
    "with the dispatcher `callback` events go to who subscribed with their number, and to nobody else") {
  driven one(stage_role::producer, "[{dispatcher,callback}]");
  one.tell(subscribe("<0.7.0>", "t", "[{partition,4}]"));
  one.tell(subscribe("<0.8.0>", "u", "[{partition,6}]"));
  CHECK(one.tell(subscribe("<0.8.0>", "v", "[{partition,6}]")).find("bad_opts") != std::string::npos);
  CHECK(one.tell(subscribe("<0.8.0>", "w", "[{partition,x}]")).find("bad_opts") != std::string::npos);
  one.tell(ask("t", "2"));
  one.tell(ask("u", "9"));
  CHECK(one.push("[4,5,6,none,4,4]") == " c{t},[4,4]} c{u},[6]} later");
  CHECK(one.engine.counters().unrouted == 2);
  CHECK(one.tell(ask("t", "1")) == " c{t},[4]}");
  CHECK(one.follow(one.engine.go_on()) == " demand:3"); // one for t, and two for the events that went nowhere
  one.tell("{'$gen_producer',{<0.7.0>,t},{cancel,bye}}");
  CHECK(one.push("[4,6]") == " c{u},[6]} later");
}

TEST_CASE("no more than 10,000 may subscribe") {
  driven one(stage_role::producer);
  for (int i = 0; i < 10'000; ++i) one.tell(subscribe("<0.7.0>", std::to_string(i)));
  CHECK(one.tell(subscribe("<0.7.0>", "more")) == " c{more},{cancel,too_many_subscriptions}}");
}

TEST_CASE("options that are wrong say what is wrong with them") {
  const auto why = [](stage_role role, std::string_view options) {
    const auto made = read_stage_options(role, term(options).bytes(), default_options(role));
    return made ? "none" : made.error().text;
  };
  CHECK(why(stage_role::producer, "[{buffer_size,-1}]") ==
        "buffer_size is to be an integer of 0 or more, not -1");
  CHECK(why(stage_role::producer, "[{buffer_keep,x}]") == "buffer_keep is to be last or first, not x");
  CHECK(why(stage_role::producer, "[{subscribe_to,[]}]") ==
        "a stage of this kind has no option subscribe_to");
  CHECK(why(stage_role::consumer, "[{subscribe_to,[{up,[{max_demand,2},{min_demand,2}]}]}]") ==
        "min_demand is to be an integer from 0 to 1, not 2");
  CHECK(why(stage_role::producer, "[{dispatcher,{partition,[{partitions,[a,b]}]}}]") == "none");
  CHECK(why(stage_role::producer_consumer, "[{buffer_size,infinity},{subscribe_to,[up]}]") == "none");
}

TEST_CASE(
    "broadcast: what came when nobody could take it goes to the next who asks, before what comes later") {
  driven one(stage_role::producer, "[{dispatcher,broadcast}]");
  one.tell(subscribe("<0.7.0>", "a"));
  CHECK(one.tell(ask("a", "10")) == " demand:10");
  one.tell("{'$gen_producer',{<0.7.0>,a},{cancel,bye}}");
  CHECK(one.push("[1,2,3,4]") == "");
  one.tell(subscribe("<0.7.0>", "b"));
  CHECK(one.tell(ask("b", "5")) == " c{b},[1,2,3,4]}"); // the producer still owes six
  CHECK(one.push("[5,6,7,8,9,10]") == " c{b},[5]}");
  CHECK(one.tell(ask("b", "5")) == " c{b},[6,7,8,9,10]}");
  CHECK(one.tell(ask("b", "2")) == " demand:2");
}

TEST_CASE("broadcast: a consumer that comes while events are asked for stops nobody for good") {
  driven one(stage_role::producer, "[{dispatcher,broadcast}]");
  one.tell(subscribe("<0.7.0>", "a"));
  CHECK(one.tell(ask("a", "3")) == " demand:3");
  one.tell(subscribe("<0.8.0>", "b"));
  CHECK(one.push("[1,2,3]") == "");
  CHECK(one.tell(ask("b", "2")) == " c{b},[1,2]} c{a},[1,2]}");
  CHECK(one.tell(ask("b", "1")) == " c{b},[3]} c{a},[3]}");
  CHECK(one.tell(ask("a", "5")) == "");
  CHECK(one.tell(ask("b", "5")) == " demand:5");
}

TEST_CASE(
    "events in the buffer leave before later ones, also while the producer owes some of those asked for") {
  driven one(stage_role::producer);
  one.tell(subscribe("<0.7.0>", "a"));
  CHECK(one.tell(ask("a", "10")) == " demand:10");
  one.tell("{'$gen_producer',{<0.7.0>,a},{cancel,bye}}");
  CHECK(one.push("[1,2,3,4]") == "");
  one.tell(subscribe("<0.7.0>", "b"));
  CHECK(one.tell(ask("b", "5")) == " c{b},[1,2,3,4]}");
  CHECK(one.push("[5,6,7]") == " c{b},[5]}");
  CHECK(one.tell(ask("b", "9")) == " c{b},[6,7]} demand:4"); // the producer still owes three of the ten
}

TEST_CASE(
    "a producer_consumer whose consumers left with demand takes no more from above than they asked for") {
  driven one(stage_role::producer_consumer);
  one.passes = true;
  message reply;
  one.follow(
      one.engine.call(term("{'$subscribe',nil,<0.9.0>,[{max_demand,2},{min_demand,0}]}").bytes(), reply));
  one.tell(subscribe("<0.7.0>", "a"));
  one.tell(ask("a", "2"));
  one.tell("{'$gen_producer',{<0.7.0>,a},{cancel,bye}}");
  const std::string_view two = "{'$gen_consumer',{<0.9.0>,{ref,1}},[1,2]}";
  CHECK(one.tell(two).find("events:[1,2]") != std::string::npos);
  CHECK(one.tell(two) == "");
  CHECK(one.engine.counters().waiting == 2);
  CHECK(one.engine.counters().buffered == 2);
}

TEST_CASE("partition: events that were asked for by a consumer that left use up nobody's demand") {
  driven one(stage_role::producer, "[{dispatcher,{partition,[{partitions,2}]}}]");
  one.tell(subscribe("<0.7.0>", "a", "[{partition,0}]"));
  CHECK(one.tell(ask("a", "10")) == " demand:10");
  one.tell("{'$gen_producer',{<0.7.0>,a},{cancel,bye}}");
  CHECK(one.push("[1,1,1,1,1,1,1,0,0,0]") == "");
  one.tell(subscribe("<0.7.0>", "b", "[{partition,0}]"));
  CHECK(one.tell(ask("b", "10")) == " c{b},[0,0,0]} demand:7");
  CHECK(one.push("[0,1,1]") == " c{b},[0]}");
  one.tell(subscribe("<0.8.0>", "c", "[{partition,1}]"));
  CHECK(one.tell(ask("c", "9")) == " c{c},[1,1,1,1,1,1,1,1,1]} demand:2");
}

TEST_CASE(
    "partition: no more events wait for consumers to come than the buffer holds, however often others "
    "restart") {
  driven one(stage_role::producer, "[{buffer_size,5},{dispatcher,{partition,[{partitions,2}]}}]");
  for (int i = 0; i < 20; ++i) {
    one.tell(subscribe("<0.7.0>", "a", "[{partition,0}]"));
    one.tell(ask("a", "4"));
    one.tell("{'$gen_producer',{<0.7.0>,a},{cancel,bye}}");
    one.push("[1,1,1,1]");
  }
  // The queue, the demand that a consumer had beyond the queue, and the buffer.
  CHECK(one.engine.counters().buffered <= 5 + 4 + 5);
  CHECK(one.engine.counters().buffered + one.engine.counters().dropped == 20 * 4);
}

TEST_CASE(
    "partition: events that `choose` sends nowhere, or to no partition, are asked for again, in a later "
    "turn") {
  driven one(stage_role::producer, "[{dispatcher,{partition,[{partitions,2}]}}]");
  one.tell(subscribe("<0.7.0>", "a", "[{partition,0}]"));
  CHECK(one.tell(ask("a", "4")) == " demand:4");
  CHECK(one.push("[none,0,7,none]") == " c{a},[0]} later");
  CHECK(one.follow(one.engine.go_on()) == " demand:3");
  CHECK(one.push("[none]") == " later");
  CHECK(one.push("[0,none]") == " c{a},[0]}");
  CHECK(one.follow(one.engine.go_on()) == " demand:2");
  CHECK(one.push("[0,0]") == " c{a},[0,0]}");
  CHECK(one.engine.counters().unrouted == 5);
}

TEST_CASE("partition: messages that wait for their place behind events are bounded") {
  driven one(stage_role::producer, "[{dispatcher,{partition,[{partitions,2}]}}]");
  one.tell(subscribe("<0.7.0>", "a", "[{partition,0}]"));
  one.tell(ask("a", "10"));
  one.push("[1]"); // for partition 1, which has no consumer yet
  message reply;
  std::size_t taken = 0;
  const message inform = term("{'$info',hello}");
  for (; taken <= stage_buffer::most_messages; ++taken) {
    one.follow(one.engine.call(inform.bytes(), reply));
    if (text(reply) != "ok") break;
  }
  CHECK(text(reply) == "{error,full}");
  CHECK(taken == stage_buffer::most_messages);
}

TEST_CASE("lists without events are nothing that waits, however many come") {
  driven one(stage_role::producer_consumer);
  message reply;
  one.follow(one.engine.call(term("{'$subscribe',nil,<0.9.0>,[]}").bytes(), reply));
  REQUIRE(text(reply) == "{ok,{ref,1}}");
  for (std::size_t i = 0; i <= stage_buffer::most_messages; ++i)
    one.tell("{'$gen_consumer',{<0.9.0>,{ref,1}},[]}");
  one.follow(one.engine.call(term("{'$info',hello}").bytes(), reply));
  CHECK(text(reply) == "ok");
}

TEST_CASE(
    "what another node sends in the name of a process that is not its own is not answered to that one") {
  driven one(stage_role::producer);
  one.tell(subscribe("<0.7.0>", "t"));
  one.impostor = 7;
  CHECK(one.tell(ask("t", "1")) == "");
  CHECK(one.tell(ask("u", "1")) == "");
  CHECK(one.engine.counters().malformed == 2);
  one.impostor = 0;
  CHECK(one.tell(ask("t", "1")) == " demand:1");
}

TEST_CASE(
    "over random asks, cancels, subscriptions and events that come late nobody gets more than it asked for, "
    "each has its events in order, none is lost, and all goes on") {
  static constexpr const char* dispatchers[] = {"demand", "broadcast", "{partition,[{partitions,3}]}",
                                                "callback"};
  for (unsigned seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&random](unsigned below) { return static_cast<unsigned>(random() % below); };
    const unsigned kind = seed % 4;
    const bool broadcasts = kind == 1;
    driven one(stage_role::producer,
               std::string("[{buffer_size,20},{demand_step,7},{dispatcher,") + dispatchers[kind] + "}]");
    one.partitions_in_turn = kind < 2 ? 0 : 3;
    struct consumer {
      std::uint64_t asked = 0, got = 0;
      std::optional<std::uint64_t> last{};
      std::string tag{};
    };
    std::map<std::string, consumer> subscribed;
    std::set<std::uint64_t> handed; // events that any consumer got
    std::uint64_t delivered = 0, emitted = 0, paid = 0;
    unsigned tags = 0;
    one.on_events = [&](const message& m) {
      etf::cursor at(m.bytes());
      etf::bytes party, list;
      at.read_tuple_of(3);
      at.skip();
      at.read_term(party);
      at.read_term(list);
      etf::cursor in(party);
      in.read_tuple_of(2);
      in.skip();
      consumer& to = subscribed[etf::print(in.rest())];
      event_list::of(message::copy_of(list))->each([&](const message& event) {
        std::uint64_t number = 0;
        REQUIRE(etf::cursor(event.bytes()).read_unsigned(number));
        CHECK((!to.last || number > *to.last));
        to.last = number;
        ++to.got;
        ++delivered;
        CHECK((handed.insert(number).second || broadcasts));
      });
      CHECK(to.got <= to.asked);
    };
    const auto emit = [&](std::uint64_t count) {
      std::string list;
      for (; count != 0; --count) list += (list.empty() ? "" : ",") + std::to_string(emitted++);
      one.push("[" + list + "]");
    };
    // Emits some of the events that were asked for.
    const auto pay = [&](std::uint64_t most) {
      const std::uint64_t count = std::min(most, one.owes - paid);
      paid += count;
      emit(count);
    };
    std::array<std::string, 3> of; // the tag of each consumer; empty: it is not subscribed
    const auto join = [&](unsigned who) {
      of[who] = std::to_string(100 + tags++);
      subscribed[of[who]];
      one.tell(subscribe("<0." + std::to_string(50 + who) + ".0>", of[who],
                         "[{partition," + std::to_string(who) + "}]"));
    };
    const auto ask_for = [&](unsigned who, unsigned count) {
      subscribed[of[who]].asked += count;
      one.tell(ask(of[who], std::to_string(count)));
    };
    for (int step = 0; step < 200; ++step) {
      const unsigned who = pick(3);
      switch (pick(8)) {
        case 0:
          if (of[who].empty()) join(who);
          break;
        case 1:
          if (pick(4) == 0 && !of[who].empty()) {
            one.tell("{'$gen_producer',{<0.7.0>," + of[who] + "},{cancel,bye}}");
            of[who].clear();
          }
          break;
        case 2:
          if (pick(4) == 0) emit(pick(9)); // events that no consumer asked for
          break;
        case 3:
        case 4:
          pay(pick(9));
          break;
        case 5:
          if (pick(4) == 0)
            one.cast(pick(2) == 0 ? "{'$demand',accumulate}" : "{'$demand',forward}");
          else
            one.follow(one.engine.go_on());
          break;
        default:
          if (!of[who].empty()) ask_for(who, pick(6));
      }
    }
    const stage_counters counted = one.engine.counters();
    CHECK(counted.emitted == emitted);
    CHECK(counted.delivered == delivered);
    CHECK(emitted == handed.size() + counted.buffered + counted.dropped + counted.unrouted);
    one.cast("{'$demand',forward}");
    // From here on all three consumers are subscribed and ask for more as they get events, and the producer
    // emits what is asked for: each consumer must get events.
    std::array<std::uint64_t, 3> before{};
    for (unsigned who = 0; who < 3; ++who) {
      if (of[who].empty()) join(who);
      before[who] = subscribed[of[who]].got;
    }
    for (int round = 0; round < 40; ++round) {
      for (unsigned who = 0; who < 3; ++who) {
        const consumer& one_of = subscribed[of[who]];
        if (one_of.asked - one_of.got < 4) ask_for(who, 4);
      }
      pay(100);
      one.follow(one.engine.go_on());
    }
    for (unsigned who = 0; who < 3; ++who) CHECK(subscribed[of[who]].got >= before[who] + 20);
  }
}
