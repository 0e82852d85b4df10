// SPDX-License-Identifier: MIT
// The threads behind process::blocking_run() and their queue. See blocking_pool.hpp.
#include "runtime/scheduling/blocking_pool.hpp"

#include <exception>
#include <new>
#include <utility>

#include "base/border.hpp"
#include "base/log.hpp"

namespace coppice::runtime {

base::status blocking_pool::submit(std::function<void()> work) try {
  const std::lock_guard guard(lock_);
  if (stopping_) return base::fail(base::errc::closed, "blocking work: the node is stopping");
  if (queue_.size() >= queue_limit_)
    return base::fail(base::errc::limit,
                      "blocking work: " + std::to_string(queue_limit_) + " are waiting already");
  const bool enough = free_ > queue_.size() || threads_.size() >= limit_;
  if (!enough && !add_thread() && threads_.empty())
    return base::fail(base::errc::limit, "blocking work: the system gives no thread for it");
  queue_.push_back(std::move(work)); // the last operation that may throw
  more_.notify_one();
  return {};
} catch (const std::bad_alloc&) {
  return base::fail(base::errc::limit, "no memory"); // the text is short enough to need no memory
}

bool blocking_pool::add_thread() {
  try {
    threads_.emplace_back([this] { serve(); });
    return true;
  } catch (const std::exception& why) { // system_error or bad_alloc
    if (std::exchange(short_of_threads_, true)) return false;
    base::log::warning("runtime", "no further thread for blocking work, there are {} of {}: {}",
                       threads_.size(), limit_, why.what());
    return false;
  }
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
    base::contained_call("work on a thread of the pool", work);
    base::contained("what work on a thread of the pool had kept", [&work] { work = nullptr; });
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
