// SPDX-License-Identifier: MIT
// What the generators `new`, `init` and `add` have in common: their mistakes are told all at once, with the
// status of a wrong command line, and what they have made is written, or refused, and listed. One thread.
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

// A mistake for each word that no argument takes: a shell has split what was meant as one.
std::vector<std::string> stray_words(const std::vector<std::string>& words);

// In --json: "make", "keep", "replace".
const char* word_of(file_action action);
// For people, a line for each file; what is kept is said in words.
std::string listed(const std::string& folder, const std::vector<planned_file>& planned, bool dry_run);
bool would_replace(const std::vector<planned_file>& planned);
// Says which files differ, and that nothing was written.
api::exit_code refuse_different(const std::string& what, const std::string& folder,
                                const std::vector<planned_file>& planned);

// A file of a project, of at most 4 MiB. Nobody waits for a pipe: it is an error.
base::result<std::string> read_regular(const std::string& file);

// A line for each mistake: "coppice: WHAT: MISTAKE".
api::exit_code refuse_all(const std::string& what, const std::vector<std::string>& mistakes);

// Writes the files and lists them; `document` is what --json prints besides, `next` the lines that say to
// people what to do now. Refuses files that are there and differ, unless forced.
api::exit_code write_and_list(const std::string& what, const std::string& folder, const new_files& files,
                              const writing_options& how, bool as_json, nlohmann::json document,
                              const std::string& next);

void add_writing_options(CLI::App& command, writing_options& how);

} // namespace coppice::cli
