// SPDX-License-Identifier: MIT
// The requests of OTP's remote tools (observer, etop), answered as OTP's observer_backend would: functions
// for rpc, and processes that the tools spawn here and that send them their data. A Coppice node has no
// tables and no ports, so those lists are empty. Allowed by `rpc: [observer]`. Any thread, unless a function
// says otherwise.
#pragma once

#include <array>
#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "dist/router.hpp"
#include "dist/spawn.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"
#include "services/answers/function_table.hpp"
#include "services/answers/running_calls.hpp"

namespace coppice::services {

// erlang:process_info/1 and /2, observer_backend:sys_info/0 and similar.
void add_observer_functions(function_table& into, dist::router& router);

// Whether it asks for one of the processes that OTP's tools spawn here.
bool is_for_tools(const dist::spawn_request& request);
// The process for such a request: observer_backend:procs_info/1, fetch_stats/2 or etop_collect/1. Null:
// another function, or wrong arguments.
std::unique_ptr<runtime::behaviour> observer_process(dist::router& router, const dist::spawn_request& request,
                                                     running_calls::token running);

// Terms that several files write.
namespace observer {
// The values of erlang:memory/0 in its order: [{total, Bytes}, …].
std::array<std::pair<std::string_view, std::uint64_t>, 9> memory(const runtime::system& host);
void write_memory(etf::writer& out, const runtime::system& host);
// {{input, Bytes}, {output, Bytes}}: bytes over the connections to other nodes.
void write_io(runtime::process& self, etf::writer& out, const dist::router& router);
// {Module, Function, Arity}: the actor in the place of a process's first function.
void write_initial_call(etf::writer& out, const runtime::description& of);
// Processes that wait for their turn, on all workers.
std::uint64_t run_queue(const runtime::runtime_counters& of);
// Processes are looked at in parts of this many ids; between parts, in the caller's turn, others run.
constexpr std::uint32_t at_once = 4096;
std::vector<runtime::pid> pids(runtime::process& self);
// Calls `use` for all peers, a part at a time, in no order.
void for_each_peer(runtime::process& self, const dist::router& router,
                   const std::function<void(const dist::peer_info&)>& use);
struct traffic {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
};
traffic bytes_of_all(runtime::process& self, const dist::router& router);
} // namespace observer

} // namespace coppice::services
