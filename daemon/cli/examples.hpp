// SPDX-License-Identifier: MIT
// The example at the end of each command's --help, in one table; tests/e2e/completion.py runs them all.
#pragma once

#include <CLI/CLI.hpp>

namespace coppice::cli {

// Gives each command of `app` its example, except for hidden commands.
void add_examples(CLI::App& app);

} // namespace coppice::cli
