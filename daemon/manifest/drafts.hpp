// SPDX-License-Identifier: MIT
// The drafts that a plugin file uses. A draft is an interface that may still change, so a plugin and a host
// with different numbers of one cannot use it together. The file's note lists the tables that it provides.
// The interfaces that it fetches are not listed; they are found as names among its constants. Any thread.
#pragma once

#include <coppice/detail/behaviours.h>

#include <span>
#include <string>
#include <vector>

#include "manifest/elf_file.hpp"
#include "manifest/manifest.hpp"

namespace coppice::manifest {

// The names of the drafts, sorted, each once, at most 64. Among the constants only a whole string counts:
// "coppice.NAME/draft-N" between a byte that is not text and a NUL, so that a sentence about a draft is not
// taken for its use. A name that the file composes at run time is not found.
elf_result<std::vector<std::string>> find_drafts(const elf_file& file, const manifest& declared);

// The drafts that this host has: interfaces, and tables of behaviours.
std::vector<std::string> known_drafts(const coppice_behaviour* list = coppice_behaviours);

// A warning for each used draft that the host does not have, unless the plugin also names another number of
// it that the host has.
std::vector<reason> judge_drafts(std::span<const std::string> used, std::span<const std::string> known);

} // namespace coppice::manifest
