// SPDX-License-Identifier: MIT
// See rows.hpp.
#include "spec/schema/rows.hpp"

#include <algorithm>

#include "base/json_text.hpp"
#include "base/suggest.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/secrecy.hpp"

namespace coppice::spec {

void reader::wrong_type(const node& at, std::string_view expected, std::string hint) {
  error(at,
        (path.empty() ? "" : path + ": ") + "expected " + std::string(expected) + ", found " + describe(at),
        std::move(hint));
}

std::string unknown_key_text(const node& key) {
  return key.is_secret ? "unknown key" : "unknown key " + in_quotes(key.text);
}

std::string hint_for_key(report& to, const node& key, const node& value,
                         const std::vector<std::string_view>& known) {
  const std::string_view meant = base::nearest(key.text, known);
  if (value.what != node::kind::null && (meant.empty() || names_secret(meant))) to.hide(value.at, value.end);
  if (!meant.empty()) return base::did_you_mean(key.text, known);
  std::string hint = known.empty() ? "" : "known here:";
  for (const std::string_view one : known) hint.append(" ").append(one);
  return hint;
}

namespace {

// A key that is not available is accepted only with a simple default; without a default it is not accepted.
bool is_accepted(const row& one, const json& fallback) {
  return one.when == available::now || (fallback.is_primitive() && !fallback.is_null());
}

void unknown_key(reader& from, const node& key, const node& value,
                 const std::vector<std::string_view>& known) {
  from.error(key, unknown_key_text(key) + (from.path.empty() ? "" : " in " + from.path),
             hint_for_key(*from.to, key, value, known));
}

void not_available(reader& from, const node& at, const json& default_value, const node& value) {
  std::string message = from.path + ": not available in this version";
  std::string hint;
  if (default_value.is_primitive() && !default_value.is_null()) {
    if (value.what == node::kind::scalar && !value.is_secret) message += ": " + printable(value.text);
    hint = "only " +
           (default_value.is_string() ? default_value.get<std::string>() : base::json_text(default_value));
  }
  from.error(at, std::move(message), std::move(hint));
}

} // namespace

bool table_rows::read(reader& from, const node& value, void* into) const {
  if (!value.is_map()) {
    from.wrong_type(value, "a map");
    return false;
  }
  const std::size_t length = from.path.size();
  for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
    const row* const found = find(value.items[i]->text);
    if (found == nullptr) {
      unknown_key(from, *value.items[i], *value.items[i + 1], keys());
      continue;
    }
    if (length != 0) from.path += '.';
    from.path += found->key;
    read_row(from, *found, *value.items[i], *value.items[i + 1], into);
    from.path.resize(length);
  }
  for (const auto& one : rows_)
    if (one->required && value.find(one->key) == nullptr)
      from.error(value, "the key '" + std::string(one->key) + "' is missing", std::string(one->sentence));
  return true;
}

// A key that is not available is read into another struct with a report of its own, so that it is one error,
// whatever else is wrong with it.
void table_rows::read_row(reader& from, const row& one, const node& key, const node& value,
                          void* into) const {
  if (one.when == available::now) {
    one.read(from, value, into);
    return;
  }
  const std::shared_ptr<void> scratch = fresh_();
  const json fallback = one.print(scratch.get());
  report unheard(*from.texts);
  reader aside{from.texts, &unheard, from.path};
  const bool same = is_accepted(one, fallback) && one.read(aside, value, scratch.get()) &&
                    !unheard.failed() && one.print(scratch.get()) == fallback;
  if (!same) not_available(from, key, fallback, value);
}

json table_rows::print(const void* from) const {
  json result = json::object();
  for (const auto& one : rows_) {
    json value = one->print(from);
    if (!value.is_null() && is_accepted(*one, value)) result[std::string(one->key)] = std::move(value);
  }
  return result;
}

json table_rows::describe(json& definitions, const json& extra) const {
  json result = {{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}};
  json required = json::array();
  const std::shared_ptr<void> defaults = fresh_();
  for (const auto& one : rows_) {
    json fallback = one->print(defaults.get());
    json property;
    if (!is_accepted(*one, fallback)) continue;
    if (one->when == available::later)
      property["const"] = fallback;
    else
      property = one->describe(definitions);
    property["description"] = one->sentence;
    if (!fallback.is_null() && !one->required) property["default"] = std::move(fallback);
    result["properties"][std::string(one->key)] = std::move(property);
    if (one->required) required.push_back(one->key);
  }
  if (!required.empty()) result["required"] = std::move(required);
  result.update(extra);
  return result;
}

void table_rows::compare(const void* before, const void* after, std::string_view prefix,
                         changed_keys& to) const {
  for (const auto& one : rows_) one->compare(before, after, prefix, to);
}

bool table_rows::is_live(std::string_view path) const {
  const std::string_view first = path.substr(0, path.find('.'));
  const row* const found = find(first);
  return found != nullptr && found->is_live(path.substr(std::min(path.size(), first.size() + 1)));
}

const row* table_rows::find(std::string_view key) const {
  for (const auto& one : rows_)
    if (one->key == key) return one.get();
  return nullptr;
}

std::vector<std::string_view> table_rows::keys() const {
  std::vector<std::string_view> all;
  for (const auto& one : rows_) all.push_back(one->key);
  return all;
}

} // namespace coppice::spec
