// SPDX-License-Identifier: MIT
// A node's registration with an EPMD that another process serves: connects, registers, and keeps the
// connection. One attempt at a time; its outcome and its later loss are told, and whoever owns it
// decides what to do next (see embedded.hpp). The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/buffer.hpp"
#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "base/uv.hpp"
#include "epmd/protocol.hpp"
#include "net/stream.hpp"

namespace coppice::epmd {

class registration final : private net::stream_handler {
 public:
  // The creation EPMD proposes when it accepted. An error when it did not come to that (errc::exists: the
  // name is taken), and once more, after a success, when the connection is lost. May destroy the
  // registration.
  using event_fn = std::function<void(base::result<std::uint32_t>)>;

  static base::result<std::unique_ptr<registration>> start(uv_loop_t* on, const base::socket_address& epmd,
                                                           node_info node, std::chrono::milliseconds patience,
                                                           event_fn on_event);
  registration(const registration&) = delete;
  registration& operator=(const registration&) = delete;
  // Unregisters by closing the connection.
  ~registration();

  bool registered() const { return registered_; }

 private:
  registration(uv_loop_t* on, const base::socket_address& epmd, node_info node,
               std::chrono::milliseconds patience, event_fn on_event);

  void on_data(base::bytes_span bytes) override;
  void on_closed(base::error why) override;
  void lose(base::error why);
  void tell(base::result<std::uint32_t> event);

  std::string target_;
  node_info node_;
  event_fn on_event_;
  base::uv::timer deadline_;
  base::buffer received_;
  net::stream stream_;
  bool registered_ = false;
};

} // namespace coppice::epmd
