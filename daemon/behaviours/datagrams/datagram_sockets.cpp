// SPDX-License-Identifier: MIT
// See datagram_sockets.hpp.
#include "behaviours/datagrams/datagram_sockets.hpp"

#include <fcntl.h>

#include <cerrno>

namespace coppice::behaviours {

base::result<std::vector<base::unique_fd>> datagram_sockets::share() {
  const std::scoped_lock held(lock_);
  if (all_.empty()) {
    std::vector<base::unique_fd> made;
    for (const base::socket_address& where : spec_->listen) {
      auto one = net::datagram_socket::bind(where, spec_->options);
      if (!one) return unexpected(std::move(one.error()));
      made.push_back(std::move(*one));
    }
    all_ = std::move(made);
  }
  std::vector<base::unique_fd> out;
  for (const base::unique_fd& one : all_) {
    base::unique_fd copy(::fcntl(one.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return base::fail_errno("share a UDP socket", errno);
    out.push_back(std::move(copy));
  }
  return out;
}

} // namespace coppice::behaviours
