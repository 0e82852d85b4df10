// SPDX-License-Identifier: MIT
// What a process does: every engine (server, supervisor, application, …) implements this interface. The
// runtime calls it on the process's own stack, one call at a time, so it needs no locks. A call may wait
// (process::await) without holding the thread. No exception may leave a callback.
#pragma once

#include <cstdint>
#include <functional>
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
struct message_origin;

// The decision that a callback returns.
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
// From init only: the process ends with `normal`, without terminate(), and its spawner's ack gets `ignore`.
inline outcome ignore() {
  return {outcome::kind::ignore, {}};
}

// The description of a behaviour that inspection shows.
struct description {
  std::string behaviour; // "server", "supervisor", …
  std::string plugin;    // empty: not from a plugin
  std::string actor;
  std::uint64_t generation = 0; // of the plugin
  bool supervises = false;
};

// The result of a process::ask().
struct ask_result {
  enum class kind : unsigned char {
    answer,       // term: the reply
    acknowledged, // the message was handled
    down,         // term: the reason. The asked process ended, or its mailbox dropped the request
  };
  kind what = kind::answer;
  message term{};
};

class behaviour {
 public:
  virtual ~behaviour() = default;

  // The first callback. After stop(reason) the process ends without terminate(), and the spawner's ack gets
  // {error, reason}.
  virtual outcome init(process& self) = 0;

  // One ordinary message. Exit signals (when trapping) and monitors' ends arrive as Erlang's
  // {'EXIT', Pid, Reason} and {'DOWN', Ref, process, PidOrName, Reason}.
  virtual outcome receive(process& self, message m) = 0;

  // The request of a call in short form (signal::bare), from a process of this node or of a Coppice node. To
  // be answered with process::reply(). The default calls receive() with the message {'$gen_call', From,
  // Request}.
  virtual outcome receive_call(process& self, const call_id& call, message request);

  // The result of the process::ask() that returned `number`. Comes once for each. The default ignores it.
  virtual outcome receive_answer(process& self, std::uint64_t number, ask_result result);

  // Asked for by process::request_io().
  virtual outcome receive_io(process& self);

  // A parcel from process::hand() of another process of this node. The default drops it.
  virtual outcome receive_parcel(process& self, std::unique_ptr<parcel> given);

  // A parcel that this process gave to another, which ended without taking it. The default drops it.
  virtual outcome receive_returned(process& self, std::unique_ptr<parcel> given);

  // Called when a process that stays on its worker (process::stay() or spawn_options::worker) dies, on the
  // worker's thread. A callback of it may still be waiting on its stack. Here it gives up what it holds on
  // the loop.
  virtual void died(process& self) noexcept;

  // Takes the first message that it keeps back for which `wanted` is true. None: there is no such message.
  // The default keeps none back.
  using message_test = std::function<bool(const message&, message_origin)>;
  virtual message take_held(const message_test& wanted);

  // After stop(reason) from a callback other than init. As in OTP, not after an untrapped exit signal.
  virtual void terminate(process& self, const message& reason);

  // Before its process is made: the port by which it is given what it begins with, a connection say. Null: it
  // takes nothing.
  virtual behaviours::stream_taker* as_stream_taker() { return nullptr; }

  // Any thread, while the process lives: may read only what never changes or is atomic.
  virtual void describe(description& out) const = 0;
};

} // namespace coppice::runtime
