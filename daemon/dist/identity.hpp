// SPDX-License-Identifier: MIT
// Converts pids and references between the wire and the runtime for one connection. Nearly all belong to this
// node or to the peer, so these two names are compared before the table of names is asked. The connection's
// thread.
#pragma once

#include <array>
#include <coppice/etf/types.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/messages/ids.hpp"

namespace coppice::dist {

class identity {
 public:
  identity(runtime::node_names& names, std::uint32_t peer)
      : names_(&names), peer_(peer), own_name_(names.own()), peer_name_(names.name(peer)) {}

  std::uint32_t peer() const { return peer_; }

  // Empty: the node is unknown. A node that a peer merely mentions gets no entry in the table of names.
  std::optional<runtime::pid> in(const etf::pid& p) const {
    const auto node = node_of(p.node);
    if (!node) return std::nullopt;
    return runtime::pid{*node, p.creation, p.id, p.serial};
  }
  std::optional<runtime::reference> in(const etf::reference& r) const {
    const auto node = node_of(r.node);
    if (!node) return std::nullopt;
    return runtime::reference{*node, r.creation, r.count, r.words};
  }
  // Gives an unknown node an entry. Empty: the table of names is full.
  std::optional<runtime::pid> in_from_anywhere(const etf::pid& p) const {
    const auto node = names_->intern(p.node);
    if (!node) return std::nullopt;
    return runtime::pid{*node, p.creation, p.id, p.serial};
  }
  // The results borrow the node's name. Names of third nodes are valid until a few more were converted, which
  // is enough for one control message.
  etf::pid out(const runtime::pid& p) const { return {name_of(p.node), p.id, p.serial, p.creation}; }
  etf::reference out(const runtime::reference& r) const {
    return {name_of(r.node), r.creation, r.count, r.words};
  }

 private:
  std::optional<std::uint32_t> node_of(std::string_view name) const {
    if (name == own_name_) return 0;
    if (name == peer_name_) return peer_;
    return names_->find(name);
  }

  std::string_view name_of(std::uint32_t node) const {
    if (node == 0) return own_name_;
    if (node == peer_) return peer_name_;
    std::string& name = third_[next_++ % third_.size()];
    name = names_->name(node);
    return name;
  }

  runtime::node_names* names_;
  std::uint32_t peer_;
  std::string_view own_name_;
  std::string peer_name_;
  mutable std::array<std::string, 4> third_; // a control message has fewer pids and references
  mutable unsigned next_ = 0;
};

} // namespace coppice::dist
