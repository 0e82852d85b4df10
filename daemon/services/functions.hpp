// SPDX-License-Identifier: MIT
// What other nodes may run here by rpc: built-in functions that answer what OTP's answer, and the list that
// allows them. There is no Erlang code in this node, so nothing else can run. Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "dist/router.hpp"
#include "runtime/message.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

// Called in a process's own turn, so it may wait. The arguments are a list of the right length. Nothing:
// badarg.
using callable = std::function<runtime::message(runtime::process& self, etf::bytes arguments)>;

// By "module:function/arity".
using function_table = std::map<std::string, callable, std::less<>>;

class functions {
 public:
  // `allow`: "info", "module:function", "module:*". Unknown words are errc::invalid.
  static base::result<functions> make(dist::router& router, const std::vector<std::string>& allow);

  // The function if it exists and is allowed, else null.
  const callable* find(std::string_view module, std::string_view name, std::uint32_t arity) const;

 private:
  bool allowed(std::string_view module, std::string_view name) const;

  bool info_ = false;
  std::vector<std::pair<std::string, std::string>> pairs_; // module and function, "*" for all
  function_table built_in_;
};

// Those of `pg` that read: they ask the scope of that name.
void add_pg_functions(function_table& into);

// The length of a proper list, however it is written; nothing if it is none.
std::optional<std::uint32_t> list_length(etf::bytes list);

} // namespace coppice::services
