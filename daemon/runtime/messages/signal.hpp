// SPDX-License-Identifier: MIT
// A signal: everything that passes between processes. It lives in the block of the message it carries, or in
// a small block of its own. Exactly one signal_ptr or queue owns it at a time; mailboxes link it by `next`.
// The receiver is not a part of it: deliver() and route() take it as an argument. Any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/parcel.hpp"

namespace coppice::runtime {

enum class signal_kind : std::uint8_t {
  // Payload: the term; from: the sender, or none but with the node it came from; ref: the alias, if it was
  // sent to one; number: when it was sent, if it counts against the bound or is a notice.
  message,
  exit,          // a broken link: from, payload: reason
  exit2,         // exit/2: from, payload: reason; ref: the alias, if it came to one
  link,          // from
  unlink,        // from, number: the unlink id
  unlink_ack,    // from, number
  monitor,       // from: the watcher, ref; flags
  demonitor,     // from: the watcher, ref
  down,          // ref; from: the process that ended (by name: at most its node); payload: the reason
  group_leader,  // from: the new group leader
  spawn_request, // to a node. from, ref, flags; payload: {Leader, M, F, Arity, Options, Arguments}
  spawn_reply,   // ref, flags, from: the new process (none: refused); payload: its pid, or why there is none
  overflow,      // internal: a mailbox with policy `exit` is full
  // Internal: the event that a parked process waited for has happened. number: of that wait; 0: look outside.
  stop_waiting,
  // Internal: asks what the process waits for. With ref: the answer goes to that alias. Without: looks for a
  // circle of calls; from, number: the process that asks, and its wait; payload: the list of processes so
  // far.
  whom_waits,
  answered, // internal, in a mailbox: the answer to process::ask(). ref: of the request; payload: the answer
  unanswered, // internal, in a mailbox: process::ask() gets no answer. ref: of the request; payload: why
  io,         // internal, in a mailbox: behaviour::receive_io() is due
  parcel,     // also in a mailbox. number: the address of the parcel, which the signal owns
};

struct signal {
  // monitor, down: the monitor was made by name.
  static constexpr std::uint8_t by_name = 1;
  // message: does not count against the mailbox's bound (timers, replies, system traffic).
  static constexpr std::uint8_t unbounded = 2;
  // monitor, or a message that is also a monitor: of a call by a process of this node or of another Coppice
  // node. The monitor ends with the first message that the monitored process sends to the alias `ref`. On its
  // way to another node: a monitor and a message, whatever that node makes of it.
  static constexpr std::uint8_t of_call = 4;
  // message of a repeating timer: left out where the mailbox is full, whatever its policy.
  static constexpr std::uint8_t left_out = 8;
  // message to another node: its sender is parked in wait `number` until the whole message is on its way.
  static constexpr std::uint8_t awaited = 16;
  // message to an alias, from another node: answers a call and has ended its monitor there.
  static constexpr std::uint8_t ends_monitor = 32;
  // any kind: it came from another node, so its sender cannot park.
  static constexpr std::uint8_t remote = 64;
  // internal, message: goes before all messages that are not urgent.
  static constexpr std::uint8_t urgent = 128;
  // message: the request of a call, or its answer, in the short form used between processes of this node and
  // between Coppice nodes that agreed on it: without gen's tuple, which call_forms.hpp adds where it is
  // needed.
  static constexpr std::uint16_t bare = 256;
  // spawn_request, spawn_reply: the asking process has a link to the new process; a monitor of it, by the
  // request's ref.
  static constexpr std::uint16_t linked = 512;
  static constexpr std::uint16_t monitored = 1024;
  // message, exit2: with priority. Received before ordinary messages if it comes to a priority alias.
  static constexpr std::uint16_t priority = 2048;
  // any kind, to another node: only over an existing connection.
  static constexpr std::uint16_t no_connect = 4096;
  // message: its sender does not wait for room.
  static constexpr std::uint16_t no_wait = 8192;
  // message: a notice, see message_origin. No peer and no plugin can set it.
  static constexpr std::uint16_t notice = 16384;
  // message of process::ask() that is no call: acknowledged when its handler has returned.
  static constexpr std::uint16_t acknowledged = 32768;
  // parcel: no process has taken it, and it is back at its sender.
  static constexpr std::uint16_t returned = acknowledged;

  signal(signal_kind what, const pid& sender) : kind(what), from(sender) {}
  signal(signal_kind what, const pid& sender, const reference& about)
      : kind(what), from(sender), ref(about) {}
  [[gnu::always_inline]] ~signal() {
    if (kind == signal_kind::parcel) [[unlikely]]
      static_cast<void>(take_parcel());
  }
  signal(const signal&) = delete;
  signal& operator=(const signal&) = delete;

  signal* next = nullptr;
  signal_kind kind = signal_kind::message;
  std::uint8_t compression = 0; // to another node: the sender's choice, see sent_compressed
  std::uint16_t flags = 0;
  std::uint32_t weight = 0; // internal: bytes that it counts for in the mailbox; 0: it does not count
  pid from;
  reference ref;
  std::uint64_t number = 0;

  const message& payload() const { return payload_; }
  // A copy of the handle; the signal keeps its payload.
  message take_payload() const { return payload_; }
  // Only for the kind `parcel`, and once.
  std::unique_ptr<parcel> take_parcel();

 private:
  friend struct signal_access;
  message payload_; // if it is in the signal's own block, the two share one reference
};

struct signal_deleter {
  void operator()(signal* owned) const noexcept;
};
using signal_ptr = std::unique_ptr<signal, signal_deleter>;

// In the payload's block if no other message holds it, else in a small block of its own.
signal_ptr make_signal(signal_kind kind, const pid& from, message&& payload);
signal_ptr make_signal(signal_kind kind, const pid& from, const reference& ref, message&& payload);
signal_ptr make_signal(const pid& from, std::unique_ptr<parcel> owned);
inline signal_ptr make_signal(signal_kind kind, const pid& from, const message& payload = {}) {
  return make_signal(kind, from, message(payload));
}
inline signal_ptr make_signal(signal_kind kind, const pid& from, const reference& ref,
                              const message& payload = {}) {
  return make_signal(kind, from, ref, message(payload));
}

// The payload alone; the signal ends. Cheaper than take_payload().
message consume(signal_ptr owned);

} // namespace coppice::runtime
