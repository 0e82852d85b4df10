// SPDX-License-Identifier: MIT
// A mutex for sections of some nanoseconds that several threads often enter. A thread that finds it taken
// spins for a moment before it sleeps in the kernel, which would cost a hundred times as much as the section.
// Any thread.
#pragma once

#include <pthread.h>

namespace coppice::base {

// Lockable, as std::mutex. Never fails.
class brief_mutex {
 public:
  brief_mutex() = default;
  brief_mutex(const brief_mutex&) = delete;
  brief_mutex& operator=(const brief_mutex&) = delete;
  ~brief_mutex() { pthread_mutex_destroy(&mutex_); }

  void lock() { pthread_mutex_lock(&mutex_); }
  bool try_lock() { return pthread_mutex_trylock(&mutex_) == 0; }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

} // namespace coppice::base
