// SPDX-License-Identifier: MIT
// Looking for processes by what they do, without a copy of all there is to see of each. Any thread.
#pragma once

#include <functional>
#include <vector>

#include "runtime/behaviour.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime {

// Those that `wanted` says yes to. It may look at no more than behaviour::describe() may.
std::vector<pid> find_processes(const system& host, const std::function<bool(const behaviour&)>& wanted);

} // namespace coppice::runtime
