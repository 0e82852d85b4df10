// SPDX-License-Identifier: MIT
// index.json is [{"number", "at" (ns since 1970), "by", "changes"}]; the configurations are NUMBER.yaml. An
// index that cannot be read is replaced by a new one.
#include "node/changes/apply_history.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/json_depth.hpp"
#include "base/json_text.hpp"

namespace coppice::node {

namespace {

using nlohmann::json;

constexpr std::size_t most_bytes = 4 << 20;
constexpr std::size_t most_depth = 8;
constexpr std::size_t most_changes = 100;

std::optional<applied_entry> entry_of(const json& from) {
  const bool fits = from.is_object() && from.contains("number") && from["number"].is_number_unsigned() &&
                    from.contains("at") && from["at"].is_number_integer() && from.contains("by") &&
                    from["by"].is_string() && from.contains("changes") && from["changes"].is_array();
  if (!fits) return std::nullopt;
  applied_entry out{
      from["number"].get<std::uint64_t>(), from["at"].get<base::nanos>(), from["by"].get<std::string>(), {}};
  for (const json& one : from["changes"])
    if (one.is_string()) out.changes.push_back(one.get<std::string>());
  return out;
}

} // namespace

std::string apply_history::file_of(std::uint64_t number) const {
  return folder_ + "/" + std::to_string(number) + ".yaml";
}

bool apply_history::is(const applied_entry& one, const std::string& yaml) const {
  const auto text = base::read_file(file_of(one.number), yaml.size() + 1);
  return text && *text == yaml;
}

std::vector<applied_entry> apply_history::read() const {
  const auto text = base::read_file(folder_ + "/index.json", most_bytes);
  if (!text || base::nests_deeper(*text, most_depth)) return {};
  const json all = json::parse(*text, nullptr, false);
  if (!all.is_array()) return {};
  std::vector<applied_entry> out;
  for (const json& from : all) {
    auto one = entry_of(from);
    if (!one || (!out.empty() && one->number <= out.back().number)) return {};
    out.push_back(std::move(*one));
  }
  return out;
}

base::status apply_history::write(const std::vector<applied_entry>& all) const {
  json index = json::array();
  for (const applied_entry& one : all)
    index.push_back({{"number", one.number}, {"at", one.at}, {"by", one.by}, {"changes", one.changes}});
  return base::write_file_atomic(folder_ + "/index.json", base::json_text(index) + "\n", 0600);
}

base::status apply_history::add(applied_entry what, const std::string& yaml) {
  const std::scoped_lock held(lock_);
  std::vector<applied_entry> all = read();
  if (!all.empty() && is(all.back(), yaml)) return {};
  if (auto made = base::make_folders(folder_, 0750); !made) return made;
  what.number = all.empty() ? 1 : all.back().number + 1;
  if (what.changes.size() > most_changes) what.changes.resize(most_changes);
  if (auto written = base::write_file_atomic(file_of(what.number), yaml, 0600); !written) return written;
  all.push_back(std::move(what));
  const std::size_t gone = all.size() > most ? all.size() - most : 0;
  const std::vector<applied_entry> former(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(gone));
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(gone));
  auto written = write(all);
  std::error_code ignored;
  for (const applied_entry& one : former)
    if (written) std::filesystem::remove(file_of(one.number), ignored);
  return written;
}

std::vector<applied_entry> apply_history::entries() const {
  const std::scoped_lock held(lock_);
  return read();
}

std::optional<std::string> apply_history::former(const std::string& runs) const {
  const std::scoped_lock held(lock_);
  const std::vector<applied_entry> all = read();
  const std::size_t running = !all.empty() && is(all.back(), runs) ? 1 : 0;
  if (all.size() <= running) return std::nullopt;
  return file_of(all[all.size() - 1 - running].number);
}

} // namespace coppice::node
