// SPDX-License-Identifier: MIT
// Answers `erl -remsh` and `iex --remsh`: this node runs no Erlang, so it has no shell. The caller is told so
// on its own terminal, with the command that replaces a shell, and the log has a line. In the process's own
// turn.
#pragma once

#include "services/answers/function_table.hpp"

namespace coppice::services {

// The start functions of `shell` and of IEx, and code:ensure_loaded/1, which callers use first.
void add_shell_functions(function_table& into);

} // namespace coppice::services
