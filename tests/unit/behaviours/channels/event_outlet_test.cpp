// SPDX-License-Identifier: MIT
// Tests of a channel and its outlets without processes: which subscriber gets which events, and which gaps
// are reported. Random runs check that no subscriber misses an event without a reported gap, and that none
// gets an event twice.
#include "behaviours/channels/event_outlet.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <coppice/etf/text.hpp>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "behaviours/channels/event_terms.hpp"

using namespace coppice;
using namespace coppice::behaviours;

namespace {

using outcome = event_channel::outcome;

runtime::pid pid(std::uint32_t id, std::uint32_t node = 0) {
  return {node, 4, id, 0};
}

// An event as "3", a gap as "2-4", an end as "end normal".
std::string words_of(etf::bytes m) {
  const auto news = read_event_news(m);
  REQUIRE(news);
  switch (news->what) {
    case event_news::kind::gap:
      return fmt::format("{}-{}", news->first, news->last);
    case event_news::kind::end:
      return "end " + etf::print(news->term);
    case event_news::kind::event:
      break;
  }
  CHECK(etf::print(news->label) == "orders");
  CHECK(etf::print(news->term) == fmt::format("{}", news->seq * 10));
  return std::to_string(news->seq);
}

struct mailbox {
  std::size_t room = 1000;
  std::deque<std::string> got;

  std::string take() {
    std::string out;
    for (; !got.empty(); got.pop_front()) out += (out.empty() ? "" : " ") + got.front();
    return out;
  }
};

struct mailboxes final : event_port {
  std::map<std::uint32_t, mailbox> of; // by pid's id
  std::map<std::uint32_t, int> watched;

  bool send(const runtime::pid& to, const runtime::message& m) override {
    mailbox& its = of[to.id];
    if (its.got.size() >= its.room) return false;
    its.got.push_back(words_of(m.bytes()));
    return true;
  }
  void send_unbounded(const runtime::pid& to, runtime::message m) override {
    of[to.id].got.push_back(words_of(m.bytes()));
  }
  void exit(const runtime::pid& to, runtime::message reason) override {
    of[to.id].got.push_back("exit: " + words_of(reason.bytes()));
  }
  runtime::reference watch(const runtime::pid& who) override {
    ++watched[who.id];
    return runtime::reference::made_by(who, 1);
  }
  void unwatch(const runtime::reference& of_one) override { --watched[of_one.owner().id]; }
};

// One channel with the outlets of two workers.
struct publishing {
  explicit publishing(const channel_options& options = {}, std::uint64_t last = 0) {
    channel->begin(7, last, options);
  }
  outcome publish(int count = 1) {
    outcome out = outcome::published;
    for (; count != 0 && out == outcome::published; --count) {
      runtime::message_writer payload;
      payload.unsigned_integer((channel->last() + 1) * 10);
      out = channel->publish(payload.take().bytes());
    }
    return out;
  }
  base::result<subscription_begin> subscribe(std::uint32_t id, const event_subscribe_options& how = {},
                                             std::uint32_t node = 0) {
    return channel->subscribe(pid(id, node), id % 2, how);
  }
  // Runs both outlets until neither has more to do at once.
  void run(std::size_t budget = 1000) {
    for (event_outlet* one : {&first, &second})
      while (one->run(to, budget).more) {
      }
  }
  // Lets both outlets try the subscribers that are behind again, and runs them.
  void run_late() {
    first.ask_again();
    second.ask_again();
    run();
  }
  std::string got(std::uint32_t id) {
    run();
    return to.of[id].take();
  }

  mailboxes to;
  int woken = 0;
  std::size_t counted = 0;
  event_outlet first{0, [this] { ++woken; }}, second{1, [this] { ++woken; }};
  std::shared_ptr<event_channel> channel =
      std::make_shared<event_channel>(runtime::message::atom("orders"), std::vector{&first, &second},
                                      [this](std::size_t now) { counted = now; });
};

event_subscribe_options after(std::uint64_t seq, std::uint32_t creation = 0) {
  return {.begin = event_subscribe_options::kind::after, .after = {creation, seq}};
}
constexpr event_subscribe_options now{.begin = event_subscribe_options::kind::now};

} // namespace

