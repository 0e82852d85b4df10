// SPDX-License-Identifier: MIT
// If any worker may get a waiting request, there is one queue, and the workers are sorted. If a request is
// for one worker (by its key, by choose(), or because all workers get it), it waits in that worker's own
// queue. Both are served in order of arrival. Everything takes constant time except a worker's end and a
// change of size or options, and logarithmic time if workers take turns.
#include "behaviours/pool/pool_dispatcher.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/process.hpp"

namespace coppice::behaviours {

pool_dispatcher::pool_dispatcher(const pool_spec& options, std::uint32_t size) : options_(options), size_(0) {
  by_held_.resize(options_.in_flight + 1);
  add_workers(size);
}

bool pool_dispatcher::is_own() const {
  return options_.dispatch == pool_dispatch::hash || options_.dispatch == pool_dispatch::broadcast;
}

void pool_dispatcher::add_workers(std::uint32_t size) {
  while (workers_.size() < size) {
    worker_state& fresh = workers_.emplace_back();
    away_.push_back(static_cast<std::uint32_t>(workers_.size() - 1));
    fresh.list = &away_;
    fresh.place = std::prev(away_.end());
  }
  size_ = size;
}

void pool_dispatcher::place(std::uint32_t worker) {
  worker_state& one = workers_[worker];
  const bool serves = worker < size_;
  const std::size_t held = std::min<std::size_t>(one.held, by_held_.size() - 1);
  std::list<std::uint32_t>& to = serves && one.pid ? by_held_[held] : away_;
  to.splice(to.begin(), *one.list, one.place); // the worker used last has its data in the caches
  one.list = &to;
  const bool ready = serves && has_room(one);
  const auto keep_in = [worker](std::set<std::uint32_t>& list, bool stays) {
    if (stays)
      list.insert(worker);
    else if (!list.empty())
      list.erase(worker);
  };
  if (options_.dispatch == pool_dispatch::round_robin) keep_in(ready_, ready);
  keep_in(awaited_, ready && !one.own.empty());
}

void pool_dispatcher::place_all() {
  ready_.clear();
  awaited_.clear();
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) place(worker);
}

void pool_dispatcher::set_options(const pool_spec& options) {
  for (worker_state& one : workers_) {
    away_.splice(away_.end(), *one.list, one.place);
    one.list = &away_;
  }
  options_ = options;
  by_held_.clear();
  by_held_.resize(options_.in_flight + 1);
  place_all();
}

void pool_dispatcher::worker_up(std::uint32_t worker, const runtime::pid& pid, base::nanos now) {
  workers_[worker].pid = pid;
  workers_[worker].since = now;
  place(worker);
}

void pool_dispatcher::worker_down(std::uint32_t worker, base::nanos now) {
  worker_state& gone = workers_[worker];
  if (gone.held != 0) gone.busy += now - gone.since;
  gone.pid = {};
  gone.held = 0;
  ++gone.run;
  place(worker);
}

std::deque<pool_request> pool_dispatcher::take_queues() {
  std::deque<pool_request> all = std::move(shared_);
  shared_.clear();
  for (worker_state& one : workers_) {
    std::ranges::move(one.own, std::back_inserter(all));
    one.own.clear();
  }
  queued_ = 0;
  std::ranges::sort(all, {}, &pool_request::order);
  return all;
}

void pool_dispatcher::resize(std::uint32_t size) {
  if (options_.dispatch == pool_dispatch::broadcast) {
    for (std::uint32_t worker = size; worker < workers_.size(); ++worker) {
      queued_ -= workers_[worker].own.size(); // each of the others has its own copy
      workers_[worker].own.clear();
    }
    add_workers(size);
    return place_all();
  }
  std::deque<pool_request> waiting = take_queues();
  add_workers(size);
  place_all();
  if (options_.dispatch == pool_dispatch::hash) settling_ = flights_.size();
  for (pool_request& one : waiting) enqueue(std::move(one));
}

