// SPDX-License-Identifier: MIT
// What a pool decides, apart from doing it: which worker gets which request when, what waits, what is refused
// or has waited for too long, and what becomes of the requests of a worker that ended. No I/O and no clock:
// whoever drives it says what happened and when. Invariant: a request is in exactly one place: in a queue, or
// held by one worker under the number it was given to it with. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/pool/pool_spec.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::behaviours {

// Who waits for an answer.
struct pool_caller {
  runtime::call_id call{}; // one that came bare; none: `from` says who
  runtime::message from{}; // {Pid, Tag}; none as well: nobody waits
  bool watches = false;    // with a monitor, so that this one can tell whether he still waits
  bool of_client = false;  // see runtime::reference::of_client
  explicit operator bool() const { return static_cast<bool>(call.who) || from; }
};

inline constexpr std::uint32_t any_worker = UINT32_MAX;

struct pool_request {
  pool_caller caller{};    // none: a cast, or another message
  runtime::message body{}; // a call's request, or the whole message; none: a worker has it, and nobody takes
                           // it over if that ends
  bool tried = false;      // by a worker that ended
  std::uint64_t hash = 0;  // of its key, for pool_dispatch::hash
  std::uint32_t only = any_worker; // who gets it, whatever the dispatch; of a broadcast without effect
  std::uint64_t order = 0;         // in which it came; set by add() or given()
  base::nanos due = 0;             // when it has waited for too long; likewise
};

// As others see one of its workers.
struct pool_worker_row {
  runtime::pid pid; // null: it does not run
  std::uint32_t held = 0;
  std::uint32_t queued = 0; // for it alone
  std::uint64_t handled = 0;
  std::uint64_t lost = 0; // requests it held when it ended
  base::nanos busy = 0;   // for how long it held any
};

class pool_dispatcher {
 public:
  // Workers are numbered from 0. `size`: how many there are, at least 1; none runs.
  pool_dispatcher(const pool_spec& options, std::uint32_t size);
  pool_dispatcher(const pool_dispatcher&) = delete;
  pool_dispatcher& operator=(const pool_dispatcher&) = delete;

  // From now on these options hold, also for what waits. `dispatch` and `key` are as they were.
  void set_options(const pool_spec& options);
  const pool_spec& options() const { return options_; }

  // Workers.
  std::uint32_t size() const { return size_; } // that get requests
  // It runs (again), and holds nothing. worker < known().
  void worker_up(std::uint32_t worker, const runtime::pid& pid, base::nanos now);
  // It runs no more. What it held ends by ended(), one by one.
  void worker_down(std::uint32_t worker, base::nanos now);
  runtime::pid pid_of(std::uint32_t worker) const { return workers_[worker].pid; }
  // What it holds and what waits for it alone.
  std::uint64_t load(std::uint32_t worker) const {
    return workers_[worker].held + workers_[worker].own.size();
  }
  // Another number of workers, at least 1. Those beyond get nothing more; what waited for one of them goes to
  // the others. They are there until forget_last().
  void resize(std::uint32_t size);
  // Whether a worker beyond size() holds nothing.
  bool drained(std::uint32_t worker) const { return workers_[worker].owed == 0; }
  std::uint32_t known() const { return static_cast<std::uint32_t>(workers_.size()); }
  // Of those beyond size(), the last one.
  void forget_last();
  // Whether all of size() run.
  bool all_run() const { return away_.size() == workers_.size() - size_; }
  // How many of them have held nothing for as long as `time`.
  std::uint32_t idle(base::nanos time, base::nanos now) const;

  // Requests.
  // Who may have one with this hash at once, by given(): nothing waits before it, and he has room. Nothing:
  // it is to be added. `only`: for whom alone it is.
  std::optional<std::uint32_t> free_worker(std::uint64_t hash, std::uint32_t only = any_worker);
  // Into the queue, with `due` from `now`. What is refused for it: it, or the oldest one. With park_sender
  // nothing is: whoever drives it takes no more than may wait.
  std::optional<pool_request> add(pool_request one, base::nanos now);
  // What came back from a worker: among those that wait where it was before, whatever the limit.
  void take_back(pool_request one, std::uint32_t from);
  struct turn {
    std::uint32_t worker;
    pool_request request;
  };
  // The next request and who gets it; it is then given(), or comes back by take_back(). Nothing: none waits,
  // or nobody has room.
  std::optional<turn> next();
  // The worker holds it now, under this number.
  void given(std::uint32_t worker, std::uint64_t number, pool_request one, base::nanos now);
  struct ending {
    std::uint32_t worker;
    bool runs; // as who had it
    pool_request request;
  };
  // It was answered, or will not be (`lost`). Nothing: there is no such.
  std::optional<ending> ended(std::uint64_t number, bool lost, base::nanos now);
  // Takes what has waited for too long.
  std::vector<pool_request> expired(base::nanos now);
  // When that is the next time; 0: nothing waits.
  base::nanos next_due() const;

  std::uint64_t queued() const { return queued_; }
  std::uint64_t queued_for_any() const { return shared_.size(); }
  std::uint64_t held() const { return flights_.size(); }
  pool_worker_row row(std::uint32_t worker, base::nanos now) const;

 private:
  struct worker_state {
    runtime::pid pid{};    // null: it does not run
    std::uint32_t run = 0; // how often it ended
    std::uint32_t held = 0;
    std::uint32_t owed = 0; // the same with what it held when it ended, until that ended() too
    std::uint64_t lost = 0;
    std::uint64_t handled = 0;
    base::nanos since = 0; // that it holds any, or that it holds none
    base::nanos busy = 0;
    std::deque<pool_request> own; // what only it may get
    std::list<std::uint32_t>* list = nullptr;
    std::list<std::uint32_t>::iterator place{}; // in it
  };
  struct flight {
    std::uint32_t worker = 0;
    std::uint32_t run = 0;
    pool_request request;
  };

  bool is_own() const; // whether all requests wait for one worker each
  bool is_for_one(const pool_request& one) const { return is_own() || one.only < size_; }
  bool has_room(const worker_state& of) const { return of.pid && of.held < options_.in_flight; }
  // Puts a worker where next() finds it, or does not.
  void place(std::uint32_t worker);
  void place_all();
  void add_workers(std::uint32_t size);
  std::optional<std::uint32_t> choose();
  std::optional<std::uint32_t> in_turn(const std::set<std::uint32_t>& among);
  std::uint32_t worker_for(std::uint64_t hash, std::uint32_t only) const;
  void enqueue(pool_request one);
  turn take_from(std::deque<pool_request>& queue, std::uint32_t worker);
  std::deque<pool_request> take_queues(); // in the order in which they came
  std::deque<pool_request>& queue_of(const pool_request& one);

  pool_spec options_;
  std::uint32_t size_;
  std::vector<worker_state> workers_; // those that are to go behind the others
  std::deque<pool_request> shared_;   // what any worker may get
  std::uint64_t queued_ = 0;          // shared_ and the workers' own
  std::uint64_t came_ = 0;
  std::uint64_t settling_ = 0; // held when the size changed: with keys nothing begins until they are done
  std::uint32_t turn_ = 0;     // round_robin: who is next
  std::deque<std::list<std::uint32_t>> by_held_; // who runs, by how many it holds
  std::list<std::uint32_t> away_;                // the others
  std::set<std::uint32_t> ready_;                // who has room, for round_robin
  std::set<std::uint32_t> awaited_;              // who has room, and something waits for him alone
  runtime::flat_table<std::uint64_t, flight, runtime::number_hash> flights_; // by number
};

} // namespace coppice::behaviours
