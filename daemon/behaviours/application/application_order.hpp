// SPDX-License-Identifier: MIT
// What the node wants changed in the set of applications when a configuration is applied: the controller's
// orders, which it gets by pending_orders as a supervisor gets its own. Values, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "behaviours/application/application.hpp"

namespace coppice::behaviours {

// How an order found its application, for the controller's turns.
struct found_application {
  bool noted = false;
  application_state state = application_state::stopped;
};
using application_note = std::shared_ptr<found_application>;

// For the application controller. Answered ok | {error, Reason}.
struct application_order {
  enum class kind : std::uint8_t {
    add,     // behind the others, and start it
    remove,  // stop it and forget it
    replace, // stop it and start it by this specification; what fails to start gives way to the old one
    restore, // by this specification it is again as `found` says, failed if it does not start
    update,  // its specification alone
    arrange, // the start order is `order`
  };
  kind what = kind::update;
  application_spec spec{};          // all but arrange; its name says which
  std::vector<std::string> order{}; // arrange: every application
  application_note found{};         // restore: read; remove, replace: written; null: nobody asks
};

} // namespace coppice::behaviours
