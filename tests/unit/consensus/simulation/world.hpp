// SPDX-License-Identifier: MIT
// A simulated Raft group from one seed: members with disks that lose what was not synced, links that lose,
// delay, repeat and reorder, crashes, pauses, partitions, changes of members, transfers of leadership, and
// clients with sessions that repeat unanswered commands. The seed also decides which of these are common in
// the run and which never happen. After the given number of events everything heals, and the group has to
// make progress. Then the clients stop, and members are restarted, read from and added while the log does not
// grow otherwise. Some groups then lose their majority for good, and the remaining member goes on. Every step
// is checked (truth.hpp). One thread at a time.
#pragma once

#include <array>
#include <cstdio>
#include <memory>
#include <queue>

#include "consensus/applied_commands.hpp"
#include "consensus/node_liveness.hpp"
#include "disk.hpp"
#include "truth.hpp"

namespace coppice::consensus::simulation {

struct outcome_of_run {
  std::string violation; // empty: none
  std::uint64_t events = 0;
  std::uint64_t commits = 0, acknowledged = 0, reads = 0, elections = 0, installs = 0, changes = 0,
                restarts = 0, releases = 0, recoveries = 0, refusals = 0, rests = 0;
  std::uint64_t hash = 0; // of everything that happened

  // Adds the counts of a further run. The violation stays this run's.
  void add(const outcome_of_run& other);
};

class world {
 public:
  world(std::uint64_t seed, std::uint64_t events, bool trace);
  outcome_of_run run();

 private:
  static constexpr std::size_t max_nodes = 7;
  static constexpr cluster_id first_cluster{1, 1};
  static constexpr base::nanos ms = base::nanos_per_ms;

