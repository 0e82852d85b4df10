// SPDX-License-Identifier: MIT
// The host table for tests, and the interfaces for time, work, logs and posts. The clock stands still unless
// the test advances it or the actor waits; blocking work runs in the calling thread. get_interface returns
// NULL for any other interface, as an older host does. In the actor's callbacks, except
// functions marked [any].
#pragma once

#include <coppice/plugin.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <coppice/etf/needs_cpp20.hpp>

namespace coppice::testing::detail {

struct process;

std::int64_t now();
std::int64_t wall_time(const process& of);

struct init_error {
  std::int32_t code = COPPICE_OK;
  std::string text;
};
/// By name: interfaces of headers that coppice/testing.hpp does not include.
std::map<std::string_view, const void*>& more_interfaces();
const void* get_interface(const coppice_host*, const char* name);
const coppice_host* host_table();

} // namespace coppice::testing::detail
