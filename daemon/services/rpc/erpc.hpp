// SPDX-License-Identifier: MIT
// erpc, and rpc of OTP 23 and later: a spawn request of erpc:execute_call/4 with a monitor, whose result is
// the exit reason of the spawned process. That process runs one allowed function and ends. Also spawns actors
// for other nodes.
#pragma once

#include <memory>

#include "behaviours/supervision/peer_rights.hpp"
#include "dist/router.hpp"
#include "dist/spawn.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/system.hpp"
#include "services/rpc/functions.hpp"

namespace coppice::services {

// The handler for router.set_spawn_handler(): erpc's forms, and coppice:spawn('PLUGIN:ACTOR'[, Args]) for an
// actor that `rights` allows. Any other request is answered notsup; an actor that cannot be started, badarg.
dist::spawn_handler remote_spawns(runtime::system& system, dist::router& router,
                                  std::shared_ptr<const functions> allowed, behaviours::peer_rights rights);

// Logs that a call was refused because running_calls has no place for it.
void log_refused_call(const runtime::system& system, std::uint32_t node);

// {Ref, return, V} | {Ref, error, undef | badarg, […]} | {Ref, exit, Reason}, for erpc's caller. `tag` is
// Ref.
runtime::message erpc_result(runtime::process& self, const functions& allowed, etf::bytes tag,
                             etf::bytes module, etf::bytes function, etf::bytes arguments);

// The value, or {badrpc, {'EXIT', {Reason, Stack} | Reason}}: the answer in rpc's older forms.
runtime::message rpc_result(runtime::process& self, const functions& allowed, etf::bytes module,
                            etf::bytes function, etf::bytes arguments);

} // namespace coppice::services
