// SPDX-License-Identifier: MIT
// The port through which signals leave the node; dist implements it. Signals of one sender to one
// receiver are routed in the order sent and must arrive so. The router answers a lost connection by
// delivering exit and down signals with reason noconnection for the links and monitors it saw passing
// through. Called on any worker thread and on foreign threads; never blocks, never throws.
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

  // Takes the signal over. `to` lives on another node: a pid, {name, node} or an alias; its node is
  // to.node(), never 0. Connects first if there is no connection (and connecting is allowed).
  // A signal that is `awaited` is answered with a stop_waiting of its number to its sender once all of its
  // payload is handed to the network, or will never be.
  virtual void route(const destination& to, signal_ptr what) = 0;

  // Whether there is a connection to that node. Cheap. A signal with no_connect that is routed after it was
  // lost is answered as its loss is, and opens none.
  virtual bool connected(std::uint32_t node) const = 0;
  // Whether calls to that node, and answers to those it makes, may be bare (signal::bare): a hint, of which
  // they need not be if this was so when they were made. Cheap.
  virtual bool takes_bare_calls(std::uint32_t node) const = 0;
  // Whether so much waits for that node that senders should rest before they send more. Cheap.
  virtual bool busy(std::uint32_t node) const = 0;
  // Once it is not busy any more, or lost, `who` gets a stop_waiting with this number. False: it is not busy,
  // and none will come.
  virtual bool rest(std::uint32_t node, const pid& who, std::uint64_t number) = 0;

  // While on, `watcher` gets {nodedown, Node} as a message when the node is lost, or at once if it
  // cannot be reached. Counted: as many nodedowns as times switched on, as in Erlang.
  virtual void monitor_node(const pid& watcher, std::uint32_t node, bool on) = 0;

  virtual std::vector<std::string> nodes(which kind) const = 0;

  // Starts connecting. `watcher` (may be none) gets {Ref, true} or {Ref, false} at `ref`, an alias.
  virtual void connect(std::uint32_t node, const reference& ref) = 0;
  // `why` stands in the log.
  virtual base::status disconnect(std::uint32_t node, std::string why) = 0;
};

} // namespace coppice::runtime
