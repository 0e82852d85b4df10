// SPDX-License-Identifier: MIT
// A model checker for protocols between threads: runs the real code, a template on its atomics, in every
// interleaving. Each thread of a scenario is a fiber; each operation on an atomic is a point where another
// may go on; a depth-first search replays the scenario from the start once for each schedule. Schedules that
// differ only in the order of independent operations are run once (sleep sets; Godefroid, "Partial-Order
// Methods", 1996). Where that leaves too many, `preemptions` bounds how often a thread is interrupted that
// could go on, and all schedules within the bound are run (Musuvathi and Qadeer, "Iterative context
// bounding", PLDI 2007).
//
// What is explored is sequential consistency or, with `store_buffers`, what an x86 does beyond that (Owens,
// Sarkar, Sewell, "A better x86 memory model: x86-TSO", 2009): a store that is not seq_cst stays in its
// thread's buffer until a step of its own; RMWs and seq_cst stores wait for the buffer to empty. Weaker
// orders, and races on what is not atomic, are not explored: those are the thread sanitizer's, in the tests
// with real threads. No CAS fails without a reason.
//
// A scenario is a class, made anew for each run: its constructor takes the `run` and gives it the threads;
// `end()` is called when they are through. What threads share is in watched atomics: a plain variable only
// where one thread at a time has it by the protocol itself. A run that fails is cut off where it is: threads
// own nothing on their stacks. All is on the test's one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/sanitizer.hpp"
#include "runtime/scheduling/fiber.hpp"

namespace coppice::runtime::testing {

struct exploration {
  bool store_buffers = false;
  int preemptions = -1;            // at most; -1: any number
  std::uint64_t most = 20'000'000; // runs
};

// For what should hold: where a sanitizer makes each run take ten times as long, those there is time for must
// do.
constexpr std::uint64_t affordable = base::sanitized ? 20'000 : exploration{}.most;

struct verdict {
  std::uint64_t schedules = 0; // run to their ends
  std::uint64_t pruned = 0;    // cut off: nothing new was to come
  bool complete = false;       // all there are were run
  std::string failure;         // of the first that failed, and its schedule; empty: none did

  bool holds() const { return (complete || base::sanitized) && failure.empty(); }
  bool fails() const { return !failure.empty(); }
};

class interleavings;

// One run of a scenario.
class run {
 public:
  explicit run(interleavings& of) : of_(of) {}
  void thread(std::string name, std::function<void()> body);

 private:
  interleavings& of_;
};

class interleavings {
 public:
  explicit interleavings(const exploration& how) : how_(how) {}

  template <class Scenario, class... Arguments>
  verdict explore(const Arguments&... of) {
    std::unique_ptr<Scenario> now;
    return explore_all(
        [&](run& fresh) {
          now.reset();
          now = std::make_unique<Scenario>(fresh, of...);
        },
        [&] { now->end(); });
  }

  // What a thread is about to do.
  struct operation {
    const char* name = "begin";
    const void* at = nullptr; // the word; null: nothing that others see
    bool writes = false;
    bool anywhere = false; // has to do with every word
    bool drained = false;  // waits until its thread's store buffer is empty
    bool may_stay = false; // the run may end before this
    const std::function<bool()>* can = nullptr;
    const std::function<bool()>* fails = nullptr; // a CAS as things are: it writes nothing
  };

  // Those of the run under way; null outside of its threads.
  static interleavings* here() { return here_; }
  void before(const operation& next);
  void did(const char* name, const void* at, std::uint64_t value, bool wrote);
  bool buffers(std::memory_order order) const {
    return how_.store_buffers && order != std::memory_order_seq_cst;
  }
  void buffer(const void* at, std::uint64_t value, void (*apply)(const void*, std::uint64_t));
  const std::uint64_t* buffered(const void* at) const; // the newest of this thread's; null: none
  void drain_all();
  void pause();
  bool ending() const { return ending_; }
  [[noreturn]] void fail(const char* what);

 private:
  friend class run;
  struct store {
    const void* at;
    std::uint64_t value;
    void (*apply)(const void*, std::uint64_t);
  };
  struct thread {
    std::string name;
    std::function<void()> body;
    std::unique_ptr<fiber> stack;
    operation next;
    std::deque<store> stores;
    std::uint64_t paused_at = UINT64_MAX; // writes_ then
    bool over = false;
  };
  static constexpr unsigned drains = 16;
  static constexpr unsigned nobody = UINT32_MAX;
  // A state of the search. Bits and numbers: threads, from `drains` on their store buffers.
  struct node {
    std::uint32_t enabled = 0;
    std::uint32_t asleep = 0; // explored from here, or before in an order that makes no difference
    unsigned chosen = 0;
    int preempted = 0;      // threads, so far
    unsigned last = nobody; // thread that ran
  };
  struct step {
    unsigned who;
    const char* name;
    const void* at;
    std::uint64_t value;
  };
  static constexpr std::size_t longest = 5000; // steps: more have no end

  verdict explore_all(const std::function<void(run&)>& begin, const std::function<void()>& end);
  void run_once(const std::function<void(run&)>& begin, const std::function<void()>& end);
  static void entry(void* self);
  void start(thread& one);
  void go_on(); // from the thread that runs, to the one chosen
  bool choose(unsigned& who);
  bool backtrack();
  bool lengthen(std::uint32_t can);
  unsigned follow_path(std::uint32_t can);
  static bool writes(const operation& next);
  static bool interrupts(const node& at, unsigned who);
  bool affordable(const node& at, unsigned who) const;
  std::uint32_t enabled() const;
  bool can_go(const thread& one) const;
  operation operation_of(unsigned who) const;
  bool independent(unsigned one, unsigned other) const;
  void drain_one(unsigned of);
  std::string schedule() const;

