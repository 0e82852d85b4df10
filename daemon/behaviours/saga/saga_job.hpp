// SPDX-License-Identifier: MIT
// A callback of a saga that runs in a process of its own, a worker: the data that three processes share
// about it. The saga's engine wants it done (saga_workers.hpp), the keeper starts and ends workers
// (saga_keeper.hpp), and the worker holds a ticket until nothing of the callback runs any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "behaviours/saga/saga_worker_options.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/parcel.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"
#include "saga/effects.hpp"

namespace coppice::behaviours {

// How the workers of a saga are made. Immutable; any thread.
struct saga_worker_spec {
  saga_worker_options options;
  runtime::message env; // the application's
  std::string label;    // the saga's place in the tree
  runtime::priority priority = runtime::priority::normal;
  runtime::sent_compressed compression;
  runtime::actor_factory* factory = nullptr; // outlives the system
};

struct saga_job {
  saga_job(saga::call of, const runtime::pid& its_saga, std::size_t value_bound, std::size_t step_bound)
      : what(std::move(of)), saga(its_saga), max_value(value_bound), max_steps(step_bound) {}

  const saga::call what;
  const runtime::pid saga;
  const std::size_t max_value; // bytes of an interim value
  const std::size_t max_steps; // of its answer
  // Written by the worker before it gives its ticket up, and read by the engine after that. Empty: the worker
  // has ended without an answer.
  std::optional<saga::verdict> answer;
  // Interim values that the engine has not taken yet. Any thread.
  std::atomic<std::uint32_t> interims{0};
};

// Held by the worker from before its process is made. Its end tells the keeper that the job is over. The
// worker's behaviour owns it, and lives as long as a callback, with its blocking work, is on the worker's
// stack: so nothing of the callback runs any more. Any thread, one at a time.
class saga_ticket {
 public:
  saga_ticket(runtime::system& system, const runtime::pid& keeper, std::shared_ptr<saga_job> of)
      : system_(system), keeper_(keeper), job_(std::move(of)) {}
  ~saga_ticket();
  saga_ticket(const saga_ticket&) = delete;
  saga_ticket& operator=(const saga_ticket&) = delete;

  saga_job& job() const { return *job_; }

 private:
  runtime::system& system_;
  const runtime::pid keeper_;
  const std::shared_ptr<saga_job> job_;
};

struct saga_job_parcel final : runtime::parcel {
  explicit saga_job_parcel(std::shared_ptr<saga_job> of) : job(std::move(of)) {}
  const std::shared_ptr<saga_job> job;
};

// Notices about a job, by the token of its call.
namespace saga_news {

enum class kind : std::uint8_t {
  began, // keeper to engine: {Tag, began, Token, Pid}
  over,  // ticket to keeper, keeper to engine: {Tag, over, Token}
  stop,  // engine to keeper: {Tag, stop, Token}
  told,  // worker to engine: {Tag, told, Token, Key, Value}
};

struct news {
  kind what = kind::over;
  std::uint64_t token = 0;
  etf::cursor rest; // behind the token
};

runtime::message over(std::uint64_t token);
runtime::message stop(std::uint64_t token);
runtime::message began(std::uint64_t token, const runtime::pid& worker, const runtime::node_names& names);
// `key` and `value`: terms.
runtime::message told(std::uint64_t token, etf::bytes key, etf::bytes value);
// nullopt: the message that is being handled is no such notice.
std::optional<news> read(const runtime::process& self, const runtime::message& m);

} // namespace saga_news

} // namespace coppice::behaviours
