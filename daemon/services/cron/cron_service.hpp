// SPDX-License-Identifier: MIT
// The process that carries out the node's jobs. It sleeps until a job is due, the jobs change or the wall
// clock is set, starts a process for each run, and decides which of the jobs that run on one of several nodes
// are this node's. Nodes with such a job join the group {cron, Name} in pg's scope `coppice`, which this
// process starts if there is none. For two seconds after a change of the group no node has the job; then the
// node with the lowest name has it. At its start a node has no such job before the nodes of
// distribution.peers were connected or tried. Runs that come due in between wait. They, and runs that a node
// missed before it came, go to the nodes that were there before: the members of {cron_served, Name}, which a
// node joins some time after it has first found out which node has the job. A job of the leader of a Raft
// group has no such groups: it is this node's while the group's member here is the leader, by the node's
// lead_board, and the times that come due while no leader is known wait for the next one. In the process's
// own turn.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock_watch.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/raft/lead_board.hpp"
#include "dist/router.hpp"
#include "services/cron/jobs.hpp"
#include "services/peers/kept_peers.hpp"
#include "services/peers/peer_bounds.hpp"

namespace coppice::services {

class cron_service final : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "coppice_cron";
  static constexpr const char* scope = "coppice";

  // `peers`: the nodes whose first attempts these jobs wait for; null: none. `leads`: which Raft groups are
  // led here, and outlives the system; null: nothing is known of any.
  cron_service(std::shared_ptr<cron_jobs> jobs, dist::router& router, const peer_bounds& bounds,
               std::shared_ptr<const kept_peers> peers = nullptr,
               behaviours::raft::lead_board* leads = nullptr)
      : native_server("cron"),
        jobs_(std::move(jobs)),
        router_(router),
        bounds_(bounds),
        peers_(std::move(peers)),
        leads_(leads) {}

  // Wakes the process. Any thread.
  static void wake(runtime::system& system);

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
  runtime::outcome take_io(runtime::process& self) override;
  void died(runtime::process& self) noexcept override;

 private:
  // A job that runs on one of several nodes.
  struct shared_job {
    base::nanos settled = 0; // monotonic: from then on a node may have it
    bool joined = false;     // this node has joined its group
    bool known = false;      // the node that has it is known
    base::nanos serves = 0;  // monotonic: from then on it counts as there before; 0: it is new
    bool served = false;     // this node has joined that group as well
    bool told = false;       // the log was told that it runs here while a peer is away
  };
  // This node's place among the members of a group.
  struct standing {
    bool any = false; // there are members
    bool lowest = false;
  };

  // Carries out what is due and sleeps again.
  void work(runtime::process& self);
  void sleep(runtime::process& self);
  // Keeps an entry for each job that runs on one of several nodes, and for no other.
  void follow_jobs(runtime::process& self);
  // Places each job of the leader of a Raft group.
  void follow_leads();
  void enter_scope(runtime::process& self);
  void join(runtime::process& self, const std::string& job, shared_job& its);
  // Whether each of the peers is connected or was tried.
  bool peers_tried();
  void settle(runtime::process& self);
  void tell_where(const std::string& job, shared_job& its, bool here) const;
  void serve(runtime::process& self);
  void unsettle(const std::string& job, shared_job& its);
  void scope_ended(runtime::process& self);
  // Handles a join or leave in a group.
  void take_news(runtime::process& self, const runtime::message& m);
  // Empty: the scope did not answer, and this process leaves it.
  std::optional<runtime::message> ask_scope(runtime::process& self, const runtime::message& request);
  std::optional<standing> standing_in(runtime::process& self, std::string_view group, const std::string& job);

  const std::shared_ptr<cron_jobs> jobs_;
  dist::router& router_;
  const peer_bounds bounds_;
  const std::shared_ptr<const kept_peers> peers_;
  behaviours::raft::lead_board* const leads_;
  // The jobs that are placed by a group's leader, with what was known of it when they were placed last.
  std::map<std::string, std::optional<behaviours::raft::lead_board::standing>, std::less<>> led_;
  bool peers_tried_ = false;
  std::unique_ptr<base::clock_watch> clock_;
  std::uint64_t timer_ = 0; // 0: none
  runtime::pid scope_{};
  runtime::reference scope_ends_{}; // monitor of the scope
  runtime::reference groups_{};     // reference in its messages about groups
  base::nanos enter_at_ = 0;        // the scope is not tried again before
  std::map<std::string, shared_job, std::less<>> shared_;
};

} // namespace coppice::services
