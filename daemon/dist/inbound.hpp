// SPDX-License-Identifier: MIT
// Bytes of the peer to signals for processes here: cut into frames, made canonical, and delivered in the
// order they came. A signal must come from the peer's own processes and be for ours; one that is not is
// dropped and counted, since a well-meaning node may send it in the moment a process or node is replaced.
// What breaks the protocol is an error, after which nothing more is to be read. One thread, the connection's.
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
  // `replies`: where what has to be answered at once is answered. All are to outlive it.
  inbound(connection_context& of, outbound& replies, const spawn_handler& spawns);
  inbound(const inbound&) = delete;
  inbound& operator=(const inbound&) = delete;

  // Where the next bytes are to be read to, and how many were.
  std::span<std::uint8_t> room() { return frames_.room(); }
  void commit(std::size_t count) { frames_.commit(count); }
  // What came behind the handshake: before the first room().
  void append(base::bytes_span bytes) { frames_.append(bytes); }
  // In the middle of a long frame: there is nothing to handle yet.
  bool needs_more() const { return frames_.needs_more(); }

  // All that has come whole; or, when it says that it is busy, part of it: what takes long is not done at
  // once, and the rest waits for the next call, before which nothing more is to be read.
  base::status handle();
  bool busy() const { return unpacker_.busy(); }

  // Bytes of memory for messages that only more bytes of the peer can end, and for one that is being
  // inflated.
  std::size_t held() const { return frames_.held() + unpacker_.unfinished().bytes() + unpacker_.held(); }
  fragments& unfinished() { return unpacker_.unfinished(); }

 private:
  // False: not a signal of theirs for us.
  bool handle_one(unpacked& in);
  bool handle_whole(unpacked& in);
  // Of one whose payload was not taken: what a process waits for comes with a reason in its place.
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
