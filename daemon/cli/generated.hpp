// SPDX-License-Identifier: MIT
// The parts that the generators `new`, `init` and `add` share. They report all mistakes at once, with the
// exit status of a wrong command line. They write the files they have made, or refuse to, and list them. One
// thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/new_files.hpp"
#include "cli/remote.hpp"

namespace coppice::cli {

struct writing_options {
  bool force = false;   // replaces files that differ
  bool dry_run = false; // writes nothing
};

// A mistake for each word that no argument takes; usually the shell has split a single argument.
std::vector<std::string> stray_words(const std::vector<std::string>& words);

// The word as it is written in a shell, in quotes where it needs them.
std::string shell_word(const std::string& word);

// For --json: "make", "keep" or "replace".
const char* word_of(file_action action);
// For people: a line for each file; one sentence for files that are kept.
std::string listed(const std::string& folder, const std::vector<planned_file>& planned, bool dry_run);
bool would_replace(const std::vector<planned_file>& planned);
// Says which files differ, and that nothing was written.
api::exit_code refuse_different(const std::string& what, const std::string& folder,
                                const std::vector<planned_file>& planned);

// Reads a file of a project, of at most 4 MiB. A pipe is an error, so that reading cannot block.
base::result<std::string> read_regular(const std::string& file);

// A line for each mistake: "coppice: WHAT: MISTAKE".
api::exit_code refuse_all(const std::string& what, const std::vector<std::string>& mistakes);

// Writes the files and lists them. `document`: what --json prints besides. `next`: lines that tell people
// what to do now. Refuses to replace files that differ unless forced.
api::exit_code write_and_list(const std::string& what, const std::string& folder, const new_files& files,
                              const writing_options& how, bool as_json, nlohmann::json document,
                              const std::string& next);

void add_writing_options(CLI::App& command, writing_options& how);

} // namespace coppice::cli
