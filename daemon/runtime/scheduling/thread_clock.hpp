// SPDX-License-Identifier: MIT
// What the kernel knows of a thread's time: how long it ran, how long it was ready but had no processor, and
// whether it is blocked now. So a handler that holds its thread can be told from a handler whose thread the
// machine does not run. Any thread may read; its own thread makes and ends it.
#pragma once

#include <pthread.h>

#include "base/clock.hpp"

namespace coppice::runtime {

// ns of processor time that the calling thread has used; 0: the kernel does not tell.
base::nanos thread_time();

class thread_clock {
 public:
  struct reading {
    base::nanos wall = 0;   // monotonic; 0: there was no reading
    base::nanos ran = 0;    // on a processor
    base::nanos waited = 0; // for a processor, until it last got one
    bool blocked = false;   // in a system call that waits, not ready to run
    bool complete = false;  // false: the kernel tells nothing; only `wall` is valid
  };

  // For the calling thread.
  thread_clock();
  ~thread_clock();
  thread_clock(const thread_clock&) = delete;
  thread_clock& operator=(const thread_clock&) = delete;

  // The times of the thread were true at `wall` or later, and `waited` was read last.
  reading read() const;
  base::nanos ran() const; // on a processor; 0: the kernel does not tell

 private:
  bool blocked() const;

  clockid_t clock_{};
  int schedule_ = -1; // /proc/self/task/TID/schedstat, and stat
  int state_ = -1;
};

// How long at least, in ns, a turn that began at `since` has held its thread between two readings: the time
// it ran, or, if the thread was blocked at the second one, all time except its wait for a processor. Never
// negative.
base::nanos held_between(const thread_clock::reading& first, const thread_clock::reading& second,
                         base::nanos since);

} // namespace coppice::runtime
