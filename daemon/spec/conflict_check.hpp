// SPDX-License-Identifier: MIT
// Finds listeners of a configuration that have the same address and port. The second one is a warning and
// not an error, since `coppice apply` may put it in the place of the first. Used by one load.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

class conflict_check {
 public:
  // Called once for each child. `child`: the map that `spec` was read from.
  void look(const child_spec& spec, const node& child, report& to);

 private:
  // "tcp" or "udp", and the address with its port.
  using socket = std::pair<std::string_view, std::string>;
  struct known_listener {
    place where;
    bool is_shared = false; // the kernel lets several such sockets share an address and port
  };
  void listens(socket at, const node* where, bool is_shared, report& to);

  std::map<socket, known_listener> sockets_; // the first listener at each
};

} // namespace coppice::spec
