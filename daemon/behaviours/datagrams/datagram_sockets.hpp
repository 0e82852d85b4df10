// SPDX-License-Identifier: MIT
// The UDP sockets of an actor under a supervisor, and their counters. They are opened when the actor first
// starts and stay open while it is restarted, so that datagrams that come meanwhile wait in them. They close
// with the last owner. Any thread: the supervisor and the actor may be on different ones.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "behaviours/datagrams/datagram_counters.hpp"
#include "metrics/board.hpp"
#include "net/datagram/datagram_socket.hpp"
#include "net/listening/socket_store.hpp"

namespace coppice::behaviours {

// Where a socket comes from: either an address, or a name of the service manager's.
struct datagram_place {
  base::socket_address address{};
  std::string socket{}; // the service manager passes a socket under this name. Empty: `address` is bound
};

// Immutable; any thread.
struct datagram_spec {
  std::vector<datagram_place> listen; // one socket for each
  net::datagram_options options;      // of each
};

class datagram_sockets {
 public:
  // `board` and `passed` outlive the object. `board`: null: the counters are not shown. `passed`: null: no
  // socket is passed. `label`: the actor's place in the tree.
  datagram_sockets(std::shared_ptr<const datagram_spec> spec, std::string label, metrics::board* board,
                   net::socket_store* passed)
      : spec_(std::move(spec)), label_(std::move(label)), board_(board), passed_(passed) {}
  datagram_sockets(const datagram_sockets&) = delete;
  datagram_sockets& operator=(const datagram_sockets&) = delete;

  // One descriptor of each socket, for one start of the actor. An error: a socket cannot be opened, and none
  // is.
  base::result<std::vector<base::unique_fd>> share();

  const datagram_spec& spec() const { return *spec_; }
  const std::string& label() const { return label_; }
  const std::shared_ptr<datagram_counters>& counters() const { return counters_; }
  metrics::board* board() const { return board_; }

 private:
  struct open_socket {
    base::unique_fd fd;
    // The place of a socket that was passed or is kept; destroyed before the descriptor.
    net::socket_store::place place{};
  };
  base::result<open_socket> open(const base::socket_address& at) const;
  base::result<open_socket> open(const datagram_place& where) const;

  const std::shared_ptr<const datagram_spec> spec_;
  const std::string label_;
  metrics::board* const board_;
  net::socket_store* const passed_;
  const std::shared_ptr<datagram_counters> counters_ = std::make_shared<datagram_counters>();
  std::mutex lock_;
  std::vector<open_socket> all_; // empty: not opened
};

} // namespace coppice::behaviours
