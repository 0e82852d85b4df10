// SPDX-License-Identifier: MIT
// In which order a worker runs its processes, by counts and not by time. Each test has one worker, whose
// queue is filled while the worker is held in a handler.
#include <algorithm>
#include <string>
#include <vector>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

// One worker that runs nothing until open(). Afterwards its processes write down their names, in the order in
// which they run.
class line_up {
 public:
  explicit line_up(system_options options = {}) : here(1, std::move(options)) {
    holder_ = here.host
                  .spawn({.priority = priority::max}, script([this](process&, message) {
                           held_.set_value();
                           open_.get_future().wait();
                           return carry_on();
                         }))
                  .value();
    here.host.send(holder_, atom("hold"));
    held_.get_future().wait();
  }
  // Adds a process that writes its name down for each of its `messages` messages.
  void add(const std::string& name, int messages, priority of = priority::normal,
           std::function<void()> work = {}) {
    expected_ += messages;
    const auto made =
        here.host.spawn({.priority = of}, script([this, name, work = std::move(work)](process&, message) {
                          if (work) work();
                          order_.push_back(name);
                          if (static_cast<int>(order_.size()) == expected_) done_.set_value();
                          return carry_on();
                        }));
    for (int i = 0; i < messages; ++i) here.host.send(*made, number(i));
  }
  std::vector<std::string> open() {
    open_.set_value();
    done_.get_future().wait();
    return order_;
  }
  node here;

 private:
  pid holder_;
  int expected_ = 0;
  std::vector<std::string> order_; // written by the worker, then read by the test
  std::promise<void> held_, open_, done_;
};

using names = std::vector<std::string>;

} // namespace

TEST_CASE("a turn ends after its budget of messages") {
  line_up line({.turn_messages = 3, .turn_time = 3600 * base::nanos_per_second});
  line.add("busy", 7);
  line.add("other", 1);
  CHECK(line.open() == names{"busy", "busy", "busy", "other", "busy", "busy", "busy", "busy"});
}

