// SPDX-License-Identifier: MIT
// What the engine promises beyond GenStage: bounds, refusals, subscriptions made again, and, over random
// messages, that nobody gets more than he asked for and no event is lost uncounted.
#include "behaviours/stage/engine.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "../terms.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;

namespace {

using runtime::message;
using runtime::outcome;

// Hands the engine messages and keeps what comes out, as Erlang's text.
class driven final : public stage_port {
 public:
  explicit driven(stage_role role, std::string_view options = "[]", std::optional<stage_options> other = {})
      : engine(role, other ? *other : read(role, options), {0, 4, 1, 0}, names, *this) {}

  static stage_options read(stage_role role, std::string_view options) {
    auto made = read_stage_options(role, term(options).bytes(), default_options(role));
    REQUIRE(made.has_value());
    return std::move(*made);
  }
  // What came out since the last time.
  std::string tell(std::string_view text) { return follow(engine.receive(term(text))); }
  std::string cast(std::string_view text) { return follow(engine.cast(term(text).bytes())); }
  std::string push(std::string_view list) {
    engine.emit(term(list));
    return said();
  }
  std::string follow(std::optional<outcome> next) {
    if (!next) said_ += " info";
    if (next && next->stops()) said_ += " stop:" + text(next->reason());
    return said();
  }
  std::string said() { return std::exchange(said_, {}); }

  outcome handle_demand(std::uint64_t count) override {
    said_ += " demand:" + std::to_string(count);
    std::string list;
    for (std::uint64_t i = 0; counts && i < count; ++i)
      list += (list.empty() ? "" : ",") + std::to_string(++next_);
    if (counts) engine.emit(term("[" + list + "]"));
    return runtime::carry_on();
  }
  outcome handle_events(const message& events, const message&) override {
    said_ += " events:" + text(events);
    if (passes) engine.emit(events);
    return runtime::carry_on();
  }
  outcome handle_subscribe(peer, const message&, const message&, bool&) override {
    return runtime::carry_on();
  }
  outcome handle_cancel(bool down, const message& reason, const message& from) override {
    said_ += (down ? " down:" : " cancelled:") + text(reason);
    if (!emits_when_cancelled.empty()) engine.emit(term(emits_when_cancelled));
    static_cast<void>(from);
    return runtime::carry_on();
  }
  dispatcher::outlet::choice choose(const message& event, std::uint64_t& partition) override {
    return etf::cursor(event.bytes()).read_unsigned(partition) ? dispatcher::outlet::choice::index
                                                               : dispatcher::outlet::choice::none;
  }
  bool format_discarded(std::uint64_t count) override {
    said_ += " dropped:" + std::to_string(count);
    return false;
  }
  void send(const runtime::destination&, message m, bool) override { said_ += " " + short_form(m); }
  void send_events(const runtime::pid&, message m) override {
    said_ += " " + short_form(m);
    if (on_events) on_events(m);
  }
  void send_self(message m) override { said_ += " self:" + text(m); }
  message monitor(const runtime::destination&) override { return make_reference(); }
  void demonitor(const message&) override {}
  message make_reference() override {
    runtime::message_writer out;
    out.tuple(2);
    out.atom("ref");
    out.unsigned_integer(++references_);
    return out.take();
  }
  std::optional<runtime::destination> find(etf::bytes name) override {
    etf::cursor at(name);
    if (const auto pid = runtime::read_pid(at, names)) return *pid;
    if (!at.read_atom_is("up")) return std::nullopt;
    return runtime::pid{0, 4, 99, 0};
  }
  void go_on_later() override { said_ += " later"; }
  void subscribe_later(std::size_t which, base::nanos delay) override {
    said_ += " again:" + std::to_string(which) + "," + std::to_string(delay / base::nanos_per_second) + "s";
  }
  void tell(level, std::string) override {}
  base::nanos now() override { return 1; }

