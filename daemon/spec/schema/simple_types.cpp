// SPDX-License-Identifier: MIT
// Reading the simple types: one scalar each, one sentence when it is not what the key wants.
#include "spec/schema/simple_types.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/json_text.hpp"
#include "base/suggest.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/json_changes.hpp"
#include "spec/schema/secrets.hpp"
#include "spec/schema/term.hpp"

namespace coppice::spec {
namespace {

constexpr std::string_view a_duration = "a duration such as 10ms, 5s, 2m or 1h";
constexpr std::string_view cores_word = "cores";
constexpr std::string_view a_size = "a size such as 64KiB or 1MB";

// A number where a text is due was most likely meant to have a unit or quotes.
bool is_number(const node& value) {
  if (value.what != node::kind::scalar) return false;
  auto resolved = resolve(value);
  return std::holds_alternative<whole_number>(resolved) || std::holds_alternative<double>(resolved);
}

std::string unit_hint(const node& value, std::string_view unit) {
  return is_number(value) && !value.is_secret ? "did you mean " + value.text + std::string(unit) + "?" : "";
}

std::optional<std::uint32_t> small_number(std::string_view digits, std::uint32_t most) {
  if (digits.empty() || digits.size() > 6) return std::nullopt;
  std::uint32_t number = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (number > most) return std::nullopt;
  return number;
}

// A duration above longest_time_ms is taken as longest_time_ms.
std::optional<milliseconds> parse_time(std::string_view text) {
  const auto found = parse_duration(text);
  if (!found) return std::nullopt;
  return std::min(*found, milliseconds(tree::longest_time_ms));
}

// The factor of `cores` or `2x cores`; nullopt: the text is neither.
std::optional<std::uint32_t> multiple_of_cores(std::string_view text) {
  text.remove_suffix(cores_word.size());
  if (text.empty()) return 1;
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (!text.ends_with('x') || text.starts_with('0')) return std::nullopt;
  text.remove_suffix(1);
  return small_number(text, 99'999);
}

} // namespace

std::optional<std::string> read_text(reader& from, const node& value, std::string_view expected) {
  if (value.what == node::kind::scalar) {
    auto resolved = resolve(value);
    if (auto* found = std::get_if<std::string_view>(&resolved)) return std::string(*found);
  }
  std::string hint = value.what == node::kind::scalar ? "in quotes it is a text" : "";
  if (!hint.empty() && !value.is_secret) hint += ": \"" + printable(value.text) + "\"";
  from.wrong_type(value, expected, std::move(hint));
  return std::nullopt;
}

std::optional<std::uint64_t> read_whole(reader& from, const node& value, std::uint64_t least,
                                        std::uint64_t most) {
  const auto resolved = value.is_map() || value.is_sequence() ? scalar_value() : resolve(value);
  const auto* const number = std::get_if<whole_number>(&resolved);
  if (number != nullptr && !number->negative && number->magnitude >= least && number->magnitude <= most)
    return number->magnitude;
  from.wrong_type(value, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

json describe_whole(std::uint64_t least, std::uint64_t most) {
  return {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
}

std::optional<std::size_t> read_word(reader& from, const node& value,
                                     const std::vector<std::string_view>& words) {
  const bool is_scalar = value.what == node::kind::scalar;
  std::string expected;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_scalar && value.text == words[i]) return i;
    expected.append(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ").append(words[i]);
  }
  from.wrong_type(value, expected, is_scalar ? base::did_you_mean(value.text, words) : "");
  return std::nullopt;
}

json describe_words(const std::vector<std::string_view>& words) {
  return {{"enum", words}};
}

json describe_either(std::string_view word, json other) {
  return {{"anyOf", json::array({{{"const", word}}, std::move(other)})}};
}

json describe_list(json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

bool text::read(reader& from, const node& value, std::string& into) const {
  auto found = read_text(from, value, expected_);
  if (!found) return false;
  std::string wrong = check_ ? check_(*found) : found->empty() ? "must not be empty" : "";
  if (!wrong.empty())
    from.error(value, (from.path.empty() ? "" : from.path + ": ") + quoted(value) + " " + wrong);
  into = std::move(*found);
  return wrong.empty();
}

json text::describe(json&) const {
  json result = {{"type", "string"}};
  if (pattern_.empty())
    result["minLength"] = 1;
  else
    result["pattern"] = pattern_;
  return result;
}

bool path::read(reader& from, const node& value, std::string& into) const {
  auto found = read_text(from, value, "a path");
  if (!found) return false;
  if (found->empty() || found->find('\0') != std::string::npos) {
    from.wrong_type(value, "a path");
    return false;
  }
  if (found->find('\n') != std::string::npos || found->starts_with("-----BEGIN ")) {
    from.to->hide(value.at, value.end);
    from.error(value,
               (from.path.empty() ? "" : from.path + ": ") + "expected a path, found the text of a file",
               "write the text to a file, and its path here");
    return false;
  }
  if (!keyword_.empty() && *found == keyword_) {
    into = *found;
    return true;
  }
  std::filesystem::path whole = std::filesystem::path(from.texts->at(value.at.file).folder) / *found;
  into = whole.lexically_normal().string();
  if (into.size() > 1 && into.back() == '/') into.pop_back();
  return true;
}

bool flag::read(reader& from, const node& value, bool& into) const {
  if (value.what == node::kind::scalar) {
    auto resolved = resolve(value);
    if (auto* found = std::get_if<bool>(&resolved)) {
      into = *found;
      return true;
    }
  }
  std::string hint;
  if (value.text == "yes" || value.text == "on") hint = "did you mean 'true'?";
  if (value.text == "no" || value.text == "off") hint = "did you mean 'false'?";
  from.wrong_type(value, "true or false", hint);
  return false;
}

bool per_core::read(reader& from, const node& value, std::uint32_t& into) const {
  std::uint64_t count = 0;
  if (value.what == node::kind::scalar && value.text.ends_with(cores_word)) {
    if (const auto times = multiple_of_cores(value.text); times && *times <= most_)
      count = std::uint64_t{*times} * std::max(1U, std::thread::hardware_concurrency());
  } else if (value.what == node::kind::scalar) {
    const auto resolved = resolve(value);
    if (const auto* number = std::get_if<whole_number>(&resolved); number != nullptr && !number->negative)
      count = number->magnitude;
  }
  if (count < 1 || count > most_) {
    from.wrong_type(
        value, "a number from 1 to " + std::to_string(most_) + ", cores, or a multiple such as \"2x cores\"");
    return false;
  }
  into = static_cast<std::uint32_t>(count);
  return true;
}

json per_core::describe(json&) const {
  return {{"anyOf", json::array({{{"type", "integer"}, {"minimum", 1}, {"maximum", most_}},
                                 {{"type", "string"}, {"pattern", "^([1-9][0-9]{0,4}x *)?cores$"}}})}};
}

bool real::read(reader& from, const node& value, double& into) const {
  const auto resolved = value.what == node::kind::scalar ? resolve(value) : scalar_value();
  double found = least_ - 1;
  if (auto* number = std::get_if<double>(&resolved)) found = *number;
  if (auto* number = std::get_if<whole_number>(&resolved))
    found = static_cast<double>(number->magnitude) * (number->negative ? -1 : 1);
  if (found < least_ || found > most_) {
    from.wrong_type(value,
                    "a number from " + base::json_text(json(least_)) + " to " + base::json_text(json(most_)));
    return false;
  }
  into = found;
  return true;
}

bool duration::read(reader& from, const node& value, milliseconds& into) const {
  const auto found = value.what == node::kind::scalar ? parse_time(value.text) : std::nullopt;
  if (!found) {
    from.wrong_type(value, a_duration, unit_hint(value, "s"));
    return false;
  }
  if (*found < least_) {
    from.error(value,
               (from.path.empty() ? "" : from.path + ": ") + "must be at least " + print_duration(least_));
    return false;
  }
  into = *found;
  return true;
}

// Refuses durations below `least`: milliseconds with too few digits, and 0 of a longer unit.
json duration::describe(json&) const {
  std::string pattern(duration_pattern);
  if (least_.count() > 0) {
    const std::size_t digits = std::to_string(least_.count()).size() - 1;
    const std::string less = "^(?!0*[0-9]{0," + std::to_string(digits) + "}ms$)(?!0+(s|m|h)$)";
    pattern.replace(0, 1, less);
  }
  return {{"type", "string"}, {"pattern", std::move(pattern)}};
}

bool duration_in_nanos::read(reader& from, const node& value, base::nanos& into) const {
  milliseconds found{0};
  if (!duration().read(from, value, found)) return false;
  into = base::to_nanos(found);
  return true;
}

bool size::read(reader& from, const node& value, std::uint64_t& into) const {
  auto found = value.what == node::kind::scalar ? parse_size(value.text) : std::nullopt;
  if (!found) {
    from.wrong_type(value, a_size, unit_hint(value, "B"));
    return false;
  }
  into = *found;
  return true;
}

bool memory::read(reader& from, const node& value, memory_limit& into) const {
  if (value.what == node::kind::scalar) {
    std::string_view shown = value.text;
    if (shown.ends_with('%')) {
      auto percent = small_number(shown.substr(0, shown.size() - 1), 100);
      if (percent && *percent > 0) {
        into = {*percent, 0};
        return true;
      }
    } else if (auto bytes = parse_size(shown)) {
      into = {0, *bytes};
      return true;
    }
  }
  from.wrong_type(value, "a share such as 75%, or a size such as 2GiB", unit_hint(value, "%"));
  return false;
}

json memory::print(const memory_limit& value) const {
  return value.percent ? std::to_string(value.percent) + "%" : print_size(value.bytes);
}

json memory::describe(json&) const {
  json percent = {{"type", "string"}, {"pattern", "^0*([1-9][0-9]?|100)%$"}};
  return {{"anyOf", json::array({percent, {{"type", "string"}, {"pattern", size_pattern}}})}};
}

bool ports::read(reader& from, const node& value, port_range& into) const {
  if (value.what == node::kind::scalar) {
    std::string_view shown = value.text;
    auto dash = shown.find('-');
    auto first = small_number(shown.substr(0, dash), 65535);
    auto last = dash == shown.npos ? first : small_number(shown.substr(dash + 1), 65535);
    if (first && last && (*first > *last || (*first == 0 && *last != 0))) {
      from.error(value, from.path + ": '" + value.text +
                            "' is no range: the lower port comes first, and 0 stands alone");
      return false;
    }
    if (first && last) {
      into = {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
      return true;
    }
  }
  from.wrong_type(value, "a port or a range such as 15000-65000");
  return false;
}

json ports::print(const port_range& value) const {
  if (value.first == value.last) return value.first;
  return std::to_string(value.first) + "-" + std::to_string(value.last);
}

json ports::describe(json&) const {
  json range = {{"type", "string"}, {"pattern", "^[0-9]{1,5}(-[0-9]{1,5})?$"}};
  return {{"anyOf", json::array({range, {{"type", "integer"}, {"minimum", 0}, {"maximum", 65535}}})}};
}

bool file_mode::read(reader& from, const node& value, std::uint32_t& into) const {
  std::string_view digits = value.text;
  bool good = value.what == node::kind::scalar && value.quoted && (digits.size() == 3 || digits.size() == 4);
  if (good && digits.size() == 4) good = digits[0] == '0';
  std::uint32_t mode = 0;
  for (char c : digits) {
    good = good && c >= '0' && c <= '7';
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
  }
  if (!good) {
    from.wrong_type(value, "a file mode in quotes such as \"0660\"");
    return false;
  }
  into = mode;
  return true;
}

json file_mode::print(const std::uint32_t& value) const {
  std::string digits = "0";
  for (int shift : {6, 3, 0}) digits += static_cast<char>('0' + (value >> shift & 7));
  return digits;
}

void no_more_than(reader& from, const node& at, std::string_view key, std::uint64_t value,
                  std::uint64_t most) {
  if (value <= most) return;
  from.error(value_or_map(at, key),
             from.path + "." + std::string(key) + ": must be at most " + print_size(most));
}

void without_effect(reader& from, const node& at, std::string_view key, std::string_view unless) {
  if (const node* const written = at.find(key); written != nullptr)
    from.error(*written,
               from.path + "." + std::string(key) + ": without effect unless " + std::string(unless));
}

bool shutdown_time::read(reader& from, const node& value, tree::shutdown_limit& into) const {
  if (value.what == node::kind::scalar) {
    if (value.text == "brutal_kill" || value.text == "infinity") {
      into =
          value.text == "infinity" ? tree::shutdown_limit::infinity() : tree::shutdown_limit::brutal_kill();
      return true;
    }
    if (const auto time = parse_time(value.text)) {
      into = tree::shutdown_limit::after(base::to_nanos(*time));
      return true;
    }
  }
  constexpr std::array<std::string_view, 2> words{"brutal_kill", "infinity"};
  std::string hint = unit_hint(value, "s");
  if (hint.empty() && value.what == node::kind::scalar) hint = base::did_you_mean(value.text, words);
  from.wrong_type(value, std::string(a_duration) + ", brutal_kill or infinity", hint);
  return false;
}

json shutdown_time::print(const tree::shutdown_limit& value) const {
  using kind = tree::shutdown_limit::kind;
  if (value.how == kind::infinity) return "infinity";
  if (value.how == kind::brutal_kill) return "brutal_kill";
  return print_duration(base::to_milliseconds(value.time));
}

json shutdown_time::describe(json&) const {
  json words = {{"enum", {"brutal_kill", "infinity"}}};
  return {{"anyOf", json::array({words, {{"type", "string"}, {"pattern", duration_pattern}}})}};
}

bool term::read(reader& from, const node& value, encoded_term& into) const {
  if (!value.is_map()) {
    from.wrong_type(value, "a map");
    return false;
  }
  refuse_secrets(*from.to, value);
  return encode_term(*from.to, value, into);
}

bool args_term::read(reader& from, const node& value, encoded_term& into) const {
  if (!value.is_map()) {
    from.wrong_type(value, "a map");
    return false;
  }
  check_secrets(*from.to, value);
  return encode_term(*from.to, value, into);
}

json term::print(const encoded_term& value) const {
  return value.empty() ? json::object() : term_to_json({value.data(), value.size()});
}

void term::compare(const encoded_term& before, const encoded_term& after, std::string_view prefix,
                   std::string_view key, change_effect effect, changed_keys& to) {
  if (before == after) return;
  const json old_value = term().print(before), new_value = term().print(after);
  const std::string name = std::string(prefix).append(key);
  std::vector<std::string>& all = to.of(effect);
  const std::size_t known = all.size();
  for_each_change(old_value, new_value, name,
                  [&all](const std::string& one, const json&, const json&) { all.push_back(one); });
  // JSON does not tell 1 from 1.0, a term does.
  if (all.size() == known && !(old_value.empty() && new_value.empty())) all.push_back(name);
}

} // namespace coppice::spec
