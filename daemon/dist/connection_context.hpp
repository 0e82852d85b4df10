// SPDX-License-Identifier: MIT
// What all parts of one connection work with: who is at its other end, how its pids are spoken of, what
// passes through it, and the way to the processes here. The connection owns it; its parts use it and assign
// none of its members. One thread, the connection's, but for the counters.
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

  // A process of the node at the other end, as it is since the handshake: not one of another node or of a
  // former life of this one. What a peer sends is believed of these alone.
  bool is_peers(const runtime::pid& who) const {
    return who.node == ids.peer() && who.creation == peer.creation;
  }
  // The process an address of the peer's names: one of its own, one of this node's; nothing if it is not.
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
  // A reference that the peer made: what it asks for goes by such, so that it ends nothing of another's.
  std::optional<runtime::reference> made_at_peer(const etf::reference& of) const {
    const auto ref = ids.in(of);
    return ref && ref->node == ids.peer() ? ref : std::nullopt;
  }
  // Whom a message is from: one of the peer's, or nobody there; the node is the peer's in any case.
  runtime::pid sender(const address& of) const {
    return at_peer(of).value_or(runtime::pid{ids.peer(), peer.creation, 0, 0});
  }
  // A process, name or alias of this node; none if it is no such thing.
  runtime::destination receiver(const address& of) const;

  // Something from the other node to a process here; what finds no room there is counted as dropped.
  void deliver(const runtime::destination& to, runtime::signal_ptr what) {
    what->flags |= runtime::signal::remote;
    if (system.deliver(to, std::move(what)) == runtime::send_status::full) counters.dropped();
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
