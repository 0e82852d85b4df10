// SPDX-License-Identifier: MIT
// The border of foreign_code.hpp and the hand-over of driver.cpp as a model whose steps are their memory
// accesses, in every interleaving. The handler's thread has a store buffer, as processors have; only a fence,
// its own or membarrier's, empties it at once. What the model promises is found broken when one of its rules
// is left out.
#include <doctest/doctest.h>

#include <compare>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace {

enum class fault : std::uint8_t {
  none,
  no_barrier,      // the watchdog does not fence the other threads after its claim
  no_decision,     // the handler does not wait for the watchdog's decision
  no_border,       // the watchdog takes the worker wherever its process is
  lost_said_last,  // the worker is taken from the thread before the thread can know
  one_way_to_rest, // the new thread rests the process without another look at its inbox
};

// The thread in a handler of P calls one host function; the watchdog tries twice to take its worker; another
// thread drives the worker from then on, handles P's end of waiting, and sleeps.
struct model {
  enum class place : std::uint8_t {
    start,
    enter,
    ask_worker,
    ask_running,
    ask_lost,
    back_in,
    look_claimed,
    decide,
    leave_stack,
    say_done,
    announce,
    gone, // the rest of the handler runs on the new thread
    ours,
    again_out,
    last_in,
    end_turn,
    done,
  };
  enum class guard : std::uint8_t { look, lock, claim, barrier, see_outside, see_turn, take, untake, over };
  enum class drive : std::uint8_t { none, left_behind, resting, round, idle, asleep };

  // In memory.
  bool outside = false;
  bool running = false; // the worker runs P
  bool claimed = false;
  bool drives = true; // the first thread has the worker
  bool lost = false;
  bool done_sent = false;   // P's end of waiting is in its inbox
  bool inbox_idle = false;  // below that
  bool announced = false;   // P is in the worker's announcements
  bool worker_idle = false; // the announcements are
  bool wake_sent = false;
  bool queued = false;
  bool on_new_thread = false; // the handler
  std::uint8_t lock = 0;      // of claims: 1 the handler, 2 the watchdog

  // The handler's thread.
  place handler = place::start;
  std::uint8_t visit = 0; // 0: back for the host function, 1: back for good
  bool seen_worker = false;
  std::vector<std::pair<std::uint8_t, bool>> stores; // 0: outside, 1: running; oldest first

  guard watchdog = guard::look;
  std::uint8_t tries = 2;
  std::uint8_t taking = 0;

  drive driver = drive::none;
  bool broken = false;

  auto operator<=>(const model&) const = default;

  void drain_one() {
    (stores.front().first == 0 ? outside : running) = stores.front().second;
    stores.erase(stores.begin());
  }
  void drain() {
    while (!stores.empty()) drain_one();
  }
  void store(std::uint8_t what, bool value) {
    if (on_new_thread)
      (what == 0 ? outside : running) = value; // its buffer changes nothing: nobody looks across it any more
    else
      stores.emplace_back(what, value);
  }
  bool own_running() const {
    for (auto at = stores.rbegin(); at != stores.rend(); ++at)
      if (at->first == 1) return at->second;
    return running;
  }
};

using place = model::place;
using guard = model::guard;
using drive = model::drive;

// In the daemon's code with the worker in hand: it must be this thread's.
void use_worker(model& m) {
  if (!m.on_new_thread && !m.drives) m.broken = true;
  if (m.on_new_thread && m.driver != drive::round) m.broken = true;
}

void handler_step(model& m, fault with) {
  switch (m.handler) {
    case place::start:
      m.store(1, true);
      m.handler = place::enter;
      return;
    case place::enter:
      use_worker(m);
      m.store(0, true);
      m.handler = place::ask_worker;
      return;
    case place::ask_worker: // has_turn_of
      m.seen_worker = m.drives;
      m.handler = m.seen_worker ? place::ask_running : place::ask_lost;
      return;
    case place::ask_running:
      m.handler = m.own_running() ? place::back_in : place::ask_lost;
      return;
    case place::ask_lost:
      if (!m.lost) m.broken = true; // it is P's turn
      m.handler = place::back_in;
      return;
    case place::back_in: // come_back
    case place::last_in:
      m.visit = m.handler == place::last_in ? 1 : 0;
      m.store(0, false);
      m.handler = place::look_claimed;
      return;
    case place::look_claimed:
      m.handler = !m.claimed ? place::ours : with == fault::no_decision ? place::ours : place::decide;
      return;
    case place::decide: // a mutex: it fences
      if (m.lock != 0) return;
      m.drain();
      m.handler = m.claimed ? place::leave_stack : place::ours;
      return;
    case place::leave_stack: // rejoin
      m.handler = place::say_done;
      return;
    case place::say_done: { // report_back
      m.drain();
      m.lost = false;
      m.done_sent = true;
      const bool duty = std::exchange(m.inbox_idle, false);
      m.handler = duty ? place::announce : place::gone;
      return;
    }
    case place::announce:
      m.announced = true;
      if (std::exchange(m.worker_idle, false)) m.wake_sent = true;
      m.handler = place::gone;
      return;
    case place::ours:
      use_worker(m);
      m.handler = m.visit == 0 ? place::again_out : place::end_turn;
      return;
    case place::again_out:
      m.store(0, true);
      m.handler = place::last_in;
      return;
    case place::end_turn:
      use_worker(m);
      m.store(1, false);
      m.handler = place::done;
      return;
    case place::gone:
    case place::done:
      return;
  }
}

