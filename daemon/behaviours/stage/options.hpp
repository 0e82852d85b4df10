// SPDX-License-Identifier: MIT
// The options of a stage, from YAML and from its init, and of a subscription, from the process that
// subscribes. A subscription's options are a keyword list, as in GenStage; unknown keys are for the author.
// Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/stage/buffer.hpp"
#include "runtime/messages/message.hpp"
#include "tree/stage.hpp"

namespace coppice::behaviours {

enum class stage_role : std::uint8_t { producer, producer_consumer, consumer };
// The role of the behaviour with this name, which must be a stage's.
stage_role role_of(std::string_view behaviour);
using tree::cancel_mode;
using tree::demand_mode;

struct dispatcher_options {
  using kind = tree::stage_dispatching;
  kind what = kind::demand;
  std::vector<runtime::message> partitions{}; // for `partition`: the names, which are terms
  std::uint64_t max_demand = 0; // for `demand`: largest demand that is expected. 0: set by the first ask
};

struct subscription_options {
  std::uint64_t max_demand = 1000; // 1 to most_demand
  std::uint64_t min_demand = 500;  // less than max_demand
  cancel_mode cancel = cancel_mode::permanent;
};

// A subscription that the stage makes when it starts and, if so configured, again after it has ended.
struct wanted_subscription {
  runtime::message to;      // a pid, a name, {Name, Node}, …, as in GenStage
  runtime::message options; // a keyword list
  base::nanos first = 0;    // time until it subscribes again, doubled up to `max`. 0: it does not
  base::nanos max = 0;
};

struct stage_options {
  dispatcher_options dispatcher{};
  demand_mode demand = demand_mode::forward;
  stage_buffer_bounds buffer{};
  std::uint64_t demand_step = 10'000; // most events that a producer is asked for at once
  // Most bytes of events that wait for room at one consumer, or at all consumers of another node.
  std::uint64_t backlog_bytes = 64 << 20;
  std::vector<wanted_subscription> subscribe_to{};
};

// The defaults for the role.
stage_options default_options(stage_role role);

// The value of a key in a keyword list, the first if there are several. Empty: no such key. `list` may be any
// term.
std::optional<etf::bytes> option_of(etf::bytes list, std::string_view key);
bool is_keyword_list(etf::bytes term);

// An error's text is meant for {bad_opts, Text}.
base::result<subscription_options> read_subscription(etf::bytes options);

// Reads the options of GenStage's init, a keyword list: `dispatcher`, `demand`, `buffer_size`, `buffer_keep`
// and `subscribe_to`, as far as the role has them. Coppice adds `buffer_bytes`, `backlog_bytes`,
// `demand_step`, and for a subscription {resubscribe, {First, Max}} in nanoseconds. `unless_said`: values of
// missing keys.
base::result<stage_options> read_stage_options(stage_role role, etf::bytes options,
                                               stage_options unless_said);

} // namespace coppice::behaviours
