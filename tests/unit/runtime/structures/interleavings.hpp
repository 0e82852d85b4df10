// SPDX-License-Identifier: MIT
// A model checker for protocols between threads. It runs the real code, a template on its atomics, in every
// interleaving. Each thread of a scenario is a fiber, and at each operation on an atomic any thread may
// continue. A depth-first search replays the scenario from the start, once for each schedule. Schedules that
// differ only in the order of independent operations are run once (sleep sets; Godefroid, "Partial-Order
// Methods", 1996). Where that leaves too many, `preemptions` bounds how often a thread is interrupted that
// could continue, and all schedules within the bound are run (Musuvathi and Qadeer, "Iterative context
// bounding", PLDI 2007).
//
// The memory model is sequential consistency or, with `store_buffers`, that of x86 (Owens, Sarkar, Sewell, "A
// better x86 memory model: x86-TSO", 2009): a store that is not seq_cst stays in its thread's buffer until a
// separate step; RMWs and seq_cst stores wait until the buffer is empty. Weaker orders, and races on data
// that is not atomic, are not explored: the tests with real threads find them, under the thread sanitizer. A
// CAS never fails spuriously.
//
// A scenario is a class of which each run makes a new object. Its constructor takes the `run` and gives it
// the threads; `end()` is called when they have ended. Data that threads share has to be in watched atomics.
// A plain variable is allowed only if the protocol itself lets one thread at a time use it. A run that fails
// is cut off where it is, so objects on a thread's stack must not own memory. Everything runs on the test's
// one thread.
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

// The number of runs for a scenario that should hold. A sanitizer makes each run ten times as slow, so fewer
// have to do.
constexpr std::uint64_t affordable = base::sanitized ? 20'000 : exploration{}.most;

struct verdict {
  std::uint64_t schedules = 0; // runs that ended
  std::uint64_t pruned = 0;    // runs that were cut off, since nothing new could follow
  bool complete = false;       // all schedules were run
  std::string failure;         // the first failure and its schedule; empty: none failed

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

  // An operation that a thread is about to do.
  struct operation {
    const char* name = "begin";
    const void* at = nullptr; // the atomic; null: no other thread can see the operation
    bool writes = false;
    bool anywhere = false; // depends on operations on every atomic
    bool drained = false;  // waits until the thread's store buffer is empty
    bool may_stay = false; // the run may end before this operation
    const std::function<bool()>* can = nullptr;
    // For a CAS: whether it would fail now, and so write nothing.
    const std::function<bool()>* fails = nullptr;
  };

  // The checker of the present run. Null: called from outside of a run's threads.
  static interleavings* here() { return here_; }
  void before(const operation& next);
  void did(const char* name, const void* at, std::uint64_t value, bool wrote);
  bool buffers(std::memory_order order) const {
    return how_.store_buffers && order != std::memory_order_seq_cst;
  }
  void buffer(const void* at, std::uint64_t value, void (*apply)(const void*, std::uint64_t));
  const std::uint64_t* buffered(const void* at) const; // this thread's newest store to it; null: none
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
    std::uint64_t paused_at = UINT64_MAX; // value of writes_ at that time
    bool over = false;
  };
  static constexpr unsigned drains = 16;
  static constexpr unsigned nobody = UINT32_MAX;
  // A state of the search. Bits and numbers stand for threads; from `drains` on, for the threads' store
  // buffers.
  struct node {
    std::uint32_t enabled = 0;
    std::uint32_t asleep = 0; // explored from here, or before in an order that makes no difference
    unsigned chosen = 0;
    int preempted = 0;      // how many threads were interrupted so far
    unsigned last = nobody; // thread that ran
  };
  struct step {
    unsigned who;
    const char* name;
    const void* at;
    std::uint64_t value;
  };
  static constexpr std::size_t longest = 5000; // steps; a run with more does not end

  verdict explore_all(const std::function<void(run&)>& begin, const std::function<void()>& end);
  void run_once(const std::function<void(run&)>& begin, const std::function<void()>& end);
  static void entry(void* self);
  void start(thread& one);
  void go_on(); // from the thread that runs to the chosen one
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
  std::size_t count_ = 0; // threads of this run
  bool starting_ = false;
  bool pruned_ = false;
  bool ending_ = false;
  std::string failure_;
};

// The Scenario is constructed with a `run` and the arguments `of`.
template <class Scenario, class... Arguments>
verdict in_every_interleaving(const exploration& how = {}, const Arguments&... of) {
  return interleavings(how).explore<Scenario>(of...);
}

// Fails the run if `holds` is false. Called in a thread of a scenario or in its end().
void expect(bool holds, const char* what);

// Has the interface of std::atomic. Outside of a run's threads it is a plain variable.
template <class T>
class watched {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);

 public:
  watched() = default;
  watched(T initial) : value_(initial) {} // implicit, as that of std::atomic
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
      all->before({.name = "store, buffered"}); // only fence_everywhere() depends on it
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
  // For tests. The value as this thread sees it; this is not an operation of the schedule.
  T peek() const {
    const interleavings* all = interleavings::here();
    const std::uint64_t* own = all == nullptr ? nullptr : all->buffered(this);
    return own == nullptr ? value_ : from_bits(*own);
  }
  // Blocks while the value is `is`.
  void wait_while(T is) const { wait(is, false); }
  // As wait_while(), but the run may end before that. False: it ended, and the thread has to return.
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

// The policy of runtime/structures/atomics.hpp for scenarios. A loop that pauses continues when another
// thread has written.
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

// As membarrier(2): afterwards, every thread's store buffer is empty.
void fence_everywhere();

// A mutex for scenarios. Its operations are full fences.
class watched_mutex {
 public:
  void lock();
  void unlock();

 private:
  bool held_ = false;
};

} // namespace coppice::runtime::testing
