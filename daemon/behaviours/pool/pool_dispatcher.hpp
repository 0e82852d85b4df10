// SPDX-License-Identifier: MIT
// The decisions of a pool, apart from carrying them out: which worker gets which request when, which
// requests wait, are refused or have waited for too long, and what becomes of the requests of a worker that
// ended. No I/O and no clock: the caller says what happened and when. Invariant: a request is in exactly one
// place: in a queue, or held by one worker under the number with which it was given. One thread at a time.
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

// The process that waits for an answer.
struct pool_caller {
  runtime::call_id call{}; // a call that came bare; none: see `from`
  runtime::message from{}; // {Pid, Tag}; none here and in `call`: nothing waits
  bool watches = false;    // with a monitor, so the pool can tell whether it still waits
  bool of_client = false;  // see runtime::reference::of_client
  explicit operator bool() const { return static_cast<bool>(call.who) || from; }
};

inline constexpr std::uint32_t any_worker = UINT32_MAX;

struct pool_request {
  pool_caller caller{};    // none: a cast, or another message
  runtime::message body{}; // a call's request, or the whole message; none: a worker has it, and no other
                           // worker takes it over if that one ends
  bool tried = false;      // by a worker that ended
  std::uint64_t hash = 0;  // of its key, for pool_dispatch::hash
  std::uint32_t only = any_worker; // the only worker that may get it; broadcast: no effect
  std::uint64_t order = 0;         // of arrival; set by add() or given()
  base::nanos since = 0;           // since when it waits; set by add() or retry()
};

// One of its workers as the pool shows it.
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
  // Workers are numbered from 0. `size`: how many there are, at least 1. None of them runs yet.
  pool_dispatcher(const pool_spec& options, std::uint32_t size);
  pool_dispatcher(const pool_dispatcher&) = delete;
  pool_dispatcher& operator=(const pool_dispatcher&) = delete;

  // These options hold from now on, also for requests that wait. `dispatch` and `key` must be as they were.
  void set_options(const pool_spec& options);
  const pool_spec& options() const { return options_; }

  // Workers.
  std::uint32_t size() const { return size_; } // that get requests
  // The worker runs (again), and holds nothing. worker < known().
  void worker_up(std::uint32_t worker, const runtime::pid& pid, base::nanos now);
  // The worker runs no more. Each request that it held still ends by ended().
  void worker_down(std::uint32_t worker, base::nanos now);
  runtime::pid pid_of(std::uint32_t worker) const { return workers_[worker].pid; }
  // How many requests the worker holds, and how many wait for it alone.
  std::uint64_t load(std::uint32_t worker) const {
    return workers_[worker].held + workers_[worker].own.size();
  }
  // Sets another number of workers, at least 1. Workers beyond it get no more requests; requests that waited
  // for one of them go to the others. The workers beyond stay known until forget_last().
  void resize(std::uint32_t size);
  // Whether no request begins because requests with keys have not ended that began before the size changed:
  // their keys may have other workers now. settle() ends that.
  bool settles() const { return settling_ != 0; }
  void settle() { settling_ = 0; }
  // Whether a worker beyond size() holds nothing.
  bool drained(std::uint32_t worker) const { return workers_[worker].owed == 0; }
  std::uint32_t known() const { return static_cast<std::uint32_t>(workers_.size()); }
  // Forgets the last of the workers beyond size().
  void forget_last();
  // Whether all workers below size() run.
  bool all_run() const { return away_.size() == workers_.size() - size_; }
  // How many workers below size() have held nothing for at least `time`.
  std::uint32_t idle(base::nanos time, base::nanos now) const;

  // Requests.
  // The worker that may get a request with this hash at once, by given(): no request waits before it, and
  // the worker has room. Nothing: the request is to be added. `only`: the only worker that may get it.
  std::optional<std::uint32_t> free_worker(std::uint64_t hash, std::uint32_t only = any_worker);
  // Puts a request into the queue, whose wait counts from `now`. Returns the request that is refused: this
  // one or the oldest. park_sender refuses none, since the caller takes no more than may wait.
  std::optional<pool_request> add(pool_request one, base::nanos now);
  // Puts back a request that came back from a worker: by its order among those that wait, whatever the
  // limit.
  void take_back(pool_request one, std::uint32_t from);
  // Puts back, for another worker, a request whose worker has ended. Its wait counts from `now`.
  void retry(pool_request one, std::uint32_t from, base::nanos now);
  struct turn {
    std::uint32_t worker;
    pool_request request;
  };
  // The next request and the worker that gets it. The caller then calls given(), or take_back(). Nothing: no
  // request waits, or no worker has room.
  std::optional<turn> next();
  // The worker holds it now, under this number.
  void given(std::uint32_t worker, std::uint64_t number, pool_request one, base::nanos now);
  struct ending {
    std::uint32_t worker;
    bool runs; // the worker has not ended since it got it
    pool_request request;
  };
  // The request was answered, or will not be (`lost`). Nothing: no request has this number.
  std::optional<ending> ended(std::uint64_t number, bool lost, base::nanos now);
  // Takes out the requests that have waited for too long.
  std::vector<pool_request> expired(base::nanos now);
  // When the next request has waited for too long. 0: none waits.
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
    std::uint32_t owed = 0; // held, and what it held when it ended, until ended()
    std::uint64_t lost = 0;
    std::uint64_t handled = 0;
    base::nanos since = 0; // since when it has held any, or none
    base::nanos busy = 0;
    std::deque<pool_request> own; // requests that only it may get
    std::list<std::uint32_t>* list = nullptr;
    std::list<std::uint32_t>::iterator place{}; // in it
  };
  struct flight {
    std::uint32_t worker = 0;
    std::uint32_t run = 0;
    pool_request request;
  };

  // When the request has waited for too long, by the present options.
  base::nanos due_of(const pool_request& one) const;
  bool is_own() const; // whether all requests wait for one worker each
  bool is_for_one(const pool_request& one) const { return is_own() || one.only < size_; }
  bool has_room(const worker_state& of) const { return of.pid && of.held < options_.in_flight; }
  // Sorts the worker into the lists in which next() looks, or into away_.
  void place(std::uint32_t worker);
  void place_all();
  void add_workers(std::uint32_t size);
  std::optional<std::uint32_t> choose();
  std::optional<std::uint32_t> in_turn(const std::set<std::uint32_t>& among);
  std::uint32_t worker_for(std::uint64_t hash, std::uint32_t only) const;
  void enqueue(pool_request one);
  turn take_from(std::deque<pool_request>& queue, std::uint32_t worker);
  std::deque<pool_request> take_queues(); // in order of arrival
  std::deque<pool_request>& queue_of(const pool_request& one);

  pool_spec options_;
  std::uint32_t size_;
  std::vector<worker_state> workers_; // workers that are to go come last
  std::deque<pool_request> shared_;   // requests that any worker may get
  std::uint64_t queued_ = 0;          // shared_ and the workers' own
  std::uint64_t came_ = 0;
  std::uint64_t settling_ = 0; // held when the size changed: with keys none begins until they end
  std::uint32_t turn_ = 0;     // round_robin: the worker that is next
  std::deque<std::list<std::uint32_t>> by_held_; // workers that run, by how many each holds
  std::list<std::uint32_t> away_;                // the other workers
  std::set<std::uint32_t> ready_;                // workers that have room, for round_robin
  std::set<std::uint32_t> awaited_;              // workers that have room and requests for them alone
  runtime::flat_table<std::uint64_t, flight, runtime::number_hash> flights_; // by number
};

} // namespace coppice::behaviours
