// SPDX-License-Identifier: MIT
// Simulated nodes from one seed, each with a saga that coordinates transactions and takes part in others.
// Disks lose what was not synced; links lose, delay, repeat and reorder messages; nodes crash around every
// record and may be away for long; clients repeat a start that has no answer, and cancel; actors fail,
// answer late, bring further steps or steps of their own, or name a saga above them; workers are killed
// while their work goes on. Each step moves money, and the steps of a transaction together move none. After
// the given number of events everything heals: every transaction has to end, and nothing may be left. Every
// step is checked (truth.hpp). One thread at a time.
#pragma once

#include <cstdio>
#include <memory>
#include <queue>
#include <unordered_set>

#include "truth.hpp"

namespace coppice::saga::simulation {

struct outcome_of_run {
  std::string violation; // empty: none
  std::uint64_t events = 0;
  std::uint64_t started = 0, committed = 0, reversed = 0, undos = 0, repeats = 0, loops = 0, crashes = 0,
                interims = 0, questions = 0, worker_ends = 0;
  std::uint64_t hash = 0; // hash of all events

  void add(const outcome_of_run& other);
};

class world {
 public:
  world(std::uint64_t seed, std::uint64_t events, bool trace);
  outcome_of_run run();

 private:
  static constexpr base::nanos ms = base::nanos_per_ms;
  static constexpr std::size_t max_nodes = 6;

  enum class happening : std::uint8_t { deliver, wake, sync, call, interim, client, fault, crash, restart };
  struct event {
    base::nanos at = 0;
    std::uint64_t number = 0;
    happening kind = happening::wake;
    std::uint32_t node = 0, slot = 0;
    std::uint64_t epoch = 0; // of the node: an event from before its last crash is void
    bool operator>(const event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  struct node {
    options how;
    bool up = false;
    std::uint64_t epoch = 0;
    std::unique_ptr<core> machine;
    std::map<record_key, record> disk;
    std::unordered_map<std::uint64_t, step_key> units; // by record number: its step or transaction
    std::deque<write> waiting;
    bool syncing = false;
    base::nanos wake_at = -1;
    bool has_workers = false; // workers run its steps' callbacks, and may end without an answer
    std::unordered_map<std::uint64_t, step_key> performing; // by token: callbacks that have not ended
    std::unordered_set<std::uint64_t> stopped; // tokens of those whose workers end after their blocking work
  };
  struct client {
    std::size_t node = 0;
    std::string tx;
    std::uint32_t salt = 0;
    bool answered = true;
    base::nanos gives_up = 0;
  };
  template <class What>
  class slots {
   public:
    std::uint32_t put(What&& one) {
      if (free_.empty()) {
        all_.push_back(std::move(one));
        return static_cast<std::uint32_t>(all_.size() - 1);
      }
      const std::uint32_t at = free_.back();
      free_.pop_back();
      all_[at] = std::move(one);
      return at;
    }
    What& at(std::uint32_t of) { return all_[of]; }
    void free(std::uint32_t of) { free_.push_back(of); }

   private:
    std::deque<What> all_; // elements keep their addresses
    std::vector<std::uint32_t> free_;
  };

  // world.cpp
  void schedule(base::nanos after, happening kind, std::size_t of, std::uint32_t slot = 0);
  void step();
  void happen(const event& now);
  void start(std::size_t of);
  void crash(std::size_t of);
  void carry_out(std::size_t of);
  void send(std::size_t from, message&& one);
  void sync(std::size_t of);
  void store(node& at, change&& one);
  void notice_of(std::size_t of, const notice& one);
  void inject();
  void client_step(std::size_t of);
  void heal();
  void run_until_rest();
  std::string unsettled() const;

  // actors.cpp
  void called(std::size_t of, call&& one);
  void answer(std::size_t of, const call& one);
  bool worker_ends(node& at, const call& one);
  verdict decide(std::size_t of, const call& one);
  verdict performed(std::size_t of, const call& one);
  std::vector<step_spec> plan(std::size_t of, std::uint32_t salt, std::int32_t total, std::uint8_t depth);
  step_spec some_step(std::size_t from, const order& what);

  bool trace_;
  std::uint64_t wanted_, count_ = 0, order_ = 0;
  base::nanos now_ = 1000 * ms;
  dice chance_;
  std::vector<node> nodes_;
  std::vector<client> clients_;
  bool cut_[max_nodes][max_nodes] = {};
  unsigned loss_ = 0, twice_ = 0, churn_ = 0, errors_ = 0;
  base::nanos delay_ = 0, disk_delay_ = 0, call_delay_ = 0;
  bool calm_ = false; // everything has healed for good
  std::uint64_t last_tx_ = 0;
  std::priority_queue<event, std::vector<event>, std::greater<>> queue_;
  slots<message> messages_;
  slots<call> calls_;
  std::unordered_map<step_key, order, key_hash> orders_; // of all steps that were requested
  truth truth_;
  effects effects_;
  outcome_of_run result_;
};

} // namespace coppice::saga::simulation
