// SPDX-License-Identifier: MIT
// How signals leave the node; dist implements this interface. Signals of one sender to one receiver are
// routed in the order sent and must arrive in it. When a connection is lost, the implementation delivers exit
// and down signals with reason noconnection for the links and monitors that passed through it. Called on any
// worker thread and on foreign threads; never blocks, never throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

class remote_router {
 public:
  enum class which : std::uint8_t { visible, hidden, connected };

  virtual ~remote_router() = default;

  // Takes ownership of the signal. `to` is on another node: a pid, {name, node} or an alias. to.node() is
  // that node, never 0. Connects first if there is no connection and connecting is allowed. If the signal is
  // `awaited`, its sender gets a stop_waiting with the signal's number once all of the payload is handed to
  // the network, or never will be.
  virtual void route(const destination& to, signal_ptr what) = 0;
  // Takes ownership of a message whose order against others does not matter. It passes all that waits for
  // that node, also what is sent earlier by the same sender. It connects nothing. False: the node is not
  // connected, or too much waits in this way, and the message is lost.
  virtual bool route_ahead(const destination& to, signal_ptr what) = 0;
  // Something will be routed ahead. From soon on connections keep what it can pass.
  virtual void expect_ahead() {}

  // Whether that node is connected. Cheap. A signal with no_connect that is routed after the connection was
  // lost opens none; it is answered as if the connection had been lost after it.
  virtual bool connected(std::uint32_t node) const = 0;
  // Whether calls to that node, and answers to its calls, may be bare (signal::bare). A hint: if it was true
  // when the signal was made, the signal may be bare even if the connection has changed since. Cheap.
  virtual bool takes_bare_calls(std::uint32_t node) const = 0;
  // Whether so much waits to be sent to that node that senders should pause first. Cheap.
  virtual bool busy(std::uint32_t node) const = 0;
  // `who` gets a stop_waiting with this number once the node is no longer busy, or is lost. False: the node
  // is not busy, and no stop_waiting will come.
  virtual bool rest(std::uint32_t node, const pid& who, std::uint64_t number) = 0;

  // While on, `watcher` gets {nodedown, Node} as a message when the node is lost, or at once if it cannot be
  // reached. As in Erlang, it gets as many as the times it was switched on.
  virtual void monitor_node(const pid& watcher, std::uint32_t node, bool on) = 0;

  virtual std::vector<std::string> nodes(which kind) const = 0;

  // Starts connecting. The alias `ref` gets {Ref, true} or {Ref, false}.
  virtual void connect(std::uint32_t node, const reference& ref) = 0;
  // `why` is for the log.
  virtual base::status disconnect(std::uint32_t node, std::string why) = 0;
};

} // namespace coppice::runtime
