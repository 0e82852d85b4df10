// SPDX-License-Identifier: MIT
// Connections and UDP sockets of an actor under test. For connections: the peer's bytes, in pieces of any
// size, how much the peer reads, how it ends, and what the actor has written. For datagrams: incoming ones,
// singly or together, sent ones and their destinations, a full socket, delivery errors. Time passes on the
// actor's clock.
//
//   actor session(plugin::linked());
//   peer client(session, {.framing = coppice::lines()});
//   client.send("echo one").send(" line\n");
//   CHECK(client.take() == "one line\n");
//   client.end();
//   CHECK(client.closed() == coppice::close_reason::eof);
//
//   actor mirror(plugin::linked(), {.actor = "mirror", .udp = {.batch = 8}});
//   udp_peer sender(mirror);
//   CHECK(sender.send("one").send("two").take() == std::vector<std::string>{"one", "two"});
//
// Bytes are cut, held back, timed out and ended as in a node, and datagrams come in a node's batches. Include
// it beside coppice/testing.hpp: a plugin then finds "coppice.stream_host/draft-2" and
// "coppice.udp_host/draft-2". In the test's thread.
#pragma once

#include <coppice/stream.hpp>
#include <coppice/testing.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/testing/net_datagrams.hpp>
#include <coppice/testing/net_host.hpp>

namespace coppice::testing {

/// The other end of one of an actor's streams. Copies refer to the same stream. It stays valid when the actor
/// has ended and over a reload: bytes sent between save() and restored() go to the next generation.
class peer {
 public:
  /// A connection accepted by a listener for this actor, which ends with it unless `ends_actor` is false.
  explicit peer(actor& of, stream_options how = {});
  /// Connections that the actor has asked for and the test has neither accepted nor refused; oldest first.
  static std::vector<peer> dialled_by(actor& of);

  std::uint64_t id() const { return at_->id; }

  // For a connection that the actor opens:
  const std::string& host() const { return at_->host; }
  std::uint32_t port() const { return at_->port; }
  bool wants_tls() const { return at_->wants_tls; }
  /// The connection is open; with TLS its handshake is over.
  void accept();
  void refuse(close_reason how = close_reason::refused, std::string why = "connection refused");

  /// Sends the bytes in one piece.
  peer& send(std::string_view bytes);
  peer& send(bytes raw) { return send(to_text(raw)); }
  /// Sends the bytes in pieces of `size`; the actor handles each before the next one comes.
  peer& send_in_pieces(std::string_view bytes, std::size_t size);
  /// Ends the peer's direction; the peer still reads.
  void end();
  /// Breaks the connection.
  void reset();
  /// Bytes that were sent and not read, since the actor's credit is used up.
  std::size_t unread() const { return at_->wire.size(); }

  /// Reads what has arrived, at most `most` bytes, and makes room for as much again.
  std::string take(std::size_t most = detail::stream::unlimited);
  /// How many unread bytes can arrive; what is written beyond that waits at the actor's end. 0: the peer
  /// reads nothing.
  void window(std::size_t bytes);
  /// Bytes that the actor has written and for which the window has no room.
  std::size_t queued() const { return at_->bytes_queued(); }
  /// The actor's end has ended its direction, and all its bytes have arrived.
  bool ended() const { return at_->ended; }
  /// The actor's end was reset, or its actor failed.
  bool was_reset() const { return at_->broken; }
  /// How the stream ended at the actor's end. Empty: it has not.
  std::optional<close_reason> closed() const;
  const std::string& why() const { return at_->end_why; }
  bool paused() const { return at_->held; }
  std::string_view tls() const { return at_->how.tls; }

  /// The actor has started TLS and waits for the peer's handshake: call secure().
  bool awaits_tls() const { return at_->securing; }
  void secure(std::string_view version = "1.3", std::string_view protocol = {});
  /// The process to which the actor has handed the stream over, a pid or a name. Empty: none.
  const std::optional<value>& handed_to() const { return at_->handed_to; }
  /// That process has the stream now.
  void become_of(actor& next);
  /// The listener stops: whole frames are handled, then the stream is closed.
  void drain();

 private:
  friend class program; // a program has a peer inside: coppice/testing/program.hpp
  peer(std::shared_ptr<detail::streams> of, std::shared_ptr<detail::stream> at);

  void need_dialled() const;
  nanoseconds now() const { return streams_->owner() == nullptr ? nanoseconds{} : streams_->owner()->now; }
  void settle() const;

  std::shared_ptr<detail::streams> streams_;
  std::shared_ptr<detail::stream> at_;
};

/// One of an actor's UDP sockets, by its number in settings::udp, and the network between it and its peers.
/// Copies refer to the same socket. It stays valid when the actor has ended and over a reload: datagrams sent
/// between save() and restored() go to the next generation.
class udp_network {
 public:
  explicit udp_network(actor& of, std::uint32_t socket = 0);

  /// Delivers all of them together; the actor gets them in batches of its configured size.
  void bring(const std::vector<arriving_datagram>& all) const;
  /// Datagrams that wait because the actor has ended, or between two generations.
  std::size_t waiting() const { return at_->waiting.size(); }
  /// Datagrams that were dropped because they were too long.
  std::size_t too_long() const { return at_->too_long; }

  /// Datagrams that the actor has sent by this socket since the last call, oldest first.
  std::vector<sent_datagram> take() const;
  /// The socket takes so many more datagrams, then returns COPPICE_E_FULL; 0: it is full now. The actor is
  /// told when there is room again.
  void room(std::size_t datagrams = detail::datagram_place::unlimited) const;
  /// A datagram to this address did not arrive, with the errno `number` (ECONNREFUSED: no process listens
  /// there); empty: the destination is not told.
  void fail(int number, const std::string& to = {}) const;

  /// Groups that the actor has joined and not left, without those of the configuration.
  const std::vector<joined_group>& groups() const { return at_->groups; }
  /// From now on the system refuses each join and leave.
  void refuse_groups(bool refuses = true) const { at_->refuses_groups = refuses; }

 private:
  std::shared_ptr<detail::datagrams> sockets_;
  detail::datagram_place* at_; // belongs to sockets_
  std::uint32_t number_;
};

/// A peer that sends to one of an actor's UDP sockets, and receives what the actor sends to the peer's
/// address.
class udp_peer {
 public:
  explicit udp_peer(actor& of, const std::string& address = "127.0.0.1:40000", std::uint32_t socket = 0);

  /// Sends a single datagram. `to`: the destination address, if the socket is open on all addresses of its
  /// machine.
  udp_peer& send(std::string_view bytes, const std::string& to = {});
  udp_peer& send(bytes raw) { return send(to_text(raw)); }

  /// Datagrams that have arrived since the last call, from any socket.
  std::vector<std::string> take() const;
  const std::string& address() const { return address_; }

 private:
  udp_network to_;
  std::shared_ptr<detail::datagrams> sockets_;
  std::string address_;
};

} // namespace coppice::testing
