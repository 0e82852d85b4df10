// SPDX-License-Identifier: MIT
// Tests of coppice/testing/stage.hpp with the stages of the bundled pipeline: what a test asks for and
// gives, what the stages ask for and send, in which batches, how subscriptions end, and a reload.
#include <doctest/doctest.h>
#include <coppice/testing/order.hpp>
#include <coppice/testing/stage.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
namespace etf = coppice::etf;

namespace {

using numbers = std::vector<std::int64_t>;

struct pace {
  static constexpr etf::form etf_form = etf::form::map;
  std::int64_t every = 1000; // ms
};

plugin numbers_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/numbers.so");
}
template <class Value>
value option(std::string_view key, const Value& is) {
  return std::pair(etf::atom{key}, is);
}
value subscription(std::uint64_t max, std::uint64_t min, std::string_view cancel = "permanent") {
  return std::vector<value>{option("max_demand", max), option("min_demand", min),
                            option("cancel", etf::atom{cancel})};
}

} // namespace

TEST_CASE("a producer gives what it is asked for, each number to one consumer") {
  const plugin from = numbers_plugin();
  actor counter(from, {.actor = "counter"});
  REQUIRE(counter.status() == COPPICE_OK);
  consumer_below one(counter);
  consumer_below other(counter, std::vector<value>{}, std::pair(1, 2));
  CHECK(one.tag() != other.tag());
  CHECK(other.tag() == value(std::pair(1, 2)));
  CHECK(one.ask(3).take<std::int64_t>() == numbers{0, 1, 2});
  CHECK(other.ask(2).take<std::int64_t>() == numbers{3, 4});
  CHECK(one.take().empty());
  CHECK(one.ask(0).take().empty());
  CHECK(one.asked() == 3);
  CHECK(one.received() == 3);
  CHECK(counter.call(etf::constant<"count">{}) == 5);
  CHECK(buffered(counter) == 0);
  CHECK(counter.did.complaints.empty());
}

TEST_CASE("a tag that is taken is refused; who has left is sent nothing") {
  const plugin from = numbers_plugin();
  actor counter(from, {.actor = "counter"});
  consumer_below one(counter, std::vector<value>{}, atom("tag"));
  consumer_below same(counter, std::vector<value>{}, atom("tag"));
  CHECK_FALSE(same.subscribed());
  CHECK(same.cancelled() == atom("duplicated_subscription"));
  REQUIRE(counter.did.logs.size() == 1); // as a node logs it
  CHECK(counter.did.logs[0].text.find("a second subscription with one tag is refused") == 0);
  one.cancel(atom("enough"));
  CHECK_FALSE(one.subscribed());
  CHECK(one.cancelled() == atom("enough"));
  CHECK(one.ask(5).take().empty());
  CHECK(counter.call(etf::constant<"count">{}) == 0);
  CHECK(counter.alive());
  consumer_below again(counter, std::vector<value>{}, atom("tag"));
  CHECK(again.ask(1).take<std::int64_t>() == numbers{0});
}

TEST_CASE("demand comes in steps, or accumulates until the producer forwards it") {
  const plugin from = numbers_plugin();
  actor counter(from, {.actor = "counter"});
  configure_stage(counter, std::vector<value>{option("demand_step", 10)});
  consumer_below one(counter);
  CHECK(one.ask(25).take().size() == 25);
  CHECK_THROWS_AS(configure_stage(counter, std::vector<value>{option("demand_step", 5)}), failure);

  actor waits(from, {.actor = "counter"});
  configure_stage(waits, std::vector<value>{option("demand", etf::atom{"accumulate"})});
  consumer_below patient(waits);
  CHECK(patient.ask(4).take().empty());
  CHECK(waits.call(etf::constant<"count">{}) == 0);
}

TEST_CASE("all get the same, as fast as the slowest asks") {
  const plugin from = numbers_plugin();
  actor counter(from, {.actor = "counter"});
  configure_stage(counter, std::vector<value>{option("dispatcher", etf::atom{"broadcast"})});
  consumer_below fast(counter);
  consumer_below slow(counter);
  CHECK(fast.ask(10).take().empty());
  CHECK(slow.ask(3).take<std::int64_t>() == numbers{0, 1, 2});
  CHECK(fast.take<std::int64_t>() == numbers{0, 1, 2});
  slow.cancel(atom("normal"));
  CHECK(fast.take().size() == 7);
}

