// SPDX-License-Identifier: MIT
// The file is {"version": 1, "jobs": {NAME: {"at": TEXT, "seen": SECONDS, "enabled": BOOLEAN}}}. `enabled` is
// there only if an operator has set it.
#include "cron/kept_file.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/json_depth.hpp"
#include "base/json_text.hpp"

namespace coppice::cron {

namespace {

using nlohmann::json;

constexpr std::size_t most_bytes = 64u << 20;
constexpr std::size_t most_depth = 8;
constexpr int version = 1;
constexpr std::uint64_t latest = 1ull << 40; // seconds; beyond any clock

std::optional<kept_state> state_of(const json& from) {
  if (!from.is_object() || !from.contains("at") || !from["at"].is_string() || !from.contains("seen") ||
      !from["seen"].is_number_unsigned() || from["seen"].get<std::uint64_t>() > latest)
    return std::nullopt;
  kept_state out;
  out.at = from["at"].get<std::string>();
  out.seen = instant(std::chrono::seconds(from["seen"].get<std::int64_t>()));
  if (const auto enabled = from.find("enabled"); enabled != from.end()) {
    if (!enabled->is_boolean()) return std::nullopt;
    out.switched = enabled->get<bool>();
  }
  return out;
}

} // namespace

base::result<kept_states> read_kept(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) return kept_states();
  const auto text = base::read_file(path, most_bytes);
  if (!text) return unexpected(text.error());
  const auto bad = [&path] { return base::fail(base::errc::invalid, path + ": it is no file of kept jobs"); };
  if (base::nests_deeper(*text, most_depth)) return bad();
  const json all = json::parse(*text, nullptr, false);
  if (!all.is_object() || !all.contains("version") || all["version"] != version || !all.contains("jobs") ||
      !all["jobs"].is_object())
    return bad();
  kept_states out;
  for (const auto& [name, from] : all["jobs"].items()) {
    const auto one = state_of(from);
    if (!one) return bad();
    out.emplace(name, *one);
  }
  return out;
}

base::status write_kept(const std::string& path, const kept_states& states) {
  json jobs = json::object();
  for (const auto& [name, one] : states) {
    json& to = jobs[name] = {{"at", one.at}, {"seen", one.seen.time_since_epoch().count()}};
    if (one.switched) to["enabled"] = *one.switched;
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (auto made = base::make_folders(folder, 0750); !made) return made;
  const json all{{"version", version}, {"jobs", std::move(jobs)}};
  return base::write_file_atomic(path, base::json_text(all, 1) + "\n", 0600);
}

} // namespace coppice::cron
