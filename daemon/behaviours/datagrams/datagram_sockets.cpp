// SPDX-License-Identifier: MIT
// Opens the sockets, or takes those that the service manager or an earlier process of the node passes on.
#include "behaviours/datagrams/datagram_sockets.hpp"

#include <fcntl.h>

#include <cerrno>

namespace coppice::behaviours {

base::result<datagram_sockets::open_socket> datagram_sockets::open(const datagram_place& where) const {
  if (where.socket.empty()) return open(where.address);
  const std::string what = "take the socket " + where.socket + ": ";
  if (passed_ == nullptr) return base::fail(base::errc::not_found, what + "none is passed");
  auto found = passed_->share_datagrams(where.socket);
  if (!found) return base::fail(found.error().code, what + found.error().text);
  auto ready = net::datagram_socket::adopt(std::move(found->fd), spec_->options);
  if (!ready) return base::fail(ready.error().code, what + ready.error().text);
  return open_socket{std::move(*ready), std::move(found->place)};
}

base::result<datagram_sockets::open_socket> datagram_sockets::open(const base::socket_address& at) const {
  const net::datagram_options& options = spec_->options;
  // A socket that is a member of groups is opened anew, because it may have to leave some.
  const bool kept = passed_ != nullptr && options.groups.empty() && at.port() != 0;
  if (kept) {
    if (auto found = passed_->take_datagrams(net::sockets_of_actors, at)) {
      auto ready = net::datagram_socket::adopt(std::move(found->fd), options);
      if (!ready) return unexpected(std::move(ready.error()));
      return open_socket{std::move(*ready), std::move(found->place)};
    }
  }
  auto bound = net::datagram_socket::bind(at, options);
  const bool in_use = !bound && bound.error().code == base::errc::exists;
  if (in_use && passed_ != nullptr && passed_->make_way(at, net::socket_store::kind::datagrams))
    bound = net::datagram_socket::bind(at, options);
  if (!bound) return unexpected(std::move(bound.error()));
  open_socket out{std::move(*bound)};
  if (kept) out.place = passed_->keep(net::sockets_of_actors, out.fd.get());
  return out;
}

base::result<std::vector<base::unique_fd>> datagram_sockets::share() {
  const std::scoped_lock held(lock_);
  if (all_.empty()) {
    std::vector<open_socket> made;
    for (const datagram_place& where : spec_->listen) {
      auto one = open(where);
      if (!one) return unexpected(std::move(one.error()));
      made.push_back(std::move(*one));
    }
    all_ = std::move(made);
  }
  std::vector<base::unique_fd> out;
  for (const open_socket& one : all_) {
    base::unique_fd copy(::fcntl(one.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return base::fail_errno("share a UDP socket", errno);
    out.push_back(std::move(copy));
  }
  return out;
}

} // namespace coppice::behaviours
