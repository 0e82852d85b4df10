// SPDX-License-Identifier: MIT
// Connections and UDP sockets of an actor under test. Of connections: what a peer sends, in any pieces, what
// it takes, how it ends, and what the actor has written to it. Of datagrams: what comes, one by one or
// together, what has left and to whom, what finds no room or does not arrive. Times pass on the actor's
// clock.
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
// Bytes are cut, held back, timed and ended as the node does, and datagrams come in its batches. Include it
// beside coppice/testing.hpp: with it a plugin finds "coppice.stream_host/draft-1" and
// "coppice.udp_host/draft-1". Header-only. In the test's thread.
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

/// The other end of one of an actor's streams. Copies are of the same one; it stays good when the actor has
/// ended, and over a reload: what is sent between save() and restored() the next generation gets.
class peer {
 public:
  /// One that a listener has accepted for this actor, which ends with it unless `ends_actor` says otherwise.
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
  /// What the actor has asked to connect to, and nobody has decided about yet; the oldest first.
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

  // Of one that the actor has dialled:
  const std::string& host() const { return at_->host; }
  std::uint32_t port() const { return at_->port; }
  bool wants_tls() const { return at_->wants_tls; }
  /// It is open; with TLS its handshake is over.
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

  /// In one piece.
  peer& send(std::string_view bytes) {
    if (at_->peer_ended || at_->peer_reset) throw failure("this peer has sent its end already");
    if (at_->is_open()) at_->wire.append(bytes);
    settle();
    return *this;
  }
  peer& send(bytes raw) { return send(to_text(raw)); }
  /// In pieces of that size, the actor taking each before the next one comes.
  peer& send_in_pieces(std::string_view bytes, std::size_t size) {
    if (size == 0) throw failure("pieces have a size");
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) send(bytes.substr(0, size));
    return *this;
  }
  /// It sends no more, and reads on: half-closed.
  void end() {
    at_->peer_ended = true;
    settle();
  }
  /// The connection breaks.
  void reset() {
    at_->peer_reset = true;
    settle();
  }
  /// What was sent and not read, for the actor has as much as its credit.
  std::size_t unread() const { return at_->wire.size(); }

  /// What has come, and room for as much again.
  std::string take(std::size_t most = detail::stream::unlimited) {
    const std::size_t count = std::min(most, at_->arrived.size());
    std::string taken = at_->arrived.substr(0, count);
    at_->arrived.erase(0, count);
    at_->flush();
    settle();
    return taken;
  }
  /// How many bytes come before any is taken; what more is written waits at the actor's end. 0: it reads
  /// nothing.
  void window(std::size_t bytes) {
    at_->window = bytes;
    at_->flush();
    settle();
  }
  /// Bytes that the actor has written and the window has no room for.
  std::size_t queued() const { return at_->bytes_queued(); }
  /// The actor's end will send no more, and all it has sent came.
  bool ended() const { return at_->ended; }
  /// The actor's end was reset, or its actor failed.
  bool was_reset() const { return at_->broken; }
  /// How the stream has ended at the actor's end, once it has.
  std::optional<close_reason> closed() const {
    if (at_->is != detail::stream::stage::gone) return std::nullopt;
    return static_cast<close_reason>(at_->end_how);
  }
  const std::string& why() const { return at_->end_why; }
  bool paused() const { return at_->held; }
  std::string_view tls() const { return at_->how.tls; }

  /// The actor has started TLS, and waits for the peer's part of the handshake: secure().
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
  /// Whom its actor has handed the stream to, a pid or a name; none: it has not.
  const std::optional<value>& handed_to() const { return at_->handed_to; }
  /// That one has it now.
  void become_of(actor& next) {
    if (!at_->handed_to) throw failure("no actor has handed this stream over");
    detail::world& w = next.process();
    streams_ = std::static_pointer_cast<detail::streams>(detail::streams::of(w).shared_from_this());
    streams_->take(at_, w.now);
    settle();
  }
  /// The listener stops: what has come whole is handled, then the stream is closed.
  void drain() {
    at_->draining = true;
    settle();
  }

 private:
  friend class program; // is one, with an end of its own: coppice/testing/program.hpp
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

/// One of an actor's UDP sockets, by its number in settings::udp, and what is between it and its peers.
/// Copies are of the same one; it stays good when the actor has ended, and over a reload: what is sent
/// between save() and restored() the next generation gets.
class udp_network {
 public:
  explicit udp_network(actor& of, std::uint32_t socket = 0)
      : sockets_(detail::datagrams::shared_of(of.process())), at_(sockets_->find(socket)), number_(socket) {
    if (at_ == nullptr) throw failure("this actor has no UDP socket " + std::to_string(socket));
  }

  /// All of them wait when the actor comes to it, which gets them in batches of as many as its settings say.
  void bring(const std::vector<arriving_datagram>& all) const {
    for (const arriving_datagram& one : all) sockets_->bring(*at_, one);
    sockets_->settle();
  }
  /// What no actor has got: it has ended, or there is none between two generations.
  std::size_t waiting() const { return at_->waiting.size(); }
  /// Those that the actor has not got for their length.
  std::size_t too_long() const { return at_->too_long; }

  /// What the actor has sent by this socket since the last time, to whomever, the oldest first.
  std::vector<sent_datagram> take() const {
    return detail::taken_from(sockets_->left(),
                              [this](const sent_datagram& one) { return one.socket == number_; });
  }
  /// The socket takes so many more, and refuses the next one with COPPICE_E_FULL; 0: it is full now. The
  /// actor is told when there is room again.
  void room(std::size_t datagrams = detail::datagram_place::unlimited) const {
    at_->room = datagrams;
    sockets_->settle();
  }
  /// What the actor has sent to this address does not arrive, for errno's reason (ECONNREFUSED: nobody
  /// listens there); without an address it is not told whom it was for.
  void fail(int number, const std::string& to = {}) const {
    const auto peer = to.empty() ? coppice_datagram_address{} : detail::read_address(to);
    at_->errors.push_back({peer, number});
    sockets_->settle();
  }

  /// Those that the actor has joined and not left; those of a configuration are not among them.
  const std::vector<joined_group>& groups() const { return at_->groups; }
  /// From now on the system says no to each join and leave.
  void refuse_groups(bool refuses = true) const { at_->refuses_groups = refuses; }

 private:
  std::shared_ptr<detail::datagrams> sockets_;
  detail::datagram_place* at_; // of sockets_
  std::uint32_t number_;
};

/// Who sends to one of an actor's UDP sockets, and gets what the actor sends to its address.
class udp_peer {
 public:
  explicit udp_peer(actor& of, const std::string& address = "127.0.0.1:40000", std::uint32_t socket = 0)
      : to_(of, socket),
        sockets_(detail::datagrams::shared_of(of.process())),
        address_(detail::print_address(detail::read_address(address))) {} // as what has left tells it

  /// The actor gets it by itself. `to`: which of the actor's addresses, where its socket is open at all of
  /// its machine's.
  udp_peer& send(std::string_view bytes, const std::string& to = {}) {
    to_.bring({{std::string(bytes), address_, to}});
    return *this;
  }
  udp_peer& send(bytes raw) { return send(to_text(raw)); }

  /// What has come since the last time, by whichever socket.
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
