// SPDX-License-Identifier: MIT
// What answers `erl -remsh` and `iex --remsh`: this node runs no Erlang, so there is no shell to have. Who
// asks is told so on its own terminal, with the command that does what a shell is wanted for; and the log has
// it. In the process's own turn.
#pragma once

#include "services/functions.hpp"

namespace coppice::services {

// shell:start/0 to /2 and 'Elixir.IEx':start/1 to /2, and code:ensure_loaded/1, which IEx asks first.
void add_shell_functions(function_table& into);

} // namespace coppice::services
