// SPDX-License-Identifier: MIT
// See sockets.hpp. Bytes are taken and given in parts that the seed chooses, as with full buffers and
// segments. A connection to a port without a listener is refused; bytes that arrive at a closed end are
// answered by a reset.
#include "sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "hosts.hpp"

namespace coppice::simulated {
namespace {

constexpr std::uint16_t first_own_port = 32'768;
constexpr std::uint64_t partial_one_in = 6;

std::map<place, std::weak_ptr<stream_socket>>& bound_places() {
  static auto* const all = new std::map<place, std::weak_ptr<stream_socket>>; // NOLINT: lives as the process
  return *all;
}

std::vector<std::weak_ptr<connection>>& all_connections() {
  static auto* const all = new std::vector<std::weak_ptr<connection>>; // NOLINT: lives as the process
  return *all;
}

std::uint16_t free_port(unsigned host) {
  for (std::uint16_t port = first_own_port;; ++port)
    if (!bound_places().contains({host, port, {}})) return port;
}

std::size_t part_of(std::size_t whole) {
  return whole > 1 && one_in(partial_one_in) ? 1 + draw_below(whole - 1) : whole;
}

// The way from host 0 to host 0 is never cut. It is used for sockets within a host, which need no network.
std::shared_ptr<connection> make_connection(unsigned from, unsigned to) {
  const auto made = std::make_shared<connection>();
  made->wires = {std::make_shared<wire>(from, to), std::make_shared<wire>(to, from)};
  std::erase_if(all_connections(), [](const auto& one) { return one.expired(); });
  all_connections().push_back(made);
  return made;
}

} // namespace

bool place::operator<(const place& other) const {
  return std::tie(host, port, path) < std::tie(other.host, other.port, other.path);
}

void stream_socket::tie(const std::shared_ptr<connection>& both, std::size_t end, const socket_handle& one,
                        const place& own, const place& other) {
  both->ends[end] = one;
  one->both_ = both;
  one->end_ = end;
  one->own_ = own;
  one->other_ = other;
  one->room_ = std::size_t{4096} << draw_below(6);
}

stream_socket* stream_socket::peer() const {
  if (both_ == nullptr) return nullptr;
  const socket_handle other = both_->ends[1 - end_].lock();
  return other == nullptr || other->state_ == state::closed ? nullptr : other.get();
}

std::size_t stream_socket::space() const {
  const stream_socket* const other = peer();
  if (other == nullptr) return room_ - std::min(room_, on_the_way_);
  return other->room_ - std::min(other->room_, other->incoming_.size() + on_the_way_);
}

short stream_socket::ready() {
  switch (state_) {
    case state::listening:
      return backlog_.empty() ? 0 : POLLIN;
    case state::connecting:
    case state::closed:
      return 0;
    case state::fresh:
    case state::bound:
      return error_ != 0 ? POLLIN | POLLOUT | POLLERR | POLLHUP : POLLOUT | POLLHUP;
    case state::connected:
      break;
  }
  int out = 0;
  if (!incoming_.empty() || ended_ || error_ != 0) out |= POLLIN;
  if (ended_) out |= POLLRDHUP;
  if (space() > 0 || shut_ || error_ != 0) out |= POLLOUT;
  if (ended_ && shut_) out |= POLLHUP;
  if (error_ != 0) out |= POLLERR | POLLHUP;
  return static_cast<short>(out);
}

ssize_t stream_socket::read(std::span<const iovec> into) {
  if (!incoming_.empty()) {
    const std::size_t most = std::min(size_of(into), incoming_.size());
    const std::size_t part = part_of(most);
    // Once POLLHUP was reported no byte is under way, and Linux returns all the bytes at once: libuv relies
    // on that.
    const std::size_t count = ended_ && shut_ ? most : part;
    scatter(into, incoming_.data(), count);
    incoming_.erase(0, count);
    if (stream_socket* const other = peer()) other->changed();
    return static_cast<ssize_t>(count);
  }
  if (error_ != 0) return -take_error();
  if (ended_) return 0;
  return state_ == state::connected || state_ == state::connecting ? -EAGAIN : -ENOTCONN;
}

ssize_t stream_socket::write(std::span<const iovec> from) {
  if (error_ != 0) return -take_error();
  if (state_ == state::connecting) return -EAGAIN;
  if (state_ != state::connected) return -ENOTCONN;
  if (shut_) return -EPIPE;
  const std::size_t most = std::min(size_of(from), space());
  if (most == 0) return size_of(from) == 0 ? 0 : -EAGAIN;
  const std::string bytes = gather(from, part_of(most));
  if (host != other_.host) note_bytes("bytes", bytes.data(), bytes.size());
  on_the_way_ += bytes.size();
  both_->wires[end_]->send([both = both_, end = end_, bytes] {
    const socket_handle sender = both->ends[end].lock();
    if (sender) sender->on_the_way_ -= bytes.size();
    const socket_handle to = both->ends[1 - end].lock();
    if (to != nullptr && to->state_ == state::connected) return to->come_in(bytes);
    both->wires[1 - end]->send([both, end] {
      if (const socket_handle back = both->ends[end].lock()) back->reset(ECONNRESET);
    });
  });
  return static_cast<ssize_t>(bytes.size());
}

void stream_socket::send(std::function<void(stream_socket&)> arrives) {
  both_->wires[end_]->send([both = both_, end = end_, arrives = std::move(arrives)] {
    const socket_handle to = both->ends[1 - end].lock();
    if (to != nullptr && to->state_ != state::closed) arrives(*to);
  });
}

void stream_socket::come_in(const std::string& bytes) {
  // The other end sent this before it learned of the reset, which has discarded all earlier bytes.
  if (broken_) return;
  incoming_ += bytes;
  changed();
}

void stream_socket::reset(int why) {
  if (state_ == state::closed) return;
  error_ = why;
  ended_ = true;
  shut_ = true;
  broken_ = true;
  incoming_.clear();
  if (state_ == state::connecting) state_ = state::fresh;
  changed();
}

void stream_socket::close() {
  const state was = std::exchange(state_, state::closed);
  if (was == state::listening || was == state::bound) bound_places().erase(own_);
  for (const socket_handle& waiting : std::exchange(backlog_, {})) waiting->close();
  if (both_ == nullptr || (was != state::connected && was != state::connecting)) return;
  if (own_.port >= first_own_port && end_ == 0) bound_places().erase(own_);
  if (at_once_ || !incoming_.empty())
    send([](stream_socket& other) { other.reset(ECONNRESET); });
  else if (!shut_)
    send([](stream_socket& other) {
      other.ended_ = true;
      other.changed();
    });
  changed();
}

int stream_socket::bind(place where) {
  if (state_ != state::fresh) return -EINVAL;
  if (where.path.empty() && where.port == 0) where.port = free_port(where.host);
  if (bound_places().contains(where)) return -EADDRINUSE;
  own_ = std::move(where);
  bound_places()[own_] = weak_from_this();
  state_ = state::bound;
  return 0;
}

int stream_socket::listen(int backlog) {
  if (state_ != state::bound && state_ != state::listening) return -EINVAL;
  state_ = state::listening;
  most_backlog_ = static_cast<std::size_t>(std::max(backlog, 1));
  return 0;
}

int stream_socket::connect(const place& to) {
  if (state_ == state::connecting) return -EALREADY;
  if (state_ == state::connected) return -EISCONN;
  place own{host, 0, {}};
  if (to.path.empty()) own.port = free_port(host);
  both_ = to.path.empty() ? make_connection(host, to.host) : make_connection(0, 0);
  tie(both_, 0, shared_from_this(), own, to);
  if (to.path.empty()) bound_places()[own] = weak_from_this();
  state_ = state::connecting;
  both_->wires[0]->send([both = both_, own, to, family = family_] {
    const auto found = bound_places().find(to);
    const socket_handle listener = found == bound_places().end() ? nullptr : found->second.lock();
    const bool refused =
        listener == nullptr || !listener->listens() || listener->backlog_.size() >= listener->most_backlog_;
    if (!refused) {
      const auto accepted = std::make_shared<stream_socket>(family);
      accepted->host = listener->host;
      tie(both, 1, accepted, to, own);
      accepted->state_ = state::connected;
      listener->backlog_.push_back(accepted);
      listener->changed();
    }
    both->wires[1]->send([both, refused] {
      const socket_handle self = both->ends[0].lock();
      if (self == nullptr || self->state_ != state::connecting) return;
      if (refused) return self->reset(ECONNREFUSED);
      self->state_ = state::connected;
      self->changed();
    });
  });
  return -EINPROGRESS;
}

int stream_socket::shut(int how) {
  if (state_ != state::connected) return -ENOTCONN;
  if (how == SHUT_RD || how == SHUT_RDWR) ended_ = true;
  if (how != SHUT_RD && !std::exchange(shut_, true))
    send([](stream_socket& other) {
      other.ended_ = true;
      other.changed();
    });
  changed();
  return 0;
}

socket_handle stream_socket::accept() {
  if (backlog_.empty()) return nullptr;
  socket_handle first = std::move(backlog_.front());
  backlog_.pop_front();
  return first;
}

void stream_socket::join(const socket_handle& first, const socket_handle& last) {
  const auto both = make_connection(0, 0);
  tie(both, 0, first, {first->host, 0, "pair"}, {last->host, 0, "pair"});
  tie(both, 1, last, {last->host, 0, "pair"}, {first->host, 0, "pair"});
  first->state_ = last->state_ = state::connected;
}

unsigned open_ends(unsigned host, std::uint16_t port) {
  unsigned out = 0;
  for (const auto& weak : all_connections()) {
    const auto both = weak.lock();
    if (both == nullptr) continue;
    for (const auto& end : both->ends) {
      const socket_handle one = end.lock();
      if (one != nullptr && !one->is_closed() && one->own().host == host && one->own().port == port) ++out;
    }
  }
  return out;
}

void reset_connections(unsigned a, unsigned b) {
  note("reset", a, b);
  for (const auto& weak : std::vector(all_connections())) {
    const auto both = weak.lock();
    if (both == nullptr) continue;
    const socket_handle first = both->ends[0].lock();
    if (first == nullptr || first->is_connecting()) continue;
    const auto pair = std::minmax(first->own().host, first->other().host);
    if (pair.first != std::min(a, b) || pair.second != std::max(a, b)) continue;
    for (std::size_t end : {0U, 1U})
      both->wires[1 - end]->send([both, end] {
        if (const socket_handle one = both->ends[end].lock()) one->break_off();
      });
  }
}

} // namespace coppice::simulated
