// SPDX-License-Identifier: MIT
// What the scheduler keeps in each process: the worker where it runs, the lists in which it is, and what woke
// it. Only the files of scheduling/ and freezing/ write it, but for `stays`; placement.cpp says which
// invariants they keep. For the owner, the thread that holds the home worker's token,
// unless a comment says otherwise.
#pragma once

#include <cstdint>

#include "runtime/scheduling/wake_history.hpp"
#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

class process_record;
class worker;

// The length of a process's measured turns. `was_long`: one of the latest was long, but not the last one.
enum class turn_length : std::uint8_t { brief, was_long, is_long };

struct schedule_entry {
  static constexpr std::uint16_t nowhere = UINT16_MAX;

  explicit schedule_entry(worker& first_home) : home(&first_home) {}

  machine_atomics::atomic<worker*> home; // any thread may read it
  // Link in a run queue; or in a list of arriving processes, where it is the former owner's.
  process_record* next_in_queue = nullptr;
  // For a notification: the link in a worker's list, and the index of the worker on whose thread it was sent.
  // The thread that notifies owns both until the home has taken the notification.
  process_record* next_notified = nullptr;
  std::uint16_t waker = nowhere;
  wake_history woken_from;
  bool queued : 1 = false;     // in a run queue, on its way to another worker's queue, or in a turn
  bool arriving : 1 = false;   // given to its home worker, which has not taken it in yet
  bool held : 1 = false;       // a freezer holds it, so it stays on its worker
  bool stays : 1 = false;      // on its worker: spawned there by index, or process::stay()
  bool freed_next : 1 = false; // it has ended, and its next turn frees it
  turn_length turns_take : 2 = turn_length::brief;
};

} // namespace coppice::runtime
