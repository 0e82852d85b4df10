// SPDX-License-Identifier: MIT
// When the consumer of lifos may go idle. A worker: when all its inboxes are empty. A process's inbox: when
// no notification of it is on its way. For the consumer's thread.
#pragma once

namespace coppice::runtime {

// True: all are idle, and the next thread that pushes into one wakes the consumer. False: something was
// pushed into one; those that were idle for a moment are awake again, or a thread that pushed there wakes the
// consumer in vain.
template <class First, class... Others>
bool try_idle(First& first, Others&... others) {
  if (!first.try_idle()) return false;
  if constexpr (sizeof...(others) != 0) {
    if (!try_idle(others...)) return first.wake(), false;
  }
  return true;
}

// True: the inbox is idle, so the next thread that pushes has to notify; or it is `notified` and empty: then
// it stays as it is, since it will be looked at when that notification is heard. False: something is in the
// inbox.
template <class Inbox>
bool try_idle_unless_notified(Inbox& inbox, bool notified) {
  if (inbox.idle()) return true;
  return inbox.empty() && (notified || inbox.try_idle());
}

} // namespace coppice::runtime
