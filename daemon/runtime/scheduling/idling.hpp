// SPDX-License-Identifier: MIT
// How who takes from lifos goes idle: a worker, when all of its inboxes can, and a process's inbox, when no
// notification of it is on its way. The consumer's thread.
#pragma once

namespace coppice::runtime {

// True: all are idle, and whoever pushes into one first wakes the consumer. False: something was pushed into
// one, and those that were idle for a moment are not any more; or who has pushed there wakes in vain.
template <class First, class... Others>
bool try_idle(First& first, Others&... others) {
  if (!first.try_idle()) return false;
  if constexpr (sizeof...(others) != 0) {
    if (!try_idle(others...)) return first.wake(), false;
  }
  return true;
}

// True: it is idle, so who pushes next must notify it; or it is `notified`, and empty, and will be looked
// at when that is heard: until then nobody else may notify it, so it is not set idle. False: there is
// something in it.
template <class Inbox>
bool try_idle_unless_notified(Inbox& inbox, bool notified) {
  if (inbox.idle()) return true;
  return inbox.empty() && (notified || inbox.try_idle());
}

} // namespace coppice::runtime
