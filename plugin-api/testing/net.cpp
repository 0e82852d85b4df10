// SPDX-License-Identifier: MIT
// What a test does to a connection or a socket of an actor under test. In the test's thread.
#include <coppice/testing/net.hpp>

#include <optional>
#include <utility>

namespace coppice::testing {

peer::peer(actor& of, stream_options how) {
  how.framing.size = sizeof how.framing;
  auto framing = detail::framing::of(how.framing);
  if (!framing) throw failure("no stream can be framed so");
  if (how.low > how.high) throw failure("low is above high");
  detail::world& w = of.process();
  if (w.dead) throw failure("this actor has ended, and takes no connection");
  streams_ = std::static_pointer_cast<detail::streams>(detail::streams::of(w).shared_from_this());
  at_ = streams_->add(std::move(how), std::move(*framing));
  at_->accepted = at_->how.ends_actor;
  at_->open(w.now);
  settle();
}

std::vector<peer> peer::dialled_by(actor& of) {
  std::vector<peer> found;
  detail::streams* const all = detail::find_engine<detail::streams>(of.process());
  if (all == nullptr) return found;
  for (const auto& one : all->all())
    if (one->dialled && one->is == detail::stream::stage::opening)
      found.push_back(peer(std::static_pointer_cast<detail::streams>(all->shared_from_this()), one));
  return found;
}

void peer::accept() {
  need_dialled();
  if (at_->wants_tls) at_->how.tls = "1.3";
  at_->open(now());
  settle();
}

void peer::refuse(close_reason how, std::string why) {
  need_dialled();
  at_->close(static_cast<std::uint32_t>(how), std::move(why));
  settle();
}

peer& peer::send(std::string_view bytes) {
  if (at_->peer_ended || at_->peer_reset) throw failure("this peer has sent its end already");
  if (at_->is_open()) at_->wire.append(bytes);
  settle();
  return *this;
}

peer& peer::send_in_pieces(std::string_view bytes, std::size_t size) {
  if (size == 0) throw failure("pieces have a size");
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) send(bytes.substr(0, size));
  return *this;
}

void peer::end() {
  at_->peer_ended = true;
  settle();
}

void peer::reset() {
  at_->lose_peer();
  settle();
}

std::string peer::take(std::size_t most) {
  const std::size_t count = std::min(most, at_->arrived.size());
  std::string taken = at_->arrived.substr(0, count);
  at_->arrived.erase(0, count);
  at_->flush();
  settle();
  return taken;
}

void peer::window(std::size_t bytes) {
  at_->window = bytes;
  at_->flush();
  settle();
}

std::optional<close_reason> peer::closed() const {
  if (at_->is != detail::stream::stage::gone) return std::nullopt;
  return static_cast<close_reason>(at_->end_how);
}

void peer::secure(std::string_view version, std::string_view protocol) {
  if (!at_->securing) throw failure("the actor has not started TLS");
  at_->securing = false;
  at_->secured_due = true;
  at_->how.tls = version;
  at_->how.protocol = protocol;
  at_->queued += std::exchange(at_->sealed, {});
  settle();
}

void peer::become_of(actor& next) {
  if (!at_->handed_to) throw failure("no actor has handed this stream over");
  detail::world& w = next.process();
  streams_ = std::static_pointer_cast<detail::streams>(detail::streams::of(w).shared_from_this());
  streams_->take(at_, w.now);
  settle();
}

void peer::drain() {
  at_->draining = true;
  settle();
}

peer::peer(std::shared_ptr<detail::streams> of, std::shared_ptr<detail::stream> at)
    : streams_(std::move(of)), at_(std::move(at)) {}

void peer::need_dialled() const {
  if (!at_->dialled || at_->is != detail::stream::stage::opening)
    throw failure("no actor waits for this connection");
}

void peer::settle() const {
  if (streams_->owner() != nullptr) streams_->owner()->go_on();
}

udp_network::udp_network(actor& of, std::uint32_t socket)
    : sockets_(detail::datagrams::shared_of(of.process())), at_(sockets_->find(socket)), number_(socket) {
  if (at_ == nullptr) throw failure("this actor has no UDP socket " + std::to_string(socket));
}

void udp_network::bring(const std::vector<arriving_datagram>& all) const {
  for (const arriving_datagram& one : all) sockets_->bring(*at_, one);
  sockets_->settle();
}

std::vector<sent_datagram> udp_network::take() const {
  return detail::taken_from(sockets_->left(),
                            [this](const sent_datagram& one) { return one.socket == number_; });
}

void udp_network::room(std::size_t datagrams) const {
  at_->room = datagrams;
  sockets_->settle();
}

void udp_network::fail(int number, const std::string& to) const {
  const auto peer = to.empty() ? coppice_udp_address{} : detail::read_address(to);
  at_->errors.push_back({peer, number});
  sockets_->settle();
}

udp_peer::udp_peer(actor& of, const std::string& address, std::uint32_t socket)
    : to_(of, socket),
      sockets_(detail::datagrams::shared_of(of.process())),
      address_(detail::print_address(detail::read_address(address))) {}

udp_peer& udp_peer::send(std::string_view bytes, const std::string& to) {
  to_.bring({{std::string(bytes), address_, to}});
  return *this;
}

std::vector<std::string> udp_peer::take() const {
  std::vector<std::string> out;
  const auto is_for_it = [this](const sent_datagram& one) { return one.to == address_; };
  for (sent_datagram& one : detail::taken_from(sockets_->left(), is_for_it))
    out.push_back(std::move(one.bytes));
  return out;
}

} // namespace coppice::testing
