// SPDX-License-Identifier: MIT
// Finds processes by what they do or by what waits in their mailboxes, without copying all that inspection
// knows of each. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/mailbox_bounds.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime {

// Whether a process of this node is a part of the node itself (spawn_options::of_node). nullopt: it has
// ended.
std::optional<bool> is_of_node(const system& host, const pid& who);

struct process_kin {
  pid parent;
  std::string name; // the registered name; empty: none
};
// The parent and the name of a process of this node. Copies nothing else, so it costs the same however many
// links the process has. nullopt: it has ended.
std::optional<process_kin> kin_of(const system& host, const pid& who);

// All processes for which `wanted` is true. `wanted` may read no more than behaviour::describe() may.
std::vector<pid> find_processes(const system& host, const std::function<bool(const behaviour&)>& wanted);

// Appends summaries to `into`. Looks at no more than `most` ids, starting with `first`; the lowest id is 1.
// Returns the id to continue with; 0: all are done. Between the calls the caller can let other processes run.
std::uint32_t some_processes(const system& host, std::uint32_t first, std::uint32_t most,
                             std::vector<process_summary>& into);

// As some_processes(), but pids alone.
std::uint32_t some_pids(const system& host, std::uint32_t first, std::uint32_t most, std::vector<pid>& into);

// As some_pids(), but only processes of the application with that root (spawn_options::application).
std::uint32_t some_of_application(const system& host, const pid& root, std::uint32_t first,
                                  std::uint32_t most, std::vector<pid>& into);

// nullopt: the process has ended.
std::optional<mailbox_bounds> bounds_of(const system& host, const pid& who);

// All registered names, in no order. Calls `between` after each part of about `most` entries of the table;
// `between` may let other processes run.
std::vector<std::string> registered_names(const system& host, std::size_t most,
                                          const std::function<void()>& between);

struct message_age {
  pid of;
  base::nanos age = 0; // of the first message that waits, to about a millisecond
};
// The ages for every process whose mailbox is not empty.
std::vector<message_age> message_ages(const system& host);

// A running process whose mailbox has been full at some time.
struct full_mailbox {
  process_summary whose;
  std::uint64_t dropped = 0; // messages
  std::uint64_t parked = 0;  // how often a sender has waited for room
};
// Looks at every process once.
std::vector<full_mailbox> full_mailboxes(const system& host);

} // namespace coppice::runtime
