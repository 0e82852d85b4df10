// SPDX-License-Identifier: MIT
// Threads for work that really blocks. They start when needed, up to a bound, and a bounded queue waits
// behind them. submit() is for any thread.
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

  // errc::limit when the queue is full, errc::closed after stop().
  base::status submit(std::function<void()> work);
  // Drops what is queued and waits for what runs.
  void stop();
  bool idle();

 private:
  void serve();

  const unsigned limit_;
  const std::size_t queue_limit_;
  std::mutex lock_; // guards all below
  std::condition_variable more_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  unsigned free_ = 0;
  bool stopping_ = false;
};

} // namespace coppice::runtime