TEST_CASE("subscribers of all outlets get what is published, in its order") {
  publishing of;
  REQUIRE(of.subscribe(1));
  REQUIRE(of.subscribe(2));
  REQUIRE(of.subscribe(3));
  CHECK(of.counted == 1);
  of.publish(3);
  CHECK(of.got(1) == "1 2 3");
  CHECK(of.got(2) == "1 2 3");
  CHECK(of.got(3) == "1 2 3");
  CHECK(of.subscribe(1).error().code == base::errc::exists);
  CHECK(of.channel->unsubscribe(pid(1)));
  CHECK_FALSE(of.channel->unsubscribe(pid(1)));
  of.publish();
  CHECK(of.got(1) == "");
  CHECK(of.got(2) == "4");
  CHECK(of.to.watched[1] == 0);
  CHECK(of.channel->unsubscribe(pid(2)));
  CHECK(of.channel->unsubscribe(pid(3)));
  CHECK(of.counted == 0);
}

TEST_CASE("publishing tells an outlet once until it has looked") {
  publishing of;
  REQUIRE(of.subscribe(2));
  of.run();
  of.woken = 0;
  of.publish(100);
  CHECK(of.woken == 1);
  CHECK(of.to.of[2].got.empty());
  of.run();
  CHECK(of.to.of[2].got.size() == 100);
  of.publish();
  CHECK(of.woken == 2);
}

TEST_CASE("without subscribers and buffer nothing is kept; with one the last ones are") {
  publishing of;
  of.publish(5);
  CHECK(of.channel->counts().kept == 0);
  CHECK(of.channel->counts().last == 5);
  REQUIRE(of.subscribe(1));
  of.publish(2);
  CHECK(of.got(1) == "6 7");
  CHECK(of.channel->counts().kept == 0); // every subscriber has been sent them

  publishing kept({.buffer = 3});
  kept.publish(10);
  const auto begun = kept.subscribe(1);
  REQUIRE(begun);
  CHECK(begun->first == 8);
  CHECK(begun->last == 10);
  CHECK(begun->creation == 7);
  CHECK(kept.got(1) == "8 9 10");
  REQUIRE(kept.subscribe(2, now));
  kept.publish();
  CHECK(kept.got(1) == "11");
  CHECK(kept.got(2) == "11");
}

TEST_CASE("what came after a number, and the gap before what is still there") {
  publishing of({.buffer = 3});
  of.publish(10);
  REQUIRE(of.subscribe(1, after(8)));
  CHECK(of.got(1) == "9 10");
  REQUIRE(of.subscribe(2, after(4)));
  CHECK(of.got(2) == "5-7 8 9 10");
  REQUIRE(of.subscribe(3, after(10, 7)));
  CHECK(of.got(3) == "");
  // A position of another creation, and a number that was never published: such subscribers start anew.
  REQUIRE(of.subscribe(4, after(9, 6)));
  CHECK(of.got(4) == "0-7 8 9 10");
  REQUIRE(of.subscribe(5, after(11)));
  CHECK(of.got(5) == "0-7 8 9 10");
  of.publish();
  for (const std::uint32_t each : {1, 2, 3, 4, 5}) CHECK(of.got(each) == "11");
  // Without a buffer, the gap is sent alone, and at once.
  publishing bare;
  bare.publish(4);
  REQUIRE(bare.subscribe(1, after(1)));
  CHECK(bare.got(1) == "2-4");
  bare.publish();
  CHECK(bare.got(1) == "5");
}

TEST_CASE("who has no room gets later what is still kept, and delays nobody") {
  publishing of({.queue = 4});
  REQUIRE(of.subscribe(1));
  REQUIRE(of.subscribe(3));
  of.to.of[1].room = 2;
  of.publish(3);
  CHECK(of.got(3) == "1 2 3");
  CHECK(of.channel->counts().kept == 1); // event 3, for subscriber 1
  for (int i = 4; i <= 10; ++i) {
    of.publish();
    CHECK(of.got(3) == std::to_string(i));
  }
  CHECK(of.got(1) == "1 2");
  of.run_late();
  CHECK(of.got(1) == "3-6 7");
  of.run_late();
  CHECK(of.got(1) == "8 9");
  of.to.of[1].room = 100;
  of.run_late();
  CHECK(of.got(1) == "10");
  of.publish();
  CHECK(of.got(1) == "11");
  CHECK(of.channel->counts().lost == 4);
  CHECK(of.channel->counts().kept == 0);
}

TEST_CASE("drop_new: it goes on with what comes when there is room") {
  publishing of({.slow = slow_subscriber::drop_new});
  REQUIRE(of.subscribe(1));
  of.to.of[1].room = 2;
  of.publish(5);
  CHECK(of.got(1) == "1 2");
  of.run_late();
  CHECK(of.got(1) == "3-5");
  of.publish(2);
  CHECK(of.got(1) == "6 7");
  CHECK(of.channel->counts().kept == 0);
  CHECK(of.channel->counts().lost == 3);
}

