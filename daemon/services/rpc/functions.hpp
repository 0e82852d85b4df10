// SPDX-License-Identifier: MIT
// The functions that other nodes may run here by rpc: built-in functions that answer as OTP's do, functions
// that an actor of a plugin implements, and the list that allows them. This node has no Erlang code, so
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
#include "services/answers/portions.hpp"
#include "services/answers/running_calls.hpp"

namespace coppice::services {

class functions {
 public:
  // `allow`: "info", "observer" (includes info), "env" (the applications' configuration), "module:function",
  // "module:*", "mod:fun/2 => PLUGIN:ACTOR". errc::invalid: any other entry, or a function that is neither
  // built in nor an actor's. `start`: applications that application:start/1 and similar functions may start
  // and stop. `scopes`: the scopes of pg.
  static base::result<functions> make(dist::router& router, const std::vector<std::string>& allow,
                                      const std::vector<std::string>& start,
                                      const std::vector<std::string>& scopes);

  // Whether the preset `observer` is allowed, and so are its processes.
  bool observer() const { return observer_; }
  // The function, if it exists and is allowed. Null: it is not.
  const callable* find(std::string_view module, std::string_view name, std::uint32_t arity) const;
  // The calls that run for other nodes, in all services.
  const running_calls& running() const { return running_; }

 private:
  base::status allow(const std::string& word);
  bool is_built_in(std::string_view module, std::string_view name) const;
  bool allowed(std::string_view module, std::string_view name) const;

  running_calls running_;
  bool info_ = false;
  bool observer_ = false;
  bool env_ = false;
  std::vector<std::pair<std::string, std::string>> pairs_; // module and function; "*": all functions
  function_table built_in_;
  function_table of_tools_; // allowed by the preset `observer` only
  function_table of_env_;   // allowed by `env` only; built_in_ has variants that answer as without settings
  function_table granted_;  // always allowed
};

// erlang:system_info/1, memory/0 and /1, statistics/1.
void add_system_functions(function_table& into, dist::router& router);
// The functions of `pg` that read: they ask the scope of that name if it is one of `scopes`.
void add_pg_functions(function_table& into, const std::vector<std::string>& scopes);
// A function that an actor implements: a new instance is called with {Function, Argument…}, or with the atom
// if there are no arguments, and stopped with `shutdown`.
callable call_of_actor(std::string actor, std::string function);
// The functions of `application` that read: which_applications and loaded_applications; get_env and
// get_all_env as for applications without settings.
void add_application_functions(function_table& into);
// get_env and get_all_env with real values, which are usually secret.
void add_env_functions(function_table& into);
// application:start/1, ensure_started/1 and stop/1 for the named applications; {error, not_allowed} for
// others.
void grant_applications(function_table& into, const std::vector<std::string>& names);

// The length of a proper list in any encoding. Empty: not a proper list. May yield.
std::optional<std::uint32_t> list_length(etf::bytes list, portions& work);

} // namespace coppice::services
