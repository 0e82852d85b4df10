// SPDX-License-Identifier: MIT
// Random messages, calls, links, monitors, timers, spawns and kills, and handlers that get stuck, all at once
// on three workers. The players keep count of what must hold: no message of one sender is lost or overtaken;
// no pid reaches another process; each monitor, link and timer fires once, unless it was taken back, and then
// not at all. The environment variable COPPICE_STRESS sets the number of rounds. Unset: 4.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "actor.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr std::size_t lasting = 6; // players that live as long as the round

enum class what : std::int64_t { play, numbered, addressed, timeout };

message make(what kind, std::int64_t a = 0, std::int64_t b = 0) {
  message_writer out;
  out.tuple(3);
  out.integer(static_cast<std::int64_t>(kind));
  out.integer(a);
  out.integer(b);
  return out.take();
}

// What the players of a round share.
struct arena {
  explicit arena(unsigned seed) : random(seed) {}

  std::vector<pid> players; // the ones that live as long as the round
  std::mutex lock;          // guards mortals, random and wrong
  std::vector<pid> mortals; // includes dead ones
  std::minstd_rand random;
  std::string wrong;
  std::atomic<std::int64_t> monitors{0}, links{0}, timers{0}; // how many have still to fire
  std::atomic<std::int64_t> answers{0}, spawned{0};

  void fail(const std::string& why) {
    const std::lock_guard guard(lock);
    if (wrong.empty()) wrong = why;
  }
  unsigned seed() {
    const std::lock_guard guard(lock);
    return static_cast<unsigned>(random());
  }
  void add(const pid& fresh) {
    const std::lock_guard guard(lock);
    mortals.push_back(fresh);
    ++spawned;
  }
  pid any_mortal() {
    const std::lock_guard guard(lock);
    return mortals[random() % mortals.size()];
  }
};

// Uses some processor time in foreign code; now and then so much that the worker is taken over.
void work(process& self, const message& m, std::minstd_rand& random) {
  const foreign_code outside(self, "handle_info", m.bytes());
  const bool stuck = random() % 400 == 0;
  const base::nanos until = base::mono_now() + (stuck ? 4 * base::nanos_per_ms : 0);
  if (random() % 16 == 0) std::this_thread::yield();
  while (base::mono_now() < until) {
  }
}

// Checks that a message {Pid, it} was addressed to this process, and acts at random.
class mortal : public behaviour {
 public:
  explicit mortal(arena& in) : arena_(in), random_(in.seed()) {}
  outcome init(process&) override { return random_() % 32 == 0 ? stop(atom("stillborn")) : carry_on(); }
  outcome receive(process& self, message m) override {
    work(self, m, random_);
    etf::cursor in(m.bytes());
    if (in.read_tuple_of(2)) {
      const auto meant = read_pid(in, self.host().nodes());
      if (!meant || *meant != self.self()) arena_.fail("a message came to another process");
    }
    const pid other = arena_.any_mortal();
    switch (random_() % 8) {
      case 0:
        self.link(other);
        break;
      case 1:
        self.unlink(other);
        break;
      case 2:
        self.demonitor(self.monitor(other), random_() % 2 == 0);
        break;
      case 3:
        self.trap_exit(random_() % 2 == 0);
        break;
      case 4:
        self.yield();
        break;
      case 5:
        if (const auto made = self.spawn({.link = random_() % 2 == 0}, std::make_unique<mortal>(arena_)))
          arena_.add(*made);
        break;
      case 6:
        self.start_timer(self.now() + 1000 * (random_() % 500), self.self(), atom("later"));
        break;
      default:
        return random_() % 2 == 0 ? stop(atom("boom")) : carry_on();
    }
    return carry_on();
  }
  void describe(description& out) const override { out.behaviour = "mortal"; }

 private:
  arena& arena_;
  std::minstd_rand random_;
};

class player : public behaviour {
 public:
  player(arena& in, std::size_t index) : arena_(in), index_(index), random_(in.seed()) {}
  outcome init(process& self) override {
    self.trap_exit(true);
    return carry_on();
  }
  outcome receive(process& self, message m) override {
    work(self, m, random_);
    etf::cursor in(m.bytes());
    std::uint32_t arity = 0;
    std::string_view word;
    in.read_tuple(arity);
    if (in.peek() == etf::kind::atom && in.read_atom(word))
      arity == 5 ? on_down(self, in) : on_exit(self, in);
    else
      on_message(self, in);
    return carry_on();
  }
  outcome receive_call(process& self, const call_id& call, message request) override {
    self.reply(call, number(value_of(request) + 1));
    return carry_on();
  }
  void describe(description& out) const override { out.behaviour = "player"; }

 private:
  void on_message(process& self, etf::cursor& in) {
    std::int64_t kind = 0;
    std::int64_t a = 0;
    std::int64_t b = 0;
    in.read_integer(kind);
    in.read_integer(a);
    in.read_integer(b);
    switch (static_cast<what>(kind)) {
      case what::play:
        for (int i = 0; i < 20; ++i) play(self);
        return;
      case what::numbered:
        if (heard_[static_cast<std::size_t>(a)]++ != b) arena_.fail("a sender's messages are out of order");
        return;
      case what::timeout:
        if (timers_.erase(a) == 0) return arena_.fail("a timer fired twice, or after it was cancelled");
        --arena_.timers;
        return;
      default:
        return arena_.fail("an unknown message");
    }
  }
  void on_down(process& self, etf::cursor& in) {
    const auto ref = read_reference(in, self.host().nodes());
    if (!ref || monitors_.erase(ref->number()) == 0) return arena_.fail("a monitor fired twice, or in vain");
    --arena_.monitors;
  }
  void on_exit(process& self, etf::cursor& in) {
    const auto from = read_pid(in, self.host().nodes());
    if (!from) return arena_.fail("an exit of nobody");
    if (links_.erase(*from) != 0) {
      --arena_.links;
    } else if (const auto one = unlinked_.find(*from); one != unlinked_.end()) {
      unlinked_.erase(one);
    } else {
      arena_.fail("a link fired twice, or after it was taken back");
    }
  }

