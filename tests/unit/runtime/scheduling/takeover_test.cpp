// SPDX-License-Identifier: MIT
// How a worker is taken from a thread that is stuck in foreign code, in every interleaving and with store
// buffers. The scenario uses the real border, driving records and inboxes, combined as foreign_code.hpp,
// driver.cpp and watchdog.cpp do. The watchdog tries to take the worker of a handler. If it does, another
// thread drives the worker, continues the process when it is told that the handler has returned, and sleeps
// meanwhile.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "runtime/scheduling/code_border.hpp"
#include "runtime/scheduling/driving.hpp"
#include "runtime/scheduling/idling.hpp"
#include "runtime/structures/interleavings.hpp"
#include "runtime/structures/lifo.hpp"

using namespace coppice::runtime;
using namespace coppice::runtime::testing;

namespace {

// Rules that a test can break, one at a time.
enum class misuse : std::uint8_t {
  none,
  no_barrier,        // the watchdog does not fence the other threads after its claim
  no_decision,       // the handler does not wait for the watchdog's decision
  no_border,         // the watchdog takes the worker wherever its process is
  no_second_look,    // the watchdog does not ask again whose turn it is after its claim
  looked_at_before,  // a returning handler reads the claim before it says that it is back
  lost_said_last,    // the worker's process is cleared before the thread can know that it has lost the worker
  told_on_the_stack, // the process is told that the handler has returned before its stack is left
};

// What the handler does.
enum class handler : std::uint8_t {
  asks_its_host, // calls one function of its host
  comes_again,   // if its worker was not taken, goes out again in a later turn on another worker
};

struct foreign {};
struct done_waiting {
  done_waiting* next = nullptr;
};

template <handler Does, misuse Wrong = misuse::none, class Inboxes = watched_atomics>
class takeover {
 public:
  explicit takeover(run& all) {
    worker_.set_running(&p_);
    drives_.begin(worker_);
    p_.border.go_out(&code_);
    all.thread("watchdog", [this] { try_to_take(); });
    all.thread("handler", [this] { handle(first, Does == handler::asks_its_host ? 0 : 1); });
    all.thread("driver", [this] { drive(); });
  }
  void end() const { expect(finished_, "the handler is never through"); }

 private:
  enum who : std::uint8_t { first, second };
  struct process {
    basic_code_border<foreign, watched_atomics> border;
    lifo<done_waiting, &done_waiting::next, Inboxes> inbox{true};
    process* next_notified = nullptr;
    bool notified = false;
  };

  struct worker {
    process* running() const { return runs.load(std::memory_order_acquire); }
    void set_running(process* p) { runs.store(p, std::memory_order_release); }
    watched<process*> runs{nullptr};
    watched<int> used{0}; // stands for all data of the worker
  };

  // The thread `by` is in the daemon's code and has the worker.
  void use_worker(who by) {
    worker_.used.load();
    expect((by == second) == given_away_, "a thread uses a worker that is another's");
  }

  // The handler's visits in the daemon's code, from `visit` on to the end, with foreign code between them.
  // When the first thread loses the worker, the second one runs the remaining visits.
  void handle(who by, int visit) {
    for (; visit < 2; ++visit) {
      if (visit == 0) ask_for_its_turn(by);
      if (!come_back(by, visit)) return;
      ours(by, visit);
    }
    if (by == second || Does == handler::asks_its_host) return;
    p_.border.go_out(&code_);
    if (p_.border.come_back()) expect(!decided(), "a worker is taken for a turn of another's");
  }
  bool decided() {
    claims_.lock();
    const bool claimed = p_.border.claimed();
    claims_.unlock();
    return claimed;
  }
  void ours(who by, int visit) {
    use_worker(by);
    if (visit == 0) return p_.border.go_out(&code_);
    worker_.set_running(nullptr);
    finished_ = true;
  }
  void ask_for_its_turn(who by) {
    if (by == first) expect(drives_.has_turn_of(p_), "a process does not know its own turn");
  }
  // False: this thread has lost the worker and the stack.
  bool come_back(who by, int visit) {
    const bool before = Wrong == misuse::looked_at_before && p_.border.claimed();
    const bool after = p_.border.come_back();
    const bool claimed = Wrong == misuse::looked_at_before ? before : after;
    if (!claimed || Wrong == misuse::no_decision || !decided()) return true;
    expect(by == first, "a worker is taken twice");
    if (Wrong == misuse::told_on_the_stack) report_back();
    expect(on_stack_.exchange(false), "a stack is left twice");
    goes_on_at_ = visit;
    if (Wrong != misuse::told_on_the_stack) report_back();
    return false;
  }
  void report_back() {
    drives_.take_lost();
    if (p_.inbox.push(&done_) && notifications_.push(&p_)) wakes_.fetch_add(1);
  }

