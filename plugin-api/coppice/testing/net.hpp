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
// "coppice.udp_host/draft-2". Header-only. In the test's thread.
#pragma once

#include <coppice/stream.hpp>
#include <coppice/testing.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/testing/net_datagrams.hpp>
#include <coppice/testing/net_host.hpp>

namespace coppice::testing {

/// The other end of one of an actor's streams. Copies refer to the same stream. It stays valid when the actor
/// has ended and over a reload: bytes sent between save() and restored() go to the next generation.
class peer {
 public:
  /// A connection accepted by a listener for this actor, which ends with it unless `ends_actor` is false.
  explicit peer(actor& of, stream_options how = {}) {
    how.framing.size = sizeof how.framing;
    const auto framing = detail::framing::of(how.framing);
    if (!framing) throw failure("no stream can be framed so");
    if (how.low > how.high) throw failure("low is above high");
    detail::world& w = of.process();
    if (w.dead) throw failure("this actor has ended, and takes no connection");
    streams_ = std::static_pointer_cast<detail::streams>(detail::streams::of(w).shared_from_this());
    at_ = streams_->add(std::move(how), *framing);
    at_->accepted = at_->how.ends_actor;
    at_->open(w.now);
    settle();
  }
  /// Connections that the actor has asked for and the test has neither accepted nor refused; oldest first.
  static std::vector<peer> dialled_by(actor& of) {
    std::vector<peer> found;
    detail::streams* const all = detail::find_engine<detail::streams>(of.process());
    if (all == nullptr) return found;
    for (const auto& one : all->all())
      if (one->dialled && one->is == detail::stream::stage::opening)
        found.push_back(peer(std::static_pointer_cast<detail::streams>(all->shared_from_this()), one));
    return found;
  }

  std::uint64_t id() const { return at_->id; }

  // For a connection that the actor opens:
  const std::string& host() const { return at_->host; }
  std::uint32_t port() const { return at_->port; }
  bool wants_tls() const { return at_->wants_tls; }
  /// The connection is open; with TLS its handshake is over.
  void accept() {
    need_dialled();
    if (at_->wants_tls) at_->how.tls = "1.3";
    at_->open(now());
    settle();
  }
  void refuse(close_reason how = close_reason::refused, std::string why = "connection refused") {
    need_dialled();
    at_->close(static_cast<std::uint32_t>(how), std::move(why));
    settle();
  }

  /// Sends the bytes in one piece.
  peer& send(std::string_view bytes) {
    if (at_->peer_ended || at_->peer_reset) throw failure("this peer has sent its end already");
    if (at_->is_open()) at_->wire.append(bytes);
    settle();
    return *this;
  }
  peer& send(bytes raw) { return send(to_text(raw)); }
  /// Sends the bytes in pieces of `size`; the actor handles each before the next one comes.
  peer& send_in_pieces(std::string_view bytes, std::size_t size) {
    if (size == 0) throw failure("pieces have a size");
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) send(bytes.substr(0, size));
    return *this;
  }
  /// Ends the peer's direction; the peer still reads.
  void end() {
    at_->peer_ended = true;
    settle();
  }
  /// Breaks the connection.
  void reset() {
    at_->peer_reset = true;
    settle();
  }
  /// Bytes that were sent and not read, since the actor's credit is used up.
  std::size_t unread() const { return at_->wire.size(); }

  /// Reads what has arrived, at most `most` bytes, and makes room for as much again.
  std::string take(std::size_t most = detail::stream::unlimited) {
    const std::size_t count = std::min(most, at_->arrived.size());
    std::string taken = at_->arrived.substr(0, count);
    at_->arrived.erase(0, count);
    at_->flush();
    settle();
    return taken;
  }
  /// How many unread bytes can arrive; what is written beyond that waits at the actor's end. 0: the peer
  /// reads nothing.
  void window(std::size_t bytes) {
    at_->window = bytes;
    at_->flush();
    settle();
  }
  /// Bytes that the actor has written and for which the window has no room.
  std::size_t queued() const { return at_->bytes_queued(); }
  /// The actor's end has ended its direction, and all its bytes have arrived.
  bool ended() const { return at_->ended; }
  /// The actor's end was reset, or its actor failed.
  bool was_reset() const { return at_->broken; }
  /// How the stream ended at the actor's end. Empty: it has not.
  std::optional<close_reason> closed() const {
    if (at_->is != detail::stream::stage::gone) return std::nullopt;
    return static_cast<close_reason>(at_->end_how);
  }
  const std::string& why() const { return at_->end_why; }
  bool paused() const { return at_->held; }
  std::string_view tls() const { return at_->how.tls; }

