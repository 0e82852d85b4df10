// SPDX-License-Identifier: MIT
// A node's registration with an EPMD that another process serves. It connects, registers and keeps the
// connection; or it continues the connection of the previous process, if what that one registered is still
// wanted. One attempt: its outcome and a later loss are reported, and the owner decides what follows (see
// embedded.hpp). The loop's thread.
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
#include "net/deadline.hpp"
#include "net/listening/socket_store.hpp"
#include "net/stream/stream.hpp"

namespace coppice::epmd {

class registration final : private net::stream_handler {
 public:
  // Gets the creation that EPMD proposes when the node is registered; or an error when it could not be
  // registered (errc::exists: the name is taken). After a success it is called once more, with an error, when
  // the connection is lost. May destroy the registration.
  using event_fn = std::function<void(base::result<std::uint32_t>)>;

  static base::result<std::unique_ptr<registration>> start(uv_loop_t* on, const base::socket_address& epmd,
                                                           node_info node, std::chrono::milliseconds patience,
                                                           event_fn on_event, net::keeping kept = {});
  // Continues a connection to the same EPMD over which the node was registered before: asks that EPMD whether
  // the name still belongs to a node like this one. On success the creation is 0, because EPMD proposes one
  // only at a registration. An error comes once the old registration has ended.
  static base::result<std::unique_ptr<registration>> resume(uv_loop_t* on, const base::socket_address& epmd,
                                                            node_info node,
                                                            std::chrono::milliseconds patience,
                                                            net::socket_store::taken from, event_fn on_event);
  registration(const registration&) = delete;
  registration& operator=(const registration&) = delete;
  // Unregisters by closing the connection, unless the store keeps it.
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
  net::deadline deadline_;
  base::buffer received_;
  net::keeping kept_;
  net::stream stream_;
  net::socket_store::place place_; // of the stream's socket
  inquiry asked_;                  // about a connection that was kept
  bool registered_ = false;
  bool resumes_ = false;
};

} // namespace coppice::epmd
