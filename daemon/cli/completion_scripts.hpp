// SPDX-License-Identifier: MIT
// The scripts of `coppice completion`. A script knows its shell and nothing of coppice: it passes on the
// words up to the cursor, and lets the shell offer files if it gets no candidates.
#pragma once

#include <string>
#include <string_view>

namespace coppice::cli {

// The script for bash, zsh or fish. Empty: another shell.
std::string completion_script(std::string_view shell);

} // namespace coppice::cli
