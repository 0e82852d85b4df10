// SPDX-License-Identifier: MIT
// The scripts of `coppice completion`. What each has to know of its shell, and nothing of coppice: it hands
// on the words up to the cursor, and leaves it to the shell to offer files where nothing comes back.
#pragma once

#include <string>
#include <string_view>

namespace coppice::cli {

// bash, zsh or fish; empty for others.
std::string completion_script(std::string_view shell);

} // namespace coppice::cli
