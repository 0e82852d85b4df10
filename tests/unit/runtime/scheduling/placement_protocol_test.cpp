// SPDX-License-Identifier: MIT
// How signals find a process that moves, in every interleaving. The workers here use the real code of
// movements, inboxes, tokens and idling, and otherwise only take turns and sleep as worker.cpp does. A
// scenario has several workers, each a thread that sleeps when it has nothing to do, one process whose home
// is the first worker, and a thread that is no worker. Where there are too many schedules, the number of
// preemptions is bounded.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/scheduling/idling.hpp"
#include "runtime/scheduling/movement.hpp"
#include "runtime/structures/interleavings.hpp"
#include "runtime/structures/lifo.hpp"

using namespace coppice::runtime;
using namespace coppice::runtime::testing;

namespace {

// Rules that a test can break, one at a time.
enum class misuse : std::uint8_t {
  none,
  idle_while_notified,   // the inbox goes idle even if a notification is on its way
  idle_not_noted,        // take_all's result, that the inbox was idle, is ignored
  home_not_asked_again,  // a worker with a borrowed token takes the process wherever it lives
  scheduled_is_fetched,  // a process is fetched although it is in its home's queue, or on its way to it
  no_word_is_passed_on,  // a former home does not pass a notification on
  sleeps_on_two_inboxes, // a worker sleeps without asking `arrivals_`
  next_read_late,        // the next element is read after the process may be in another list
};

// The policies of the inboxes and of the tokens, which a test may break.
template <class Inboxes = watched_atomics, class Tokens = watched_atomics, misuse Wrong = misuse::none>
struct rules {
  using inboxes = Inboxes;
  using tokens = Tokens;
  static constexpr misuse wrong = Wrong;
};

struct shape {
  std::size_t workers;
  std::array<int, 4> sent; // signals to the process: by each worker, then by a foreign thread
  int gifts = 0;           // how often a worker gives the process to the next instead of running it
  int stirs = 0;           // how often a worker is awake for a moment between going to sleep and sleeping
};

struct sent_signal {
  sent_signal* next = nullptr;
  std::size_t from = 0;
  int number = 0;
};

template <class Rules>
class workers_and_process {
 public:
  workers_and_process(run& all, const shape& its) : its_(its), gifts_(its.gifts) {
    p_.schedule.home.store(&workers_[0]);
    for (std::size_t i = 0; i < its_.workers; ++i) {
      worker& mine = workers_[i];
      mine.of = this;
      mine.index = i;
      all.thread("worker " + std::to_string(i), [this, &mine] { work(mine); });
    }
    if (its_.sent[foreign] != 0) all.thread("foreign", [this] { send_all(foreign, nullptr); });
  }
  void end() const {
    expect(handled_ == std::accumulate(its_.sent.begin(), its_.sent.end(), 0), "a signal is lost");
  }

 private:
  static constexpr misuse wrong = Rules::wrong;
  static constexpr std::size_t foreign = 3;
  static constexpr std::size_t nobody = SIZE_MAX;
  struct worker;
  struct process {
    lifo<sent_signal, &sent_signal::next, typename Rules::inboxes> inbox;
    struct {
      watched<worker*> home{nullptr};
      process* next_notified = nullptr;
      process* next_in_queue = nullptr;
      bool queued = false;
      bool arriving = false;
    } schedule;
    std::vector<const sent_signal*> pending;
    bool notified = false;
    bool linked = false; // among some worker's notifications
  };
  // The base class is what is tested. A function here replaces the real one only if its rule is broken.
  struct worker : movement<worker, process, typename Rules::inboxes, typename Rules::tokens> {
    using real = movement<worker, process, typename Rules::inboxes, typename Rules::tokens>;

