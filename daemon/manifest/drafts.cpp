// SPDX-License-Identifier: MIT
// Scans a file's constants for names of drafts. The file is untrusted: the bytes that are read, and the names
// that are kept, are bounded.
#include "manifest/drafts.hpp"

#include <algorithm>
#include <coppice/detail/drafts.hpp>
#include <coppice/detail/tables.hpp>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

namespace coppice::manifest {
namespace {

constexpr std::uint64_t scan_limit = 64 << 20;
constexpr std::size_t longest_name = 64;
constexpr std::size_t most_drafts = 64;
constexpr std::string_view prefix = "coppice.";
constexpr std::string_view mark = "/draft-";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view in_names = "abcdefghijklmnopqrstuvwxyz0123456789_";

// Whether `name` has the form coppice.[a-z0-9_]+/draft-[0-9]+.
bool is_draft(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == name.npos || slash <= prefix.size() || name.size() > longest_name) return false;
  if (!name.starts_with(prefix) || !name.substr(slash).starts_with(mark)) return false;
  const auto word = name.substr(prefix.size(), slash - prefix.size());
  const auto number = name.substr(slash + mark.size());
  return word.find_first_not_of(in_names) == word.npos && !number.empty() &&
         number.find_first_not_of(digits) == number.npos;
}

bool is_text(char c) {
  return (c >= ' ' && c <= '~') || c == '\t' || c == '\n' || c == '\r';
}

void scan(std::string_view bytes, std::set<std::string, std::less<>>& into) {
  for (std::size_t at = 0; into.size() < most_drafts; at += prefix.size()) {
    const void* const found = memmem(bytes.data() + at, bytes.size() - at, prefix.data(), prefix.size());
    if (found == nullptr) return;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (at != 0 && is_text(bytes[at - 1])) continue;
    const auto rest = bytes.substr(at, longest_name + 1);
    const auto end = rest.find('\0');
    if (end != rest.npos && is_draft(rest.substr(0, end))) into.emplace(rest.substr(0, end));
  }
}

// Compares "draft-N" by N: the longer number is the greater one.
bool is_newer(std::string_view revision, std::string_view than) {
  return revision.size() != than.size() ? revision.size() > than.size() : revision > than;
}

std::string_view revision_of(std::string_view name) {
  return name.substr(name.find('/') + 1);
}

// "coppice.channel" of the name that it had as a draft before.
std::string_view name_today(std::string_view kind) {
  return kind == "coppice.event_host" ? "coppice.channel" : kind;
}

bool holds(std::span<const std::string> names, const std::string& one) {
  return std::ranges::find(names, one) != names.end();
}

} // namespace

elf_result<std::vector<std::string>> find_drafts(const elf_file& file, const manifest& declared) {
  std::set<std::string, std::less<>> found;
  for (const auto& actor : declared.actors)
    for (const auto& table : actor.tables)
      if (is_draft(table) && found.size() < most_drafts) found.insert(table);
  auto read = file.read_only(scan_limit, [&found](std::string_view bytes) { scan(bytes, found); });
  if (!read) return unexpected(read.error());
  return std::vector<std::string>(found.begin(), found.end());
}

std::vector<std::string> known_drafts(const coppice_behaviour* list) {
  std::set<std::string> all(std::begin(draft_interfaces), std::end(draft_interfaces));
  for (; list->name != nullptr; ++list) {
    for (const auto* use = list->tables; use->name != nullptr; ++use)
      if (is_draft(use->name)) all.insert(use->name);
    if (list->host_interface != nullptr && is_draft(list->host_interface)) all.insert(list->host_interface);
  }
  return {all.begin(), all.end()};
}

std::vector<reason> judge_drafts(std::span<const std::string> used, std::span<const std::string> known) {
  std::vector<reason> reasons;
  const auto unknown = [&reasons](std::string text, std::string remedy) {
    reasons.push_back({objection::unknown_draft, true, std::move(text), std::move(remedy)});
  };
  for (const auto& name : used) {
    const auto kin = [kind = name_today(tables::kind_of(name))](const std::string& other) {
      return tables::kind_of(other) == kind;
    };
    const auto usable = [&](const std::string& other) { return kin(other) && holds(known, other); };
    if (std::ranges::any_of(used, usable)) continue;
    const auto ours = std::ranges::find_if(known, kin);
    if (ours == known.end()) {
      unknown("uses " + name + ", which this host does not have",
              "rebuild it without, or use the host it was built for");
      continue;
    }
    const bool newer = is_newer(revision_of(name), revision_of(*ours));
    const bool renamed = tables::kind_of(name) != tables::kind_of(*ours);
    unknown("uses " + name + ", this host has " + (renamed ? *ours : std::string(revision_of(*ours))),
            newer ? "use a newer host, or rebuild it with this host's headers"
                  : "rebuild it with this host's headers");
  }
  return reasons;
}

} // namespace coppice::manifest
