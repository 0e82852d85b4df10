// SPDX-License-Identifier: MIT
// What the generators `new` and `init` have in common: their mistakes are told all at once, with the status
// of a wrong command line, and what they have made is written, or refused, and listed. One thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/new_files.hpp"
#include "cli/remote.hpp"

namespace coppice::cli {

struct writing_options {
  bool force = false;   // files that differ are replaced
  bool dry_run = false; // nothing is written
};

// A line for each mistake: "coppice: WHAT: MISTAKE".
api::exit_code refuse_all(const std::string& what, const std::vector<std::string>& mistakes);

// Writes the files and lists them; `document` is what --json prints besides, `next` the lines that say to
// people what to do now. Refuses files that are there and differ, unless forced.
api::exit_code write_and_list(const std::string& what, const std::string& folder, const new_files& files,
                              const writing_options& how, bool as_json, nlohmann::json document,
                              const std::string& next);

void add_writing_options(CLI::App& command, writing_options& how);

} // namespace coppice::cli
