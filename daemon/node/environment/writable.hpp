// SPDX-License-Identifier: MIT
// Checks whether a folder can be written to, by its rights and by what its file system has left, without
// writing. Any thread that may look at files.
#pragma once

#include <string>

namespace coppice::node {

// Why nothing can be written there: the process may not, the file system is mounted read-only, or it has
// less than 64 KiB or no file left. Empty: it can be written. If the folder does not exist: whether it can
// be made.
std::string why_unwritable(const std::string& folder);

} // namespace coppice::node
