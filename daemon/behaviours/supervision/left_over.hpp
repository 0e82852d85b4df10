// SPDX-License-Identifier: MIT
// Processes that an earlier run of a supervisor has left behind. When a supervisor is killed, each process
// below it ends in a turn of its own. The supervisor's parent may start it again before that, and finds the
// names of those processes taken. Any thread.
#pragma once

#include <string_view>

#include "runtime/messages/ids.hpp"

namespace coppice::runtime {
class system;
}

namespace coppice::behaviours {

// Whether `who` is below `path` (a supervisor's place in the tree, as "app/sup"), and was started by a
// process that is gone, or a supervisor between `path` and `who` was. Such a process is about to end. A
// process that is gone already counts too. The place is read from the process's label, so a process that has
// set a label of its own is not recognised.
bool is_left_over(const runtime::system& host, runtime::pid who, std::string_view path);

} // namespace coppice::behaviours