  static inline interleavings* here_ = nullptr;
  const exploration how_;
  std::unique_ptr<fiber> main_;
  std::vector<std::unique_ptr<thread>> threads_;
  std::vector<node> path_;
  std::vector<step> steps_;
  std::size_t depth_ = 0;
  std::uint32_t asleep_next_ = 0;
  unsigned now_ = nobody;
  std::uint64_t writes_ = 0;
  std::size_t count_ = 0; // of this run's threads
  bool starting_ = false;
  bool pruned_ = false;
  bool ending_ = false;
  std::string failure_;
};

// A Scenario is made with a `run` and what is `of` it.
template <class Scenario, class... Arguments>
verdict in_every_interleaving(const exploration& how = {}, const Arguments&... of) {
  return interleavings(how).explore<Scenario>(of...);
}

// In a thread of a scenario, or in its end().
void expect(bool holds, const char* what);

// The watched counterpart of std::atomic. Outside of a run's threads it is a plain variable.
template <class T>
class watched {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);

 public:
  watched() = default;
  watched(T initial) : value_(initial) {} // as std::atomic's
  watched(const watched&) = delete;
  watched& operator=(const watched&) = delete;

  T load(std::memory_order = std::memory_order_seq_cst) const {
    interleavings* all = interleavings::here();
    if (all == nullptr) return value_;
    all->before({.name = "load", .at = this});
    const std::uint64_t* own = all->buffered(this);
    const T seen = own == nullptr ? value_ : from_bits(*own);
    all->did("load", this, bits(seen), false);
    return seen;
  }
  void store(T to, std::memory_order order = std::memory_order_seq_cst) {
    interleavings* all = interleavings::here();
    if (all == nullptr) {
      value_ = to;
      return;
    }
    if (all->buffers(order)) {
      all->before({.name = "store, buffered"}); // of interest only to a fence everywhere
      return all->buffer(this, bits(to), &watched::apply);
    }
    all->before({.name = "store", .at = this, .writes = true, .drained = true});
    value_ = to;
    all->did("store", this, bits(to), true);
  }
  T exchange(T to, std::memory_order = std::memory_order_seq_cst) {
    return change("exchange", [to](T) { return to; });
  }
  T fetch_add(T by, std::memory_order = std::memory_order_seq_cst) {
    return change("add", [by](T was) { return static_cast<T>(was + by); });
  }
  T fetch_sub(T by, std::memory_order = std::memory_order_seq_cst) {
    return change("subtract", [by](T was) { return static_cast<T>(was - by); });
  }
  bool compare_exchange_strong(T& seen, T to, std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst) {
    interleavings* all = interleavings::here();
    const std::function<bool()> fails = [&] { return value_ != seen; };
    if (all != nullptr)
      all->before({.name = "CAS", .at = this, .writes = true, .drained = true, .fails = &fails});
    const bool same = value_ == seen;
    if (same)
      value_ = to;
    else
      seen = value_;
    if (all != nullptr) all->did(same ? "CAS" : "failed CAS", this, bits(value_), same);
    return same;
  }
  bool compare_exchange_weak(T& seen, T to, std::memory_order = std::memory_order_seq_cst,
                             std::memory_order = std::memory_order_seq_cst) {
    return compare_exchange_strong(seen, to);
  }
  // For the test. As this thread sees it, at no point of the schedule.
  T peek() const {
    const interleavings* all = interleavings::here();
    const std::uint64_t* own = all == nullptr ? nullptr : all->buffered(this);
    return own == nullptr ? value_ : from_bits(*own);
  }
  // Blocks until it is another.
  void wait_while(T is) const { wait(is, false); }
  // The same, but the run may end before: false, and the thread returns.
  bool rest_while(T is) const { return wait(is, true); }

 private:
  template <class Function>
  T change(const char* name, Function function) {
    interleavings* all = interleavings::here();
    if (all != nullptr) all->before({.name = name, .at = this, .writes = true, .drained = true});
    const T was = value_;
    value_ = function(was);
    if (all != nullptr) all->did(name, this, bits(value_), true);
    return was;
  }
  bool wait(T is, bool may_stay) const {
    interleavings* all = interleavings::here();
    const std::function<bool()> differs = [&] { return value_ != is; };
    all->before({.name = "wait", .at = this, .may_stay = may_stay, .can = &differs});
    all->did("waited for", this, bits(value_), false);
    return !all->ending();
  }
  static std::uint64_t bits(T of) {
    std::uint64_t to = 0;
    std::memcpy(&to, &of, sizeof of);
    return to;
  }
  static T from_bits(std::uint64_t of) {
    T to;
    std::memcpy(&to, &of, sizeof to);
    return to;
  }
  static void apply(const void* at, std::uint64_t value) {
    const_cast<watched*>(static_cast<const watched*>(at))->value_ = from_bits(value);
  }

  T value_{};
};

// The policy; see runtime/structures/atomics.hpp. A loop that pauses goes on once another thread has written.
struct watched_atomics {
  template <class T>
  using atomic = watched<T>;
  static void pause() {
    if (interleavings* all = interleavings::here()) all->pause();
  }
  static void yield() { pause(); }
  static void compiler_fence() {}
  static void begin_brief() {}
  static void end_brief() {}
};

// What membarrier(2) does: every thread's store buffer is empty afterwards.
void fence_everywhere();

// A mutex for scenarios; its operations are full fences.
class watched_mutex {
 public:
  void lock();
  void unlock();

 private:
  bool held_ = false;
};

} // namespace coppice::runtime::testing
