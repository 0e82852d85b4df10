// SPDX-License-Identifier: MIT
// A signal: everything that passes between processes. It lives in the block of the message it carries
// (or in a small block of its own), is owned by exactly one signal_ptr or queue at a time, and is linked
// into mailboxes by its own `next`. Who it is for is not part of it: that is said to deliver() and
// route(). Any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/ids.hpp"
#include "runtime/message.hpp"

namespace coppice::runtime {

enum class signal_kind : std::uint8_t {
  message,      // payload: the term; from: the sender, or none
  exit,         // a broken link: from, payload: reason
  exit2,        // exit/2: from, payload: reason
  link,         // from
  unlink,       // from, number: the unlink id
  unlink_ack,   // from, number
  monitor,      // from: the watcher, ref; flags: by_name
  demonitor,    // from: the watcher, ref
  down,         // ref, from: the process that died (or none: by name), payload: reason; to the watcher
  group_leader, // from: the new group leader
  node_down,    // monitor_node's answer: number: node index
  stop_waiting, // internal: wakes a parked process (timeout, blocking work done)
};

struct signal {
  // monitor, down: the monitor was made by name.
  static constexpr std::uint8_t by_name = 1;
  // message: never counted against the mailbox's bound (timers, replies, system traffic).
  static constexpr std::uint8_t unbounded = 2;
  // monitor: ends by itself with the first reply its watcher gets through the same reference.
  static constexpr std::uint8_t ends_with_reply = 4;
  // message: came to an alias, which is `ref`.
  static constexpr std::uint8_t to_alias = 8;

  signal* next = nullptr;
  signal_kind kind = signal_kind::message;
  std::uint8_t flags = 0;
  bool owns_block = false;  // internal: lives in its payload's block
  std::uint32_t weight = 0; // internal: bytes it counts for in the mailbox
  pid from;
  reference ref;
  std::uint64_t number = 0;
  message payload;

  // The payload, which the signal no longer has.
  message take_payload() { return std::move(payload); }
};

struct signal_deleter {
  void operator()(signal* owned) const noexcept;
};
using signal_ptr = std::unique_ptr<signal, signal_deleter>;

// With the payload's own block when no one else holds it, else in a small block.
signal_ptr make_signal(signal_kind kind, const pid& from, message payload = {});
signal_ptr make_signal(signal_kind kind, const pid& from, const reference& ref, message payload = {});

} // namespace coppice::runtime
