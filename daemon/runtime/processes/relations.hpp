// SPDX-License-Identifier: MIT
// What a process has with others: links, monitors both ways, aliases, its name. Made when the process first
// needs it. The owner's thread alone writes; what inspection copies (links, monitors, watchers, texts) is
// written under `lock`, the rest is seen by the owner only.
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
#include "runtime/structures/flat_table.hpp"

namespace coppice::runtime {

// Held for a few instructions, rarely contended.
class spin_lock {
 public:
  void lock() {
    while (held_.exchange(true, std::memory_order_acquire)) {
    }
  }
  bool try_lock() { return !held_.exchange(true, std::memory_order_acquire); }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

// One end of a link.
struct link_state {
  std::uint64_t unlinking = 0; // 0: active; else the id of our unlink that was not acknowledged yet
  bool priority = false;       // its trapped exit goes before ordinary messages
};

// Someone this process watches.
struct monitor_state {
  struct details {
    destination by_name; // as it was asked for; none: by its pid
    message tag;         // in place of 'DOWN'; none: that
  };
  pid target;                            // none: nobody had the name
  std::unique_ptr<details> more;         // null: it has none
  alias_until alias{alias_until::never}; // but `unalias`: that is one among the aliases
  bool priority = false;                 // its 'DOWN' goes before ordinary messages

  const destination* by_name() const {
    return more == nullptr || more->by_name.what() == destination::kind::none ? nullptr : &more->by_name;
  }
};
static_assert(sizeof(void*) != 8 || sizeof(monitor_state) == 32); // there may be very many

// Someone who watches this process.
struct watcher_state {
  pid watcher;
  bool by_name = false;
};

// A call of this process that waits for its answer.
struct call_state {
  pid target; // none: an ack, or nobody had the name
  std::unique_ptr<destination> by_name;
  bool answered = false;
  bool down = false;
  bool bare = false;    // the answer is the reply alone
  bool watched = false; // by an ordinary monitor, which does not end by itself with the reply
  message result;       // the answer, or the reason it will not come
};

// That of process::call(), call_away() or start(), on the caller's stack.
struct direct_call : call_state {
  std::uint64_t number = 0; // of its reference
};

struct alias_state {
  bool once = false;
  bool priority = false; // what is sent to it as such goes before ordinary messages
};

struct relations {
  mutable spin_lock lock;
  flat_table<pid, link_state, pid_hash> links;
  flat_table<std::uint64_t, monitor_state, number_hash> monitors; // by reference number
  flat_table<reference, watcher_state, reference_hash> watchers;
  std::string name;
  std::string label;
  pid group_leader; // if it is of another node, or was changed after spawn
  pid parent;       // if it is of another node; set at spawn

  flat_table<std::uint64_t, call_state, number_hash> calls; // by reference number
  received_calls::table callers;                            // all but the one at hand
  flat_table<std::uint64_t, alias_state, number_hash> aliases;
  flat_table<std::uint64_t, pid, number_hash> asked; // by process::ask(), and who; by reference number
  std::uint64_t next_unlink = 0;
  std::unique_ptr<started_timers> timers;           // that it started and that run; null: none
  std::atomic<std::uint32_t> carried_reductions{0}; // 2^32 of them each
  std::unique_ptr<membership> part;                 // while a freezer has it
  std::unique_ptr<slow_nodes> slow;                 // null: none has been waited for in vain
};

} // namespace coppice::runtime