TEST_CASE("a turn ends after the message that used up its time") {
  line_up line({.turn_messages = 1000, .turn_time = 20'000});
  const auto slow = [] {
    const base::nanos until = base::mono_now() + 200'000;
    while (base::mono_now() < until) {
    }
  };
  line.add("slow", 3, priority::normal, slow);
  line.add("other", 1);
  CHECK(line.open() == names{"slow", "other", "slow", "slow"});
}

TEST_CASE("who sends on and on lets others run when its turn's budget is used up") {
  constexpr std::uint32_t messages = 10'000;
  node here(1, {.turn_time = 3600 * base::nanos_per_second});
  const actor sink(here.host, {.mailbox = {.messages = 2 * messages}});
  std::uint32_t sent = 0;
  std::vector<std::uint32_t> seen;
  std::promise<void> all;
  std::promise<void> last_look;
  const pid other = here.host
                        .spawn({}, script([&](process& self, message) {
                                 seen.push_back(sent);
                                 if (sent < messages)
                                   self.send(self.self(), atom("again"));
                                 else
                                   last_look.set_value();
                                 return carry_on();
                               }))
                        .value();
  const actor sender(here.host);
  sender.start([&](process& self) {
    self.send(other, atom("look"));
    while (sent < messages) {
      self.send(sink.id(), atom("one"));
      ++sent;
    }
    all.set_value();
  });
  all.get_future().wait();
  last_look.get_future().wait();
  // `other` ran when the first budget was used up, and after each further one.
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  REQUIRE(seen.size() >= messages / usual_turn_reductions);
  CHECK(seen[0] < usual_turn_reductions);
  for (std::size_t i = 1; i < messages / usual_turn_reductions; ++i)
    CHECK(seen[i] - seen[i - 1] <= usual_turn_reductions);
  for (std::uint32_t i = 0; i < messages; ++i) (void)sink.next();
}

TEST_CASE("two busy processes of a worker take turns") {
  line_up line({.turn_messages = 8, .turn_time = 3600 * base::nanos_per_second});
  line.add("a", 400);
  line.add("b", 400);
  int ahead = 0;
  int most = 0;
  for (const std::string& one : line.open()) {
    ahead += one == "a" ? 1 : -1;
    most = std::max(most, std::abs(ahead));
  }
  CHECK(most == 8);
}

TEST_CASE("low priority gets one turn in eight beside normal, and nothing beside high while there is high") {
  line_up line({.turn_messages = 1, .turn_time = 3600 * base::nanos_per_second});
  line.add("low", 4, priority::low);
  line.add("normal", 40);
  line.add("high", 5, priority::high);
  const names order = line.open();
  CHECK(std::ranges::all_of(order.begin(), order.begin() + 5, [](const auto& one) { return one == "high"; }));
  std::vector<std::ptrdiff_t> lows;
  for (auto at = order.begin(); at != order.end(); ++at)
    if (*at == "low") lows.push_back(at - order.begin());
  REQUIRE(lows.size() == 4);
  for (std::size_t i = 1; i < lows.size(); ++i) CHECK(lows[i] - lows[i - 1] == 8);
}

TEST_CASE("who rests between messages does not wait for a round of all that are busy, and starves none") {
  constexpr int busy = 100;
  constexpr int calls = 200;
  std::vector<char> turns; // 'b' for each message of a busy process, 'q' for each of a quick one
  bool stop = false;
  std::promise<void> done;
  int asked = 0;
  std::vector<pid> quick(2);
  // `here` is destroyed before the variables that its processes use.
  node here(1, {.turn_messages = 4, .turn_time = 3600 * base::nanos_per_second});
  for (pid& one : quick)
    one = here.host
              .spawn({}, script([&](process& self, message m) {
                       turns.push_back('q');
                       if (++asked == calls) {
                         stop = true;
                         done.set_value();
                       } else if (asked < calls) {
                         self.send(self.self() == quick[0] ? quick[1] : quick[0], std::move(m));
                       }
                       return carry_on();
                     }))
              .value();
  std::vector<pid> all(busy);
  for (pid& one : all)
    one = here.host
              .spawn({}, script([&](process& self, message m) {
                       if (!stop) turns.push_back('b');
                       if (!stop) self.send(self.self(), std::move(m));
                       return carry_on();
                     }))
              .value();
  const actor starter(here.host);
  starter.run([&](process& self) {
    for (const pid& one : all)
      for (int i = 0; i < 8; ++i) self.send(one, number(i));
    return self.send(quick[0], atom("ping"));
  });
  done.get_future().wait();
  starter.settle();
  // Before the first 'q': at most one round of the busy processes, every fourth of which has a second turn.
  // After it: at most the four messages of one busy turn between two quick messages, and a busy process has
  // at least every fifth turn.
  const auto first = std::ranges::find(turns, 'q');
  CHECK(first - turns.begin() <= 5 * busy);
  int since_quick = 0;
  int quick_in_a_row = 0;
  int most_busy = 0;
  int most_quick = 0;
  for (auto at = first; at != turns.end(); ++at) {
    since_quick = *at == 'q' ? 0 : since_quick + 1;
    quick_in_a_row = *at == 'q' ? quick_in_a_row + 1 : 0;
    most_busy = std::max(most_busy, since_quick);
    most_quick = std::max(most_quick, quick_in_a_row);
  }
  CHECK(most_busy <= 4);
  CHECK(most_quick <= 5);
}

TEST_CASE("two that call each other have some turns in a row, and others wait no longer than those") {
  struct echo : behaviour {
    outcome init(process&) override { return carry_on(); }
    outcome receive(process&, message) override { return carry_on(); }
    outcome receive_call(process& self, const call_id& call, message request) override {
      self.reply(call, std::move(request));
      return carry_on();
    }
    void describe(description& out) const override { out.behaviour = "echo"; }
  };
  constexpr std::int64_t calls = 400;
  node here(1);
  std::string answered; // the names of the callers, in the order of their answers
  std::vector<std::unique_ptr<actor>> callers;
  std::atomic<int> right{0};
  std::promise<void> held;
  std::promise<void> all_there;
  const actor holder(here.host);
  holder.start([&](process&) {
    held.set_value();
    all_there.get_future().wait();
  });
  held.get_future().wait();
  for (const char name : {'a', 'b', 'c'}) {
    const pid server = here.host.spawn({}, std::make_unique<echo>()).value();
    callers.push_back(std::make_unique<actor>(here.host));
    callers.back()->start([&, name, server](process& self) {
      for (std::int64_t i = 0; i < calls; ++i) {
        const answer_to_call got = self.call(server, number(i));
        if (got.what == answer_to_call::kind::reply && value_of(got.term) == i) ++right;
        answered += name;
      }
    });
  }
  all_there.set_value();
  for (const auto& one : callers) one->settle();
  holder.settle();
  CHECK(right == 3 * calls);
  // Only while all three call: from the first answer of the last caller to the last answer of the first that
  // ends.
  std::size_t begin = 0;
  std::size_t end = answered.size();
  for (const char name : {'a', 'b', 'c'}) {
    begin = std::max(begin, answered.find(name));
    end = std::min(end, answered.rfind(name));
  }
  int in_a_row = 0;
  int most = 0;
  for (std::size_t i = begin + 1; i < end; ++i) {
    in_a_row = answered[i] == answered[i - 1] ? in_a_row + 1 : 0;
    most = std::max(most, in_a_row);
  }
  CHECK(most >= 1);
  CHECK(most <= 16); // the server has half of the 32 turns
}

TEST_CASE("timers fire and tasks run while the run queue is never empty") {
  std::atomic<bool> go_on{true};
  node here(1);
  std::vector<pid> busy;
  for (int i = 0; i < 4; ++i) {
    busy.push_back(here.host
                       .spawn({}, script([&](process& self, message m) {
                                if (go_on) self.send(self.self(), m);
                                return carry_on();
                              }))
                       .value());
    // So that each turn uses up its budget.
    for (int m = 0; m < 200; ++m) here.host.send(busy.back(), number(m));
  }
  const actor timed(here.host);
  for (int i = 0; i < 20; ++i) {
    timed.run([](process& self) { return self.start_timer(self.now(), self.self(), atom("tick")); });
    CHECK(is_atom(timed.next(), "tick"));
    std::promise<void> ran;
    REQUIRE(here.host.post(0, [&] { ran.set_value(); }));
    ran.get_future().wait();
  }
  for (const pid& one : busy) CHECK(here.host.info(one)->summary.messages > 0);
  go_on = false;
}

TEST_CASE("a flood at one process delays another one's messages by no more than turns") {
  // 100,000 messages wait for "flooded". The message of "other" is handled after at most one turn's budget of
  // them.
  line_up line({.turn_messages = 64, .turn_time = 3600 * base::nanos_per_second});
  line.add("flooded", 100'000);
  line.add("other", 1);
  const names order = line.open();
  CHECK(std::ranges::find(order, "other") - order.begin() <= 64);
}

} // namespace coppice::runtime::testing
