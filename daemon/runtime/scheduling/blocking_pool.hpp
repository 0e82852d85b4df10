// SPDX-License-Identifier: MIT
// Threads for work that blocks. They are started when needed, up to a limit; further work waits in a bounded
// queue. If the system gives no further thread, the existing ones do the work. submit() is for any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.hpp"

namespace coppice::runtime {

class blocking_pool {
 public:
  explicit blocking_pool(unsigned threads, std::size_t queue = 4096) : limit_(threads), queue_limit_(queue) {}
  ~blocking_pool() { stop(); }

  // errc::limit: the queue is full, or there is no thread or no memory. errc::closed: after stop(). Refused
  // work is not queued. Throws nothing.
  base::status submit(std::function<void()> work);
  // Drops queued work and waits for running work.
  void stop();
  bool idle();

 private:
  void serve();
  // Under the lock. False: the system gives no thread.
  bool add_thread();

  const unsigned limit_;
  const std::size_t queue_limit_;
  std::mutex lock_; // guards all below
  std::condition_variable more_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  unsigned free_ = 0;
  bool stopping_ = false;
  bool short_of_threads_ = false; // the system refused a thread, and the log has said so
};

} // namespace coppice::runtime
