// SPDX-License-Identifier: MIT
// The pool behind process::blocking_run; see blocking_pool.hpp.
#include "runtime/blocking_pool.hpp"

#include <utility>

namespace coppice::runtime {

base::status blocking_pool::submit(std::function<void()> work) {
  const std::lock_guard guard(lock_);
  if (stopping_) return base::fail(base::errc::closed, "blocking work: the node is stopping");
  if (queue_.size() >= queue_limit_)
    return base::fail(base::errc::limit,
                      "blocking work: " + std::to_string(queue_limit_) + " are waiting already");
  queue_.push_back(std::move(work));
  if (free_ >= queue_.size() || threads_.size() >= limit_)
    more_.notify_one();
  else
    threads_.emplace_back([this] { serve(); });
  return {};
}

void blocking_pool::serve() {
  std::unique_lock guard(lock_);
  for (;;) {
    ++free_;
    more_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
    --free_;
    if (stopping_) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    guard.unlock();
    work();
    work = nullptr;
    guard.lock();
  }
}

bool blocking_pool::idle() {
  const std::lock_guard guard(lock_);
  return queue_.empty() && free_ == threads_.size();
}

void blocking_pool::stop() {
  std::vector<std::thread> ending;
  {
    const std::lock_guard guard(lock_);
    stopping_ = true;
    queue_.clear();
    ending = std::move(threads_);
    threads_.clear();
  }
  more_.notify_all();
  for (std::thread& one : ending) one.join();
}

} // namespace coppice::runtime
