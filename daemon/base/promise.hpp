// SPDX-License-Identifier: MIT
// A value that one thread gives and another waits for, once, for a time. This is std::promise with a wait
// that goes by functions of libc: std::future's own goes by the futex system call, which a test that holds
// the clock cannot end.
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
  std::optional<T> value; // this and what follows are guarded by the lock
  bool over = false;      // nobody will give a value any more
};

} // namespace detail

// The side that waits. It may give up and go before the other one. Any thread.
template <class T>
class promised {
 public:
  explicit promised(std::shared_ptr<detail::promised<T>> shared) : shared_(std::move(shared)) {}

  // Waits for `most`. Empty: it was not given within that time, or the promise is gone without it. Takes the
  // value, so that it is had once.
  std::optional<T> take_within(std::chrono::nanoseconds most) {
    std::unique_lock hold(shared_->lock);
    shared_->changed.wait_for(hold, most, [this] { return shared_->over; });
    return std::exchange(shared_->value, std::nullopt);
  }

 private:
  std::shared_ptr<detail::promised<T>> shared_;
};

// The side that gives. Any thread.
template <class T>
class promise {
 public:
  promise() : shared_(std::make_shared<detail::promised<T>>()) {}
  ~promise() { end(); }
  promise(const promise&) = delete;
  promise& operator=(const promise&) = delete;

  promised<T> result() const { return promised<T>(shared_); }
  // Once.
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