TEST_CASE("each goes to its partition, by the event's hash") {
  const plugin from = numbers_plugin();
  actor counter(from, {.actor = "counter"});
  const value two = std::pair(etf::atom{"partition"}, std::vector<value>{option("partitions", 2)});
  configure_stage(counter, std::vector<value>{option("dispatcher", two)});
  consumer_below nowhere(counter);
  CHECK_FALSE(nowhere.subscribed());
  CHECK(nowhere.cancelled() ==
        value(std::pair(etf::atom{"bad_opts"}, std::string("it has to name its partition"))));
  consumer_below first(counter, std::vector<value>{option("partition", 0)});
  consumer_below second(counter, std::vector<value>{option("partition", 1)});
  consumer_below taken(counter, std::vector<value>{option("partition", 1)});
  CHECK_FALSE(taken.subscribed());
  first.ask(10);
  second.ask(10);
  const auto come = [](consumer_below& one, std::uint32_t partition) {
    const auto events = one.take();
    for (const value& each : events) {
      const coppice_bytes term{each.bytes().data(), each.bytes().size()};
      CHECK(detail::hash(term) % 2 == partition);
    }
    return events.size();
  };
  const std::size_t all = come(first, 0) + come(second, 1);
  CHECK(all + buffered(counter) == 20);
  CHECK(dropped(counter) == 0);
}

TEST_CASE("between producer and consumer: it doubles what those below want, and asks for more above") {
  const plugin from = numbers_plugin();
  actor doubler(from, {.actor = "doubler"});
  producer_above above(doubler, subscription(10, 5), atom("counter"));
  CHECK(above.name() == atom("counter"));
  CHECK(above.asks() == std::vector<std::uint64_t>{10});
  consumer_below below(doubler);
  above.deliver(numbers{1, 2, 3, 4, 5});
  CHECK(below.take().empty()); // no consumer has asked yet, so no more is asked of the producer
  CHECK(above.asked() == 10);
  CHECK(below.ask(3).take<std::int64_t>() == numbers{2, 4, 6});
  CHECK(buffered(doubler) == 2);
  CHECK(above.asks() == std::vector<std::uint64_t>{10, 5});
  CHECK(below.ask(3).take<std::int64_t>() == numbers{8, 10});
  above.deliver(numbers{6, 7});
  CHECK(below.take<std::int64_t>() == numbers{12});
  CHECK(buffered(doubler) == 1);
}

TEST_CASE("a consumer handles lists in batches, and asks after each; time passes on the test's clock") {
  const plugin from = numbers_plugin();
  actor printer(from, {.actor = "printer", .args = pace{}});
  producer_above above(printer, subscription(4, 2));
  const nanoseconds begin = printer.now();
  above.deliver(numbers{0, 2, 4, 6});
  CHECK(printer.now() - begin == 2s); // two batches
  CHECK(above.asks() == std::vector<std::uint64_t>{4, 2, 2});
  CHECK(printer.call(etf::constant<"count">{}) == value(std::tuple(etf::atom{"printed"}, 4, 6, 0)));
  CHECK_THROWS_AS(consumer_below{printer}, failure);
}

TEST_CASE("a producer that gives too much, or no proper list, is left, and its consumer lives") {
  const std::uint8_t improper[] = {108, 0, 0, 0, 1, 97, 1, 97, 2}; // [1|2]
  const plugin from = numbers_plugin();
  actor printer(from, {.actor = "printer"});
  producer_above greedy(printer, subscription(2, 1));
  greedy.deliver(numbers{0, 2, 4, 6});
  CHECK(greedy.subscribed());
  greedy.deliver(numbers(10));
  CHECK_FALSE(greedy.subscribed());
  CHECK(greedy.cancelled() == atom("excess_events"));
  producer_above wrong(printer);
  wrong.deliver(value::of(improper));
  CHECK(wrong.cancelled() == atom("bad_events"));
  producer_above stray(printer);
  stray.deliver(atom("none")); // treated as any other message
  CHECK(stray.subscribed());
  CHECK(printer.alive());
}

