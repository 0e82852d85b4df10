// SPDX-License-Identifier: MIT
// What the kernel knows of a thread's time: how long it ran, how long it was ready to run and had no
// processor, whether it is blocked now. With these a handler that holds its thread is told from one whose
// thread the machine does not run. Any thread may read; made and ended by the thread it is of.
#pragma once

#include <pthread.h>

#include "base/clock.hpp"

namespace coppice::runtime {

class thread_clock {
 public:
  struct reading {
    base::nanos wall = 0;   // monotonic; 0: none was taken
    base::nanos ran = 0;    // on a processor
    base::nanos waited = 0; // for a processor, up to when it last got one
    bool complete = false;  // false: the kernel does not tell, wall is all there is
  };

  // Of the calling thread.
  thread_clock();
  ~thread_clock();
  thread_clock(const thread_clock&) = delete;
  thread_clock& operator=(const thread_clock&) = delete;

  reading read() const;
  // Not ready to run: in a system call that waits.
  bool blocked() const;

 private:
  clockid_t clock_{};
  int schedule_ = -1; // /proc/self/task/TID/schedstat, and stat
  int state_ = -1;
};

// How long at least a turn that began at `since` has held its thread between two readings: the time it ran,
// or, if the thread is blocked at the second, all but what it waited for a processor. 0 or more.
base::nanos held_between(const thread_clock::reading& first, const thread_clock::reading& second,
                         bool blocked, base::nanos since);

} // namespace coppice::runtime