  // world.cpp
  enum class happening : std::uint8_t {
    deliver,
    wake,
    sync,
    apply,
    client,
    fault,
    operate,
    crash,
    restart,
    change,
    isolate,
    partition,
    reconnect,
    read,
    lively, // a message of a node_liveness arrives
    carry   // the process that carries these messages has something to do
  };
  enum class fault : std::uint8_t {
    crash,
    cut_one,
    cut_one_way,
    partition,
    reconnect,
    pause,
    slow_disk,
    disk_fails,
    disk_full,
    disk_refuses,
    hand_over,
    restart,
    carriers
  };
  static constexpr std::size_t fault_kinds = 13;
  struct event {
    base::nanos at = 0;
    std::uint64_t order = 0;
    happening kind = happening::wake;
    std::uint32_t node = 0;
    std::uint32_t slot = 0;  // of the message
    std::uint64_t epoch = 0; // of the node; an event of an earlier epoch is void
    bool operator>(const event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct waiting_answer {
    log_index index = 0;
    std::uint64_t token = 0;
  };
  struct node {
    member_id id;
    bool started = false, up = false, slow_disk = false, disk_fails = false;
    base::nanos paused_until = 0;
    std::uint64_t epoch = 0;
    std::unique_ptr<core> machine;
    disk storage;
    truth::prefixes log;
    applied_commands commands;
    std::uint64_t state = 0;
    log_index applied = 0, may_apply = 0, told = 0, snapshot_at = 0;
    base::nanos wake_at = 0;
    bool syncing = false, applying = false, led = false;
    std::vector<waiting_answer> appends, reads;
    // Belongs to the node, which may outlive the member.
    std::unique_ptr<node_liveness> liveness;      // null: the node is down
    base::nanos carries_at = 0, carries_from = 0; // when its carrier acts next; until when it is down
    bool rests = false;                           // `liveness` knows the member
    base::nanos trusted_at = 0;                   // when it was last awake, or had a quiescent leader
  };
  struct client {
    std::uint64_t session = 0, sequence = 0;
    std::size_t target = 0;
    bool busy = false, is_read = false, opening = false;
    std::uint64_t operation = 0, token = 0, first_token = 0;
    log_index shown = 0; // as it was when the operation began
    base::nanos due = 0;
  };
  struct asked {
    std::size_t client = 0; // max: asked by no client
    std::uint64_t operation = 0;
    log_index shown = 0;
    bool is_read = false;
  };

  void schedule(base::nanos after, happening kind, std::size_t of, std::uint32_t slot = 0);
  void step(const event& now);
  void step_next();
  void check_snapshots(std::size_t of) const;
  void start(std::size_t of);
  void start_after_refusal(std::size_t of);
  void crash(std::size_t of);
  void carry_out(std::size_t of);
  void send(std::size_t from, message&& one);
  void note_commit(node& at, std::size_t of, log_index upto);
  void apply(std::size_t of);
  void restore(std::size_t of, const snapshot_meta& from);
  void take_snapshot(std::size_t of);
  bool runs(std::size_t of) const { return nodes_[of].up && now_ >= nodes_[of].paused_until; }
  std::size_t node_of(const member_id& id) const { return static_cast<std::size_t>(id.low - 1); }

  // faults.cpp
  void draw_fault_weights();
  fault draw_fault();
  void inject();
  void fill_disk(std::size_t of, bool full);
  void reconnect();
  void partition();
  void disturb_election(std::size_t of, bool new_leader);
  void heal();
  void operate();
  void change_members(std::size_t leader);
  void disturb_commit(std::size_t of);
  void isolate(std::size_t of);
  void hand_over();
  std::string unsettled(log_index goal);
  void run_until_settled(const char* phase, bool with_clients);
  void run_without_clients();
  void join_one(std::size_t leader);
  void lose_majority();
  void recover_alone(std::size_t of);
  std::size_t some_leader();         // max_nodes: there is none
  std::size_t newest_leader() const; // max_nodes: there is none

  // quiescence.cpp
  void start_node(std::size_t of);
  void settle_quiescence(std::size_t of);
  void carry(std::size_t of);
  void take_liveness(std::size_t of, std::size_t from, const liveness_message& what);
  void carry_out(std::size_t of, node_liveness::outcome& what);
  void take_news(std::size_t of, const node_liveness::news& what);
  void plan_carrier(std::size_t of);
  void kill_carrier(std::size_t of);
  void lose_connection(std::size_t one, std::size_t other);
  void check_trust();
  bool all_quiescent() const;
  void run_at_rest();
  void disturb_rest(std::size_t leader);

  // clients.cpp
  void client_step(std::size_t of);
  std::size_t believed_leader();
  void ask(client& by, std::size_t index);
  void answered(std::size_t of, const answer& one);
  void applied_append(std::uint64_t token, const applied_commands::decision& decided, log_index index);
  void answer_reads(std::size_t of);

  const bool trace_;
  const std::uint64_t wanted_;
  // Election time-outs are within `spread` of `period`. If `spread` is small, several members stand at the
  // same time.
  struct timer_dice final : random_source {
    explicit timer_dice(dice& chance) : from(chance) {}
    std::uint64_t next() override {
      const std::uint64_t drawn = from.next();
      return drawn - drawn % period + drawn % period % spread;
    }
    dice& from;
    std::uint64_t period = 1, spread = 1;
  };

  dice chance_;
  timer_dice timers_{chance_};
  base::nanos now_ = 0;
  std::uint64_t order_ = 0, count_ = 0;
  std::priority_queue<event, std::vector<event>, std::greater<>> queue_;
  std::vector<message> messages_;
  std::vector<std::uint32_t> free_;
  std::vector<std::pair<std::size_t, liveness_message>> lively_; // sender and message
  std::uint64_t runs_ = 0;                                       // runs of nodes so far
  std::vector<node> nodes_;
  std::vector<client> clients_;
  std::vector<asked> tokens_{1};
  std::uint64_t operations_ = 0;
  bool cut_[max_nodes][max_nodes] = {};
  bool cuts_lose_ = false; // a cut also loses what is on its way
  unsigned loss_ = 0, twice_ = 0;
  base::nanos delay_ = 0, disk_delay_ = 0, apply_delay_ = 0;
  std::uint64_t snapshot_every_ = 0;
  std::int64_t fault_pace_ = 0, change_pace_ = 0, client_pace_ = 0; // ms, on average
  unsigned removals_ = 0;                                           // per thousand changes of members
  std::array<unsigned, fault_kinds> fault_weights_{};
  // Per thousand votes and leaderships: how many are followed by a fault within `churn_within_` ms. Per
  // thousand of these faults: how many are crashes. Per thousand of the remaining ones: how many are
  // partitions.
  unsigned churn_ = 0, churn_crashes_ = 0, churn_partitions_ = 0;
  unsigned churn_changes_ = 0; // per thousand leaderships, how many begin with a change of members
  std::int64_t churn_within_ = 0;
  bool calm_ = false;  // everything has healed for good
  bool quiet_ = false; // clients begin nothing by themselves
  options how_;
  applied_commands::bounds bounds_;
  truth truth_;
  effects effects_;
  outcome_of_run result_;
};

} // namespace coppice::consensus::simulation
