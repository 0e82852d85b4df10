// SPDX-License-Identifier: MIT
// What a process does: the interface every engine (server, supervisor, application, …) implements. The
// runtime calls it on the process's own stack, one call at a time, so it needs no locks; a call may wait
// (process::await) without holding the thread. No exception may leave it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/parcel.hpp"

namespace coppice::behaviours {
class stream_taker;
}

namespace coppice::runtime {

class process;

// What a callback decided.
class outcome {
 public:
  enum class kind : unsigned char { carry_on, stop, ignore };
  kind what() const { return kind_; }
  bool stops() const { return kind_ != kind::carry_on; }
  const message& reason() const { return reason_; }

 private:
  friend outcome carry_on();
  friend outcome stop(message reason);
  friend outcome ignore();
  outcome(kind what, message reason) : kind_(what), reason_(std::move(reason)) {}
  kind kind_;
  message reason_;
};

inline outcome carry_on() {
  return {outcome::kind::carry_on, {}};
}
// The process ends with this exit reason, after terminate().
inline outcome stop(message reason) {
  return {outcome::kind::stop, std::move(reason)};
}
// From init only: the process ends with `normal`, without terminate(), and its spawner's ack is `ignore`.
inline outcome ignore() {
  return {outcome::kind::ignore, {}};
}

// What the inspection shows of a behaviour.
struct description {
  std::string behaviour; // "server", "supervisor", …
  std::string plugin;    // empty for native ones
  std::string actor;
  std::uint64_t generation = 0; // of the plugin
  bool supervises = false;
};

// What came of a process::ask().
struct ask_result {
  enum class kind : unsigned char {
    answer,       // term: it
    acknowledged, // the message was handled
    down,         // the process asked ended, or its mailbox dropped what it was asked; term: the reason
  };
  kind what = kind::answer;
  message term{};
};

class behaviour {
 public:
  virtual ~behaviour() = default;

  // The first call. stop(reason): the process never was; terminate() is not called and the spawner's ack
  // is {error, reason}.
  virtual outcome init(process& self) = 0;

  // One ordinary message. Exit signals (when trapping) and monitors' ends arrive as Erlang's
  // {'EXIT', Pid, Reason} and {'DOWN', Ref, process, PidOrName, Reason}.
  virtual outcome receive(process& self, message m) = 0;

  // The request of a call that came bare (signal::bare), of a process here or on a Coppice node, to be
  // answered with process::reply(). As it is, receive() of the message that it would be on the wire.
  virtual outcome receive_call(process& self, const call_id& call, message request);

  // What came of process::ask(), which gave it this number; each comes once. For those that ask.
  virtual outcome receive_answer(process& self, std::uint64_t number, ask_result result);

  // What process::request_io() asked for.
  virtual outcome receive_io(process& self);

  // What process::hand() of another process here gave this one. As it is, it is dropped.
  virtual outcome receive_parcel(process& self, std::unique_ptr<parcel> given);

  // One that this process gave to another, which had ended or has ended without taking it. As it is, it is
  // dropped.
  virtual outcome receive_returned(process& self, std::unique_ptr<parcel> given);

  // For those that stay where they run (process::stay()): it has died, though a callback of it may wait on
  // its stack still, and nothing it holds on its worker's loop is of use to anybody. On its worker's thread.
  virtual void died(process& self) noexcept;

  // After stop(reason) from receive(). Not after an exit signal that was not trapped, as in OTP.
  virtual void terminate(process& self, const message& reason);

  // Before its process is made: the port by which it is given what it begins with, a connection say. Null: it
  // takes nothing.
  virtual behaviours::stream_taker* as_stream_taker() { return nullptr; }

  // Any thread, while the process lives: may read only what never changes or is atomic.
  virtual void describe(description& out) const = 0;
};

} // namespace coppice::runtime
