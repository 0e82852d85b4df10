// SPDX-License-Identifier: MIT
// What answers `erl -remsh` and `iex --remsh`: this node runs no Erlang, so there is no shell to have. Who
// asks is told so on its own terminal, with the command that does what a shell is wanted for; and the log has
// it. In the process's own turn.
#pragma once

#include "services/answers/function_table.hpp"

namespace coppice::services {

// The start functions of `shell` and of IEx, and code:ensure_loaded/1, which is asked first.
void add_shell_functions(function_table& into);

} // namespace coppice::services