  /// The actor has started TLS and waits for the peer's handshake: call secure().
  bool awaits_tls() const { return at_->securing; }
  void secure(std::string_view version = "1.3", std::string_view protocol = {}) {
    if (!at_->securing) throw failure("the actor has not started TLS");
    at_->securing = false;
    at_->secured_due = true;
    at_->how.tls = version;
    at_->how.protocol = protocol;
    at_->queued += std::exchange(at_->sealed, {});
    settle();
  }
  /// The process to which the actor has handed the stream over, a pid or a name. Empty: none.
  const std::optional<value>& handed_to() const { return at_->handed_to; }
  /// That process has the stream now.
  void become_of(actor& next) {
    if (!at_->handed_to) throw failure("no actor has handed this stream over");
    detail::world& w = next.process();
    streams_ = std::static_pointer_cast<detail::streams>(detail::streams::of(w).shared_from_this());
    streams_->take(at_, w.now);
    settle();
  }
  /// The listener stops: whole frames are handled, then the stream is closed.
  void drain() {
    at_->draining = true;
    settle();
  }

 private:
  friend class program; // a program has a peer inside: coppice/testing/program.hpp
  peer(std::shared_ptr<detail::streams> of, std::shared_ptr<detail::stream> at)
      : streams_(std::move(of)), at_(std::move(at)) {}

  void need_dialled() const {
    if (!at_->dialled || at_->is != detail::stream::stage::opening)
      throw failure("no actor waits for this connection");
  }
  nanoseconds now() const { return streams_->owner() == nullptr ? nanoseconds{} : streams_->owner()->now; }
  void settle() const {
    if (streams_->owner() != nullptr) streams_->owner()->go_on();
  }

  std::shared_ptr<detail::streams> streams_;
  std::shared_ptr<detail::stream> at_;
};

/// One of an actor's UDP sockets, by its number in settings::udp, and the network between it and its peers.
/// Copies refer to the same socket. It stays valid when the actor has ended and over a reload: datagrams sent
/// between save() and restored() go to the next generation.
class udp_network {
 public:
  explicit udp_network(actor& of, std::uint32_t socket = 0)
      : sockets_(detail::datagrams::shared_of(of.process())), at_(sockets_->find(socket)), number_(socket) {
    if (at_ == nullptr) throw failure("this actor has no UDP socket " + std::to_string(socket));
  }

  /// Delivers all of them together; the actor gets them in batches of its configured size.
  void bring(const std::vector<arriving_datagram>& all) const {
    for (const arriving_datagram& one : all) sockets_->bring(*at_, one);
    sockets_->settle();
  }
  /// Datagrams that wait because the actor has ended, or between two generations.
  std::size_t waiting() const { return at_->waiting.size(); }
  /// Datagrams that were dropped because they were too long.
  std::size_t too_long() const { return at_->too_long; }

  /// Datagrams that the actor has sent by this socket since the last call, oldest first.
  std::vector<sent_datagram> take() const {
    return detail::taken_from(sockets_->left(),
                              [this](const sent_datagram& one) { return one.socket == number_; });
  }
  /// The socket takes so many more datagrams, then returns COPPICE_E_FULL; 0: it is full now. The actor is
  /// told when there is room again.
  void room(std::size_t datagrams = detail::datagram_place::unlimited) const {
    at_->room = datagrams;
    sockets_->settle();
  }
  /// A datagram to this address did not arrive, with the errno `number` (ECONNREFUSED: no process listens
  /// there); empty: the destination is not told.
  void fail(int number, const std::string& to = {}) const {
    const auto peer = to.empty() ? coppice_udp_address{} : detail::read_address(to);
    at_->errors.push_back({peer, number});
    sockets_->settle();
  }

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
  explicit udp_peer(actor& of, const std::string& address = "127.0.0.1:40000", std::uint32_t socket = 0)
      : to_(of, socket),
        sockets_(detail::datagrams::shared_of(of.process())),
        address_(detail::print_address(detail::read_address(address))) {} // as in sent_datagram

  /// Sends a single datagram. `to`: the destination address, if the socket is open on all addresses of its
  /// machine.
  udp_peer& send(std::string_view bytes, const std::string& to = {}) {
    to_.bring({{std::string(bytes), address_, to}});
    return *this;
  }
  udp_peer& send(bytes raw) { return send(to_text(raw)); }

  /// Datagrams that have arrived since the last call, from any socket.
  std::vector<std::string> take() const {
    std::vector<std::string> out;
    const auto is_for_it = [this](const sent_datagram& one) { return one.to == address_; };
    for (sent_datagram& one : detail::taken_from(sockets_->left(), is_for_it))
      out.push_back(std::move(one.bytes));
    return out;
  }
  const std::string& address() const { return address_; }

 private:
  udp_network to_;
  std::shared_ptr<detail::datagrams> sockets_;
  std::string address_;
};

} // namespace coppice::testing
