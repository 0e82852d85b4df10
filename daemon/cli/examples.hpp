// SPDX-License-Identifier: MIT
// The example at the end of each command's --help. All examples are in one table, so that a test can run
// them: tests/e2e/completion.py. A new command gets a row there.
#pragma once

#include <CLI/CLI.hpp>

namespace coppice::cli {

// Gives each command of `app` its example, except for hidden commands.
void add_examples(CLI::App& app);

} // namespace coppice::cli
