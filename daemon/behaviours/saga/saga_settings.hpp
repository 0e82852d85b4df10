// SPDX-License-Identifier: MIT
// The options of a saga's child, as the configuration gives them to its process. Plain values; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "saga/options.hpp"

namespace coppice::behaviours {

// The name of a saga's group in the node's durable log is this prefix and the saga's name.
inline constexpr std::string_view saga_group_prefix = "saga/";

struct saga_settings {
  saga::options core; // without `self`, which is the process's registered name and node
  bool durable = false;
  std::vector<std::string> from; // patterns of other nodes whose steps are taken, with * and ?. Empty: all
};

// {Commit, durable | volatile, Lifespan, Hops, MaxTransactions, RetryFirst, RetryMax, StepTimeout, Keep,
// KeepCount, MaxValue, InDoubt, Steps, [Pattern]}, times in ns. nullopt: another term.
std::optional<saga_settings> read_saga_settings(etf::bytes options);

// Whether this other node may start transactions, and its steps are taken.
bool takes_steps_of(const saga_settings& how, const std::string& node);

} // namespace coppice::behaviours
