// SPDX-License-Identifier: MIT
// Reports mistakes, and writes and lists files, as text for people or as JSON.
#include "cli/generated.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/open_files.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

} // namespace

std::string shell_word(const std::string& word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:@./=+%";
  if (!word.empty() && word.find_first_not_of(plain) == word.npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

const char* word_of(file_action action) {
  return action == file_action::make ? "make" : action == file_action::keep ? "keep" : "replace";
}

bool would_replace(const std::vector<planned_file>& planned) {
  return std::ranges::any_of(planned,
                             [](const planned_file& one) { return one.action == file_action::replace; });
}

api::exit_code refuse_different(const std::string& what, const std::string& folder,
                                const std::vector<planned_file>& planned) {
  for (const planned_file& one : planned)
    if (one.action == file_action::replace)
      complain(what, fmt::format("{}/{} exists and is another", folder, one.path));
  complain(what, "nothing was written", "--force replaces these files");
  return api::exit_code::failed;
}

std::string listed(const std::string& folder, const std::vector<planned_file>& planned, bool dry_run) {
  std::string text;
  std::size_t kept = 0;
  for (const planned_file& one : planned) {
    if (one.action == file_action::keep) {
      ++kept;
      continue;
    }
    const char* const verb = one.action == file_action::replace ? " (replaced)" : "";
    text += fmt::format("{}/{}{}\n", folder, one.path, verb);
  }
  if (kept == planned.size()) return fmt::format("{}: all {} files are there already\n", folder, kept);
  if (kept != 0) text += fmt::format("{} more are there already\n", kept);
  if (dry_run) text += "nothing was written: --dry-run\n";
  return text;
}

base::result<std::string> read_regular(const std::string& file) {
  constexpr std::size_t most = 4U << 20;
  auto read = base::read_regular_file(file, most);
  if (!read && read.error().code == base::errc::invalid)
    return base::fail(base::errc::invalid, file + " is no file");
  return read;
}

std::vector<std::string> stray_words(const std::vector<std::string>& words) {
  std::vector<std::string> mistakes;
  for (const std::string& one : words)
    mistakes.push_back(fmt::format(
        "nothing is known of '{}'; where a shell has split an argument at its braces, quotes keep it "
        "whole: 'front:cart{{lang:c,args:{{start:2}}}}'",
        one));
  return mistakes;
}

api::exit_code refuse_all(const std::string& what, const std::vector<std::string>& mistakes) {
  for (const std::string& one : mistakes) complain(what, one);
  return api::exit_code::usage;
}

api::exit_code write_and_list(const std::string& what, const std::string& folder, const new_files& files,
                              const writing_options& how, bool as_json, json document,
                              const std::string& next) {
  const auto planned = plan_files(folder, files);
  if (!planned) {
    complain(what, planned.error().text);
    return api::exit_code::failed;
  }
  if (would_replace(*planned) && !how.force) return refuse_different(what, folder, *planned);
  if (!how.dry_run) {
    if (const auto written = write_files(folder, files, *planned); !written) {
      complain(what, written.error().text);
      return api::exit_code::failed;
    }
  }
  if (as_json) {
    document["folder"] = folder;
    document["dry_run"] = how.dry_run;
    document["files"] = json::array();
    for (const planned_file& one : *planned)
      document["files"].push_back({{"path", one.path}, {"action", word_of(one.action)}});
    print_json(document);
  } else {
    print(listed(folder, *planned, how.dry_run) + (how.dry_run ? "" : next));
  }
  return api::exit_code::done;
}

void add_writing_options(CLI::App& command, writing_options& how) {
  command.add_flag("--force", how.force, "replace files that are there and differ");
  command.add_flag("--dry-run", how.dry_run, "list the files and write nothing");
}

} // namespace coppice::cli
