// SPDX-License-Identifier: MIT
// Which secrets of a template's args a child's args still have, after start_child has laid a map over them.
// Pure; any thread.
#pragma once

#include "base/secret.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// `merged`: a map, those of the template with those of a caller over them. A key whose value the caller has
// replaced keeps no secret, whatever it looks like now: a caller reads no file but those that the
// configuration has put under that very key. null: none are left.
base::secrets_ptr left_in(const runtime::message& merged, const runtime::message& of_template,
                          const base::secrets_ptr& secrets);

} // namespace coppice::behaviours