bool handler_can(const model& m) {
  if (m.handler == place::gone || m.handler == place::done) return false;
  if (m.handler == place::decide) return m.lock == 0;
  return !m.on_new_thread || m.driver == drive::round;
}

void hand_over(model& m, fault with) {
  const bool swapped = with == fault::lost_said_last;
  switch (m.taking++) {
    case 0:
      (swapped ? m.running : m.lost) = !swapped;
      return;
    case 1:
      m.drives = false;
      return;
    case 2:
      (swapped ? m.lost : m.running) = swapped;
      return;
    default:
      m.driver = drive::left_behind;
      m.lock = 0;
      m.watchdog = guard::over;
  }
}

void watchdog_step(model& m, fault with) {
  const auto give_up = [&m] {
    m.lock = 0;
    m.watchdog = --m.tries == 0 ? guard::over : guard::look;
  };
  switch (m.watchdog) {
    case guard::look:
      m.watchdog = guard::lock;
      if (!m.running) give_up();
      return;
    case guard::lock:
      m.lock = 2;
      m.drain(); // the barrier before who runs is looked at
      m.watchdog = guard::claim;
      return;
    case guard::claim:
      if (!m.running) return give_up();
      m.claimed = true;
      m.watchdog = guard::barrier;
      return;
    case guard::barrier:
      if (with != fault::no_barrier) m.drain();
      m.watchdog = guard::see_outside;
      return;
    case guard::see_outside:
      m.watchdog = m.outside || with == fault::no_border ? guard::see_turn : guard::untake;
      return;
    case guard::see_turn:
      m.watchdog = m.running ? guard::take : guard::untake;
      return;
    case guard::untake:
      m.claimed = false;
      give_up();
      return;
    case guard::take:
      return hand_over(m, with);
    case guard::over:
      return;
  }
}

bool watchdog_can(const model& m) {
  // Looking without the lock must not give back another's.
  if (m.watchdog == guard::look || m.watchdog == guard::lock) return m.lock == 0;
  return m.watchdog != guard::over;
}

// P's waiting is over: its stack goes on here.
void resume(model& m) {
  m.queued = false;
  m.claimed = false;
  m.running = true;
  m.on_new_thread = true;
  m.handler = place::ours;
}

bool driver_can(const model& m) {
  switch (m.driver) {
    case drive::none:
      return false;
    case drive::round: // in P's turn the handler's steps are this thread's
      return !m.on_new_thread || m.handler == place::done;
    case drive::asleep:
      return m.wake_sent;
    default:
      return true;
  }
}

void driver_step(model& m, fault with) {
  switch (m.driver) {
    case drive::left_behind: // end_turn
      m.driver = m.done_sent ? drive::round : drive::resting;
      m.queued = m.done_sent;
      return;
    case drive::resting: // try_idle
      m.inbox_idle = !m.done_sent || with == fault::one_way_to_rest;
      m.queued = m.done_sent && with != fault::one_way_to_rest;
      m.driver = drive::round;
      return;
    case drive::round:
      if (m.on_new_thread) {
        m.driver = drive::none; // the handler is through
        return;
      }
      if (m.announced) m.announced = false, m.queued = true;
      // Its stack has been left: say_done comes after leave_stack.
      if (m.queued)
        resume(m);
      else
        m.driver = drive::idle;
      return;
    case drive::idle:
      m.worker_idle = !m.announced;
      m.driver = m.announced ? drive::round : drive::asleep;
      return;
    case drive::asleep:
      m.wake_sent = false;
      m.driver = drive::round;
      return;
    case drive::none:
      return;
  }
}

struct verdict {
  std::size_t states = 0;
  std::size_t taken = 0; // states in which the worker was
  bool broken = false;
  bool stuck = false;
};

verdict explore(fault with) {
  verdict found;
  std::set<model> visited;
  std::vector<model> left{model{}};
  while (!left.empty()) {
    model now = std::move(left.back());
    left.pop_back();
    if (!visited.insert(now).second) continue;
    found.taken += now.driver != drive::none ? 1U : 0U;
    if (now.broken) {
      found.broken = true;
      continue;
    }
    bool moved = false;
    const auto step = [&](bool can, auto take) {
      if (!can) return;
      moved = true;
      model next = now;
      take(next);
      left.push_back(std::move(next));
    };
    step(!now.stores.empty(), [](model& m) { m.drain_one(); });
    step(handler_can(now), [&](model& m) { handler_step(m, with); });
    step(watchdog_can(now), [&](model& m) { watchdog_step(m, with); });
    step(driver_can(now), [&](model& m) { driver_step(m, with); });
    const bool over = now.handler == place::done && now.lock == 0 && !now.claimed;
    if (!moved && !over) found.stuck = true;
  }
  found.states = visited.size();
  return found;
}

} // namespace

TEST_CASE("in every interleaving of a handler and the watchdog one thread has the worker, and P goes on") {
  const verdict found = explore(fault::none);
  MESSAGE(found.states, " states");
  CHECK(found.states > 300);
  CHECK(found.taken > 50);
  CHECK_FALSE(found.broken);
  CHECK_FALSE(found.stuck);
}

TEST_CASE("each rule of the border is needed") {
  for (const fault one : {fault::no_barrier, fault::no_decision, fault::no_border, fault::lost_said_last,
                          fault::one_way_to_rest}) {
    CAPTURE(static_cast<int>(one));
    const verdict found = explore(one);
    CHECK((found.broken || found.stuck));
  }
}
