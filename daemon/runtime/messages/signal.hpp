// SPDX-License-Identifier: MIT
// A signal: everything that passes between processes. It lives in the block of the message it carries
// (or in a small block of its own), is owned by exactly one signal_ptr or queue at a time, and is linked
// into mailboxes by its own `next`. Who it is for is not part of it: that is said to deliver() and
// route(). Any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/parcel.hpp"

namespace coppice::runtime {

enum class signal_kind : std::uint8_t {
  message, // payload: the term; from: the sender, or none, its node is the one it came from; ref: the alias,
           // if it came to one; number: when it was sent, if it counts against the bound or is a notice
  exit,    // a broken link: from, payload: reason
  exit2,   // exit/2: from, payload: reason; ref: the alias, if it came to one
  link,    // from
  unlink,  // from, number: the unlink id
  unlink_ack,    // from, number
  monitor,       // from: the watcher, ref; flags
  demonitor,     // from: the watcher, ref
  down,          // ref, from: the process that died (none: it was watched by name), payload: reason
  group_leader,  // from: the new group leader
  spawn_request, // to a node: from, ref, flags; payload: {Leader, M, F, Arity, Options, Arguments}
  spawn_reply,   // ref, flags, from: the new process (none: it was refused), payload: its pid, or why not
  overflow,      // internal: a full mailbox whose policy is to exit
  stop_waiting,  // internal: what a parked process waited for has happened; number: which wait
  whom_waits,    // internal: from and number: the process that wants to know of a circle, and its wait;
              // payload: those it came by. With ref: whoever wants to know what the process waits for; it is
              // answered to that alias
  answered,   // internal, in a mailbox: ref: of process::ask(); payload: what was answered
  unanswered, // the same; payload: why there is no answer
  io,         // the same: behaviour::receive_io() is due
  parcel,     // in a mailbox, too: number: the address of the parcel, which the signal owns
};

struct signal {
  // monitor, down: the monitor was made by name.
  static constexpr std::uint8_t by_name = 1;
  // message: not counted against the mailbox's bound (timers, replies, system traffic).
  static constexpr std::uint8_t unbounded = 2;
  // monitor, or a message that is a monitor too: a call's, made by a process here or on another Coppice node:
  // it ends by itself with the first message that the monitored process sends to the alias `ref`. On its way
  // to another node: a monitor and a message, whatever that node makes of it.
  static constexpr std::uint8_t of_call = 4;
  // message: left out where it finds the mailbox at its bound, whatever the policy: a repeating timer's.
  static constexpr std::uint8_t left_out = 8;
  // message to another node: its sender is parked in wait `number` until all of it is on its way.
  static constexpr std::uint8_t awaited = 16;
  // message to an alias, from another node: the answer to a call, whose monitor there has ended with it.
  static constexpr std::uint8_t ends_monitor = 32;
  // Any kind: it came from another node. Its sender cannot park.
  static constexpr std::uint8_t remote = 64;
  // internal, of a message: before all that are not.
  static constexpr std::uint8_t urgent = 128;
  // message: a call's request, or the answer to one, as they are among processes here and on Coppice nodes
  // that agreed on it: without the tuple they are in for others, which call_forms.hpp puts them into where it
  // is needed.
  static constexpr std::uint16_t bare = 256;
  // spawn_request, spawn_reply: who asks has a link to the new process, a monitor of it (by the request's
  // ref).
  static constexpr std::uint16_t linked = 512;
  static constexpr std::uint16_t monitored = 1024;
  // message, exit2: the sender asks that it be received before ordinary messages, as it is if it comes to a
  // priority alias.
  static constexpr std::uint16_t priority = 2048;
  // Any kind, to another node: only over a connection there is.
  static constexpr std::uint16_t no_connect = 4096;
  // message: its sender does not wait for room.
  static constexpr std::uint16_t no_wait = 8192;
  // message: a notice, see message_origin. No peer and no plugin has a way to set it.
  static constexpr std::uint16_t notice = 16384;
  // message of process::ask() that is no call: answered, with nothing, when its handler has returned.
  static constexpr std::uint16_t acknowledged = 32768;
  // parcel: nobody has taken it, and who gave it has it again.
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
  std::uint8_t compression = 0; // to another node: what the sender chose, see sent_compressed
  std::uint16_t flags = 0;
  std::uint32_t weight = 0; // internal: bytes it counts for in the mailbox
  pid from;
  reference ref;
  std::uint64_t number = 0;

  const message& payload() const { return payload_; }
  // Shares; the signal stays whole.
  message take_payload() const { return payload_; }
  // Of that kind; once.
  std::unique_ptr<parcel> take_parcel();

 private:
  friend struct signal_access;
  message payload_; // when it is in the signal's own block, the signal's count is the payload's too
};

struct signal_deleter {
  void operator()(signal* owned) const noexcept;
};
using signal_ptr = std::unique_ptr<signal, signal_deleter>;

// With the payload's own block when no one else holds it, else in a small block.
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

// The payload alone, the signal is gone: cheaper than take_payload().
message consume(signal_ptr owned);

} // namespace coppice::runtime
