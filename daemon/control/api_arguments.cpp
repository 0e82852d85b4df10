// SPDX-License-Identifier: MIT
// See api_arguments.hpp.
#include "control/api_arguments.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/json_depth.hpp"
#include "base/path_pattern.hpp"
#include "base/printable.hpp"
#include "base/suggest.hpp"

namespace coppice::control {
namespace {

using nlohmann::json;
using parsed = expected<json, api::failure>;

constexpr std::size_t deepest = 8;

unexpected<api::failure> bad(const command& of, std::string why, std::string hint = {}) {
  return unexpected(api::failure{base::errc::invalid, std::string(of.name), std::move(why), std::move(hint)});
}

std::string known_of(const command& of) {
  if (of.arguments.empty()) return "it takes no arguments";
  std::vector<std::string_view> names;
  for (const argument& one : of.arguments) names.push_back(one.name);
  return fmt::format("it takes {}", fmt::join(names, ", "));
}

unexpected<api::failure> unknown(const command& of, const std::string& name) {
  std::vector<std::string_view> names;
  for (const argument& one : of.arguments) names.push_back(one.name);
  const std::string meant = base::did_you_mean(name, names);
  return bad(of, "no argument is called '" + base::printable(name) + "'",
             meant.empty() ? known_of(of) : meant);
}

const argument* find(const command& of, std::string_view name) {
  const auto found = std::ranges::find(of.arguments, name, &argument::name);
  return found == of.arguments.end() ? nullptr : &*found;
}

std::string_view type_name(argument_type type) {
  switch (type) {
    case argument_type::text:
      return "a text";
    case argument_type::number:
      return "a whole number from 0 on";
    case argument_type::flag:
      break;
  }
  return "true or false";
}

bool fits(const argument& one, const json& value) {
  switch (one.type) {
    case argument_type::text:
      return value.is_string();
    case argument_type::number:
      return value.is_number_unsigned();
    case argument_type::flag:
      break;
  }
  return value.is_boolean();
}

// The text as a value of the argument's type; null: it has not that type.
json of_text(const argument& one, std::string text) {
  if (one.type == argument_type::text) return text;
  if (one.type == argument_type::flag)
    return text == "true" || text.empty() ? json(true) : text == "false" ? json(false) : json();
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, problem] = std::from_chars(text.data(), end, number);
  return problem == std::errc() && at == end ? json(number) : json();
}

parsed checked(const command& of, json given) {
  for (const auto& [name, value] : given.items()) {
    const argument* const one = find(of, name);
    if (one == nullptr) return unknown(of, name);
    if (!fits(*one, value))
      return bad(of, fmt::format("{}: expected {}", name, type_name(one->type)), known_of(of));
    if (one->most != 0 && value.get<std::uint64_t>() > one->most)
      return bad(of, fmt::format("{}: expected {} at most", name, one->most));
    if (one->least != 0 && value.get<std::uint64_t>() < one->least)
      return bad(of, fmt::format("{}: expected {} at least", name, one->least));
    if (one->words.empty()) continue;
    if (std::ranges::find(one->words, std::string_view(value.get_ref<const std::string&>())) ==
        one->words.end())
      return bad(of, fmt::format("{}: expected one of {}", name, fmt::join(one->words, ", ")));
  }
  for (const argument& one : of.arguments) {
    if (given.contains(one.name)) continue;
    if (one.needed) return bad(of, fmt::format("the argument {} is missing", one.name), known_of(of));
    if (one.usual != 0) given[std::string(one.name)] = one.usual;
  }
  return given;
}

} // namespace

parsed arguments_of_query(const command& of, std::string_view query) {
  json given = json::object();
  auto parameters = base::query_parameters(query);
  if (!parameters) return bad(of, "the query cannot be decoded");
  for (auto& [name, value] : *parameters) {
    const argument* const one = find(of, name);
    if (one == nullptr) return unknown(of, name);
    if (given.contains(name)) return bad(of, fmt::format("{} is given twice", one->name));
    given[name] = of_text(*one, std::move(value));
  }
  return checked(of, std::move(given));
}

parsed arguments_of_body(const command& of, std::string_view body) {
  if (body.empty()) return checked(of, json::object());
  if (base::nests_deeper(body, deepest)) return bad(of, "the arguments nest too deep");
  std::vector<std::string> names;
  std::string twice;
  const auto note = [&](int depth, json::parse_event_t event, const json& what) {
    if (event != json::parse_event_t::key || depth != 1) return true;
    const auto& name = what.get_ref<const std::string&>();
    if (std::ranges::find(names, name) != names.end()) twice = name;
    // More names than there are arguments are refused in any case.
    if (names.size() <= of.arguments.size()) names.push_back(name);
    return true;
  };
  json given = json::parse(body, note, false);
  if (!given.is_object()) return bad(of, "the body is no JSON object", known_of(of));
  if (!twice.empty()) return bad(of, base::printable(twice) + " is given twice");
  return checked(of, std::move(given));
}

} // namespace coppice::control
