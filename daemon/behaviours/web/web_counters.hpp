// SPDX-License-Identifier: MIT
// The counters of a web server and its routes (sites.hpp), as families of the node's metrics. A route's
// numbers begin anew when a reload of the configuration has changed the routes. Any thread.
#pragma once

#include <memory>

#include "metrics/counters.hpp"

namespace coppice::behaviours {

class web_sites;

class web_counters final : public metrics::counters {
 public:
  // null: an object that declares the families and has no samples.
  explicit web_counters(std::shared_ptr<const web_sites> of = nullptr);
};

} // namespace coppice::behaviours
