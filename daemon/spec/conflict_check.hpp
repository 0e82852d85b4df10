// SPDX-License-Identifier: MIT
// Listeners of a configuration at the address and port of another one. Each is a warning, since `coppice
// apply` may put one in the place of the other. One load's.
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
  // `child`: the map that `spec` was read from. Each child once.
  void look(const child_spec& spec, const node& child, report& to);

 private:
  // "tcp" or "udp", and the address with its port.
  using socket = std::pair<std::string_view, std::string>;
  struct known_listener {
    place where;
    bool is_shared = false; // the kernel lets several sockets with this have one address and port
  };
  void listens(socket at, const node* where, bool is_shared, report& to);

  std::map<socket, known_listener> sockets_; // the first at each
};

} // namespace coppice::spec
