// SPDX-License-Identifier: MIT
// The process that starts and ends the workers of a saga. It is linked to the saga's process, and the
// workers are linked to it: so a worker that crashes ends nothing else, and the end of the saga, whatever
// its reason, ends its workers. It has the place of the saga (saga_place.hpp) until the last worker is over.
// The next process of that saga gets a keeper only after that, so it runs no callback beside a callback of
// an earlier process.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "behaviours/gen/gen.hpp"
#include "behaviours/saga/saga_job.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::behaviours {

class saga_keeper final : public runtime::behaviour {
 public:
  // Its process traps exits from the beginning.
  saga_keeper(std::shared_ptr<const saga_worker_spec> how, const runtime::pid& saga)
      : how_(std::move(how)), saga_(saga) {}

  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  // A saga_job_parcel: a job to be begun.
  runtime::outcome receive_parcel(runtime::process& self, std::unique_ptr<runtime::parcel> given) override;
  void describe(runtime::description& out) const override { out.behaviour = "saga_workers"; }

 private:
  struct worker {
    runtime::pid process; // none: none was made
    std::string tx;
    bool stopped = false; // its end was asked for
  };

  base::result<runtime::pid> start(runtime::process& self, const std::shared_ptr<saga_job>& job);
  void stop(runtime::process& self, worker& one);
  void ended(const gen::exit_notice& exit);
  runtime::outcome over(runtime::process& self, std::uint64_t token);

  const std::shared_ptr<const saga_worker_spec> how_;
  const runtime::pid saga_;
  std::unordered_map<std::uint64_t, worker> workers_; // by the token of their call
  bool closing_ = false;                              // the saga's process has ended
};

} // namespace coppice::behaviours
