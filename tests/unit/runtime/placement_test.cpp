// SPDX-License-Identifier: MIT
// How processes and signals find each other while processes move: the protocol of placement.cpp as a model
// whose steps are its atomic operations, in every interleaving; and the real one under load.
#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <set>
#include <vector>

#include "runtime/actor.hpp"

using namespace coppice;
using namespace coppice::runtime;
using namespace coppice::runtime::testing;

namespace {

// Two workers, one process P, two senders that push two signals each and change the worker in between.
struct model {
  enum class doing : std::int8_t { nothing, hearing, resting_p, idling_p, announcing, choosing };
  enum class sleep : std::int8_t { awake, told_announcements, told_arrivals, asleep };
  struct worker_state {
    doing now = doing::nothing;
    sleep stage = sleep::awake;
    std::int8_t sender = -1;   // who announces
    std::int8_t seen_home = 0; // by it
    bool announcements_idle = false;
    bool arrivals_idle = false;
    bool wake_sent = false;
    auto operator<=>(const worker_state&) const = default;
  };
  struct sender_state {
    std::int8_t at = 0;
    std::int8_t sent = 0;
    auto operator<=>(const sender_state&) const = default;
  };

  std::vector<std::int8_t> inbox;
  bool inbox_idle = true; // below what is in it
  std::int8_t home = 0;
  std::int8_t linked = -1; // in whose announcements P is
  std::int8_t queued = -1;
  std::int8_t arriving = -1;
  bool announced = false;
  bool scheduled = false;
  std::int8_t gifts = 1; // how often P is still given away
  std::vector<std::int8_t> pending;
  std::vector<std::int8_t> handled;
  std::array<worker_state, 2> workers;
  std::array<sender_state, 2> senders{{{0, 0}, {1, 0}}};
  bool broken = false;

  auto operator<=>(const model&) const = default;

