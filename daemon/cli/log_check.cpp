// SPDX-License-Identifier: MIT
// Reads the folder as the node would at its start, and changes nothing: a torn tail is shown, while the node
// would cut it. Takes the lock if there is one, since a log that is being written looks torn.
#include "cli/log_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/printable.hpp"
#include "cli/render.hpp"
#include "durable/engine.hpp"
#include "durable/recovery.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

struct findings {
  durable::identity id{};
  durable::recovered what;
};

base::result<findings> look(const std::string& folder) {
  durable::disk& on = durable::real_disk();
  findings out;
  auto id = durable::read_identity(on, folder);
  if (!id && id.error().code == base::errc::not_found)
    return base::fail(base::errc::not_found, folder + " holds no durable log: it has no file identity");
  if (!id) return unexpected(std::move(id.error()));
  out.id = *id;
  const std::string lock_path = folder + "/lock";
  std::unique_ptr<durable::held_lock> held;
  if (on.open(lock_path, durable::access::read)) {
    auto lock = on.lock(lock_path);
    if (!lock && lock.error().code == base::errc::refused) return unexpected(std::move(lock.error()));
    if (lock) held = std::move(*lock);
  }
  auto what = durable::recover(on, folder, out.id, durable::engine::longest_start({}));
  if (!what) return unexpected(std::move(what.error()));
  out.what = std::move(*what);
  return out;
}

bool is_whole(const findings& of) {
  return of.what.damages.empty() && std::ranges::all_of(of.what.found.groups(), [](const auto& one) {
           return one.second.damage.empty();
         });
}

std::uint64_t bytes_of(const findings& of) {
  std::uint64_t sum = 0;
  for (const auto& one : of.what.segments) sum += one.size;
  return sum;
}

std::uint64_t torn_bytes(const findings& of) {
  return of.what.newest ? of.what.newest->torn : 0;
}

std::uint64_t reserved_bytes(const findings& of) {
  return of.what.newest ? of.what.newest->reserved : 0;
}

// A group's name, or its number if the name is lost.
std::string name_of(const findings& of, std::uint64_t group) {
  const auto* const found = of.what.found.find(group);
  if (found == nullptr || found->name.empty()) return fmt::format("number {}", group);
  return base::printable(found->name);
}

json document_of(const std::string& folder, const findings& of) {
  json segments = json::array();
  for (const auto& one : of.what.segments)
    segments.push_back({{"file", durable::segment_name(one.number)},
                        {"bytes", one.size},
                        {"live_bytes", of.what.found.live_bytes(one.number)}});
  json groups = json::array();
  for (const auto& [number, one] : of.what.found.groups())
    groups.push_back({{"name", one.name},
                      {"number", number},
                      {"first", one.first},
                      {"last", one.last()},
                      {"damage", one.damage.empty() ? json() : json(one.damage)}});
  json damages = json::array();
  for (const auto& one : of.what.damages)
    damages.push_back({{"file", one.file},
                       {"offset", one.offset},
                       {"bytes", one.size},
                       {"why", one.why},
                       {"groups", one.groups},
                       {"all_groups_known", one.all_groups_known}});
  return {{"folder", folder},
          {"identity", durable::text_of(of.id)},
          {"whole", is_whole(of)},
          {"bytes", bytes_of(of)},
          {"live_bytes", of.what.found.live_bytes()},
          {"torn_bytes", torn_bytes(of)},
          {"reserved_bytes", reserved_bytes(of)},
          {"segments", segments},
          {"groups", groups},
          {"damages", damages}};
}

void print_text(const findings& of) {
  const auto size = [](std::uint64_t bytes) { return size_text(static_cast<long long>(bytes)); };
  std::vector<std::vector<std::string>> facts{
      {"identity", durable::text_of(of.id)},
      {"segments", fmt::format("{}, {}", of.what.segments.size(), size(bytes_of(of)))},
      {"live", size(of.what.found.live_bytes())},
      {"groups", fmt::format("{}", of.what.found.groups().size())}};
  if (torn_bytes(of) > 0)
    facts.push_back({"torn tail", size(torn_bytes(of)) + ", never acknowledged: the next start cuts it"});
  if (reserved_bytes(of) > 0)
    facts.push_back({"reserved", size(reserved_bytes(of)) + " of zeros, room for records to come"});
  print(table(facts));
  if (!of.what.segments.empty()) {
    std::vector<std::vector<std::string>> rows{{"SEGMENT", "SIZE", "LIVE"}};
    for (const auto& one : of.what.segments)
      rows.push_back(
          {durable::segment_name(one.number), size(one.size), size(of.what.found.live_bytes(one.number))});
    print("\n" + table(rows));
  }
  if (!of.what.found.groups().empty()) {
    std::vector<std::vector<std::string>> rows{{"GROUP", "FIRST", "LAST", "STATE"}};
    for (const auto& [number, one] : of.what.found.groups())
      rows.push_back({name_of(of, number), fmt::format("{}", one.first), fmt::format("{}", one.last()),
                      one.damage.empty() ? "whole" : "stopped: " + one.damage});
    print("\n" + table(rows));
  }
}

void print_damage(const findings& of) {
  for (const auto& one : of.what.damages) {
    std::vector<std::string> names;
    for (const std::uint64_t group : one.groups) names.push_back(name_of(of, group));
    std::string whom =
        names.empty() ? "it stops no group" : fmt::format("it stops {}", fmt::join(names, ", "));
    if (!one.all_groups_known) whom += "; other groups may have been lost there";
    complain("damage", one.text(), whom);
  }
  if (of.what.refusal) complain("the node does not open this log", of.what.refusal->text, "");
}

api::exit_code check(const std::string& folder, bool as_json) {
  const auto found = look(folder);
  if (!found) {
    complain("log check", found.error().text,
             found.error().code == base::errc::refused ? "stop the node first, or check a copy of the folder"
                                                       : "");
    return api::exit_code::failed;
  }
  if (as_json) {
    print_json(document_of(folder, *found));
  } else {
    print_text(*found);
    print_damage(*found);
  }
  return is_whole(*found) ? api::exit_code::done : api::exit_code::failed;
}

} // namespace

void declare_log_check(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* group = app.add_subcommand("log", "looks at a durable log, the files that groups of raft write");
  group->require_subcommand(1);
  auto folder = std::make_shared<std::string>();
  CLI::App* command =
      group->add_subcommand("check", "says what is in a durable log, and what of it is damaged");
  command->add_option("folder", *folder, "the log's folder")->required();
  command->callback(
      [&common, &run, folder] { run = [&common, folder] { return check(*folder, common.json); }; });
}

} // namespace coppice::cli
