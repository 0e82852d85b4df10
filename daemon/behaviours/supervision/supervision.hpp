// SPDX-License-Identifier: MIT
// The things that all supervisors of one application share with each other and with the engines that are
// their children: the factory of actors, where the tree is shown, the rights of other nodes, and the node's
// parts for engines. Immutable, any thread.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "behaviours/supervision/engine_resources.hpp"
#include "behaviours/supervision/peer_rights.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

class supervision_tree;
class pending_orders;

struct supervision {
  runtime::actor_factory* factory = nullptr; // outlives the system
  supervision_tree* tree = nullptr;          // outlives the system
  pending_orders* orders = nullptr;          // outlives the system
  runtime::message env;                      // the application's, for its actors
  // Whether an actor takes these args; for children that other processes add. The args of a template may
  // lack what start_child is to give. `secrets`: the secrets whose markers the args have; null: none. Not
  // set: any args are taken. Any thread.
  std::function<base::status(std::string_view actor, const runtime::message& args,
                             const base::secrets* secrets, bool of_template)>
      check_args{};
  peer_rights rights{};
  engine_resources resources{};
  // Whether a change waits for the first start of this tree. Then no child may take longer than
  // start_patience().
  bool bounded = false;
};

} // namespace coppice::behaviours
