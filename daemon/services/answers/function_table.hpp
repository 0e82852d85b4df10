// SPDX-License-Identifier: MIT
// The functions that other nodes may call on this node by rpc, as a table. Each folder of services that has
// such functions adds them to a table; services/rpc decides which of them a peer may call. Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

// The result of a function: its value, or its exit reason. Neither: badarg.
struct answer {
  answer() = default;
  answer(runtime::message what) : value(std::move(what)) {} // implicit, since most answers are values
  static answer exited(runtime::message reason) {
    answer made;
    made.exit = std::move(reason);
    return made;
  }
  runtime::message value;
  runtime::message exit;
};

// Runs in a process's own turn, so it may wait. The caller is the origin of the message that the process
// handles. The arguments are a list of the right length.
using callable = std::function<answer(runtime::process& self, etf::bytes arguments)>;

// The functions by their names, "module:function/arity".
using function_table = std::map<std::string, callable, std::less<>>;

} // namespace coppice::services