    void wake_thread() { wakes.fetch_add(1); }
    bool shares_processes_with(const worker&) const { return true; }
    static bool movable(const process& p) {
      return !p.schedule.arriving || wrong == misuse::scheduled_is_fetched;
    }
    void let_go(process& p) {
      expect(in_hand_of == (giving ? index : nobody), "a worker is in the hands of two");
      expect(p.schedule.home.peek() == this, "a process is touched by who does not own it");
      if (!std::exchange(giving, false)) { // this takes a while
        expect(!borrowed.exchange(true), "a worker is in the hands of two");
        expect(in_hand_of == nobody, "a worker is in the hands of two");
        borrowed.store(false);
      }
    }
    void take_in(process& p) { of->own(*this, index, p); }
    void take_arrival(process& p) {
      of->own(*this, index, p);
      queued = &p;
    }
    void take_notification(process& p) {
      of->own(*this, index, p);
      p.linked = false;
      of->take_inbox();
      p.notified = false;
      of->schedule(*this);
    }
    void add_notification(process& p) {
      expect(!p.linked, "notified twice at once");
      p.linked = true;
      real::add_notification(p);
    }
    void pass_on(process& p, worker& home) {
      p.linked = false;
      if (wrong != misuse::no_word_is_passed_on) real::pass_on(p, home);
    }
    bool fetch(process& p, worker& home) {
      constexpr bool broken = wrong == misuse::home_not_asked_again || wrong == misuse::scheduled_is_fetched;
      if (!broken || &home == this) return real::fetch(p, home);
      if (!home.token_.borrow()) return false;
      const bool lives_here =
          p.schedule.home.load(std::memory_order_relaxed) == &home || wrong == misuse::home_not_asked_again;
      const bool moves =
          lives_here && movable(p) && (!p.schedule.queued || wrong == misuse::scheduled_is_fetched);
      if (moves) {
        home.let_go(p);
        p.schedule.home.store(this, std::memory_order_release);
      }
      home.token_.give_back();
      if (moves) take_in(p);
      return moves;
    }
    void take_notifications() {
      if (wrong != misuse::next_read_late) return real::take_notifications();
      for (process* one = this->notifications_.take_all(); one != nullptr;
           one = one->schedule.next_notified) {
        expect(one == &of->p_, "a list leads into another");
        worker& home = *one->schedule.home.load(std::memory_order_acquire);
        if (&home == this)
          take_notification(*one);
        else
          pass_on(*one, home);
      }
    }
    bool try_idle_all() {
      if (wrong == misuse::sleeps_on_two_inboxes) return try_idle(this->notifications_);
      return try_idle(this->notifications_, this->arrivals_);
    }
    void rest() { this->token_.rest(); }
    void take_back() {
      this->token_.take_back();
      expect(in_hand_of == nobody && !borrowed.load(), "a worker is in the hands of two");
      in_hand_of = index;
    }

    workers_and_process* of = nullptr;
    std::size_t index = 0;
    watched<int> wakes{0}; // wake-ups sent to its thread
    process* queued = nullptr;
    std::size_t in_hand_of = nobody; // index of the thread that has the worker
    watched<bool> borrowed{false};   // another worker's thread has it
    bool giving = false;
    int stirs = 0;
  };

  // Checks what may be done only by the thread that has the worker `home` of the process.
  void own(const worker& home, std::size_t who, const process& p) const {
    expect(home.in_hand_of == who, "a worker is in the hands of two");
    expect(p.schedule.home.peek() == &home, "a process is touched by who does not own it");
  }
  void take_inbox() {
    if (p_.inbox.empty()) return;
    bool was_idle = false;
    for (sent_signal* one = p_.inbox.take_all(was_idle); one != nullptr; one = one->next)
      p_.pending.push_back(one);
    if (was_idle && wrong != misuse::idle_not_noted) p_.notified = true;
  }
  void schedule(worker& home) {
    own(home, home.index, p_);
    if (p_.schedule.queued) return;
    p_.schedule.queued = true;
    home.queued = &p_;
  }

  // As in delivery::push and worker::receive_here.
  void send(std::size_t from, int number, worker* here) {
    sent_signal& fresh = signals_[from][static_cast<std::size_t>(number)];
    fresh.from = from;
    fresh.number = number;
    if (here != nullptr && p_.schedule.home.load(std::memory_order_acquire) == here) {
      own(*here, from, p_);
      take_inbox();
      p_.pending.push_back(&fresh);
      return schedule(*here);
    }
    if (p_.inbox.push(&fresh)) worker::real::notify(p_, here);
  }
  void send_all(std::size_t from, worker* here) {
    for (int i = 0; i < its_.sent[from]; ++i) send(from, i, here);
  }
  void turn(worker& here) {
    here.queued = nullptr;
    own(here, here.index, p_);
    if (gifts_ > 0) {
      --gifts_;
      here.giving = true;
      return here.give(p_, workers_[(here.index + 1) % its_.workers]);
    }
    take_inbox();
    for (const sent_signal* one : p_.pending) {
      expect(one->number == next_[one->from]++, "out of order");
      ++handled_;
    }
    p_.pending.clear();
    if (try_idle_unless_notified(p_.inbox, p_.notified && wrong != misuse::idle_while_notified))
      p_.schedule.queued = false;
    else
      here.queued = &p_;
  }

