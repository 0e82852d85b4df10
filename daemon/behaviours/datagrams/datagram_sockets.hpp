// SPDX-License-Identifier: MIT
// The UDP sockets of an actor that a supervisor starts, and what they count. They are opened with its first
// start and stay open while it is started again, so that what comes meanwhile waits in them; they close with
// the last owner. Any thread: its supervisor and the actor may be on different ones.
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

// One of the two.
struct datagram_place {
  base::socket_address address{};
  std::string socket{}; // not empty: one that the service manager passes under this name
};

// Immutable; any thread.
struct datagram_spec {
  std::vector<datagram_place> listen; // a socket each
  net::datagram_options options;      // of each
};

class datagram_sockets {
 public:
  // `board` and `passed` outlive it, or are null: nobody counts, no socket is passed; `label`: the actor's
  // place in the tree.
  datagram_sockets(std::shared_ptr<const datagram_spec> spec, std::string label, metrics::board* board,
                   net::socket_store* passed)
      : spec_(std::move(spec)), label_(std::move(label)), board_(board), passed_(passed) {}
  datagram_sockets(const datagram_sockets&) = delete;
  datagram_sockets& operator=(const datagram_sockets&) = delete;

  // A descriptor of each, for one incarnation of the actor. An error: one cannot be opened, and none is.
  base::result<std::vector<base::unique_fd>> share();

  const datagram_spec& spec() const { return *spec_; }
  const std::string& label() const { return label_; }
  const std::shared_ptr<datagram_counters>& counters() const { return counters_; }
  metrics::board* board() const { return board_; }

 private:
  struct open_socket {
    base::unique_fd fd;
    net::socket_store::place place{}; // of one that was passed or is kept; destroyed before the descriptor
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
