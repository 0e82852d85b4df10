// SPDX-License-Identifier: MIT
// Opens listening sockets, or takes sockets that outlived the previous process. The listener (listener.hpp)
// accepts on them. Runs on the calling thread, which it blocks only while the service manager gives up a
// socket, see socket_store::make_way.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "net/listening/socket_store.hpp"
#include "net/listening/unix_place.hpp"

namespace coppice::net {

struct listening_socket {
  base::unique_fd fd;
  socket_store::place place{}; // destroyed before the descriptor
  std::string path{};          // of a Unix-domain socket; empty for TCP
  bool made = false;           // this process made the file and removes it
};

// See listener::tcp, listener::named and listener::unix_socket.
base::result<listening_socket> open_tcp(const base::socket_address& address, port_range ports, int backlog,
                                        const keeping& kept);
base::result<listening_socket> open_named(socket_store& passed, std::string_view name, int backlog);
base::result<listening_socket> open_unix(const unix_place& at, int backlog, const keeping& kept);

// Sets the backlog of an inherited listening socket and makes it non-blocking. Calling listen() again also
// makes this process the one that SO_PEERCRED reports to clients.
base::status listen_again(int fd, int backlog);

} // namespace coppice::net