TEST_CASE("the end of a subscription ends its consumer as its cancel says") {
  const plugin from = numbers_plugin();
  actor stays(from, {.actor = "printer"});
  producer_above temporary(stays, subscription(4, 2, "temporary"));
  temporary.down(atom("killed"));
  CHECK(stays.alive());
  producer_above transient(stays, subscription(4, 2, "transient"));
  transient.cancel(atom("shutdown"));
  CHECK(stays.alive());
  producer_above failed(stays, subscription(4, 2, "transient"));
  failed.down(atom("noconnection"));
  CHECK_FALSE(stays.alive());
  CHECK(stays.reason() == atom("noconnection"));
  CHECK_THROWS_AS(producer_above{stays}, failure);

  actor ends(from, {.actor = "printer"});
  producer_above other(ends, subscription(4, 2, "temporary"));
  producer_above permanent(ends, subscription(4, 2));
  permanent.cancel(atom("normal"));
  CHECK(ends.reason() == atom("normal"));
  CHECK_FALSE(other.subscribed());
}

TEST_CASE("a subscription that is to be made again is, on the test's clock") {
  const plugin from = numbers_plugin();
  actor printer(from, {.actor = "printer"});
  const value again =
      std::vector<value>{option("cancel", etf::atom{"temporary"}),
                         option("resubscribe", std::pair(nanoseconds(1s).count(), nanoseconds(4s).count()))};
  const value wanted = std::pair(etf::atom{"spring"}, again.term());
  configure_stage(printer, std::vector<value>{option("subscribe_to", std::vector<value>{wanted})});
  REQUIRE(producer_above::of(printer).size() == 1);
  producer_above::of(printer)[0].down(atom("killed"));
  printer.advance(999ms);
  CHECK(producer_above::of(printer).size() == 1);
  printer.advance(1ms);
  REQUIRE(producer_above::of(printer).size() == 2);
  CHECK(producer_above::of(printer)[1].name() == atom("spring"));
}

TEST_CASE("what cannot be is refused") {
  const plugin from = numbers_plugin();
  actor counter(from, {.actor = "counter"});
  CHECK_THROWS_AS(producer_above{counter}, failure);
  actor printer(from, {.actor = "printer"});
  CHECK_THROWS_AS((producer_above{printer, subscription(2, 2)}), failure);
  CHECK_THROWS_AS((producer_above{printer, subscription(2, 1, "never")}), failure);
  CHECK_THROWS_AS(configure_stage(printer, std::vector<value>{option("buffer_size", 1)}), failure);
  CHECK_THROWS_AS(configure_stage(counter, std::vector<value>{option("dispatcher", etf::atom{"x"})}),
                  failure);
  actor job(from, {.actor = "job", .args = std::map<std::string, int>{}});
  CHECK_THROWS_AS(buffered(job), failure);
}

TEST_CASE("over a reload subscriptions, demand and what is buffered stay") {
  const plugin from = numbers_plugin();
  actor doubler(from, {.actor = "doubler"});
  producer_above above(doubler, subscription(10, 5));
  consumer_below below(doubler);
  below.ask(2);
  above.deliver(numbers{1, 2, 3});
  const saved_state saved = doubler.save();
  above.deliver(numbers{4}); // sent during the reload
  actor next = actor::restored(from, saved, {.actor = "doubler"});
  REQUIRE(next.status() == COPPICE_OK);
  CHECK(below.take<std::int64_t>() == numbers{2, 4});
  CHECK(below.ask(3).take<std::int64_t>() == numbers{6, 8});
  CHECK(above.deliver(numbers{5, 6}).asked() == 16);
  CHECK(below.take<std::int64_t>() == numbers{10});
  CHECK(buffered(next) == 1);
}

// ---- fixture `stages`: callbacks and calls of the stages themselves ----

TEST_CASE("its init configures it, before a configuration; what it emits there is refused") {
  const plugin from = fixture("stages");
  actor source(from, {.actor = "source", .args = std::vector<value>{option("buffer_size", 2)}});
  REQUIRE(source.status() == COPPICE_OK);
  configure_stage(source,
                  std::vector<value>{option("buffer_size", 100), option("buffer_keep", etf::atom{"first"})});
  source.cast(numbers{1, 2, 3});
  CHECK(buffered(source) == 2);
  CHECK(dropped(source) == 1);
  CHECK(source.did.sent.back().term == value(std::pair(etf::atom{"discarded"}, 1)));
  CHECK(source.did.logs.empty()); // the stage wants no log line about it
  consumer_below below(source);
  CHECK(below.ask(5).take<std::int64_t>() == numbers{1, 2});
  CHECK(source.did.complaints.empty());

  actor wrong(from, {.actor = "source", .args = std::vector<value>{option("nothing", 2)}});
  CHECK_FALSE(wrong.alive());
  actor early(from, {.actor = "source", .args = atom("emit")});
  CHECK_FALSE(early.alive());
  REQUIRE(early.did.complaints.size() == 1);
  CHECK(early.did.complaints[0].find("no events can be emitted") != std::string::npos);
}