TEST_CASE("unsubscribe: its subscription ends") {
  publishing of({.slow = slow_subscriber::unsubscribe});
  REQUIRE(of.subscribe(1));
  REQUIRE(of.subscribe(2));
  of.to.of[1].room = 2;
  of.publish(5);
  CHECK(of.got(1) == "1 2 end overloaded");
  CHECK(of.got(2) == "1 2 3 4 5");
  CHECK(of.channel->counts().subscribers == 1);
  REQUIRE(of.subscribe(1));
  of.publish();
  CHECK(of.got(1) == "6");
}

TEST_CASE("park: who publishes is told to wait, and when there is room; one elsewhere is not waited for") {
  publishing of({.queue = 3, .slow = slow_subscriber::park});
  REQUIRE(of.subscribe(1));
  of.to.of[1].room = 1;
  CHECK(of.publish(10) == outcome::full);
  CHECK(of.channel->last() == 3);
  of.run();
  CHECK(of.publish(10) == outcome::full);
  CHECK(of.channel->last() == 4);
  int rooms = 0;
  of.channel->when_room([&rooms] { ++rooms; });
  of.channel->no_longer_waits(of.channel->when_room([&rooms] { rooms += 100; }));
  of.run();
  CHECK(rooms == 0);
  CHECK(of.to.of[1].take() == "1");
  of.run_late();
  CHECK(rooms == 1);
  CHECK(of.publish() == outcome::published);
  of.to.of[1].room = 100;
  of.run_late();
  CHECK(of.to.of[1].take() == "2 3 4 5");
  REQUIRE(of.subscribe(2, {}, 9));
  of.to.of[2].room = 1;
  for (int i = 0; i < 20; ++i) {
    CHECK(of.publish() == outcome::published);
    of.run();
  }
  CHECK(of.channel->last() == 25);
}

TEST_CASE("the end comes after all that was published, as a message or an exit signal") {
  publishing of({.buffer = 2});
  REQUIRE(of.subscribe(1));
  REQUIRE(of.subscribe(2, {.link = true}));
  REQUIRE(of.subscribe(3));
  of.to.of[3].room = 1;
  of.publish(3);
  of.channel->end(runtime::message::atom("gone"));
  CHECK(of.publish() == outcome::closed);
  CHECK(of.got(1) == "1 2 3 end gone");
  CHECK(of.got(2) == "1 2 3 exit: end gone");
  CHECK(of.got(3) == "1 2-3 end gone");
  CHECK(of.subscribe(1).error().code == base::errc::closed);
  CHECK(of.channel->counts().subscribers == 0);
  CHECK(of.counted == 0);
  for (const std::uint32_t each : {1, 2, 3}) CHECK(of.to.watched[each] == 0);
}

TEST_CASE("the end comes to all subscribers once, also where there are more of them than messages in a run") {
  constexpr std::uint32_t count = 40; // 20 for each outlet
  for (const std::size_t budget : {1, 3, 7, 19, 20, 21}) {
    CAPTURE(budget);
    publishing of({.buffer = 2});
    for (std::uint32_t id = 1; id <= count; ++id) REQUIRE(of.subscribe(id, {.link = id % 5 == 0}));
    of.to.of[3].room = 1;
    of.publish(3);
    of.run();
    of.channel->end(runtime::message::atom("gone"));
    // Some subscribers leave while others are told of the end.
    of.first.run(of.to, budget);
    of.first.gone(pid(2));
    of.first.gone(pid(38));
    of.run(budget);
    for (std::uint32_t id = 1; id <= count; ++id) {
      CAPTURE(id);
      const std::string got = of.to.of[id].take();
      if (id == 3)
        CHECK(got == "1 2-3 end gone");
      else if (id == 38 || id == 2)
        CHECK(got.starts_with("1 2 3"));
      else
        CHECK(got == (id % 5 == 0 ? "1 2 3 exit: end gone" : "1 2 3 end gone"));
      if (id != 38 && id != 2) CHECK(of.to.watched[id] == 0);
    }
  }
}

