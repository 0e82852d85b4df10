// SPDX-License-Identifier: MIT
// Threads for work that really blocks. They start when needed, up to a bound, and a bounded queue waits
// behind them. Where the system gives no further thread, those there are do the work. submit() is for any
// thread.
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

  // errc::limit when the queue is full, or there is no thread or no memory for it; errc::closed after stop().
  // What is refused is not queued. No exception leaves it.
  base::status submit(std::function<void()> work);
  // Drops what is queued and waits for what runs.
  void stop();
  bool idle();

 private:
  void serve();
  // Under the lock. False: the system gives none.
  bool add_thread();

  const unsigned limit_;
  const std::size_t queue_limit_;
  std::mutex lock_; // guards all below
  std::condition_variable more_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  unsigned free_ = 0;
  bool stopping_ = false;
  bool short_of_threads_ = false; // and the log has said so
};

} // namespace coppice::runtime
