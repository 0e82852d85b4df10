// SPDX-License-Identifier: MIT
// A supervisor gives a running server of this node new args and env, or new options of its behaviour, by sys
// requests that are notices. In the process's own turn.
#pragma once

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct config_change {
  runtime::message args; // a map
  runtime::message env;  // a map
  // The values that the process had before a change whose answer came too late. It may not have taken that
  // change. If it has taken it and does not take these values, the answer is {error, Reason}.
  bool former = false;
};

// How long a change waits for the answer of the process that is to take it.
inline constexpr base::nanos config_patience = 5 * base::nanos_per_second;

// Gives the process `of` new args and env (empty: #{}) and waits for the answer. Called by another process
// in its turn. Returns `ok`; `unhandled` if the process cannot take them or is no such server; {error,
// Reason} if it refuses. If there is no answer within config_patience, the result is_late(): the process may
// take the change later, so a caller that gives up the change has to send it the former values behind it.
// Parks.
runtime::message change_config(runtime::process& self, const runtime::pid& of, const runtime::message& args,
                               const runtime::message& env);
// Sends the former values. See send_by_notice() for the answer, and is_refusal().
runtime::reference send_former_config(runtime::process& self, const runtime::pid& of,
                                      const runtime::message& args, const runtime::message& env);

// As change_config(), for the options of its behaviour. Empty: the defaults.
runtime::message change_options(runtime::process& self, const runtime::pid& of,
                                const runtime::message& options);
// Sends the former options, as send_former_config().
runtime::reference send_former_options(runtime::process& self, const runtime::pid& of,
                                       const runtime::message& options);

// Whether the answer to former values says that the process keeps the change.
bool is_refusal(etf::bytes answer);

// Whether a result of change_config() or change_options() says that there was no answer in time.
bool is_late(const runtime::message& result);

// False: the sys request has another form, or is no notice.
bool read_config_change(runtime::process& self, const gen::request& what, config_change& out);
bool read_options_change(runtime::process& self, const gen::request& what, runtime::message& options);

} // namespace coppice::behaviours
