// SPDX-License-Identifier: MIT
// What a stage can be told: by YAML, by its own init, and of a subscription by whoever subscribes. Options of
// a subscription are a keyword list, as GenStage has them; those that no one here knows are the author's.
// Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/stage/buffer.hpp"
#include "runtime/messages/message.hpp"
#include "tree/stage.hpp"

namespace coppice::behaviours {

enum class stage_role : std::uint8_t { producer, producer_consumer, consumer };
using tree::cancel_mode;
using tree::demand_mode;

struct dispatcher_options {
  using kind = tree::stage_dispatching;
  kind what = kind::demand;
  std::vector<runtime::message> partitions{}; // for `partition`: their names, terms
  std::uint64_t max_demand = 0;               // for `demand`: what is expected at most; 0: the first ask
};

struct subscription_options {
  std::uint64_t max_demand = 1000; // 1 to most_demand
  std::uint64_t min_demand = 500;  // less than max_demand
  cancel_mode cancel = cancel_mode::permanent;
};

// A subscription that the stage makes by itself, when it starts and, if it is to, again after it ended.
struct wanted_subscription {
  runtime::message to;      // a pid, a name, {Name, Node}, …: as GenStage takes it
  runtime::message options; // a keyword list
  base::nanos first = 0;    // the time until it subscribes again, doubled up to `max`; 0: it does not
  base::nanos max = 0;
};

struct stage_options {
  dispatcher_options dispatcher{};
  demand_mode demand = demand_mode::forward;
  stage_buffer_bounds buffer{};
  std::uint64_t demand_step = 10'000; // a producer is asked for so much at once
  // Memory of events that wait for room at one consumer, or at all consumers of another node.
  std::uint64_t backlog_bytes = 64 << 20;
  std::vector<wanted_subscription> subscribe_to{};
};

// The bounds that hold where nothing else is said.
stage_options default_options(stage_role role);

// The value of a key in a keyword list, the first one if there are several; nothing: there is none. `list`
// may be any term.
std::optional<etf::bytes> option_of(etf::bytes list, std::string_view key);
bool is_keyword_list(etf::bytes term);

// An error's text says what is wrong, for {bad_opts, Text}.
base::result<subscription_options> read_subscription(etf::bytes options);

// The options of GenStage's init, a keyword list: `dispatcher`, `demand`, `buffer_size`, `buffer_keep`,
// `subscribe_to`, as the role has them, and ours: `buffer_bytes`, `backlog_bytes`, `demand_step`, and of a
// subscription {resubscribe, {First, Max}} in nanoseconds. What is not said is as in `unless_said`.
base::result<stage_options> read_stage_options(stage_role role, etf::bytes options,
                                               stage_options unless_said);

} // namespace coppice::behaviours
