// SPDX-License-Identifier: MIT
// What can be seen of processes from outside: plain copies taken from published counters and under small
// locks, never by asking a worker that may be stuck. Any thread.
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
  waiting,  // nothing to do
  runnable, // has messages, waits for its turn
  running,  // in a callback
  parked,   // in a callback that waits: a call, a full mailbox, blocking work
  exiting,  // dead to all others; its stack is still in a callback
};
std::string_view to_string(process_status status);

enum class priority : std::uint8_t { low, normal, high, max };
std::string_view to_string(priority of);

struct process_summary {
  runtime::pid pid;
  std::string name;  // empty: none
  std::string label; // app/sup/child
  description is;
  process_status status = process_status::starting;
  std::uint64_t messages = 0;      // in the mailbox
  std::uint64_t message_bytes = 0; // held by them
  std::uint64_t reductions = 0;
  std::uint64_t memory = 0; // bytes: itself, its messages, its parked stack
  std::uint32_t worker = 0;
};

struct process_info {
  process_summary summary;
  runtime::pid parent;
  runtime::pid group_leader;
  runtime::priority priority = runtime::priority::normal;
  bool trap_exit = false;
  base::nanos oldest_message_age = 0; // of the first message waiting, to about a millisecond; 0: none
  std::uint64_t dropped = 0;          // messages refused by its full mailbox
  std::vector<runtime::pid> links;
  std::vector<destination> monitors; // whom it watches
  std::vector<runtime::pid> monitored_by;
};

// What a process that is parked in a callback waits for, as it says itself.
struct waited_for {
  enum class kind : std::uint8_t {
    nothing,    // it is in no callback that waits
    answer,     // to a call: of `whom`
    room,       // in the full mailbox of `whom`
    connection, // until the one to the node `whom` takes more
    work,       // done by a thread of the blocking pool
    moment,     // for anything else, which takes no long
  };
  kind what = kind::nothing;
  std::string whom;         // a pid or name as Erlang writes it; empty: nobody
  base::nanos since = 0;    // monotonic
  base::nanos deadline = 0; // monotonic; no_deadline: none
};
std::string_view to_string(waited_for::kind of);

struct worker_info {
  std::uint32_t index = 0;
  std::uint64_t processes = 0;
  std::uint64_t runnable = 0;
  std::uint64_t turns = 0;
  std::uint64_t parked = 0; // stacks in use by parked processes
  std::uint64_t timers = 0; // armed: those that processes started, and the deadlines of what they wait for
  bool sleeping = false;
  // How long ago it last began a turn or a round of its loop, while it is awake: what holds it then takes
  // that long already. 0 while it sleeps.
  base::nanos held = 0;
};

struct runtime_counters {
  std::uint64_t processes = 0;
  std::uint64_t spawned = 0;
  std::uint64_t dead_letters = 0;     // messages to no one, and those left in a dead process's mailbox
  std::uint64_t dropped = 0;          // messages refused by full mailboxes
  std::uint64_t parked = 0;           // how often a sender has waited for room in one
  std::uint64_t malformed = 0;        // messages and reasons for other nodes that were no terms
  std::uint64_t lingering = 0;        // dead processes whose stack is still in a callback
  std::uint64_t abandoned_stacks = 0; // those that lingered too long
  std::uint64_t message_memory = 0;   // bytes of all message buffers
  std::uint64_t slow_handlers = 0;    // handlers over system_options::watchdog
  std::uint64_t taken_over = 0;       // workers given to another thread since one was stuck in a handler
  std::uint64_t stuck_threads = 0;    // threads that lost their worker so and are still in that handler
  std::vector<worker_info> workers;
};

} // namespace coppice::runtime
