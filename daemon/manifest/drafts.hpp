// SPDX-License-Identifier: MIT
// The drafts that a plugin file uses: interfaces that may still change, so that a plugin and a host which
// have different numbers of one do not meet in it. A file says of its tables in the note, and of what it
// fetches nowhere: that is seen from the names among its constants. Any thread.
#pragma once

#include <coppice/behaviours.h>

#include <span>
#include <string>
#include <vector>

#include "manifest/elf_file.hpp"
#include "manifest/manifest.hpp"

namespace coppice::manifest {

// Their names, sorted, each once, at most 64. Those among the constants are strings of their own,
// "coppice.NAME/draft-N" from a byte that is no text to a NUL, so that a sentence about one is not taken for
// it; a name that the file puts together as it runs is not seen.
elf_result<std::vector<std::string>> find_drafts(const elf_file& file, const manifest& declared);

// What this host has: interfaces, and tables of behaviours.
std::vector<std::string> known_drafts(const coppice_behaviour* list = coppice_behaviours);

// A warning for each that the host does not have, unless the plugin can do with another number of it that the
// host has.
std::vector<reason> judge_drafts(std::span<const std::string> used, std::span<const std::string> known);

} // namespace coppice::manifest
