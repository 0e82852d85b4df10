// SPDX-License-Identifier: MIT
// The kind of a child that is a member of a Raft group. Any thread.
#pragma once

#include <memory>

#include "behaviours/raft/raft_spec.hpp"
#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

// For a specification with a registered name, whose actor applies the group's commands.
std::shared_ptr<const child_kind> raft_kind(std::shared_ptr<const raft::raft_spec> options);

} // namespace coppice::behaviours
