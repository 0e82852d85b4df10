// SPDX-License-Identifier: MIT
// A value that one thread gives and another waits for, once, up to a time-out. Replaces std::promise, since
// std::future waits by the futex system call itself: a test that replaces libc's clock functions cannot end
// that wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace coppice::base {

namespace detail {

template <class T>
struct promised {
  std::mutex lock;
  std::condition_variable changed;
  std::optional<T> value; // value and over are guarded by the lock
  bool over = false;      // no value will be given any more
};

} // namespace detail

// The waiting side. It may be destroyed before the other side. Any thread.
template <class T>
class promised {
 public:
  explicit promised(std::shared_ptr<detail::promised<T>> shared) : shared_(std::move(shared)) {}

  // Waits for at most `most`. nullopt: no value came in that time, or the promise ended without one. Takes
  // the value out, so a second call returns nullopt.
  std::optional<T> take_within(std::chrono::nanoseconds most) {
    std::unique_lock hold(shared_->lock);
    shared_->changed.wait_for(hold, most, [this] { return shared_->over; });
    return std::exchange(shared_->value, std::nullopt);
  }

 private:
  std::shared_ptr<detail::promised<T>> shared_;
};

// The giving side. Any thread.
template <class T>
class promise {
 public:
  promise() : shared_(std::make_shared<detail::promised<T>>()) {}
  ~promise() { end(); }
  promise(const promise&) = delete;
  promise& operator=(const promise&) = delete;

  promised<T> result() const { return promised<T>(shared_); }
  // May be called once.
  void give(T value) {
    {
      const std::lock_guard hold(shared_->lock);
      shared_->value.emplace(std::move(value));
    }
    end();
  }

 private:
  void end() {
    const std::lock_guard hold(shared_->lock);
    shared_->over = true;
    shared_->changed.notify_all();
  }

  std::shared_ptr<detail::promised<T>> shared_;
};

} // namespace coppice::base
