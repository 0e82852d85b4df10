// SPDX-License-Identifier: MIT
// Turns the peer's bytes into signals for processes here: cuts frames, makes terms canonical, and delivers in
// the order of arrival. A signal must come from a process of the peer and be for one of ours. Any other is
// dropped and counted, because a sound node may send it while a process or node is being replaced. A
// violation of the protocol is an error, after which nothing more is read. The connection's thread.
#pragma once

#include <span>

#include "dist/connection_context.hpp"
#include "dist/frame_reader.hpp"
#include "dist/inbound_relations.hpp"
#include "dist/inbound_spawns.hpp"
#include "dist/outbound.hpp"
#include "dist/short_form.hpp"
#include "dist/spawn.hpp"
#include "dist/unpacker.hpp"

namespace coppice::dist {

class inbound {
 public:
  // `replies`: sends answers that are due at once. All arguments outlive this object.
  inbound(connection_context& of, outbound& replies, const spawn_handler& spawns);
  inbound(const inbound&) = delete;
  inbound& operator=(const inbound&) = delete;

  // The space to read the next bytes into; commit() says how many were read.
  std::span<std::uint8_t> room() { return frames_.room(); }
  void commit(std::size_t count) { frames_.commit(count); }
  // Appends bytes received behind the handshake; before the first room().
  void append(base::bytes_span bytes) { frames_.append(bytes); }
  // Whether a long frame is incomplete: there is nothing to handle yet.
  bool needs_more() const { return frames_.needs_more(); }

  // Handles all that has come completely. If busy() is true afterwards, only a part was handled, because the
  // rest takes long: handle() has to be called again before anything more is read.
  base::status handle();
  bool busy() const { return unpacker_.busy(); }

  // Bytes of memory for messages that only the peer can complete, and for a message that is being worked on.
  std::size_t held() const { return frames_.held() + unpacker_.unfinished().bytes() + unpacker_.held(); }
  // The part of held() that is in no message's block, and the bytes of the atoms that the peer has named.
  std::size_t outside_blocks() const {
    return frames_.held_outside_blocks() + unpacker_.unfinished().outside_blocks() +
           unpacker_.held_outside_blocks() + unpacker_.atom_bytes();
  }
  fragments& unfinished() { return unpacker_.unfinished(); }

 private:
  // False: not a signal of a process of the peer for a process here.
  bool handle_one(unpacked& in);
  bool handle_whole(unpacked& in);
  // For a message whose payload was dropped. If a process waits for it, it gets a reason in place of the
  // payload.
  bool handle_without_payload(unpacked& in);
  bool handle_message(unpacked& in);
  bool handle_short_form(unpacked& in);
  bool handle_call(const short_form& call, const runtime::pid& from, runtime::message payload);
  void handle_answer(const runtime::reference& alias, runtime::signal_ptr what);
  // False: no call waits for an answer there.
  bool end_call(const runtime::reference& alias, const runtime::pid& from);

  connection_context& context_;
  outbound& replies_;
  frame_reader frames_;
  unpacker unpacker_;
  inbound_relations relations_;
  inbound_spawns spawns_;
};

} // namespace coppice::dist
