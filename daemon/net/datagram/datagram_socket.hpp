// SPDX-License-Identifier: MIT
// A UDP socket. Datagrams come in batches, at most one batch a turn of the loop, and are never cut silently;
// what is sent leaves at once or is refused: nothing is queued here. What the network says of a datagram that
// did not arrive is told and ends nothing. All on the loop's thread.
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

// A handler may close or destroy the socket in any of these.
class datagram_handler {
 public:
  // At least one; `batch` and its bytes are valid until it returns.
  virtual void on_datagrams(std::span<const datagram>) {}
  // Instead, of a socket whose owner receives by hand: something waits. Told again until it is received.
  virtual void on_readable() {}
  // Of something sent before; see datagram.hpp.
  virtual void on_error(const datagram_error&) {}
  // After send() took less than it was given.
  virtual void on_writable() {}

 protected:
  ~datagram_handler() = default;
};

struct datagram_options {
  std::size_t max_datagram = 2048; // bytes, 1 to largest_datagram; of longer ones only the beginning comes
  std::size_t batch = 64;          // datagrams, 1 to 1024
  // Bytes that may wait in the kernel; 0 is its default. It may give less: see receive_buffer().
  std::size_t receive_buffer = 0;
  // Several sockets share the address, and the kernel spreads peers over them, each always to one.
  bool reuse_port = false;
  // Of what is sent to groups: how many routers it may pass (0 to 255), whether this machine hears it, and
  // the interface it leaves by, empty for the one of the route.
  int multicast_ttl = 1;
  bool multicast_loop = false;
  std::string multicast_interface{};
  // Groups of which it is a member from the beginning, on that interface.
  std::vector<base::socket_address> groups{};
  // on_readable() is called, and the owner calls receive().
  bool by_hand = false;
};

// Since the beginning.
struct datagram_counts {
  std::uint64_t received = 0;
  std::uint64_t truncated = 0; // of those received
  std::uint64_t sent = 0;
  std::uint64_t kernel_dropped = 0; // the receive buffer was full; known with the next one received
  std::uint64_t errors = 0;
};

struct send_outcome {
  std::size_t count = 0; // of the first ones have left
  // The socket is full: on_writable follows.
  bool full = false;
  // The one behind them will never leave, and those behind it were not tried. errc::limit: it is longer than
  // the network takes; errc::system: its peer or its `from` cannot be.
  std::optional<base::error> failed{};
};

class datagram_socket {
 public:
  // Empty.
  datagram_socket();
  datagram_socket(datagram_socket&& other) noexcept;
  datagram_socket& operator=(datagram_socket&& other) noexcept;
  // As close().
  ~datagram_socket();

  // `handler` outlives it. An IPv6 address takes IPv6 only; port 0 lets the kernel choose. Reads from the
  // loop's next turn on. errc::invalid: an option is out of its bounds.
  static base::result<datagram_socket> open(uv_loop_t* on, const base::socket_address& address,
                                            const datagram_options& options, datagram_handler& handler);

  // The two halves of it: a socket on no loop, which may wait and be shared by dup(), and one of those on
  // this loop, with the same options.
  static base::result<base::unique_fd> bind(const base::socket_address& address,
                                            const datagram_options& options);
  // In place of bind(): one that is bound already, prepared as those are but for `reuse_port`.
  static base::result<base::unique_fd> adopt(base::unique_fd bound, const datagram_options& options);
  static base::result<datagram_socket> open(uv_loop_t* on, base::unique_fd bound,
                                            const datagram_options& options, datagram_handler& handler);

  explicit operator bool() const { return inner_ != nullptr; }
  base::socket_address address() const;

  // Those that wait, up to a batch, valid until the next call. None: nothing waits, or on_error has been
  // told.
  std::span<const datagram> receive();

  // In their order, as many as the socket takes.
  send_outcome send(std::span<const outgoing_datagram> all);

  // Reading stops at once, also inside on_datagrams; what comes then waits in the kernel or is dropped there.
  void pause();
  void resume();

  // A group, as 239.0.0.1 or ff02::1, on this interface; without its name on the one of the route.
  base::status join(const base::socket_address& group, const std::string& interface = {});
  base::status leave(const base::socket_address& group, const std::string& interface = {});

  // Bytes, as the kernel counts those of datagrams and not its own beside them.
  std::size_t receive_buffer() const;
  datagram_counts counts() const;
  // Its descriptor is closed, nothing is told any more, and there is nothing to be done with it but counts()
  // and close(). What was received stays valid until that.
  void stop();
  void close();

 private:
  class inner;
  explicit datagram_socket(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
