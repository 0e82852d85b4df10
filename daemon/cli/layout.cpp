// SPDX-License-Identifier: MIT
// See layout.hpp. Widths count characters, not bytes.
#include "cli/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json_text.hpp"

namespace coppice::cli {

using nlohmann::json;

namespace {

using rows = std::vector<std::vector<std::string>>;

std::size_t columns_of(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// The bytes of the first `columns` characters.
std::size_t bytes_of(std::string_view utf8, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < utf8.size(); ++at) {
    if ((utf8[at] & 0xC0) != 0x80 && ++seen > columns) break;
  }
  return at;
}

std::string shortened(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  return text.substr(0, bytes_of(text, columns - 1)) + "…";
}

} // namespace

const json& at(const json& object, const char* key) {
  static const json none;
  auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? none : *found;
}

std::string cell(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty() ? "-" : value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return base::json_text(value);
  if (!value.is_array() || value.empty()) return "-";
  std::string joined;
  for (const auto& item : value) joined += (joined.empty() ? "" : ", ") + cell(item);
  return joined;
}

std::string cell(const json& object, const char* key) {
  return cell(at(object, key));
}

long long number(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_number() ? value.get<long long>() : 0;
}

std::string fields(const rows& pairs, std::size_t columns) {
  std::size_t names = 0;
  for (const auto& pair : pairs) names = std::max(names, columns_of(pair[0]));
  const std::size_t room =
      columns == any_width ? any_width : std::max<std::size_t>(columns, names + 22) - names - 2;
  rows lines;
  for (const auto& pair : pairs) {
    std::string_view rest = pair[1];
    const std::string* name = &pair[0];
    static const std::string no_name;
    do {
      std::size_t end = bytes_of(rest, room);
      const std::size_t blank = end == rest.size() ? std::string_view::npos : rest.substr(0, end).rfind(' ');
      if (blank != std::string_view::npos && blank != 0) end = blank + 1;
      lines.push_back({*name, std::string(rest.substr(0, end))});
      rest.remove_prefix(end);
      name = &no_name;
    } while (!rest.empty());
  }
  return table(lines);
}

std::string table(const rows& all, std::size_t columns) {
  constexpr std::size_t between = 2;
  constexpr std::size_t narrowest = 8;
  constexpr std::size_t narrowest_of_many = 6; // where the columns do not fit at eight each
  std::vector<std::size_t> widths;
  for (const auto& row : all) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::size_t whole = 0;
  for (const std::size_t one : widths) whole += one + between;
  for (const std::size_t least : {narrowest, narrowest_of_many}) {
    for (; whole > between && whole - between > columns; --whole) {
      const auto widest = std::max_element(widths.begin(), widths.end());
      if (*widest <= least) break;
      --*widest;
    }
  }
  std::string text;
  for (const auto& row : all) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string shown = shortened(row[i], widths[i]);
      text += shown;
      if (i + 1 < row.size()) text.append(widths[i] - columns_of(shown) + between, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string duration_text(long long ms) {
  if (ms < 1000) return fmt::format("{}ms", ms);
  const long long s = ms / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {}h {}m", s / 86400, s / 3600 % 24, s / 60 % 60);
}

std::string short_time_text(long long us) {
  if (us < 1000) return fmt::format("{}us", us);
  if (us < 1'000'000) return fmt::format("{:.1f}ms", static_cast<double>(us) / 1e3);
  if (us < 60'000'000) return fmt::format("{:.1f}s", static_cast<double>(us) / 1e6);
  return duration_text(us / 1000);
}

std::string size_text(long long bytes) {
  static constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) value /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

} // namespace coppice::cli
