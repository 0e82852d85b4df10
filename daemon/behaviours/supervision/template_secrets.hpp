// SPDX-License-Identifier: MIT
// Which secrets of a template's args a child's args still have after start_child has laid a map over them.
// Pure; any thread.
#pragma once

#include "base/secret.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// `merged`: the template's map with the pairs of a caller's map over it. A key whose value the caller has
// replaced keeps no secret, whatever the value looks like: a caller can make the node read only the files
// that the configuration names under that very key. null: none are left.
base::secrets_ptr left_in(const runtime::message& merged, const runtime::message& of_template,
                          const base::secrets_ptr& secrets);

} // namespace coppice::behaviours
