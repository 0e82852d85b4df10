// SPDX-License-Identifier: MIT
// A process's relations to others: links, monitors in both directions, calls, aliases, its name. Made when
// the process first needs it. Only the owner's thread writes. The parts that inspection copies (links,
// monitors, watchers, texts) are written under `lock`; the rest is for the owner only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/freezing/membership.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"
#include "runtime/processes/received_calls.hpp"
#include "runtime/processes/slow_nodes.hpp"
#include "runtime/processes/started_timers.hpp"
#include "runtime/structures/atomics.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::runtime {

// Held for a few instructions and rarely contended.
class spin_lock {
 public:
  void lock() {
    while (held_.exchange(true, std::memory_order_acquire)) machine_atomics::pause();
  }
  bool try_lock() { return !held_.exchange(true, std::memory_order_acquire); }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  machine_atomics::atomic<bool> held_{false};
};

// One end of a link.
struct link_state {
  // 0: the link is active; else the id of this side's unlink that is not yet acknowledged.
  std::uint64_t unlinking = 0;
  bool priority = false; // its trapped exit is received before ordinary messages
};

// A monitor that this process has set.
struct monitor_state {
  struct details {
    destination by_name; // what was monitored, if not a pid; kind none: a pid
    message tag;         // in place of 'DOWN'; none: 'DOWN'
  };
  pid target;                            // none: no process had the name
  std::unique_ptr<details> more;         // null: there are no details
  alias_until alias{alias_until::never}; // never alias_until::unalias: such an alias is in `aliases`
  bool priority = false;                 // its 'DOWN' is received before ordinary messages

  const destination* by_name() const {
    return more == nullptr || more->by_name.what() == destination::kind::none ? nullptr : &more->by_name;
  }
};
static_assert(sizeof(void*) != 8 || sizeof(monitor_state) == 32); // there may be very many

// A monitor that another process has set on this one.
struct watcher_state {
  pid watcher;
  bool by_name = false;
};

// A call that this process has made.
struct call_state {
  pid target; // none: an ack, or no process had the name
  std::unique_ptr<destination> by_name;
  bool answered = false;
  bool down = false;
  bool bare = false;    // the answer is the reply alone
  bool watched = false; // by an ordinary monitor, which does not end with the reply
  message result;       // the answer, or the reason why there is none
};

// The call of process::call(), call_away() or start(). On the caller's stack.
struct direct_call : call_state {
  std::uint64_t number = 0; // of its reference
};

struct alias_state {
  bool once = false;
  bool priority = false; // messages sent with priority to it are received before ordinary messages
};

struct relations {
  mutable spin_lock lock;
  flat_table<pid, link_state, pid_hash> links;
  flat_table<std::uint64_t, monitor_state, number_hash> monitors; // by reference number
  flat_table<reference, watcher_state, reference_hash> watchers;
  std::string name;
  std::string label;
  std::unique_ptr<std::string> first_label; // set once the process has changed it; null: `label`
  pid group_leader;                         // none: the node's default
  pid parent;                               // if it is on another node; set at spawn
  bool of_node = false;                     // spawn_options::of_node; set at spawn

  flat_table<std::uint64_t, call_state, number_hash> calls; // by reference number
  received_calls::table callers;                            // all except the call at hand
  flat_table<std::uint64_t, alias_state, number_hash> aliases;
  flat_table<std::uint64_t, pid, number_hash> asked; // process::ask(): the asked process, by reference number
  std::uint64_t next_unlink = 0;
  std::unique_ptr<started_timers> timers;           // running timers that it started; null: none
  std::atomic<std::uint32_t> carried_reductions{0}; // in units of 2^32
  std::unique_ptr<membership> part;                 // while a freezer holds the process; null: none does
  std::unique_ptr<slow_nodes> slow;                 // null: it has not given up waiting for any node
  std::atomic<std::uint64_t> ran{0};                // units of process_record::add_time()
};

} // namespace coppice::runtime
