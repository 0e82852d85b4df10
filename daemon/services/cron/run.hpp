// SPDX-License-Identifier: MIT
// One run of a job: a process that carries out the job's action and reports how it ended. The default message
// of a job is {cron, Name, Seconds}: the job's name, a binary, and the time that the run is for, in seconds
// since 1970 in UTC. A job of the leader of a Raft group is carried out only after a majority of the group
// has confirmed that the member here leads; its message is {cron, Name, Seconds, Term}. In the process's own
// turn.
#pragma once

#include <memory>
#include <optional>

#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"
#include "services/cron/jobs.hpp"

namespace coppice::services {

class cron_run final : public runtime::behaviour {
 public:
  // `jobs` belongs to the node of its process.
  cron_run(std::shared_ptr<cron_jobs> jobs, cron_task task)
      : jobs_(std::move(jobs)), task_(std::move(task)) {}
  // If it was killed, the run has failed.
  ~cron_run() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void describe(runtime::description& out) const override { out.behaviour = "cron_run"; }

 private:
  // The result of an action: finished, with its status; empty: it goes on, and `watched_` is what it waits
  // for.
  using done = std::optional<base::status>;

  // Asks the job's group whether this node leads it, and writes the term into the action.
  base::status take_token(runtime::process& self);
  done act(runtime::process& self);
  base::status send(runtime::process& self, bool as_cast);
  base::status call(runtime::process& self);
  done start(runtime::process& self);
  done remote(runtime::process& self);
  runtime::message message_of() const;
  base::result<runtime::destination> receiver(runtime::process& self) const;
  void end(base::status how);

  const std::shared_ptr<cron_jobs> jobs_;
  cron_task task_;
  std::uint64_t term_ = 0; // of the lead; 0: the job has no group
  bool ended_ = false;
  runtime::reference watched_{};
};

} // namespace coppice::services
