// SPDX-License-Identifier: MIT
// How processes and signals find each other while processes move, under load. placement_protocol_test.cpp
// tests the same in every interleaving.
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/actor.hpp"

using namespace coppice;
using namespace coppice::runtime;
using namespace coppice::runtime::testing;

// Skips what precedes a call's request. Returns the alias to which the answer goes. None: the message is no
// call.
std::optional<reference> past_envelope(etf::cursor& in, node_names& names) {
  etf::cursor at = in;
  std::uint32_t length = 0;
  if (!at.read_tuple_of(3) || !at.read_atom_is("$gen_call") || !at.read_tuple_of(2) || !read_pid(at, names) ||
      !at.read_list(length) || !at.read_atom_is("alias"))
    return std::nullopt;
  const auto ref = read_reference(at, names);
  in = at;
  return ref;
}

TEST_CASE("what one process sends another arrives in order, wherever the two are moved meanwhile") {
  constexpr int receivers = 12;
  constexpr int senders = 12;
  constexpr int each = 1500;
  struct seen {
    std::array<std::int64_t, senders> next{};
  };
  std::vector<seen> got(receivers);
  std::atomic<int> reordered{0};
  std::atomic<int> arrived{0};
  std::atomic<int> answered{0};
  std::vector<pid> targets; // declared first, since the senders use it until the node stops
  node here(3);
  for (int r = 0; r < receivers; ++r) {
    auto made =
        here.host.spawn({}, script([&, r](process& self, message m) {
                          std::int64_t from = 0;
                          std::int64_t number = 0;
                          etf::cursor in(m.bytes());
                          const auto ref = past_envelope(in, self.host().nodes());
                          if (!in.read_tuple_of(2) || !in.read_integer(from) || !in.read_integer(number))
                            return carry_on();
                          auto& next = got[static_cast<std::size_t>(r)].next[static_cast<std::size_t>(from)];
                          if (number != next++) reordered.fetch_add(1);
                          arrived.fetch_add(1);
                          if (ref) self.answer(*ref, message::copy_of(m.bytes()));
                          return carry_on();
                        }));
    REQUIRE(made);
    targets.push_back(*made);
  }
  for (int s = 0; s < senders; ++s) {
    REQUIRE(here.host.spawn({}, script({}, [&, s](process& self) {
                              for (int n = 0; n < each; ++n) {
                                for (const pid& to : targets) {
                                  message_writer out;
                                  out.tuple(2);
                                  out.integer(s);
                                  out.integer(n);
                                  const bool ask = (n + s) % 7 == 0;
                                  if (!ask) {
                                    self.send(to, out.take());
                                  } else if (self.call(to, out.take()).what ==
                                             answer_to_call::kind::enveloped) {
                                    answered.fetch_add(1);
                                  }
                                }
                                if (n % 5 == s % 5) self.yield();
                              }
                              return ignore();
                            })));
  }
  CHECK(eventually([&] { return arrived.load() == receivers * senders * each; }));
  CHECK(reordered.load() == 0);
  CHECK(answered.load() > 0);
}

TEST_CASE("a worker with a backlog gives some of it to one that has nothing to do") {
  std::atomic<bool> done{false};
  std::atomic<unsigned> used{0}; // a bit for each worker
  node here(2);
  const actor parent(here.host);
  parent.run([&](process& self) {
    for (int i = 0; i < 8; ++i) // all are spawned on the parent's worker
      CHECK(self.spawn({}, script({}, [&](process& child) {
                         while (!done.load()) {
                           used.fetch_or(1U << child.host().current_worker());
                           child.yield();
                         }
                         return ignore();
                       })));
    return 0;
  });
  CHECK(eventually([&] { return used.load() == 3; }));
  done = true;
}

TEST_CASE("both ends of a call are given away together: two pairs of one worker end up on two") {
  constexpr int long_together = 1000; // calls in a row
  std::atomic<bool> apart{false};
  // By pair: the worker that both ends are on. -1: they are apart.
  std::array<std::atomic<int>, 2> place{-1, -1};
  class where_am_i : public behaviour {
   public:
    outcome init(process&) override { return carry_on(); }
    outcome receive(process&, message) override { return carry_on(); }
    outcome receive_call(process& self, const call_id& call, message) override {
      self.reply(call, number(self.host().current_worker()));
      return carry_on();
    }
    void describe(description& out) const override { out.behaviour = "where_am_i"; }
  };
  const auto ask = [&](process& self, const pid& server, std::size_t pair) {
    for (int streak = 0; !apart && !self.exiting();) {
      const answer_to_call got = self.call(server, number(0));
      const int mine = self.host().current_worker();
      streak = got.what == answer_to_call::kind::reply && value_of(got.term) == mine ? streak + 1 : 0;
      place[pair] = streak > long_together ? mine : -1;
      if (place[0] >= 0 && place[1] >= 0 && place[0] != place[1]) apart = true;
    }
    return ignore();
  };
  node here(2);
  const actor parent(here.host, {.worker = 0});
  parent.run([&](process& self) {
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const pid server = self.spawn({}, std::make_unique<where_am_i>()).value();
      REQUIRE(self.spawn({}, script({}, [&, server, pair](process& own) { return ask(own, server, pair); })));
    }
    return true;
  });
  CHECK(eventually([&] { return apart.load(); }));
}

TEST_CASE("a process spawned for a worker stays there") {
  node here(2);
  const actor placed(here.host, {.worker = 1});
  const actor caller(here.host, {.worker = 0});
  for (int i = 0; i < 200; ++i) {
    caller.run([&](process& self) { return self.send(placed.id(), atom("ping")); });
    placed.next();
  }
  CHECK(placed.run([](process& self) { return self.host().current_worker(); }) == 1);
}

TEST_CASE("a worker that has begun a long handler is given nothing of another's backlog") {
  constexpr int many = 64;
  std::atomic<int> ran{0};
  std::atomic<bool> done{false};
  std::promise<void> begun, over;
  node here(2);
  const actor keeper(here.host, {.worker = 1});
  const actor parent(here.host, {.worker = 0});
  REQUIRE(eventually([&] { return here.host.counters().workers[1].sleeping; })); // idle, it would take some
  keeper.start([&](process&) {
    begun.set_value();
    over.get_future().wait();
  });
  begun.get_future().wait();
  parent.run([&](process& self) {
    for (int i = 0; i < many; ++i)
      CHECK(self.spawn({}, script({}, [&](process& child) {
                         ++ran;
                         while (!done) child.yield();
                         return ignore();
                       })));
    return 0;
  });
  CHECK(eventually([&] { return ran == many; }));
  over.set_value();
  done = true;
}