TEST_CASE("events that are left at the end come first, within the budget of each run") {
  for (const std::size_t budget : {1, 2, 5, 100}) {
    CAPTURE(budget);
    publishing of({.buffer = 100});
    for (std::uint32_t id = 1; id <= 12; ++id) REQUIRE(of.subscribe(id));
    of.publish(3);
    of.first.run(of.to, budget);
    of.channel->end(runtime::message::atom("gone"));
    of.run(budget);
    for (std::uint32_t id = 1; id <= 12; ++id) CHECK(of.to.of[id].take() == "1 2 3 end gone");
  }
}

TEST_CASE("the connection to another node's event is lost: all subscribers of this node hear of the end") {
  for (const bool is_open : {true, false})
    for (const std::size_t budget : {1, 4, 29, 30, 31}) {
      CAPTURE(is_open);
      CAPTURE(budget);
      mailboxes to;
      event_outlet outlet(0, [] {});
      const auto channel = std::make_shared<event_channel>(
          runtime::message::atom("orders"), std::vector{&outlet}, std::function<void(std::size_t)>());
      for (std::uint32_t id = 1; id <= 30; ++id) REQUIRE(channel->subscribe(pid(id), 0, {}));
      const auto run = [&] {
        while (outlet.run(to, budget).more) {
        }
      };
      if (is_open) {
        channel->opened({.creation = 9, .first = 1, .last = 0, .buffer = 3});
        run();
      }
      channel->end(runtime::message::atom("noconnection"));
      run();
      for (std::uint32_t id = 1; id <= 30; ++id) {
        CHECK(to.of[id].take() == "end noconnection");
        CHECK(to.watched[id] == 0);
      }
    }
}

TEST_CASE("a subscriber that ends is forgotten; one process of an outlet takes over from another") {
  publishing of;
  REQUIRE(of.subscribe(1));
  REQUIRE(of.subscribe(3));
  of.publish();
  of.run();
  of.second.gone(pid(1));
  of.publish();
  CHECK(of.got(1) == "1");
  CHECK(of.got(3) == "1 2");
  CHECK(of.channel->counts().subscribers == 1);
  of.second.rewatch(of.to);
  CHECK(of.to.watched[3] == 2);
  of.publish();
  CHECK(of.got(3) == "3");
}

TEST_CASE("payloads have a bound") {
  publishing of({.bytes = 3});
  const std::uint8_t large[] = {109, 0, 0, 0, 1, 'x'};
  CHECK(of.channel->publish(large) == outcome::too_large);
  CHECK(of.channel->last() == 0);
}

TEST_CASE("an event of another node: subscribers wait for it to open, and its gaps are theirs") {
  mailboxes to;
  event_outlet outlet(0, [] {});
  const auto channel = std::make_shared<event_channel>(runtime::message::atom("orders"), std::vector{&outlet},
                                                       std::function<void(std::size_t)>());
  const auto number = [](std::uint64_t seq) {
    runtime::message_writer out;
    out.unsigned_integer(seq * 10);
    return out.take();
  };
  const auto append = [&](std::uint64_t seq) { channel->append(seq, 0, number(seq).bytes()); };
  const auto got = [&](std::uint32_t id) {
    while (outlet.run(to, 100).more) {
    }
    return to.of[id].take();
  };
  REQUIRE(channel->subscribe(pid(1), 0, {}));
  REQUIRE(channel->subscribe(pid(2), 0, now));
  REQUIRE(channel->subscribe(pid(3), 0, after(2)));
  append(5);
  CHECK(got(1) == "");
  // The other node keeps 5 to 7.
  channel->opened({.creation = 9, .first = 5, .last = 7, .buffer = 3});
  append(5);
  append(6);
  append(6);
  append(7);
  CHECK(got(1) == "5 6 7");
  CHECK(got(2) == "");
  CHECK(got(3) == "3-4 5 6 7");
  append(8);
  CHECK(got(1) == "8");
  CHECK(got(2) == "8");
  channel->skip(10);
  CHECK(got(1) == "9-10");
  append(11);
  CHECK(got(2) == "9-10 11");
  REQUIRE(channel->subscribe(pid(4), 0, {}));
  CHECK(got(4) == "7 8 9-10 11");
  CHECK_FALSE(channel->end_if_idle());
  for (const std::uint32_t each : {1, 2, 3, 4}) CHECK(channel->unsubscribe(pid(each)));
  CHECK(channel->end_if_idle());
  CHECK(channel->subscribe(pid(1), 0, {}).error().code == base::errc::closed);
}

