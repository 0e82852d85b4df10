// SPDX-License-Identifier: MIT
// erpc and rpc of OTP 23 and later: a spawn request of erpc:execute_call/4 with a monitor, whose result is
// the exit reason of the process made for it. Such a process runs one allowed function and ends.
#pragma once

#include <memory>

#include "dist/spawn.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/system.hpp"
#include "services/functions.hpp"

namespace coppice::services {

// The handler for router.set_spawn_handler(): everything but erpc's forms is notsup.
dist::spawn_handler spawns_for_erpc(runtime::system& system, std::shared_ptr<const functions> allowed);

// {Ref, return, V} | {Ref, error, undef, […]} | {Ref, error, badarg, […]}, as erpc's caller reads it. `tag`
// is Ref.
runtime::message erpc_result(runtime::process& self, const functions& allowed, etf::bytes tag,
                             etf::bytes module, etf::bytes function, etf::bytes arguments);

// The value, or {badrpc, {'EXIT', {Reason, Stack}}}: what rpc's older forms answer.
runtime::message rpc_result(runtime::process& self, const functions& allowed, etf::bytes module,
                            etf::bytes function, etf::bytes arguments);

} // namespace coppice::services
