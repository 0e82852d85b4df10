// SPDX-License-Identifier: MIT
// The callbacks of a saga's steps that run in workers: which of them run, which wait for room, and how they
// have ended. The saga's engine owns it; the workers' processes belong to the keeper. At most
// saga_worker_options::limit run at once. The others wait in their order; each is of a step that the saga's
// core keeps, so the core's bounds limit them, too. In the saga's own turn.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "behaviours/saga/saga_call_queue.hpp"
#include "behaviours/saga/saga_job.hpp"

namespace coppice::behaviours {

class saga_workers {
 public:
  // Most interim values of one worker that wait for the saga. Further ones are dropped.
  static constexpr std::uint32_t most_interims = 100;

  // `max_value`, `max_steps`: see saga::options.
  saga_workers(runtime::process& self, std::shared_ptr<const saga_worker_spec> how, std::size_t max_value,
               std::size_t max_steps)
      : self_(self), how_(std::move(how)), max_value_(max_value), max_steps_(max_steps) {}

  // Starts the keeper. While the keeper of an earlier process of this saga is there, all callbacks wait. The
  // process must have its name already. After an error it has to end.
  base::status begin();

  // Whether such a callback runs in a worker.
  static bool runs(saga::callback what) {
    return what == saga::callback::perform || what == saga::callback::reverse ||
           what == saga::callback::confirm;
  }
  // do, undo, prepare, commit or abort.
  static std::string_view word_of(const saga::call& of);
  void run(saga::call what);
  // Ends the worker of this call. The call is over later, in any case.
  void stop(std::uint64_t token);
  // Ends all workers, and begins none any more.
  void stop_all();

  struct end {
    std::uint64_t token = 0;
    std::optional<saga::verdict> answer; // empty: there is none
  };
  // The calls that are over since the last time.
  std::vector<end> take_ends() { return std::exchange(ends_, {}); }

  struct interim {
    etf::bytes key; // parts of the message
    etf::bytes value;
  };
  // A message that is meant for this object.
  struct taken {
    base::status how; // after an error the process is to end
    std::optional<interim> told;
  };
  std::optional<taken> take_info(const runtime::message& m);

  // Values of the callbacks that wait.
  std::size_t waiting_bytes() const { return waiting_.bytes(); }
  // Where the callback with this token runs: a pid, `begins` or `waits`. Empty: in no worker.
  std::string place_of(std::uint64_t token) const;
  // #{actor, limit, running, waiting, begun, crashed, steps => [#{tx, callback, attempt, worker}]}, with at
  // most so many steps.
  void write_report(runtime::message_writer& out, std::size_t most) const;

 private:
  struct running {
    std::shared_ptr<saga_job> job;
    runtime::pid worker; // none: it is not known yet
    bool stopped = false;
  };

  void begin_some();
  std::string shown(const runtime::pid& worker) const;

  runtime::process& self_;
  const std::shared_ptr<const saga_worker_spec> how_;
  const std::size_t max_value_;
  const std::size_t max_steps_;
  runtime::pid keeper_; // none: the keeper of an earlier process is still there
  bool closed_ = false;
  saga_call_queue waiting_;
  std::unordered_map<std::uint64_t, running> running_; // by token
  std::vector<end> ends_;
  std::uint64_t begun_ = 0;
  std::uint64_t crashed_ = 0; // ended without an answer, and unasked
};

} // namespace coppice::behaviours
