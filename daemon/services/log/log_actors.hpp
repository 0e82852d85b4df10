// SPDX-License-Identifier: MIT
// The handlers of the log that are actors, each with a process that feeds it (log_feed.hpp). Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/system.hpp"
#include "services/log/log_feed.hpp"

namespace coppice::services {

class log_actors {
 public:
  // The system outlives it.
  explicit log_actors(runtime::system& system) : system_(system) {}
  log_actors(const log_actors&) = delete;
  log_actors& operator=(const log_actors&) = delete;

  // Replaces the handlers. base::log::use() has been called with handlers of these names, and the system
  // runs. The feed of a removed handler hands over the lines that wait and ends its actor. A feed whose
  // actor or arguments have changed starts the new actor. Does not wait. After stop() it does nothing.
  void use(const std::vector<log_actor>& wanted);
  // Ends all feeds and waits until they have ended, for at most 8 s. Not on a thread of the system.
  void stop();

 private:
  struct feed {
    std::string handler;
    std::shared_ptr<base::log::log_queue> lines;
    std::shared_ptr<log_feed_order> order;
    runtime::pid process;
  };
  void begin(const log_actor& wanted, std::shared_ptr<base::log::log_queue> lines);
  void end(const feed& one);

  runtime::system& system_;
  std::mutex lock_; // guards the members below
  std::vector<feed> feeds_;
  bool stopped_ = false;
};

} // namespace coppice::services