TEST_CASE("of another node's event no more is kept than this node lets be") {
  mailboxes to;
  event_outlet outlet(0, [] {});
  const auto channel = std::make_shared<event_channel>(runtime::message::atom("orders"), std::vector{&outlet},
                                                       std::function<void(std::size_t)>());
  REQUIRE(channel->subscribe(pid(1), 0, {}));
  channel->opened({.creation = 9, .first = 1, .last = 0, .buffer = 1000});
  const std::string text(std::size_t{1} << 20, 'x');
  runtime::message_writer out;
  out.binary(text);
  const runtime::message payload = out.take();
  for (std::uint64_t seq = 1; seq <= 100; ++seq) channel->append(seq, 0, payload.bytes());
  CHECK(channel->counts().kept == event_channel::most_queued_bytes / payload.size());
}

TEST_CASE("an event of another node that never opens ends for those who wait for it") {
  mailboxes to;
  event_outlet outlet(0, [] {});
  const auto channel = std::make_shared<event_channel>(runtime::message::atom("orders"), std::vector{&outlet},
                                                       std::function<void(std::size_t)>());
  REQUIRE(channel->subscribe(pid(1), 0, after(5)));
  channel->end(runtime::message::atom("noconnection"));
  outlet.run(to, 100);
  CHECK(to.of[1].take().ends_with("end noconnection"));
}

// Each subscriber sees each number once, as an event or in a gap, from its first number to the last.
TEST_CASE("at random: no number twice, and none missing that was not told") {
  struct seen {
    std::uint64_t next = 0; // the number that must come next; 0: any
  };
  for (const slow_subscriber policy :
       {slow_subscriber::drop_old, slow_subscriber::drop_new, slow_subscriber::park})
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(policy));
      std::mt19937 random(seed);
      const auto below = [&random](std::uint32_t bound) {
        return static_cast<std::uint32_t>(random() % bound);
      };
      publishing of({.buffer = below(6), .queue = 1 + below(6), .slow = policy});
      std::map<std::uint32_t, seen> subscribers;
      const auto read = [&](std::uint32_t id, std::size_t most) {
        for (auto& got = of.to.of[id].got; !got.empty() && most != 0; --most) {
          std::uint64_t first = 0, last = 0;
          const std::string one = got.front();
          got.pop_front();
          if (std::sscanf(one.c_str(), "%lu-%lu", &first, &last) != 2) first = last = std::stoull(one);
          const auto found = subscribers.find(id);
          if (found == subscribers.end()) continue; // sent before it unsubscribed
          REQUIRE_MESSAGE((found->second.next == 0 || first == found->second.next), one);
          REQUIRE(first <= last);
          found->second.next = last + 1;
        }
      };
      for (int step = 0; step < 300; ++step) {
        const std::uint32_t id = 1 + below(6);
        switch (below(7)) {
          case 0:
          case 1:
            of.publish(static_cast<int>(1 + below(5)));
            break;
          case 2:
            (below(2) == 0 ? of.first : of.second).run(of.to, 1 + below(4));
            break;
          case 3:
            (below(2) == 0 ? of.first : of.second).ask_again();
            break;
          case 4:
            read(id, 1 + below(4));
            break;
          case 5:
            if (subscribers.contains(id)) break;
            of.to.of[id] = {.room = 1 + below(5), .got = {}};
            if (const std::uint64_t last = of.channel->last(); last != 0 && below(2) == 0) {
              const std::uint64_t had = below(static_cast<std::uint32_t>(last)) + 1;
              REQUIRE(of.subscribe(id, after(had)));
              subscribers[id].next = had + 1;
            } else {
              const auto begun = of.subscribe(id, below(2) == 0 ? now : event_subscribe_options());
              REQUIRE(begun);
              subscribers[id].next = begun->first;
            }
            break;
          default:
            if (below(4) != 0 || !subscribers.contains(id)) break;
            REQUIRE(of.channel->unsubscribe(pid(id)));
            subscribers.erase(id);
            of.run(); // sends what was under way
            of.to.of[id].got.clear();
            break;
        }
      }
      for (const auto& [id, its] : subscribers) of.to.of[id].room = 100'000;
      for (int i = 0; i < 3; ++i) of.run_late();
      for (auto& [id, its] : subscribers) {
        read(id, 100'000);
        CHECK(its.next == of.channel->last() + 1);
      }
      for (const auto& [id, its] : subscribers) CHECK(of.channel->unsubscribe(pid(id)));
      of.run();
      CHECK(of.channel->counts().subscribers == 0);
      for (const auto& [id, watches] : of.to.watched) CHECK(watches == 0);
    }
}
