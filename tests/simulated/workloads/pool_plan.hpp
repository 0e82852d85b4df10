// SPDX-License-Identifier: MIT
// The pools that the seed has chosen for a run: their options, their faults, and their specification as a
// child. The baton's holder.
// rooms: node
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "behaviours/pool/pool_spec.hpp"
#include "behaviours/supervision/child_spec.hpp"

namespace coppice::simulated {

inline constexpr std::size_t pools_of_host = 3;
inline constexpr std::size_t relayed = 2;             // the place of the pool of the configuration
inline constexpr std::string_view hall_name = "hall"; // the supervisor of the other pools

// A pool as every host has it.
struct pool_plan {
  std::string name;
  behaviours::pool_spec options; // that it starts with
  std::uint32_t size = 1;        // that it starts with
  std::uint32_t mailbox = 0;     // messages that fit into its mailbox; 0: the default
  bool relays = false;           // its workers are actors of the plugin `relay`, which ask the desk
  bool own_callers = false;      // only processes of its own host send to it
  bool decides = false;          // the workers' type has a policy
  bool kills = false;            // workers, and the pool itself
  bool crashes = false;          // workers crash, or do not start
  bool resizes = false;
  // Changed by new options.
  std::uint32_t most_in_flight = 1;
  bool may_retry = false;

  // Whether no worker ends before the run does.
  bool is_steady() const { return !kills && !crashes && !resizes; }
  bool broadcasts() const { return options.dispatch == behaviours::pool_dispatch::broadcast; }
};

// Draws the pool with this place.
pool_plan any_plan(std::size_t place);
// Draws the options that may change while a pool runs with this size.
void change_options(pool_plan& plan, behaviours::pool_spec& of, std::uint32_t size);
// A child of a configuration, as a line of YAML.
std::string as_yaml(const pool_plan& plan);
// A child of the hall that is the pool with these options. The actors of its workers have the pool's name.
std::shared_ptr<const behaviours::child_spec> child_of(const pool_plan& plan,
                                                       const behaviours::pool_spec& options,
                                                       std::uint32_t size);

} // namespace coppice::simulated