  void play(process& self) {
    const std::size_t other = random_() % lasting;
    switch (random_() % 12) {
      case 0:
      case 1:
        self.send(arena_.players[other],
                  make(what::numbered, static_cast<std::int64_t>(index_), said_[other]++));
        return;
      case 2:
        return address(self, arena_.any_mortal());
      case 3: {
        const reference ref = self.monitor(arena_.any_mortal());
        monitors_.insert(ref.number());
        ++arena_.monitors;
        if (random_() % 3 != 0 || !self.demonitor(ref, true)) return;
        monitors_.erase(ref.number());
        --arena_.monitors;
        return;
      }
      case 4:
        return link(self, arena_.any_mortal());
      case 5:
        if (!links_.empty()) unlink(self, *links_.begin());
        return;
      case 6:
      case 7:
        return timer(self);
      case 8:
        return ask(self, arena_.players[other]);
      case 9:
        if (const auto made = self.spawn({}, std::make_unique<mortal>(arena_))) arena_.add(*made);
        return;
      case 10:
        self.exit(arena_.any_mortal(), atom(random_() % 2 == 0 ? "kill" : "boom"));
        return;
      default:
        self.yield();
    }
  }
  void address(process& self, const pid& to) {
    message_writer out;
    out.tuple(2);
    write(out, to, self.host().nodes());
    out.atom("it");
    self.send(to, out.take());
  }
  void link(process& self, const pid& to) {
    // The exit of a former link may be in the mailbox, so a new link could seem to fire twice.
    if (!links_.insert(to).second) return;
    self.link(to);
    ++arena_.links;
  }
  void unlink(process& self, const pid to) {
    self.unlink(to);
    links_.erase(to);
    --arena_.links;
    unlinked_.insert(to); // the link's exit may be in the mailbox already
  }
  void timer(process& self) {
    const std::int64_t key = ++last_timer_;
    const std::uint64_t id =
        self.start_timer(self.now() + 1000 * (random_() % 3000), self.self(), make(what::timeout, key));
    timers_.emplace(key, id);
    ++arena_.timers;
    const auto one = timers_.lower_bound(static_cast<std::int64_t>(random_()) % key);
    if (random_() % 2 == 0 || one == timers_.end() || self.cancel_timer(one->second) < 0) return;
    timers_.erase(one);
    --arena_.timers;
  }
  void ask(process& self, const pid& whom) {
    if (whom == self.self()) return;
    const auto answer = self.call(whom, number(last_timer_), self.now() + base::nanos_per_ms);
    // The call may time out: the two may be asking each other.
    if (answer.what != answer_to_call::kind::reply) return;
    if (value_of(answer.term) != last_timer_ + 1) arena_.fail("an answer to another question");
    ++arena_.answers;
  }

  struct by_id {
    bool operator()(const pid& a, const pid& b) const {
      return a.id != b.id ? a.id < b.id : a.serial < b.serial;
    }
  };
  arena& arena_;
  std::size_t index_;
  std::minstd_rand random_;
  std::array<std::int64_t, lasting> said_{}, heard_{};
  std::set<std::uint64_t> monitors_;
  std::set<pid, by_id> links_;
  std::multiset<pid, by_id> unlinked_;
  std::map<std::int64_t, std::uint64_t> timers_;
  std::int64_t last_timer_ = 0;
};

void play_round(unsigned seed) {
  CAPTURE(seed);
  arena all(seed);
  node here(3, system_options{.watchdog = base::nanos_per_ms});
  for (int i = 0; i < 20; ++i) all.add(here.host.spawn({}, std::make_unique<mortal>(all)).value());
  for (std::size_t i = 0; i < lasting; ++i)
    all.players.push_back(here.host.spawn({}, std::make_unique<player>(all, i)).value());
  for (int turn = 0; turn < 40; ++turn)
    for (const pid& one : all.players) here.host.send(one, make(what::play));
  const auto idle = [&] {
    const auto left = here.host.processes();
    return std::ranges::all_of(left, [](const process_summary& one) { return one.messages == 0; });
  };
  REQUIRE(eventually(idle));
  // Processes that are still alive may spawn others, so this repeats until only the players are left.
  CHECK(eventually([&] {
    for (const process_summary& one : here.host.processes())
      if (std::ranges::find(all.players, one.pid) == all.players.end()) here.host.exit(one.pid, atom("kill"));
    return here.host.counters().processes == lasting;
  }));
  CHECK(eventually([&] { return all.monitors == 0; }));
  CHECK(eventually([&] { return all.links == 0; }));
  CHECK(eventually([&] { return all.timers == 0; }));
  CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
  const std::lock_guard guard(all.lock);
  CHECK(all.wrong == "");
}

} // namespace

TEST_CASE("random play on too few processors: nothing is lost, overtaken, or heard of twice") {
  const char* asked = getenv("COPPICE_STRESS");
  const unsigned rounds = asked == nullptr ? 4 : static_cast<unsigned>(std::atoi(asked));
  const unsigned first = asked == nullptr ? 1 : std::random_device()();
  for (unsigned i = 0; i < rounds; ++i) play_round(first + i);
}

} // namespace coppice::runtime::testing
