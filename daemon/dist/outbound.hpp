// SPDX-License-Identifier: MIT
// Turns signals for the peer into bytes on its stream. Each sender's signals keep their order. All that is
// sent in one turn of the loop leaves in one gathered write at its end. If more is queued than allowed,
// overfull() is true, nothing more is written, and the connection has to end. A sender that waits until its
// message has been sent is released in any case. Messages that are sent ahead overtake whole frames of any
// sender that wait in the stream. The connection's thread.
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
  // Sends messages that are frames already. None of their senders may have a large message under way.
  void send(ready_frames all);
  // Sends a message before all that waits; its sender's order is not kept. Beyond most_ahead bytes that wait
  // in this way it is dropped and counted. To a peer without short forms it is sent like others, and dropped
  // while the peer is busy.
  static constexpr std::size_t most_ahead = std::size_t{1} << 20;
  void send_ahead(const runtime::destination& to, runtime::signal_ptr what);
  // Bounds what the kernel takes before it has sent it, since send_ahead() cannot pass that. Without a call
  // the first send_ahead() does it.
  void expect_ahead();
  // Sends a control message that has no payload and no signal.
  void send(const control_message& c);
  // Sends the demonitor of an answered call to a peer that does not end the monitor by itself.
  void end_call_monitor(const runtime::reference& ref, const outgoing_call& call);

  bool has_large() const { return !large_.empty(); }
  // Whether the peer takes calls and answers without gen's tuples.
  bool bare_calls() const { return builder_.bare_calls(); }
  // Payloads shorter than this may be made frames before they are sent here. 0: none may.
  std::size_t frames_below() const { return builder_.short_forms() ? packer_.copied_below() : 0; }
  // Bytes that delay new messages: those written that the network has not taken, and those queued behind
  // large messages. A large message counts only with the part that the network is given at a time.
  std::size_t unsent() const { return stream_.bytes_queued() + large_.held_bytes(); }
  bool overfull() const { return overfull_; }

  // So many messages were just read and handled. The first answers to them may leave before the turn ends.
  void answer(std::size_t messages);
  // The network takes more: continues with large messages.
  void write_large();
  // Sends a tick, unless something was written since the last call.
  void tick();
  void publish();

  // For the end of the connection: nothing is sent any more. Releases senders that wait, and calls
  // `never_sent(to, signal)` for each signal that has not begun.
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
  std::size_t gathered_ = 0;    // messages sent since the last were read, except those flushed early
  std::size_t gather_ = 0;      // so many messages are worth a flush
  std::size_t answers_due_ = 0; // most answers to the messages that were last read
  bool idle_ = true;            // nothing was written since the last tick()
  bool overfull_ = false;
  bool expects_ahead_ = false;
};

} // namespace coppice::dist
