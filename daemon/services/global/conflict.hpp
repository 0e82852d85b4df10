// SPDX-License-Identifier: MIT
// Decides which process keeps a global name that two processes have when two partitions meet: the method
// decides that the name was registered with. OTP's own methods are implemented here; any other method is a
// function of some Erlang node. In a process's own turn.
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

// Whether resolve_conflict() implements the method, so that no other node need be asked.
bool is_method_of_global(etf::bytes method);

enum class conflict_outcome : std::uint8_t { first_stays, second_stays, neither };

// Runs one of OTP's methods: random_exit_name kills the process on the node whose name sorts last;
// random_notify_name notifies that process, notify_all_name both. Processes of this node are ended and
// notified in the name of `asker`, which named them. Empty: another method.
std::optional<conflict_outcome> resolve_conflict(runtime::process& self, const runtime::on_behalf& asker,
                                                 etf::bytes method, etf::bytes name,
                                                 const runtime::pid& first, const runtime::pid& second);

// global:resolve_it/4, which another node calls where one of the two processes lives. Returns the pid that
// stays, or `none`. An empty message stands for badarg: only the node that is resolving that name now may
// call this. global_name_server is asked whether the message that `self` handles comes from that node.
// Parks.
runtime::message resolve_it(runtime::process& self, etf::bytes arguments);

} // namespace coppice::services
