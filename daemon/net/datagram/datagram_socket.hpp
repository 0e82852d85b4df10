// SPDX-License-Identifier: MIT
// A UDP socket. Received datagrams come in batches, at most one batch in a turn of the loop; a truncated
// datagram says so. Nothing is queued for sending: a datagram leaves at once or is refused. An error about a
// datagram that did not arrive is reported to the handler and does not end the socket. All on the loop's
// thread.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "net/datagram/datagram.hpp"

namespace coppice::net {

// Callbacks. Each of them may close or destroy the socket.
class datagram_handler {
 public:
  // `batch` has at least one datagram; it and its bytes are valid until the call returns.
  virtual void on_datagrams(std::span<const datagram>) {}
  // Called in place of on_datagrams() if `by_hand` is set: a datagram waits. Repeated until it is received.
  virtual void on_readable() {}
  // A datagram sent earlier did not arrive; see datagram.hpp.
  virtual void on_error(const datagram_error&) {}
  // The socket takes datagrams again after send() took fewer than it was given.
  virtual void on_writable() {}

 protected:
  ~datagram_handler() = default;
};

struct datagram_options {
  std::size_t max_datagram = 2048; // bytes, 1 to largest_datagram; the rest of a longer datagram is lost
  std::size_t batch = 64;          // datagrams, 1 to 1024
  // Bytes of the kernel's receive buffer. 0: the kernel's default. The kernel may give less; see
  // receive_buffer().
  std::size_t receive_buffer = 0;
  // Lets several sockets share the address. The kernel spreads peers over them; each peer stays with one
  // socket.
  bool reuse_port = false;
  // For datagrams sent to groups: how many routers they may pass (0 to 255), whether this machine receives
  // them too, and the interface they leave by. Empty: the route's interface.
  int multicast_ttl = 1;
  bool multicast_loop = false;
  std::string multicast_interface{};
  // Groups that the socket joins on multicast_interface when it is opened.
  std::vector<base::socket_address> groups{};
  // The handler's on_readable() is called, and the owner calls receive().
  bool by_hand = false;
};

// Totals since the socket was opened.
struct datagram_counts {
  std::uint64_t received = 0;
  std::uint64_t truncated = 0; // part of `received`
  std::uint64_t sent = 0;
  std::uint64_t kernel_dropped = 0; // as of the last datagram received; the receive buffer was full
  std::uint64_t errors = 0;
};

struct send_outcome {
  std::size_t count = 0; // how many of the first datagrams have left
  // The socket takes no more now; on_writable() follows.
  bool full = false;
  // Why the datagram at `count` can never be sent; those behind it were not tried. errc::limit: it is longer
  // than the network takes. errc::system: its peer or its `from` is not possible.
  std::optional<base::error> failed{};
};

class datagram_socket {
 public:
  // Empty: no socket.
  datagram_socket();
  datagram_socket(datagram_socket&& other) noexcept;
  datagram_socket& operator=(datagram_socket&& other) noexcept;
  // Calls close().
  ~datagram_socket();

  // Opens a socket and reads from the loop's next turn on. `handler` outlives it. An IPv6 address takes IPv6
  // only; port 0 lets the kernel choose. errc::invalid: an option is out of its range.
  static base::result<datagram_socket> open(uv_loop_t* on, const base::socket_address& address,
                                            const datagram_options& options, datagram_handler& handler);

  // The two halves of open(). bind() makes a descriptor on no loop, which may be kept and duplicated; the
  // open() below puts such a descriptor on a loop, with the same options.
  static base::result<base::unique_fd> bind(const base::socket_address& address,
                                            const datagram_options& options);
  // Prepares a descriptor that is bound already, in place of bind(). `reuse_port` is ignored.
  static base::result<base::unique_fd> adopt(base::unique_fd bound, const datagram_options& options);
  static base::result<datagram_socket> open(uv_loop_t* on, base::unique_fd bound,
                                            const datagram_options& options, datagram_handler& handler);

  explicit operator bool() const { return inner_ != nullptr; }
  base::socket_address address() const;

  // Takes what waits, up to one batch; valid until the next call. Empty: nothing waits, or on_error() has
  // been called.
  std::span<const datagram> receive();

  // Sends in order, as many as the socket takes.
  send_outcome send(std::span<const outgoing_datagram> all);

  // Stops reading at once, also inside on_datagrams(). Datagrams that arrive then wait in the kernel or are
  // dropped there.
  void pause();
  void resume();

  // Joins a group such as 239.0.0.1 or ff02::1 on this interface. Empty: the route's interface.
  base::status join(const base::socket_address& group, const std::string& interface = {});
  base::status leave(const base::socket_address& group, const std::string& interface = {});

  // Bytes of datagrams that the kernel's receive buffer holds, without the kernel's own overhead.
  std::size_t receive_buffer() const;
  datagram_counts counts() const;
  // Closes the descriptor. No callback follows, and only counts() and close() may be called. The result of
  // receive() stays valid until close().
  void stop();
  void close();

 private:
  class inner;
  explicit datagram_socket(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
