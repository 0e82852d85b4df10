// SPDX-License-Identifier: MIT
// What other nodes may run here by rpc: built-in functions that answer what OTP's answer, functions that an
// actor of a plugin stands for, and the list that allows them. There is no Erlang code in this node, so
// nothing else can run. Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "dist/router.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"
#include "services/answers/function_table.hpp"
#include "services/answers/running_calls.hpp"

namespace coppice::services {

class functions {
 public:
  // `allow`: "info", "observer" (and info), "env" (what applications are configured with), "module:function",
  // "module:*", "mod:fun/2 => PLUGIN:ACTOR". Others are errc::invalid, and so is a function that is neither
  // built in nor some actor's. `start`: applications that application:start/1 and its like may start and
  // stop. `scopes`: those of pg.
  static base::result<functions> make(dist::router& router, const std::vector<std::string>& allow,
                                      const std::vector<std::string>& start,
                                      const std::vector<std::string>& scopes);

  // The preset `observer` is among what is allowed: its processes too.
  bool observer() const { return observer_; }
  // The function if it exists and is allowed, else null.
  const callable* find(std::string_view module, std::string_view name, std::uint32_t arity) const;
  // What runs of them for other nodes, by whichever service.
  const running_calls& running() const { return running_; }

 private:
  base::status allow(const std::string& word);
  bool is_built_in(std::string_view module, std::string_view name) const;
  bool allowed(std::string_view module, std::string_view name) const;

  running_calls running_;
  bool info_ = false;
  bool observer_ = false;
  bool env_ = false;
  std::vector<std::pair<std::string, std::string>> pairs_; // module and function, "*" for all
  function_table built_in_;
  function_table of_tools_; // by the preset `observer` alone
  function_table of_env_;   // by `env` alone: built_in_ has what answers as if there were no settings
  function_table granted_;  // need no further leave
};

// erlang:system_info/1, memory/0 and /1, statistics/1.
void add_system_functions(function_table& into, dist::router& router);
// Those of `pg` that read: they ask the scope of that name, if it is one of these.
void add_pg_functions(function_table& into, const std::vector<std::string>& scopes);
// A function that an actor stands for: an instance of its own is called with {Function, Argument…}, or the
// atom alone without arguments, and stopped with `shutdown`.
callable call_of_actor(std::string actor, std::string function);
// Those of `application` that read: which and loaded applications; get_env and get_all_env as of applications
// without settings.
void add_application_functions(function_table& into);
// get_env and get_all_env: settings are secrets as a rule.
void add_env_functions(function_table& into);
// application:start/1, ensure_started/1 and stop/1 of those named; {error, not_allowed} of others.
void grant_applications(function_table& into, const std::vector<std::string>& names);

// The length of a proper list, however it is written; nothing if it is none.
std::optional<std::uint32_t> list_length(etf::bytes list);

} // namespace coppice::services
