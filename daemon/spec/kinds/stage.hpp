// SPDX-License-Identifier: MIT
// The options of a stage, and the subscriptions, which a consumer supervisor has as well. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"
#include "tree/stage.hpp"

namespace coppice::spec {

class child_check;
class kind;
class report;
struct child_spec;
struct node;
template <class Struct>
class table;

struct stage_resubscribe {
  milliseconds first{1000};
  milliseconds max{30'000};
  bool operator==(const stage_resubscribe&) const = default;
};

struct stage_subscription {
  std::string to; // NAME or NAME@ALIVE@HOST
  std::uint64_t max_demand = 1000;
  std::optional<std::uint64_t> min_demand; // none: half of max_demand
  tree::cancel_mode cancel = tree::cancel_mode::permanent;
  std::optional<std::string> partition; // digits mean a number, else it is a name
  std::optional<stage_resubscribe> resubscribe;
  bool operator==(const stage_subscription&) const = default;
};

struct stage_dispatcher {
  tree::stage_dispatching kind = tree::stage_dispatching::demand;
  std::vector<std::string> partitions; // as stage_subscription::partition
  bool operator==(const stage_dispatcher&) const = default;
};

struct stage_buffer {
  std::optional<std::uint64_t> size; // none: the default of the stage's role
  tree::buffer_keep keep = tree::buffer_keep::last;
  std::uint64_t bytes = std::uint64_t{64} << 20;
  bool operator==(const stage_buffer&) const = default;
};

// The options of an actor that is a stage.
struct stage_options {
  std::vector<stage_subscription> subscribe_to;
  stage_dispatcher dispatcher;
  tree::demand_mode demand = tree::demand_mode::forward;
  stage_buffer buffer;
  std::uint64_t demand_step = 10'000;
  bool operator==(const stage_options&) const = default;
};

const table<stage_subscription>& subscription_table();
// Notes the processes that the child subscribes to. `written`: the map that has subscribe_to.
void note_subscriptions(child_check&, const child_spec&, const std::vector<stage_subscription>&,
                        const node& written);
// Checks that a stage's mailbox loses nothing: if a request for events is lost, the pipeline stands still.
// `at`: the child's map.
void check_stage_mailbox(report&, const child_spec&, const node& at);

} // namespace coppice::spec