  void try_to_take() {
    if (worker_.running() == nullptr) return;
    claims_.lock();
    if (claim()) hand_over();
    claims_.unlock();
  }
  // The real watchdog fences before this, too, but only for reclamation.
  bool claim() {
    if (worker_.running() == nullptr || p_.border.claimed()) return false;
    const foreign* code = p_.border.claim([] {
      if (Wrong != misuse::no_barrier) fence_everywhere();
    });
    const bool still = worker_.running() != nullptr || Wrong == misuse::no_second_look;
    if ((code != nullptr || Wrong == misuse::no_border) && still) return true;
    p_.border.withdraw();
    return false;
  }
  void hand_over() {
    worker_.used.fetch_add(1);
    given_away_ = true;
    if (Wrong == misuse::lost_said_last) worker_.set_running(nullptr);
    drives_.lose(worker_, p_);
    taken_.store(true);
  }

  // The new thread. First the process's turn has to be ended, as that of a process that waits.
  void drive() {
    if (!taken_.rest_while(false)) return;
    bool queued = !rest();
    use_worker(second);
    while (!finished_) {
      if (notifications_.take_all() != nullptr) {
        take_inbox();
        p_.notified = false;
        queued = true;
      }
      if (queued) {
        take_inbox();
        if (told_) return go_on();
        queued = !rest();
      } else if (try_idle(notifications_)) {
        if (!wakes_.rest_while(0)) return;
        wakes_.exchange(0);
      }
    }
  }
  bool rest() { return try_idle_unless_notified(p_.inbox, p_.notified); }
  void take_inbox() {
    if (p_.inbox.empty()) return;
    bool was_idle = false;
    told_ = p_.inbox.take_all(was_idle) != nullptr;
    if (was_idle) p_.notified = true;
  }
  void go_on() {
    worker_.set_running(&p_);
    expect(!on_stack_.load(), "two threads are on one stack");
    p_.border.withdraw();
    ours(second, goes_on_at_);
    handle(second, goes_on_at_ + 1);
  }

  process p_;
  foreign code_;
  done_waiting done_;
  lifo<process, &process::next_notified, Inboxes> notifications_{true};
  watched<int> wakes_{0};
  worker worker_;
  driving<worker, process, watched_atomics> drives_; // of the first thread
  watched<bool> taken_{false};                       // the second thread has the worker
  watched<bool> on_stack_{true};                     // the first thread is on the handler's stack
  watched_mutex claims_;
  bool told_ = false;
  int goes_on_at_ = 0;
  bool given_away_ = false;
  bool finished_ = false;
};

// Goes idle without checking whether anything has arrived.
struct hasty_atomics : watched_atomics {
  template <class T>
  class atomic : public watched<T> {
   public:
    using watched<T>::watched;
    bool compare_exchange_strong(T&, T to, std::memory_order, std::memory_order) {
      this->store(to);
      return true;
    }
  };
};

constexpr exploration buffered{.store_buffers = true};

template <class Scenario>
void must_hold() {
  const verdict found = in_every_interleaving<Scenario>({.store_buffers = true, .most = affordable});
  MESSAGE(found.schedules, " schedules");
  CHECK_MESSAGE(found.holds(), found.failure);
  CHECK(found.schedules > 1000);
}

template <class Scenario>
std::string failure() {
  const verdict found = in_every_interleaving<Scenario>(buffered);
  return found.failure.substr(0, found.failure.find('\n'));
}

} // namespace

TEST_CASE(
    "in every interleaving of a handler and the watchdog one thread has the worker, and the handler ends") {
  must_hold<takeover<handler::asks_its_host>>();
}

TEST_CASE("in every interleaving no worker is taken for what its process does on another") {
  must_hold<takeover<handler::comes_again>>();
}

TEST_CASE("each rule of the border is needed") {
  constexpr const char* shared = "a thread uses a worker that is another's";
  constexpr const char* anothers = "a worker is taken for a turn of another's";
  using enum misuse;
  CHECK(failure<takeover<handler::asks_its_host, no_barrier>>() == shared);
  CHECK(failure<takeover<handler::asks_its_host, no_decision>>() == shared);
  CHECK(failure<takeover<handler::asks_its_host, no_border>>() == shared);
  CHECK(failure<takeover<handler::asks_its_host, looked_at_before>>() == shared);
  CHECK(failure<takeover<handler::comes_again, no_second_look>>() == anothers);
}

TEST_CASE("each rule of the way to another thread is needed") {
  using enum misuse;
  CHECK(failure<takeover<handler::asks_its_host, lost_said_last>>() ==
        "a process does not know its own turn");
  CHECK(failure<takeover<handler::comes_again, told_on_the_stack>>() == "two threads are on one stack");
  CHECK(failure<takeover<handler::comes_again, none, hasty_atomics>>() == "the handler is never through");
}
