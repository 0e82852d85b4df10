// SPDX-License-Identifier: MIT
// The node's orders to the application controller when a configuration is applied. The controller gets them
// by pending_orders, as a supervisor gets its own. Values, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "behaviours/application/application.hpp"

namespace coppice::behaviours {

// How an order found its application. Used in the controller's turns.
struct found_application {
  bool noted = false;
  application_state state = application_state::stopped;
};
using application_note = std::shared_ptr<found_application>;

// An order to the application controller. Answered ok | {error, Reason}.
struct application_order {
  enum class kind : std::uint8_t {
    add,     // append it and start it
    remove,  // stop it and forget it
    replace, // stop it and start it by this specification; if that fails, the old one is back
    restore, // it is again as `found` says, by this specification; failed if it does not start
    update,  // change its specification alone
    arrange, // the start order is `order`
  };
  kind what = kind::update;
  application_spec spec{};          // not for arrange; its name says which
  std::vector<std::string> order{}; // arrange: every application
  application_note found{};         // restore: read; remove, replace: written; null: not noted
};

} // namespace coppice::behaviours
