// SPDX-License-Identifier: MIT
// The requests that were sent to the pools of a run, and the worker that got each. Every request has a number
// of its own and is {work, Key, Client, Number}. Checks each request that comes to a worker: how many workers
// got it, in which order, and whether it is the worker for its key. One for a run, never destroyed, since
// processes of a killed host never end. The baton's holder.
// rooms: node
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../machine/machine.hpp"
#include "pool_plan.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::simulated {

// One process of a pool.
struct pool_life {
  std::size_t place = 0;        // of its plan
  std::uint32_t size = 0;       // the least number of workers that it may have once nothing waits
  std::uint32_t configured = 0; // the size in its options
  std::uint32_t most = 0;       // `max` in its options
  unsigned open = 0;            // changes of the size that are under way
  nanos changed = 0;            // when the last one ended
  std::uint64_t sent = 0;       // requests of processes of its host
};

class pool_log {
 public:
  std::vector<pool_plan> plans;

  // The life of the pool with this pid, which is a process of the host.
  pool_life& life_of(unsigned host, std::size_t place, const std::string& pid);
  // A request is about to be sent. Returns its number. `life`: null: unknown, since it goes to another host.
  std::uint64_t asks(std::uint64_t client, std::size_t place, pool_life* life, std::uint64_t key);
  // The pool's mailbox has refused the request.
  void was_not_sent(std::uint64_t number);
  // The caller was told that there is no room.
  void was_refused(std::uint64_t number);
  // The workers' type has chosen this worker, from 0.
  void was_chosen(std::uint64_t number, std::uint32_t worker);
  nanos asked_at(std::uint64_t number) const { return asked_.at(number).at; }
  bool has_come(std::uint64_t number) const { return !asked_.at(number).workers.empty(); }

  // A worker has got the request. `number_of_worker`: from the_ledger().next(), its own. `index`: its place
  // in the pool, from 0; none: not known. Call in a turn on the worker's node.
  void came(runtime::process& self, const runtime::pid& worker, std::uint64_t number_of_worker,
            std::optional<std::uint32_t> index, etf::bytes request);

 private:
  struct request {
    std::uint64_t client = 0;
    std::size_t place = 0;
    pool_life* life = nullptr; // null: not known
    std::uint64_t key = 0;
    nanos at = 0;
    bool refused = false;
    std::optional<std::uint32_t> chosen{};
    std::vector<std::uint64_t> workers{}; // the workers that got it
    runtime::pid last{};                  // the last of them
  };
  void check_copies(runtime::process& self, const request& one, std::uint64_t number,
                    std::uint64_t worker) const;
  void check_order(const request& one, std::uint64_t number, std::uint64_t worker);
  void check_place(const request& one, std::uint64_t number, std::uint32_t index);

  std::map<std::string, pool_life> lives_;
  std::map<std::uint64_t, request> asked_;
  // By client, worker, and 0 or the key plus 1: the last number that came.
  std::map<std::array<std::uint64_t, 3>, std::uint64_t> last_;
  // By a pool's size and a key: the worker that gets it.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> places_;
};

pool_log& the_pool_log();

// {work, Key, Client, Number}
struct pool_work {
  std::uint64_t key = 0;
  std::uint64_t client = 0;
  std::uint64_t number = 0;
};
runtime::message work_message(const pool_work& of);
std::optional<pool_work> read_work(etf::bytes term);

} // namespace coppice::simulated
