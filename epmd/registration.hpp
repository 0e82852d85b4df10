// SPDX-License-Identifier: MIT
// A node's registration with an EPMD that another process serves: connects, registers, and keeps the
// connection; or goes on with the connection of the process before, as long as what it registered is what is
// wanted now. One attempt at a time; its outcome and its later loss are told, and whoever owns it
// decides what to do next (see embedded.hpp). The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/buffer.hpp"
#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "base/uv.hpp"
#include "epmd/client.hpp"
#include "epmd/protocol.hpp"
#include "net/listening/socket_store.hpp"
#include "net/stream/stream.hpp"

namespace coppice::epmd {

class registration final : private net::stream_handler {
 public:
  // The creation EPMD proposes when it accepted. An error when it did not come to that (errc::exists: the
  // name is taken), and once more, after a success, when the connection is lost. May destroy the
  // registration.
  using event_fn = std::function<void(base::result<std::uint32_t>)>;

  static base::result<std::unique_ptr<registration>> start(uv_loop_t* on, const base::socket_address& epmd,
                                                           node_info node, std::chrono::milliseconds patience,
                                                           event_fn on_event, net::keeping kept = {});
  // The same with a connection that has registered before, to the same EPMD: it is asked whether the name is
  // that of a node like this one. Success tells 0 for the creation, which is told at a registration alone. An
  // error comes when that registration has ended.
  static base::result<std::unique_ptr<registration>> resume(uv_loop_t* on, const base::socket_address& epmd,
                                                            node_info node,
                                                            std::chrono::milliseconds patience,
                                                            net::socket_store::taken from, event_fn on_event);
  registration(const registration&) = delete;
  registration& operator=(const registration&) = delete;
  // Unregisters by closing the connection, unless it stays in the store.
  ~registration();

  bool registered() const { return registered_; }

 private:
  registration(uv_loop_t* on, const base::socket_address& epmd, node_info node,
               std::chrono::milliseconds patience, event_fn on_event);

  void on_data(base::bytes_span bytes) override;
  void on_closed(base::error why) override;
  void settle(std::uint32_t creation);
  void compare(const base::result<std::optional<node_info>>& found);
  void lose(base::error why);
  void tell(base::result<std::uint32_t> event);

  std::string target_;
  node_info node_;
  event_fn on_event_;
  base::uv::timer deadline_;
  base::buffer received_;
  net::keeping kept_;
  net::stream stream_;
  net::socket_store::place place_; // of the stream's socket
  inquiry asked_;                  // about a connection that was kept
  bool registered_ = false;
  bool resumes_ = false;
};

} // namespace coppice::epmd
