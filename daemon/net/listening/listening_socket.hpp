// SPDX-License-Identifier: MIT
// Opens listening sockets: anew, or by going on with one that outlived the process before. The thread that
// calls; what waits is the service manager alone, see socket_store::make_way.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "net/listening/socket_store.hpp"

namespace coppice::net {

struct listening_socket {
  base::unique_fd fd;
  socket_store::place place{}; // destroyed before the descriptor
  std::string path{};          // of a Unix-domain socket, and only of one
  bool made = false;           // its file is ours
};

struct unix_place {
  std::string path;
  mode_t mode = 0600;
  std::optional<gid_t> group{};
};

// As listener::tcp, named and unix_socket say.
base::result<listening_socket> open_tcp(const base::socket_address& address, port_range ports, int backlog,
                                        const keeping& kept);
base::result<listening_socket> open_named(socket_store& passed, std::string_view name, int backlog);
base::result<listening_socket> open_unix(const unix_place& at, int backlog, const keeping& kept);

// Makes one that listens already ours: its backlog, whose it is, that it does not wait.
base::status listen_again(int fd, int backlog);

} // namespace coppice::net