  runtime::node_names names{"test@localhost"};
  bool counts = false; // a producer that gives what is asked
  bool passes = false; // a producer_consumer that gives what it gets
  std::string emits_when_cancelled{};
  std::function<void(const message&)> on_events{};
  stage_engine engine;

 private:
  // Without who and whom: {Tag, What}.
  static std::string short_form(const message& m) {
    const std::string all = text(m);
    const std::size_t at = all.find(",{<0.1.0>,");
    return at == std::string::npos ? all : (all[7] == 'c' ? "c{" : "p{") + all.substr(at + 10);
  }

  std::string said_;
  std::uint64_t next_ = 0;
  std::uint64_t references_ = 0;
};

std::string subscribe(std::string_view who, std::string_view tag, std::string_view options = "[]") {
  return "{'$gen_producer',{" + std::string(who) + "," + std::string(tag) + "},{subscribe,nil," +
         std::string(options) + "}}";
}
std::string ask(std::string_view tag, std::string_view count) {
  return "{'$gen_producer',{<0.7.0>," + std::string(tag) + "},{ask," + std::string(count) + "}}";
}

} // namespace

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
  CHECK(last.cast("{'$demand',forward}") == " c{t},[2]} c{t},[3,4]} demand:9");
  driven first(stage_role::producer, "[{demand,accumulate},{buffer_size,3},{buffer_keep,first}]");
  first.push("[1,2]");
  CHECK(first.push("[3,4]") == " dropped:1");
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
  CHECK(one.push("[4,5,6,none,4,4]") == " c{t},[4,4]} c{u},[6]}");
  CHECK(one.engine.counters().unrouted == 2);
  CHECK(one.tell(ask("t", "1")) == " c{t},[4]} demand:1");
  one.tell("{'$gen_producer',{<0.7.0>,t},{cancel,bye}}");
  CHECK(one.push("[4,6]") == " c{u},[6]}");
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
    "over random asks, cancels, subscriptions and events nobody gets more than he asked for, and none is "
    "lost") {
  static constexpr const char* dispatchers[] = {"demand", "broadcast", "{partition,[{partitions,3}]}",
                                                "callback"};
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&random](unsigned below) { return static_cast<unsigned>(random() % below); };
    const unsigned kind = seed % 4;
    driven one(stage_role::producer,
               std::string("[{buffer_size,20},{dispatcher,") + dispatchers[kind] + "}]");
    std::map<std::string, std::uint64_t> asked, got;
    std::uint64_t delivered = 0, pushed = 0;
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
      const std::uint64_t count = event_list::of(message::copy_of(list))->count();
      got[etf::print(in.rest())] += count;
      delivered += count;
    };
    std::set<unsigned> subscribed;
    for (int step = 0; step < 200; ++step) {
      const unsigned who = pick(3);
      const std::string tag = std::to_string(who);
      switch (pick(5)) {
        case 0:
          if (subscribed.insert(who).second) {
            asked[tag] = got[tag] = 0;
            one.tell(subscribe("<0." + std::to_string(50 + who) + ".0>", tag, "[{partition," + tag + "}]"));
          }
          break;
        case 1:
          if (pick(4) == 0 && subscribed.erase(who) != 0)
            one.tell("{'$gen_producer',{<0.7.0>," + tag + "},{cancel,bye}}");
          break;
        case 2: {
          std::string list;
          for (unsigned i = pick(9); i != 0; --i, ++pushed)
            list += (list.empty() ? "" : ",") + std::to_string(pick(3));
          one.push("[" + list + "]");
          break;
        }
        default: {
          const unsigned count = pick(6);
          if (subscribed.contains(who)) asked[tag] += count;
          one.tell(ask(tag, std::to_string(count)));
        }
      }
      for (const auto& [name, count] : got) CHECK(count <= asked[name]);
    }
    const stage_counters counted = one.engine.counters();
    CHECK(counted.emitted == pushed);
    CHECK(counted.delivered == delivered);
    if (kind != 1) CHECK(pushed == delivered + counted.buffered + counted.dropped + counted.unrouted);
  }
}
