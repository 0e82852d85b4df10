// SPDX-License-Identifier: MIT
// Looking for processes by what they do or what waits for them, without a copy of all there is to see of
// each. Any thread.
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

// Whether a process runs here that is a part of the node itself (spawn_options::of_node); of one that has
// ended nothing is known.
std::optional<bool> is_of_node(const system& host, const pid& who);

// Those that `wanted` says yes to. It may look at no more than behaviour::describe() may.
std::vector<pid> find_processes(const system& host, const std::function<bool(const behaviour&)>& wanted);

// What there is to see of some processes, behind what is in `into`: looks at no more than so many ids, from
// `first` on, of which the lowest is 1. The id to go on with; 0: that was all. For a caller that is to let
// others run between.
std::uint32_t some_processes(const system& host, std::uint32_t first, std::uint32_t most,
                             std::vector<process_summary>& into);

// The same with their pids alone.
std::uint32_t some_pids(const system& host, std::uint32_t first, std::uint32_t most, std::vector<pid>& into);

// What its mailbox takes; of one that has ended nothing is known.
std::optional<mailbox_bounds> bounds_of(const system& host, const pid& who);

// All registered names, in no order. `between` is called between parts of about so many entries of the table,
// and may let others run.
std::vector<std::string> registered_names(const system& host, std::size_t most,
                                          const std::function<void()>& between);

struct message_age {
  pid of;
  base::nanos age = 0; // of the first message waiting, to about a millisecond
};
// Of every process for which messages wait.
std::vector<message_age> message_ages(const system& host);

// The mailboxes of running processes that have had no room at some time, and how often. Looks at every
// process once. Any thread.
struct full_mailbox {
  process_summary whose;
  std::uint64_t dropped = 0; // messages
  std::uint64_t parked = 0;  // times that a sender has waited
};
std::vector<full_mailbox> full_mailboxes(const system& host);

} // namespace coppice::runtime
