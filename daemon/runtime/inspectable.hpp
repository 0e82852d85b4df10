// SPDX-License-Identifier: MIT
// What inspection shows of processes and workers: plain copies, taken from published counters and under small
// locks, never by asking a worker, which may be stuck. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

enum class process_status : std::uint8_t {
  starting, // init has not returned
  waiting,  // has nothing to do
  runnable, // has messages and waits for its turn
  running,  // in a callback
  parked,   // in a callback that waits: for an answer, for room in a mailbox, for blocking work
  exiting,  // dead to all others; its stack is still in a callback
};
std::string_view to_string(process_status status);

enum class priority : std::uint8_t { low, normal, high, max };
std::string_view to_string(priority of);

struct process_summary {
  runtime::pid pid;
  std::string name;  // empty: none
  std::string label; // "APP/SUP/CHILD", or what the process has set, for people
  description is;
  process_status status = process_status::starting;
  std::uint64_t messages = 0;      // in its mailbox
  std::uint64_t message_bytes = 0; // memory of those messages
  std::uint64_t reductions = 0;
  std::uint64_t memory = 0; // bytes: the process itself and its messages
  // Processor time of its turns, in ns. Where a worker's turns take less than some µs, it is estimated from
  // those that are measured. A turn counts when it is over, or while it goes on in a thread that lost its
  // worker.
  base::nanos ran = 0;
  std::uint32_t worker = 0;
};

struct process_info {
  process_summary summary;
  std::string path; // its label when it was spawned, APP/SUP/CHILD. Empty: none
  runtime::pid parent;
  runtime::pid group_leader;
  runtime::priority priority = runtime::priority::normal;
  bool trap_exit = false;
  base::nanos oldest_message_age = 0; // of the first message that waits, to about a millisecond; 0: none
  std::uint64_t dropped = 0;          // messages that its full mailbox refused or dropped
  std::vector<runtime::pid> links;
  std::vector<destination> monitors; // what it monitors
  std::vector<runtime::pid> monitored_by;
};

// What a parked process waits for. The process itself tells it.
struct waited_for {
  enum class kind : std::uint8_t {
    nothing,    // it is in no callback that waits
    answer,     // to its call of `whom`
    room,       // in the full mailbox of `whom`
    connection, // until the connection to the node `whom` takes more
    work,       // blocking work, which a thread of the pool does
    moment,     // something else that takes a short time
  };
  kind what = kind::nothing;
  std::string whom;         // a pid, name or node as Erlang writes it; empty: none
  base::nanos since = 0;    // monotonic
  base::nanos deadline = 0; // monotonic; no_deadline: none
};
std::string_view to_string(waited_for::kind of);

struct worker_info {
  std::uint32_t index = 0;
  std::uint64_t processes = 0;
  std::uint64_t runnable = 0;
  std::uint64_t turns = 0;
  std::uint64_t parked = 0; // stacks that parked processes use
  std::uint64_t timers = 0; // armed timers: those that processes started, and deadlines of waits
  bool sleeping = false;
  // How long ago it last began a turn or a round of its loop: that long its present work has taken so far. 0
  // while it sleeps.
  base::nanos held = 0;
  // The longest that one turn, or other work such as on connections, has held it so far. Wall time, to some
  // µs; time in which its thread waited for a processor counts.
  base::nanos longest = 0;
};

struct runtime_counters {
  std::uint64_t processes = 0;
  std::uint64_t spawned = 0;
  // Messages to missing processes, and messages left in the mailbox of a process that died.
  std::uint64_t dead_letters = 0;
  std::uint64_t dropped = 0;   // messages that full mailboxes refused or dropped
  std::uint64_t parked = 0;    // how often a sender has waited for room in a mailbox
  std::uint64_t malformed = 0; // messages and exit reasons for other nodes that were not well-formed terms
  std::uint64_t lingering = 0; // dead processes whose stack is still in a callback
  std::uint64_t abandoned_stacks = 0; // lingering stacks that were given up after system_options::linger
  std::uint64_t message_memory = 0;   // bytes of all message blocks
  // Handlers, and work on connections, that took longer than system_options::watchdog.
  std::uint64_t slow_handlers = 0;
  std::uint64_t taken_over = 0;    // workers given to another thread because a handler held theirs
  std::uint64_t stuck_threads = 0; // threads that lost their worker that way and are still in that handler
  std::vector<worker_info> workers;
};

} // namespace coppice::runtime