void pool_dispatcher::forget_last() {
  worker_state& last = workers_.back();
  last.list->erase(last.place);
  ready_.erase(known() - 1);
  awaited_.erase(known() - 1);
  workers_.pop_back();
}

std::uint32_t pool_dispatcher::idle(base::nanos time, base::nanos now) const {
  return static_cast<std::uint32_t>(std::count_if(
      workers_.begin(), workers_.begin() + size_,
      [&](const worker_state& one) { return one.pid && one.held == 0 && now - one.since >= time; }));
}

// Jump consistent hash: when the size changes, only as many keys move as must. J. Lamping, E. Veach, "A
// fast, minimal memory, consistent hash algorithm", 2014.
std::uint32_t pool_dispatcher::worker_for(std::uint64_t hash, std::uint32_t only) const {
  if (only < size_) return only;
  std::int64_t bucket = -1;
  std::int64_t next = 0;
  while (next < static_cast<std::int64_t>(size_)) {
    bucket = next;
    hash = hash * 2862933555777941757ULL + 1;
    next =
        static_cast<std::int64_t>(static_cast<double>(bucket + 1) *
                                  (static_cast<double>(1LL << 31) / static_cast<double>((hash >> 33) + 1)));
  }
  return static_cast<std::uint32_t>(bucket);
}

std::deque<pool_request>& pool_dispatcher::queue_of(const pool_request& one) {
  return is_for_one(one) ? workers_[worker_for(one.hash, one.only)].own : shared_;
}

void pool_dispatcher::enqueue(pool_request one) {
  if (options_.dispatch == pool_dispatch::broadcast) {
    for (std::uint32_t worker = 0; worker < size_; ++worker) {
      workers_[worker].own.push_back(one);
      ++queued_;
      place(worker);
    }
    return;
  }
  ++queued_;
  if (!is_for_one(one)) return shared_.push_back(std::move(one));
  const std::uint32_t worker = worker_for(one.hash, one.only);
  workers_[worker].own.push_back(std::move(one));
  place(worker);
}

std::optional<std::uint32_t> pool_dispatcher::free_worker(std::uint64_t hash, std::uint32_t only) {
  if (options_.dispatch == pool_dispatch::broadcast || settling_ != 0) return std::nullopt;
  if (!is_own() && only >= size_) return queued_ == 0 ? choose() : std::nullopt;
  const std::uint32_t its = worker_for(hash, only);
  return workers_[its].own.empty() && has_room(workers_[its]) ? std::optional(its) : std::nullopt;
}

std::optional<pool_request> pool_dispatcher::add(pool_request one, base::nanos now) {
  one.order = ++came_;
  one.since = now;
  const std::uint64_t room = options_.dispatch == pool_dispatch::broadcast ? size_ : 1;
  if (queued_ + room <= options_.queue_limit || options_.on_full == pool_overload::park_sender)
    return enqueue(std::move(one)), std::nullopt;
  std::deque<pool_request>& behind = queue_of(one);
  if (options_.on_full != pool_overload::drop_old || room != 1 || behind.empty()) return one;
  pool_request oldest = std::move(behind.front());
  behind.pop_front();
  --queued_;
  enqueue(std::move(one));
  return oldest;
}

void pool_dispatcher::take_back(pool_request one, std::uint32_t from) {
  const bool its = options_.dispatch == pool_dispatch::broadcast;
  if (its && from >= size_) return; // the other workers have their own copies
  std::deque<pool_request>& to = its ? workers_[from].own : queue_of(one);
  const bool for_one = is_for_one(one);
  const std::uint32_t whose = its ? from : for_one ? worker_for(one.hash, one.only) : any_worker;
  to.insert(std::ranges::upper_bound(to, one.order, {}, &pool_request::order), std::move(one));
  ++queued_;
  if (for_one) place(whose);
}

void pool_dispatcher::retry(pool_request one, std::uint32_t from, base::nanos now) {
  one.tried = true;
  one.since = now;
  take_back(std::move(one), from);
}

