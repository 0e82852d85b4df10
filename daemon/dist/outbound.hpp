// SPDX-License-Identifier: MIT
// Signals for the peer to bytes on its stream. Each sender's go in the order they were sent. What is sent in
// one turn of the loop leaves in one gathered write at its end. Nothing is written once more waits than the
// peer may let wait, overfull(), after which the connection has to end; a sender that waits for its message
// to be on its way is told to go on in any case. One thread, the connection's.
#pragma once

#include "dist/connection_context.hpp"
#include "dist/control_builder.hpp"
#include "dist/large_messages.hpp"
#include "dist/outbox.hpp"
#include "dist/packer.hpp"
#include "net/stream/stream.hpp"

namespace coppice::dist {

class outbound {
 public:
  outbound(connection_context& of, net::stream& stream);
  outbound(const outbound&) = delete;
  outbound& operator=(const outbound&) = delete;

  void send(const runtime::destination& to, runtime::signal_ptr what);
  // Messages that are frames already, none of them of a sender that has a large one on its way.
  void send(ready_frames all);
  // A control message without a payload that no signal stands for.
  void send(const control_message& c);
  // The demonitor of a call that was answered by a peer which does not end its monitor by itself.
  void end_call_monitor(const runtime::reference& ref, const outgoing_call& call);

  bool has_large() const { return !large_.empty(); }
  // Whether the peer takes calls and answers without gen's tuples.
  bool bare_calls() const { return builder_.bare_calls(); }
  // Payloads shorter than this may become frames before they are sent here; 0: none may.
  std::size_t frames_below() const { return builder_.short_forms() ? packer_.copied_below() : 0; }
  // Bytes that hold up new messages: written and not taken by the network, and what has to wait behind large
  // messages; of these themselves no more than the network is given at a time.
  std::size_t unsent() const { return stream_.bytes_queued() + large_.held_bytes(); }
  bool overfull() const { return overfull_; }

  // So many messages were just read and handled: of as many answers the first may leave early.
  void answer(std::size_t messages);
  // The network takes more.
  void write_large();
  // A tick, if nothing else was written since it was last called.
  void tick();
  void publish();

  // The connection has ended, and nothing is sent any more: tells senders that wait to go on, and
  // `never_sent(to, signal)` of each signal not begun.
  template <class NeverSent>
  void tell_of_unsent(NeverSent&& never_sent) {
    large_.for_each_left([&](const runtime::destination& to, const runtime::signal& what, bool begun) {
      if (begun)
        release_sender(what);
      else
        never_sent(to, what);
    });
  }

 private:
  bool is_for_the_gone(const runtime::destination& to, const runtime::signal& s) const;
  void send_now(const runtime::destination& to, runtime::signal_ptr what);
  std::optional<short_form> short_form_of(const runtime::destination& to, const runtime::signal& s) const;
  void send_short(const short_form& head, const runtime::signal& s);
  void send_control(control_message& c, runtime::signal_ptr what);
  void send_spawn_request(runtime::signal_ptr what);
  void begin_call(const runtime::destination& to, const runtime::signal& call, bool one_message);
  void end_call(const runtime::reference& answered, const runtime::pid& by);
  void begin_large(const control_message& c, const packer::content& payload, runtime::signal_ptr what);
  void pack(const control_message& c, const packer::content& payload);
  void written();
  bool has_room();
  void release_sender(const runtime::signal& sent);

  connection_context& context_;
  net::stream& stream_;
  packer packer_;
  control_builder builder_;
  large_messages large_;
  const runtime::message no_reason_;
  std::size_t gathered_ = 0;    // messages sent since the last were read, but for those written early
  std::size_t gather_ = 0;      // so many are worth a write of their own
  std::size_t answers_due_ = 0; // to what was last read, at most
  bool idle_ = true;            // nothing written since the last tick()
  bool overfull_ = false;
};

} // namespace coppice::dist
