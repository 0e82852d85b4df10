// SPDX-License-Identifier: MIT
// What becomes of a global name that two processes have when two partitions meet: the method it was
// registered with says. Those of OTP's `global` are known here; any other is a function of some Erlang node.
// In a process's own turn.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <optional>

#include "runtime/messages/message.hpp"
#include "runtime/on_behalf.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

// fun global:random_exit_name/3, the default.
runtime::message default_conflict_method();

// Whether resolve_conflict() knows the method, and no other node need be asked.
bool is_method_of_global(etf::bytes method);

enum class conflict_outcome : std::uint8_t { first_stays, second_stays, neither };

// Runs a method of OTP's: random_exit_name kills one of the two, the one on the node whose name sorts last;
// random_notify_name tells that one, notify_all_name both. Processes here are ended and told in the name of
// `asker`, which named them. Nothing: the method is another.
std::optional<conflict_outcome> resolve_conflict(runtime::process& self, const runtime::on_behalf& asker,
                                                 etf::bytes method, etf::bytes name,
                                                 const runtime::pid& first, const runtime::pid& second);

// global:resolve_it/4, which other nodes call where one of the two processes lives: the pid that stays, or
// `none`; nothing: badarg, as it is unless global_name_server says that the node which asks, the origin of
// what `self` handles, is resolving that name now. Parks.
runtime::message resolve_it(runtime::process& self, etf::bytes arguments);

} // namespace coppice::services
