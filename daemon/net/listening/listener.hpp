// SPDX-License-Identifier: MIT
// A listening TCP or Unix-domain socket. It accepts and hands the sockets out as they are, so that
// the taker chooses the loop that runs them. Each is given a place of the listener's admission limit, if it
// has one: there strangers make room for each other. At max_connections, or when the process is out of
// descriptors, it stops accepting and looks again every 100 ms: connections wait in the kernel's
// backlog instead of being dropped, unless it is told to shed them. The loop's thread.
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
#include "net/stream/stream.hpp"

namespace coppice::net {

struct listening_socket;

struct listen_options {
  int backlog = 1024;
  // Accepted sockets and their streams alive at once; 0 is no bound.
  std::size_t max_connections = 0;
  // Likewise, of all listeners that share it; one of them may end for a newcomer. Null: none.
  std::shared_ptr<connection_limit> limit{};
  // At the bound: accept and close at once, so that who connects knows, instead of leaving him to wait.
  bool shed = false;
  // One was closed at once, and counts() are others now. May be empty.
  std::function<void()> on_refusal{};
  // Whose connections are closed at once; at a Unix-domain socket it says nothing.
  base::access_list access{};
  // For those who have said nothing yet; one may be shared by several listeners. Null: none.
  std::shared_ptr<net::admission_limit> admission{};
  // Else the last descriptors of the process are only for who takes the place of another.
  bool may_take_last_descriptors = false;
  // One that is kept there already is gone on with.
  keeping kept{};
};

// Those of a server that answers requests: so many places before its first request, and four times as many
// connections in all, since those whose requests are being answered are not dismissed.
listen_options for_requests(std::string name, std::size_t places);

// Connections since the beginning.
struct listener_counts {
  std::uint64_t accepted = 0; // and handed out
  std::uint64_t shed = 0;     // closed at once, there being too many, or too few descriptors
  std::uint64_t refused = 0;  // closed at once by the access list
};

class listener {
 public:
  using accept_fn = std::function<void(accepted_socket)>;

  // Empty.
  listener();
  listener(listener&& other) noexcept;
  listener& operator=(listener&& other) noexcept;
  ~listener();

  // The first free port of `ports` at `address`, whose own port does not count. errc::exists when all
  // are taken. An IPv6 address takes IPv6 connections only.
  static base::result<listener> tcp(uv_loop_t* on, const base::socket_address& address, port_range ports,
                                    const listen_options& options, accept_fn accept);

  // A socket at `path` with exactly `mode`, and `group` where given. One that nobody listens on any more
  // is replaced; errc::exists when somebody does. The file goes with the listener, unless it is kept, or was
  // made by somebody else. errc::refused: the one that is kept is open to others than these.
  static base::result<listener> unix_socket(uv_loop_t* on, const std::string& path, mode_t mode,
                                            std::optional<gid_t> group, const listen_options& options,
                                            accept_fn accept);

  // One that listens already, as systemd passes it.
  static base::result<listener> adopt(uv_loop_t* on, base::unique_fd fd, const listen_options& options,
                                      accept_fn accept);

  // One that systemd has passed under this name (FileDescriptorName=), TCP of any family or Unix-domain; of
  // several each call takes another, the lowest port first. errc::not_found: there is none left.
  static base::result<listener> named(uv_loop_t* on, socket_store& passed, std::string_view name,
                                      const listen_options& options, accept_fn accept);

  explicit operator bool() const { return inner_ != nullptr; }
  // TCP only.
  base::socket_address address() const;
  std::size_t connections() const;
  // Whether it has stopped accepting, for one of the reasons above.
  bool saturated() const;
  listener_counts counts() const;
  // Whether it accepts nobody, or ends another for a newcomer, since few descriptors are left.
  bool short_of_descriptors() const;

  // Accepts nobody until resume(): who connects waits in the backlog, and beyond that for the kernel to try
  // again. Connections that are accepted already stay. Also inside accept_fn.
  void suspend();
  void resume();
  bool suspended() const;
  // There may be room again, since a connection has ended or the limit is another one; else it looks by
  // itself every 100 ms.
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