  void work(worker& mine) {
    mine.in_hand_of = mine.index;
    send_all(mine.index, &mine);
    for (;;) {
      mine.take_arrivals();
      mine.take_notifications();
      if (mine.queued != nullptr) {
        turn(mine);
        continue;
      }
      if (mine.try_idle_all() && !sleep(mine)) return;
    }
  }
  // False: no wake-up will come.
  bool sleep(worker& mine) {
    for (;;) {
      mine.in_hand_of = nobody;
      mine.rest();
      if (mine.stirs++ == its_.stirs) break;
      mine.take_back();
    }
    mine.stirs = 0;
    if (!mine.wakes.rest_while(0)) return false;
    mine.wakes.exchange(0);
    mine.take_back();
    return true;
  }
  const shape its_;
  process p_;
  std::array<worker, 3> workers_;
  std::array<std::array<sent_signal, 3>, 4> signals_;
  std::array<int, 4> next_{};
  int gifts_;
  int handled_ = 0;
};

// Faults of the atomic operations that a test can plant.
enum class fault : std::uint8_t {
  cas_in_two_steps, // it loads, then stores
  cas_by_storing,   // it stores whatever the old value is
};

template <fault Which>
struct faulty_atomics : watched_atomics {
  template <class T>
  class atomic : public watched<T> {
   public:
    using watched<T>::watched;
    bool compare_exchange_weak(T& seen, T to, std::memory_order, std::memory_order) {
      return change(seen, to);
    }
    bool compare_exchange_strong(T& seen, T to, std::memory_order, std::memory_order) {
      return change(seen, to);
    }

   private:
    bool change(T& seen, T to) {
      if (Which == fault::cas_in_two_steps)
        if (const T now = this->load(); now != seen) return seen = now, false;
      this->store(to);
      return true;
    }
  };
};

void must_hold(const shape& its, exploration how = {}) {
  how.most = affordable;
  const verdict found = in_every_interleaving<workers_and_process<rules<>>>(how, its);
  MESSAGE(found.schedules, " schedules");
  CHECK_MESSAGE(found.holds(), found.failure);
  CHECK(found.schedules > 100);
}

template <class Rules>
std::string failure(const shape& its = {.workers = 3, .sent = {1, 1, 1}, .gifts = 1}) {
  const verdict found = in_every_interleaving<workers_and_process<Rules>>({.preemptions = 2}, its);
  return found.failure.substr(0, found.failure.find('\n'));
}

template <misuse Wrong>
using with = rules<watched_atomics, watched_atomics, Wrong>;

} // namespace

TEST_CASE(
    "in every interleaving of senders to a process whose worker sleeps, no signal is lost or reordered") {
  must_hold({.workers = 2, .sent = {1, 1, 0, 1}});
  must_hold({.workers = 2, .sent = {0, 1, 0, 1}, .stirs = 1});
  must_hold({.workers = 3, .sent = {0, 1, 1}});
}

TEST_CASE("in every interleaving of a send and a move, no signal is lost or reordered") {
  must_hold({.workers = 2, .sent = {1, 1}, .gifts = 1});
  must_hold({.workers = 2, .sent = {0, 1, 0, 1}, .gifts = 1});
}

TEST_CASE("the same with store buffers") {
  must_hold({.workers = 2, .sent = {1, 1}, .gifts = 1}, {.store_buffers = true});
  must_hold({.workers = 2, .sent = {0, 1, 0, 1}}, {.store_buffers = true});
}

TEST_CASE("with few preemptions, neither where many send and the process moves about") {
  must_hold({.workers = 2, .sent = {1, 2, 0, 1}, .gifts = 1, .stirs = 1}, {.preemptions = 2});
  must_hold({.workers = 3, .sent = {0, 1, 1, 1}, .gifts = 1}, {.preemptions = 2});
  must_hold({.workers = 3, .sent = {1, 1, 2}, .gifts = 2, .stirs = 1}, {.preemptions = 2});
}

TEST_CASE("each rule of placement is needed") {
  constexpr const char* twice = "notified twice at once";
  constexpr const char* lost = "a signal is lost";
  constexpr const char* not_its = "a process is touched by who does not own it";
  CHECK(failure<with<misuse::idle_while_notified>>() == twice);
  CHECK(failure<with<misuse::idle_not_noted>>() == twice);
  CHECK(failure<with<misuse::home_not_asked_again>>() == not_its);
  CHECK(failure<with<misuse::scheduled_is_fetched>>() == not_its);
  CHECK(failure<with<misuse::no_word_is_passed_on>>() == lost);
  CHECK(failure<with<misuse::sleeps_on_two_inboxes>>() == lost);
  CHECK(failure<with<misuse::next_read_late>>() == "a list leads into another");
}

TEST_CASE("each step of a token and of an inbox is needed") {
  using two_steps = faulty_atomics<fault::cas_in_two_steps>;
  using by_storing = faulty_atomics<fault::cas_by_storing>;
  constexpr shape woken{.workers = 2, .sent = {0, 1, 0, 1}, .stirs = 1};
  constexpr const char* two_hands = "a worker is in the hands of two";
  CHECK(failure<rules<watched_atomics, two_steps>>(woken) == two_hands);
  CHECK(failure<rules<watched_atomics, by_storing>>(woken) == two_hands);
  CHECK(failure<rules<two_steps>>() != "");
  CHECK(failure<rules<by_storing>>() != "");
}