TEST_CASE("choose says where an event goes: to a partition, by its hash, or nowhere") {
  const plugin from = fixture("stages");
  actor source(from, {.actor = "source"});
  configure_stage(source, std::vector<value>{option("dispatcher", etf::atom{"callback"})});
  consumer_below zero(source, std::vector<value>{option("partition", 0)});
  consumer_below seven(source, std::vector<value>{option("partition", 7)});
  zero.ask(2);
  seven.ask(2);
  source.cast(numbers{0, 7, -1, 5, 7, 7, 0});
  CHECK(zero.take<std::int64_t>() == numbers{0});
  CHECK(seven.take<std::int64_t>() == numbers{7, 7});
  CHECK(dropped(source) == 2);  // -1 goes nowhere, and there is no partition 5
  CHECK(buffered(source) == 2); // 7 waits for its consumer, 0 for demand
  CHECK(seven.ask(1).take<std::int64_t>() == numbers{7});
  CHECK(zero.take<std::int64_t>() == numbers{0});
}

TEST_CASE("a choose that fails is logged, and its error is not the reason of the end that follows") {
  const plugin from = fixture("stages");
  actor source(from, {.actor = "source"});
  configure_stage(source, std::vector<value>{option("dispatcher", etf::atom{"callback"})});
  consumer_below zero(source, std::vector<value>{option("partition", 0)});
  zero.ask(2);
  source.cast(atom("leave"));
  REQUIRE_FALSE(source.did.logs.empty());
  CHECK(source.did.logs[0].text.starts_with("choose of source failed: "));
  CHECK(source.did.logs[0].text.ends_with(": an event goes nowhere"));
  CHECK(source.reason() == atom("normal"));
}

TEST_CASE("demand is held back and let through; a message to itself follows what is buffered") {
  const plugin from = fixture("stages");
  actor source(from, {.actor = "source"});
  source.cast(atom("accumulate"));
  consumer_below below(source);
  below.ask(3);
  source.cast(numbers{1});
  CHECK(source.did.sent.empty());
  CHECK(below.take().empty());
  source.cast(atom("forward"));
  CHECK(below.take<std::int64_t>() == numbers{1});
  CHECK(source.did.sent.back().term == value(std::pair(etf::atom{"wanted"}, 3)));
  source.cast(numbers{2, 3, 4});
  source.cast(atom("inform"));
  CHECK(source.did.sent.back().term != atom("informed"));
  below.ask(1);
  CHECK(source.did.sent.back().term == atom("informed"));
  CHECK(below.take<std::int64_t>() == numbers{2, 3, 4});
  source.cast(atom("cancel_all"));
  CHECK(below.cancelled() == atom("closing"));
  CHECK(source.did.sent.back().term == value(std::tuple(etf::atom{"left"}, 1, etf::atom{"closing"})));
}

TEST_CASE("a consumer subscribes, asks and changes its producer by itself") {
  const plugin from = fixture("stages");
  actor sink(from, {.actor = "sink"});
  REQUIRE(producer_above::of(sink).size() == 1);
  producer_above first = producer_above::of(sink)[0];
  CHECK(first.name() == atom("spring"));
  CHECK(first.asked() == 0); // this consumer asks by hand
  sink.cast(5);
  CHECK(first.asks() == std::vector<std::uint64_t>{5});
  first.deliver(numbers{1, 2, 3, 4, 5});
  CHECK(sink.did.sent.back().term.as<std::vector<value>>() == std::vector<value>{1, 2, 3, 4, 5});
  sink.cast(std::pair(etf::atom{"again"}, std::string("spring")));
  REQUIRE(producer_above::of(sink).size() == 2);
  CHECK(first.cancelled() == atom("moved"));
  CHECK_FALSE(first.subscribed());
  producer_above second = producer_above::of(sink)[1];
  sink.cast(std::pair(etf::atom{"again"}, std::string("well")));
  CHECK(producer_above::of(sink)[2].name() == atom("well"));
  CHECK(producer_above::of(sink)[2].subscribed());
  CHECK(second.subscribed()); // the producer `well` does not know this subscription
  CHECK(sink.alive());
  CHECK(sink.did.complaints.empty());
}
