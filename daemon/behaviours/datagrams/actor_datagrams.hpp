// SPDX-License-Identifier: MIT
// The UDP sockets of one actor while it runs. It stays on its worker, on whose loop they are. A batch is read
// when the actor is to have one and not before, so that what waits does so in the kernel, which bounds and
// counts it. In the actor's own turn, and by callbacks of that loop.
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
  // At least one, none of them truncated; valid until it returns, also if the actor dies in it.
  virtual runtime::outcome on_datagrams(std::uint32_t socket, std::span<const net::datagram> all) = 0;
  virtual runtime::outcome on_error(std::uint32_t socket, const net::datagram_error& error) = 0;
  virtual runtime::outcome on_writable(std::uint32_t socket) = 0;

 protected:
  ~datagram_callbacks() = default;
};

class actor_datagrams {
 public:
  // In the process's turn. An error: a socket cannot be opened.
  static base::result<std::unique_ptr<actor_datagrams>> open(runtime::process& of,
                                                             std::shared_ptr<datagram_sockets> sockets);
  actor_datagrams(const actor_datagrams&) = delete;
  actor_datagrams& operator=(const actor_datagrams&) = delete;
  ~actor_datagrams() { close(); }

  // What behaviour::receive_io() is to do.
  runtime::outcome handle(datagram_callbacks& to);
  // In the actor's turn. `number` is less than size().
  net::send_outcome send(std::uint32_t number, std::span<const net::outgoing_datagram> all);
  const datagram_counters& counters() const { return *counters_; }
  net::datagram_socket& socket(std::uint32_t number) { return places_[number]->socket; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(places_.size()); }
  // Its actor is no more, and hears nothing more; its share of the sockets is given back.
  void close() noexcept;

 private:
  // One socket, and what its actor is to hear of it.
  struct place final : net::datagram_handler {
    explicit place(actor_datagrams& of) : owner(of) {}
    void on_readable() override;
    void on_error(const net::datagram_error& error) override;
    void on_writable() override;

    actor_datagrams& owner;
    std::vector<net::datagram_error> errors;
    net::datagram_counts counted{}; // of these the shared counters know
    bool readable = false;
    bool paused = false;
    bool writable = false;
    net::datagram_socket socket; // goes first
  };

  actor_datagrams(runtime::process& of, std::shared_ptr<datagram_sockets> sockets)
      : process_(of), sockets_(std::move(sockets)), counters_(sockets_->counters()) {}
  void ask_for_turn();
  runtime::outcome handle(std::uint32_t number, datagram_callbacks& to);
  runtime::outcome read(std::uint32_t number, datagram_callbacks& to);
  void count(place& of);

  runtime::process& process_;
  std::shared_ptr<datagram_sockets> sockets_; // null once closed
  const std::shared_ptr<datagram_counters> counters_;
  metrics::board::entry on_board_;
  std::vector<std::unique_ptr<place>> places_;
  std::vector<net::datagram> whole_; // of a batch in which others are truncated
  bool asked_ = false;               // receive_io() is to come
  bool closed_ = false;
};

} // namespace coppice::behaviours
