// SPDX-License-Identifier: MIT
// The registered nodes: names, ports, and the creation of each registration. A name that is registered again
// gets another creation than before, so that pids of the former node are not taken for new ones; for that the
// last thousand names that left are remembered. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "epmd/protocol.hpp"

namespace coppice::epmd {

// The owner of registrations that no connection holds: those of the serving program itself. Owners of
// connections begin at 1.
constexpr std::uint64_t own_registration = 0;

class registry {
 public:
  struct entry {
    node_info node;
    std::uint32_t creation = 0;
    std::uint64_t owner = 0;
  };
  struct former {
    std::string name;
    std::uint16_t port = 0;
    std::uint32_t creation = 0;
  };

  explicit registry(std::size_t max_nodes = 10'000);

  // Returns the creation: above 3 for a node of version 6 and later, 1 to 3 for an older one. `owner`: names
  // the registration's owner in owner_of(). errc::exists: the name is taken. errc::limit: too many nodes are
  // registered; own_registration is exempt.
  base::result<std::uint32_t> add(node_info node, std::uint64_t owner);
  // Nothing: the name is not registered.
  std::optional<std::uint64_t> owner_of(std::string_view name) const;
  bool remove(std::string_view name);

  const entry* find(std::string_view name) const;
  std::size_t size() const { return nodes_.size(); }
  bool empty() const { return nodes_.empty(); }
  // Sorted by name.
  const std::map<std::string, entry, std::less<>>& nodes() const { return nodes_; }
  // The oldest first.
  const std::deque<former>& former_nodes() const { return former_; }

 private:
  std::uint32_t next_creation(const node_info& node);

  std::size_t max_nodes_;
  std::map<std::string, entry, std::less<>> nodes_;
  std::deque<former> former_;
};

} // namespace coppice::epmd
