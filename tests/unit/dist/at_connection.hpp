// SPDX-License-Identifier: MIT
// A node that is never started, and its connection to a peer with the given flags. Tests can look at what is
// built for that peer; nothing is sent.
#pragma once

#include "dist/connection_context.hpp"
#include "dist/control_builder.hpp"
#include "dist/flags.hpp"
#include "dist/handshake_message.hpp"

namespace coppice::dist::testing {

inline constexpr const char* own_name = "a@127.0.0.1";
inline constexpr const char* peer_name = "b@127.0.0.1";
inline constexpr std::uint32_t peer_creation = 77;

// With the default arguments, the peer is a Coppice node.
struct at_connection {
  explicit at_connection(std::uint64_t flags = flag::offered,
                         std::uint32_t capabilities = handshake_message::capability::all)
      : context(host, settings, at(flags, capabilities), intern()) {}

  static runtime::system_options named() {
    runtime::system_options out;
    out.node_name = own_name;
    out.workers = 1;
    return out;
  }
  static peer_node at(std::uint64_t flags, std::uint32_t capabilities) {
    peer_node out;
    out.name = peer_name;
    out.flags = flags;
    out.creation = peer_creation;
    out.capabilities = capabilities;
    return out;
  }
  std::uint32_t intern() { return *host.nodes().intern(peer_name); }
  runtime::pid theirs(std::uint32_t id) const { return {context.ids.peer(), peer_creation, id, 3}; }

  runtime::system host{named()};
  options settings;
  connection_context context;
};

} // namespace coppice::dist::testing