std::optional<std::uint32_t> pool_dispatcher::choose() {
  if (options_.dispatch == pool_dispatch::least_loaded) {
    for (std::uint32_t held = 0; held < options_.in_flight; ++held)
      if (!by_held_[held].empty()) return by_held_[held].front();
    return std::nullopt;
  }
  return in_turn(ready_);
}

std::optional<std::uint32_t> pool_dispatcher::in_turn(const std::set<std::uint32_t>& among) {
  if (among.empty()) return std::nullopt;
  auto found = among.lower_bound(turn_);
  if (found == among.end()) found = among.begin();
  turn_ = *found + 1;
  return *found;
}

std::optional<pool_dispatcher::turn> pool_dispatcher::next() {
  if (queued_ == 0 || settling_ != 0) return std::nullopt;
  if (!shared_.empty()) {
    const auto worker = choose();
    if (!worker) return std::nullopt; // no worker has room
    std::deque<pool_request>& own = workers_[*worker].own;
    const bool own_first = !own.empty() && own.front().order < shared_.front().order;
    return take_from(own_first ? own : shared_, *worker);
  }
  const auto worker = in_turn(awaited_);
  if (!worker) return std::nullopt;
  return take_from(workers_[*worker].own, *worker);
}

pool_dispatcher::turn pool_dispatcher::take_from(std::deque<pool_request>& queue, std::uint32_t worker) {
  turn out{worker, std::move(queue.front())};
  queue.pop_front();
  --queued_;
  if (&queue != &shared_) place(worker);
  return out;
}

void pool_dispatcher::given(std::uint32_t worker, std::uint64_t number, pool_request one, base::nanos now) {
  worker_state& to = workers_[worker];
  if (to.held++ == 0) to.since = now;
  ++to.owed;
  flight& begun = flights_[number];
  begun.worker = worker;
  begun.run = to.run;
  if (one.order == 0) one.order = ++came_;
  begun.request = std::move(one);
  place(worker);
}

std::optional<pool_dispatcher::ending> pool_dispatcher::ended(std::uint64_t number, bool lost,
                                                              base::nanos now) {
  auto found = flights_.take(number);
  if (!found) return std::nullopt;
  if (settling_ != 0) --settling_;
  worker_state& by = workers_[found->worker];
  ++(lost ? by.lost : by.handled);
  --by.owed;
  const bool runs = by.run == found->run;
  if (runs) {
    if (--by.held == 0) by.busy += now - std::exchange(by.since, now);
    place(found->worker);
  }
  return ending{found->worker, runs, std::move(found->request)};
}

base::nanos pool_dispatcher::due_of(const pool_request& one) const {
  return options_.queue_wait >= runtime::no_deadline - one.since ? runtime::no_deadline
                                                                 : one.since + options_.queue_wait;
}

std::vector<pool_request> pool_dispatcher::expired(base::nanos now) {
  std::vector<pool_request> out;
  const auto take_late = [&](std::deque<pool_request>& queue) {
    while (!queue.empty() && due_of(queue.front()) <= now) {
      out.push_back(std::move(queue.front()));
      queue.pop_front();
      --queued_;
    }
  };
  take_late(shared_);
  if (queued_ == shared_.size()) return out;
  for (std::uint32_t worker = 0; worker < size_; ++worker) {
    take_late(workers_[worker].own);
    place(worker);
  }
  return out;
}

base::nanos pool_dispatcher::next_due() const {
  if (queued_ == 0) return 0;
  base::nanos least = runtime::no_deadline;
  if (!shared_.empty()) least = due_of(shared_.front());
  if (queued_ == shared_.size()) return least;
  for (const worker_state& one : workers_)
    if (!one.own.empty()) least = std::min(least, due_of(one.own.front()));
  return least;
}

pool_worker_row pool_dispatcher::row(std::uint32_t worker, base::nanos now) const {
  const worker_state& one = workers_[worker];
  const base::nanos current = one.held == 0 ? 0 : now - one.since;
  return {one.pid,     one.held, static_cast<std::uint32_t>(one.own.size()),
          one.handled, one.lost, one.busy + current};
}

} // namespace coppice::behaviours
