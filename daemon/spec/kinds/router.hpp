// SPDX-License-Identifier: MIT
// The options of an actor that is a router, as the configuration has them. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"
#include "tree/router.hpp"

namespace coppice::spec {

struct router_route {
  std::string name;
  std::string to; // NAME or NAME@ALIVE@HOST
  bool operator==(const router_route&) const = default;
};

// The options of an actor that is a router.
struct router_options {
  std::vector<router_route> routes;
  tree::router_failure on_failed = tree::router_failure::reply;
  std::optional<milliseconds> timeout = milliseconds(60'000); // none: infinity
  std::uint64_t pending = 100'000;                            // calls
  bool operator==(const router_options&) const = default;
};

} // namespace coppice::spec
