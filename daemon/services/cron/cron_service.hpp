// SPDX-License-Identifier: MIT
// The process that carries out the node's jobs: it sleeps until one is due, or the jobs change, or the wall
// clock is set, has each run done by a process of its own, and finds out which jobs that are for one node of
// several are this one's. Nodes with such a job are members of the group {cron, Name} of pg's scope
// `coppice`, which it starts when there is none; for two seconds after a change of the group nobody has the
// job, then the node with the lowest name. At the node's start nobody has
// it here before the nodes of distribution.peers were connected or tried. Times that come in between wait.
// They, and those that a node missed before it came, are for the nodes that were there before: the members of
// {cron_served, Name}, which a node joins a while after it has first found out whose the job is. In the
// process's own turn.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock_watch.hpp"
#include "behaviours/gen/native_server.hpp"
#include "dist/router.hpp"
#include "services/cron/jobs.hpp"
#include "services/peers/kept_peers.hpp"
#include "services/peers/peer_bounds.hpp"

namespace coppice::services {

class cron_service final : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "coppice_cron";
  static constexpr const char* scope = "coppice";

  // `peers`: the nodes whose first attempts these jobs wait for; null: none.
  cron_service(std::shared_ptr<cron_jobs> jobs, dist::router& router, const peer_bounds& bounds,
               std::shared_ptr<const kept_peers> peers = nullptr)
      : native_server("cron"),
        jobs_(std::move(jobs)),
        router_(router),
        bounds_(bounds),
        peers_(std::move(peers)) {}

  // What wakes it. Any thread.
  static void wake(runtime::system& system);

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
  runtime::outcome receive_io(runtime::process& self) override;
  void died(runtime::process& self) noexcept override;

 private:
  // A job that is for one node of several.
  struct shared_job {
    base::nanos settled = 0; // monotonic: from then on it may be somebody's
    bool joined = false;     // its group
    bool known = false;      // whose it is
    base::nanos serves = 0;  // monotonic: from then on it is one that was there before; 0: it is new
    bool served = false;     // has joined that group as well
    bool told = false;       // the log, that it runs here while a peer is away
  };
  // This node among the members of a group.
  struct standing {
    bool any = false; // there are members
    bool lowest = false;
  };

  // Carries out what is due, and sleeps again.
  void work(runtime::process& self);
  void sleep(runtime::process& self);
  // Has entries for the jobs that are for one node of several, and for no others.
  void follow_jobs(runtime::process& self);
  void enter_scope(runtime::process& self);
  void join(runtime::process& self, const std::string& job, shared_job& its);
  // Whether each of the peers is connected or was tried.
  bool peers_tried();
  void settle(runtime::process& self);
  void tell_where(const std::string& job, shared_job& its, bool here) const;
  void serve(runtime::process& self);
  void unsettle(const std::string& job, shared_job& its);
  void scope_ended(runtime::process& self);
  // News of a group.
  void take_news(runtime::process& self, const runtime::message& m);
  // Nothing: no answer, and the scope is left.
  std::optional<runtime::message> ask_scope(runtime::process& self, const runtime::message& request);
  std::optional<standing> standing_in(runtime::process& self, std::string_view group, const std::string& job);

  const std::shared_ptr<cron_jobs> jobs_;
  dist::router& router_;
  const peer_bounds bounds_;
  const std::shared_ptr<const kept_peers> peers_;
  bool peers_tried_ = false;
  std::unique_ptr<base::clock_watch> clock_;
  std::uint64_t timer_ = 0; // 0: none
  runtime::pid scope_{};
  runtime::reference scope_ends_{}; // the monitor of it
  runtime::reference groups_{};     // what its news of groups carry
  base::nanos enter_at_ = 0;        // not earlier is the scope tried again
  std::map<std::string, shared_job, std::less<>> shared_;
};

} // namespace coppice::services
