// SPDX-License-Identifier: MIT
// A listening TCP or Unix-domain socket. It accepts connections and hands the sockets out, not yet on a loop,
// so that the receiver chooses the loop. With an admission limit, each socket gets a place of it. At a bound,
// or when the process is out of descriptors, the listener stops accepting and looks again every 100 ms;
// connections wait in the kernel's backlog meanwhile, unless `shed` is set. The loop's thread.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address_range.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "net/admission/admission_limit.hpp"
#include "net/admission/connection_limit.hpp"
#include "net/listening/socket_store.hpp"
#include "net/listening/unix_place.hpp"
#include "net/stream/stream.hpp"

namespace coppice::net {

struct listening_socket;

struct listen_options {
  int backlog = 1024;
  // Most accepted sockets and their streams alive at once. 0: no bound.
  std::size_t max_connections = 0;
  // A bound shared by several listeners, which may end a quiet connection for a new one. Null: none.
  std::shared_ptr<connection_limit> limit{};
  // At the bound: accept and close at once, so that the client is told, instead of leaving it in the backlog.
  bool shed = false;
  // Called when a connection was closed at once and counts() has changed. May be empty.
  std::function<void()> on_refusal{};
  // Addresses whose connections are closed at once. Ignored for a Unix-domain socket.
  base::access_list access{};
  // Limits clients that have not proved anything yet; may be shared by several listeners. Null: none.
  std::shared_ptr<net::admission_limit> admission{};
  // Whether new connections may use the process's last descriptors. False: only a connection that takes the
  // place of another one may.
  bool may_take_last_descriptors = false;
  // Where the socket is kept over restarts. A socket that is kept there already is used.
  keeping kept{};
};

// The options of a server that answers requests: `places` connections before their first request, and four
// times as many in all, because the limit does not close connections whose requests are being answered.
listen_options for_requests(std::string name, std::size_t places);

// Connections since the listener was made.
struct listener_counts {
  std::uint64_t accepted = 0; // accepted and handed out
  std::uint64_t shed = 0;     // closed at once, because of the bound or for lack of descriptors
  std::uint64_t refused = 0;  // closed at once by the access list
};

class listener {
 public:
  using accept_fn = std::function<void(accepted_socket)>;

  // Empty: no socket.
  listener();
  listener(listener&& other) noexcept;
  listener& operator=(listener&& other) noexcept;
  ~listener();

  // Listens on the first free port of `ports` at `address`, whose own port is ignored. errc::exists: all are
  // taken. An IPv6 address takes IPv6 connections only.
  static base::result<listener> tcp(uv_loop_t* on, const base::socket_address& address, port_range ports,
                                    const listen_options& options, accept_fn accept);

  // Replaces a socket file on which no process listens. errc::exists: another process listens there. The
  // file is removed with the listener, unless the socket is kept over the restart or the file was made by
  // another process. errc::refused: the kept socket is open to users other than those of `at`.
  static base::result<listener> unix_socket(uv_loop_t* on, const unix_place& at,
                                            const listen_options& options, accept_fn accept);

  // Takes a socket that listens already, as systemd passes it.
  static base::result<listener> adopt(uv_loop_t* on, base::unique_fd fd, const listen_options& options,
                                      accept_fn accept);

  // Takes a socket that systemd has passed under this name (FileDescriptorName=): TCP of any family, or
  // Unix-domain. If there are several, each call takes another, the lowest port first. errc::not_found: none
  // is left.
  static base::result<listener> named(uv_loop_t* on, socket_store& passed, std::string_view name,
                                      const listen_options& options, accept_fn accept);

  explicit operator bool() const { return inner_ != nullptr; }
  // Only for a TCP listener.
  base::socket_address address() const;
  std::size_t connections() const;
  // Whether it has stopped accepting because of a bound or for lack of descriptors.
  bool saturated() const;
  listener_counts counts() const;
  // Whether it accepts no connection, or ends another one for each new one, because few descriptors are
  // left.
  bool short_of_descriptors() const;

  // Stops accepting until resume(), also inside accept_fn. New connections wait in the backlog; accepted ones
  // stay.
  void suspend();
  void resume();
  bool suspended() const;
  // Looks at once whether there is room again, because a connection has ended or a limit was raised.
  // Otherwise the listener looks every 100 ms.
  void look_again();
  void set_shed(bool shed);
  void set_access(base::access_list access);
  void close();

 private:
  class inner;
  explicit listener(std::unique_ptr<inner> made);
  static base::result<listener> watched(uv_loop_t* on, base::result<listening_socket> opened, bool is_tcp,
                                        const listen_options& options, accept_fn accept);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
