// SPDX-License-Identifier: MIT
// The functions that other nodes may call here by rpc, as a table: what one is, and what it answers. Each
// folder of services that has such functions adds them to a table; services/rpc decides which of them a peer
// may call. Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

// What a function came to: its value, or the reason it exited with. Neither: badarg.
struct answer {
  answer() = default;
  answer(runtime::message what) : value(std::move(what)) {} // most have one: implicit
  static answer exited(runtime::message reason) {
    answer made;
    made.exit = std::move(reason);
    return made;
  }
  runtime::message value;
  runtime::message exit;
};

// Called in a process's own turn, so it may wait; the origin of what that handles is who asks. The arguments
// are a list of the right length.
using callable = std::function<answer(runtime::process& self, etf::bytes arguments)>;

// By "module:function/arity".
using function_table = std::map<std::string, callable, std::less<>>;

} // namespace coppice::services