  worker_state& of(std::int8_t worker) { return workers[static_cast<std::size_t>(worker)]; }
  void take_inbox() {
    if (inbox.empty()) return;
    pending.insert(pending.end(), inbox.begin(), inbox.end());
    inbox.clear();
    if (inbox_idle) announced = true;
    inbox_idle = false;
  }
  void schedule() {
    if (scheduled) return;
    scheduled = true;
    queued = home;
  }
  void announce_to(std::int8_t whom) {
    broken = broken || linked != -1;
    linked = whom;
    if (of(whom).announcements_idle) of(whom).wake_sent = true;
    of(whom).announcements_idle = false;
  }
  void arrive_at(std::int8_t whom) {
    if (of(whom).arrivals_idle) of(whom).wake_sent = true;
    of(whom).arrivals_idle = false;
  }
  bool anyone_at(std::int8_t worker) const {
    for (const sender_state& one : senders)
      if (one.at == worker && one.sent != 2) return true;
    return arriving == worker;
  }
  void hear() {
    take_inbox();
    announced = false;
    schedule();
  }
};

using doing = model::doing;
using sleep = model::sleep;

// What worker `w` may do next, each as a state of its own.
std::vector<model> steps_of(const model& now, std::int8_t w) {
  std::vector<model> out;
  const auto step = [&](auto change) {
    model next = now;
    change(next, next.of(w));
    out.push_back(std::move(next));
  };
  const auto& me = now.workers[static_cast<std::size_t>(w)];
  const auto other = static_cast<std::int8_t>(1 - w);
  switch (me.now) {
    case doing::hearing:
      step([&](model& m, auto& mine) {
        mine.now = doing::nothing;
        m.home == w ? m.hear() : m.announce_to(m.home);
      });
      return out;
    case doing::resting_p:
      step([&](model& m, auto& mine) {
        mine.now = doing::nothing;
        if (m.inbox.empty() && !m.inbox_idle && !m.announced)
          mine.now = doing::idling_p;
        else if (m.inbox.empty())
          m.scheduled = false;
        else
          m.queued = w;
      });
      return out;
    case doing::idling_p:
      step([&](model& m, auto& mine) {
        mine.now = doing::nothing;
        m.inbox.empty() ? (m.inbox_idle = true, m.scheduled = false) : (m.queued = w, false);
      });
      return out;
    case doing::announcing:
      step([&](model& m, auto& mine) {
        mine.seen_home = m.home;
        mine.now = doing::choosing;
      });
      return out;
    case doing::choosing:
      step([&](model& m, auto& mine) {
        mine.now = doing::nothing;
        const std::int8_t seen = mine.seen_home;
        const bool fetched = seen == w || (m.of(seen).stage == sleep::asleep && m.home == seen &&
                                           m.arriving == -1 && !m.scheduled);
        if (fetched) m.home = w;
        fetched ? m.hear() : m.announce_to(seen);
      });
      return out;
    case doing::nothing:
      break;
  }
  if (me.stage == sleep::asleep) {
    if (me.wake_sent) step([&](model&, auto& mine) { mine = {}; });
    return out;
  }
  if (me.stage == sleep::told_announcements) {
    step([&](model& m, auto& mine) {
      if (m.anyone_at(w))
        mine.stage = sleep::awake, mine.announcements_idle = false;
      else
        mine.stage = sleep::told_arrivals, mine.arrivals_idle = true;
    });
    return out;
  }
  if (me.stage == sleep::told_arrivals) {
    step([&](model&, auto& mine) { mine.stage = sleep::asleep; });
    return out;
  }
  bool has_work = now.queued == w;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& sender = now.senders[i];
    if (sender.at != w || sender.sent == 2) continue;
    has_work = true;
    step([&](model& m, auto& mine) {
      const auto signal = static_cast<std::int8_t>(2 * static_cast<int>(i) + m.senders[i].sent++);
      m.senders[i].at = other; // it moves after each signal
      m.arrive_at(other);
      if (m.home == w) {
        m.take_inbox();
        m.pending.push_back(signal);
        m.schedule();
        return;
      }
      const bool duty = m.inbox.empty() && m.inbox_idle;
      m.inbox.push_back(signal);
      if (duty) mine.now = doing::announcing;
    });
  }
  if (now.linked == w)
    step([&](model& m, auto& mine) {
      m.linked = -1;
      mine.now = doing::hearing;
    });
  if (now.arriving == w)
    step([&](model& m, auto&) {
      m.arriving = -1;
      m.queued = w;
    });
  if (now.queued == w) {
    step([&](model& m, auto& mine) {
      m.queued = -1;
      m.take_inbox();
      m.handled.insert(m.handled.end(), m.pending.begin(), m.pending.end());
      m.pending.clear();
      mine.now = doing::resting_p;
    });
    if (now.gifts > 0)
      step([&](model& m, auto&) {
        --m.gifts;
        m.queued = -1;
        m.home = m.arriving = other;
        m.arrive_at(other);
      });
  }
  if (!has_work && now.linked != w)
    step([&](model&, auto& mine) {
      mine.stage = sleep::told_announcements;
      mine.announcements_idle = true;
    });
  return out;
}

struct verdict {
  std::size_t states = 0;
  bool linked_twice = false;
  bool lost = false;
  bool reordered = false;
};

verdict explore() {
  verdict found;
  std::set<model> visited;
  std::vector<model> left{model{}};
  while (!left.empty()) {
    const model now = std::move(left.back());
    left.pop_back();
    if (!visited.insert(now).second) continue;
    found.linked_twice = found.linked_twice || now.broken;
    for (std::size_t at = 0; at < now.handled.size(); ++at)
      for (std::size_t later = at + 1; later < now.handled.size(); ++later)
        found.reordered = found.reordered || (now.handled[at] / 2 == now.handled[later] / 2 &&
                                              now.handled[at] >= now.handled[later]);
    bool moved = false;
    for (const std::int8_t w : {std::int8_t{0}, std::int8_t{1}})
      for (model& next : steps_of(now, w)) {
        moved = true;
        left.push_back(std::move(next));
      }
    if (!moved) found.lost = found.lost || now.handled.size() != 4;
  }
  found.states = visited.size();
  return found;
}

} // namespace

TEST_CASE("in every interleaving of moves, sleeps and sends nothing is lost, reordered or announced twice") {
  const verdict found = explore();
  CHECK(found.states > 1000);
  CHECK_FALSE(found.linked_twice);
  CHECK_FALSE(found.lost);
  CHECK_FALSE(found.reordered);
}

// Past what stands before a call's request; the alias to answer to. None: it is no call.
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
  std::vector<pid> targets; // outlives who sends to them
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
    for (int i = 0; i < 8; ++i) // all on this one's worker
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
  std::array<std::atomic<int>, 2> place{-1, -1}; // of a pair that is together
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
