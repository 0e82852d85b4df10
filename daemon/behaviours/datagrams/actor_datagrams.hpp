// SPDX-License-Identifier: MIT
// The UDP sockets of one actor while it runs. The actor stays on its worker, whose loop watches the sockets.
// A batch is read only when the actor is about to take it, so that waiting datagrams stay in the kernel,
// which bounds and counts them. In the actor's own turn, and in callbacks of that loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "behaviours/datagrams/datagram_sockets.hpp"
#include "metrics/board.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class datagram_callbacks {
 public:
  // `all` is not empty, and none of it is truncated. It is valid until this returns, also if the actor dies
  // in it.
  virtual runtime::outcome on_datagrams(std::uint32_t socket, std::span<const net::datagram> all) = 0;
  virtual runtime::outcome on_error(std::uint32_t socket, const net::datagram_error& error) = 0;
  virtual runtime::outcome on_writable(std::uint32_t socket) = 0;

 protected:
  ~datagram_callbacks() = default;
};

class actor_datagrams {
 public:
  // Called in the process's turn. An error: a socket cannot be opened.
  static base::result<std::unique_ptr<actor_datagrams>> open(runtime::process& of,
                                                             std::shared_ptr<datagram_sockets> sockets);
  actor_datagrams(const actor_datagrams&) = delete;
  actor_datagrams& operator=(const actor_datagrams&) = delete;
  ~actor_datagrams() { close(); }

  // The work of behaviour::receive_io().
  runtime::outcome handle(datagram_callbacks& to);
  // Called in the actor's turn. `number` is less than size().
  net::send_outcome send(std::uint32_t number, std::span<const net::outgoing_datagram> all);
  const datagram_counters& counters() const { return *counters_; }
  net::datagram_socket& socket(std::uint32_t number) { return places_[number]->socket; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(places_.size()); }
  // Called when the actor has ended: no more callbacks, and its share of the sockets is given back.
  void close() noexcept;

 private:
  // One socket, and the events that its actor has not handled yet.
  struct place final : net::datagram_handler {
    explicit place(actor_datagrams& of) : owner(of) {}
    void on_readable() override;
    void on_error(const net::datagram_error& error) override;
    void on_writable() override;

    actor_datagrams& owner;
    std::vector<net::datagram_error> errors;
    net::datagram_counts counted{}; // the part of the socket's counts that is in the shared counters
    bool readable = false;
    bool paused = false;
    bool writable = false;
    net::datagram_socket socket; // destroyed first
  };

  actor_datagrams(runtime::process& of, std::shared_ptr<datagram_sockets> sockets)
      : process_(of), sockets_(std::move(sockets)), counters_(sockets_->counters()) {}
  void ask_for_turn();
  runtime::outcome handle(std::uint32_t number, datagram_callbacks& to);
  runtime::outcome read(std::uint32_t number, datagram_callbacks& to);
  void count(place& of);

  runtime::process& process_;
  std::shared_ptr<datagram_sockets> sockets_; // null: closed
  const std::shared_ptr<datagram_counters> counters_;
  metrics::board::entry on_board_;
  std::vector<std::unique_ptr<place>> places_;
  std::vector<net::datagram> whole_; // the datagrams of a batch that are not truncated, if others are
  bool asked_ = false;               // receive_io() will be called
  bool closed_ = false;
};

} // namespace coppice::behaviours
