// SPDX-License-Identifier: MIT
// What a system consists of, for the runtime's own files: process table, names, workers and their threads,
// and the counters that they share. Private to the room. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/crash_notes.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/processes/class_tally.hpp"
#include "runtime/processes/names.hpp"
#include "runtime/processes/process_table.hpp"
#include "runtime/scheduling/blocking_pool.hpp"
#include "runtime/scheduling/driver.hpp"
#include "runtime/scheduling/watchdog.hpp"
#include "runtime/scheduling/worker.hpp"
#include "runtime/structures/reclaim.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime {

struct system_core {
  system_core(system& host, const system_options& options);

  alignas(64) std::atomic<std::uint32_t> freezers{0}; // freeze groups that exist
  std::atomic<std::uint32_t> looks{0};                // how often the watchdog has looked, modulo 2^32
  alignas(64) reclaimer readers;
  process_table table;
  names registered;
  std::vector<block_pool> pools; // one for each driver
  driver_pool drivers{pools};
  std::vector<std::unique_ptr<worker>> workers;
  std::unique_ptr<watchdog> watch;
  blocking_pool blocking;
  std::atomic<std::uint64_t> spawned{0}; // by threads that are not workers
  std::atomic<std::uint64_t> dead_letters{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> parked{0}; // how often a sender has waited for room in a mailbox
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> lingering{0};
  std::atomic<std::uint64_t> abandoned{0};
  alignas(64) std::atomic<std::uint32_t> idle_workers{0}; // workers without work that want some
  std::atomic<std::uint32_t> stacks{0};                   // of all workers
  std::atomic<bool> started{false};
  std::atomic<bool> stopping{false};
  std::mutex leader_lock; // guards default_leader
  pid default_leader;
  crash_notes crashes;
  std::mutex given_up_lock;              // guards given_up
  std::vector<process_record*> given_up; // dead processes whose stacks were given up
  class_tallies work;
};

} // namespace coppice::runtime
