// SPDX-License-Identifier: MIT
// Args that an actor has already, held against a schema: what a plugin that is to be replaced by another is
// asked first. The same rules as for YAML, but the value is a term, durations and sizes are numbers in it,
// and a finding has a path and no line. And where among them durations stand. Any thread.
#include <fmt/format.h>
#include <coppice/etf/validate.hpp>

#include "base/utf8.hpp"
#include "spec/args_rule.hpp"
#include "spec/term.hpp"
#include "spec/tree.hpp"

namespace coppice::spec {
namespace {

using rule = args_schema::rule;

unsigned type_of(const json& value) {
  if (value.is_null()) return type_null;
  if (value.is_boolean()) return type_boolean;
  if (value.is_number_integer()) return type_integer | type_number;
  if (value.is_number()) return type_number;
  if (value.is_string()) return type_string;
  return value.is_array() ? type_array : type_object;
}

base::status wrong(const std::string& path, const std::string& what) {
  return base::fail(base::errc::invalid, path + ": " + what);
}

base::status check_value(const rule& by, const json& value, const std::string& path);

base::status check_count(std::size_t count, std::size_t least, std::size_t most, std::string_view what,
                         const std::string& path) {
  if (count >= least && count <= most) return {};
  return wrong(
      path, fmt::format("has {} {}, {} are wanted", count, what,
                        count < least ? fmt::format("at least {}", least) : fmt::format("at most {}", most)));
}

base::status check_number(const rule& by, double number, const std::string& path) {
  const bool low = by.above ? number <= by.least : number < by.least;
  const bool high = by.below ? number >= by.most : number > by.most;
  if (low) return wrong(path, fmt::format("{} is below what the schema allows ({})", number, by.least));
  if (high) return wrong(path, fmt::format("{} is above what the schema allows ({})", number, by.most));
  return {};
}

base::status check_map(const rule& by, const json& map, const std::string& path,
                       args_schema::part what = args_schema::part::whole) {
  for (const auto& [key, value] : map.items()) {
    const rule* known = by.find(key);
    if (known == nullptr) known = by.additional.get();
    if (known == nullptr && by.closed) return wrong(path, "unknown key '" + key + "'");
    if (known == nullptr) continue;
    if (auto good = check_value(*known, value, path + "." + key); !good) return good;
  }
  if (what == args_schema::part::of_template) return {};
  for (const auto& key : by.required) {
    if (map.contains(key)) continue;
    if (const rule* known = by.find(key); known != nullptr && !known->fallback.is_null()) continue;
    return wrong(path, "the key '" + key + "' is missing, and the schema requires it");
  }
  return {};
}

base::status check_value(const rule& by, const json& value, const std::string& path) {
  const unsigned types = by.format == unit::none ? by.types : unsigned{type_integer};
  if (types != 0 && (types & type_of(value)) == 0)
    return wrong(path, fmt::format("{} is not of the type the schema wants", value.dump()));
  if (!by.values.empty() && std::find(by.values.begin(), by.values.end(), value) == by.values.end())
    return wrong(path, fmt::format("{} is none of the values the schema allows", value.dump()));
  if (value.is_number()) return check_number(by, value.get<double>(), path);
  if (value.is_string())
    return check_count(base::utf8_count(value.get_ref<const std::string&>()), by.shortest, by.longest,
                       "characters", path);
  if (value.is_object()) return check_map(by, value, path);
  if (!value.is_array()) return {};
  if (auto good = check_count(value.size(), by.fewest, by.largest, "elements", path); !good) return good;
  if (by.items == nullptr) return {};
  for (std::size_t i = 0; i < value.size(); ++i)
    if (auto good = check_value(*by.items, value[i], fmt::format("{}[{}]", path, i)); !good) return good;
  return {};
}

bool mentions_durations(const rule& by) {
  if (by.format == unit::duration) return true;
  for (const auto& [key, one] : by.properties)
    if (mentions_durations(one)) return true;
  return (by.additional != nullptr && mentions_durations(*by.additional)) ||
         (by.items != nullptr && mentions_durations(*by.items));
}

void find_durations(const rule& by, const json& value, const json::json_pointer& at,
                    std::vector<std::string>& into) {
  if (by.format == unit::duration && value.is_number_integer() && value.get<std::int64_t>() >= 0)
    into.push_back(at.to_string());
  if (value.is_object()) {
    for (const auto& [key, one] : value.items()) {
      const rule* known = by.find(key);
      if (known == nullptr) known = by.additional.get();
      if (known != nullptr) find_durations(*known, one, at / key, into);
    }
  } else if (value.is_array() && by.items != nullptr) {
    for (std::size_t i = 0; i < value.size(); ++i) find_durations(*by.items, value[i], at / i, into);
  }
}

} // namespace

base::status args_schema::check(std::span<const std::uint8_t> term, part what) const {
  // Of a child that was started by a call they are whatever its caller, maybe on another node, has made them.
  constexpr etf::limits as_in_a_file{tree_limits().depth};
  if (!etf::validate(term, as_in_a_file))
    return wrong("args", fmt::format("they are nested deeper than {} levels", as_in_a_file.depth));
  const json args = term_to_json(term);
  if (!args.is_object()) return wrong("args", "they are no map");
  return check_map(*root_, args, "args", what);
}

std::vector<std::string> args_schema::durations(std::span<const std::uint8_t> term) const {
  std::vector<std::string> found;
  if (mentions_durations(*root_)) find_durations(*root_, term_to_json(term), json::json_pointer(), found);
  return found;
}

} // namespace coppice::spec
