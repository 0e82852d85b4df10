// SPDX-License-Identifier: MIT
// What all parts of a connection share: the peer's identity and flags, the conversion of its pids, its
// relations and counters, and the system that delivers to processes here. Owned by the connection; its parts
// use it but do not assign its members. The connection's thread, except for the counters.
#pragma once

#include <optional>
#include <utility>

#include "dist/connection_counters.hpp"
#include "dist/control_message.hpp"
#include "dist/handshake.hpp"
#include "dist/identity.hpp"
#include "dist/options.hpp"
#include "dist/peer_relations.hpp"
#include "dist/vocabulary.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

struct connection_context {
  connection_context(runtime::system& host, const options& chosen, const peer_node& at_other_end,
                     std::uint32_t peer_index)
      : system(host),
        settings(chosen),
        peer(at_other_end),
        words(at_other_end.flags),
        ids(host.nodes(), peer_index) {}
  connection_context(const connection_context&) = delete;
  connection_context& operator=(const connection_context&) = delete;

  // Whether `who` is a process of the node at the other end, in the life of that node with which the
  // handshake was made: not of another node, nor of an earlier or later life. A peer may speak only for these
  // processes.
  bool is_peers(const runtime::pid& who) const {
    return who.node == ids.peer() && who.creation == peer.creation;
  }
  // The process that an address of the peer names: at_peer() if it is one of the peer, at_home() if it is one
  // of this node. Empty: it names something else.
  std::optional<runtime::pid> at_peer(const address& of) const {
    if (of.what != address::form::pid) return std::nullopt;
    const auto who = ids.in(of.pid);
    return who && is_peers(*who) ? who : std::nullopt;
  }
  std::optional<runtime::pid> at_home(const address& of) const {
    if (of.what != address::form::pid) return std::nullopt;
    const auto who = ids.in(of.pid);
    return who && who->here() ? who : std::nullopt;
  }
  // The reference, if the peer made it. A request of the peer goes by such a reference only, so it cannot end
  // what belongs to another node.
  std::optional<runtime::reference> made_at_peer(const etf::reference& of) const {
    const auto ref = ids.in(of);
    return ref && ref->node == ids.peer() ? ref : std::nullopt;
  }
  // The sender of a message: the process of the peer that the address names, or else a pid of the peer that
  // is no process. The node is always the peer's.
  runtime::pid sender(const address& of) const {
    return at_peer(of).value_or(runtime::pid{ids.peer(), peer.creation, 0, 0});
  }
  // The process, name or alias of this node that the address names; kind none: it names nothing here.
  runtime::destination receiver(const address& of) const;

  // Delivers a signal of the peer to a process here; counts it as dropped if the mailbox is full.
  void deliver(const runtime::destination& to, runtime::signal_ptr what) {
    what->flags |= runtime::signal::remote;
    if (system.deliver(to, std::move(what)) == runtime::send_status::full) counters.dropped();
  }
  // Delivers what ends a call, or its receiver. It overtakes messages of the peer that wait outside a full
  // mailbox: the receiver may be parked until it comes, and makes no room before.
  void deliver_ahead(const runtime::destination& to, runtime::signal_ptr what) const {
    static_cast<void>(system.deliver(to, std::move(what)));
  }

  runtime::system& system;
  const options& settings;
  const peer_node peer;
  const vocabulary words;
  const identity ids;
  connection_counters counters;
  peer_relations relations;
};

} // namespace coppice::dist
