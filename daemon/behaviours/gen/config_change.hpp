// SPDX-License-Identifier: MIT
// How a supervisor tells a server of ours that goes on running what its args and env, or the options of its
// behaviour, are from now on: sys requests that are notices. In the process's own turn.
#pragma once

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct config_change {
  runtime::message args; // a map
  runtime::message env;  // a map
};

// Asks the process `of`, from another's turn, to go on with these (none: #{}), and waits for it: `ok`;
// `unhandled`, it cannot, or is no such server; {error, Reason}, it does not want to, or did not answer in
// five seconds. Parks.
runtime::message change_config(runtime::process& self, const runtime::pid& of, const runtime::message& args,
                               const runtime::message& env);

// Likewise for the options of its behaviour (none: the defaults).
runtime::message change_options(runtime::process& self, const runtime::pid& of,
                                const runtime::message& options);

// False: the sys request is none of these, or no notice.
bool read_config_change(runtime::process& self, const gen::request& what, config_change& out);
bool read_options_change(runtime::process& self, const gen::request& what, runtime::message& options);

} // namespace coppice::behaviours
