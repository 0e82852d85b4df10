// SPDX-License-Identifier: MIT
// The sentences that all tables share.
#include "spec/schema/type.hpp"

#include "base/json_text.hpp"
#include "base/suggest.hpp"
#include "spec/schema/scalar.hpp"

namespace coppice::spec {

void reader::wrong_type(const node& at, std::string_view expected, std::string hint) {
  error(at,
        (path.empty() ? "" : path + ": ") + "expected " + std::string(expected) + ", found " + describe(at),
        std::move(hint));
}

void unknown_key(reader& from, const node& key, const std::vector<std::string_view>& known) {
  std::string hint = base::did_you_mean(key.text, known);
  if (hint.empty()) {
    hint = "known here:";
    for (auto one : known) hint += " " + std::string(one);
  }
  from.error(key, "unknown key " + in_quotes(key.text) + (from.path.empty() ? "" : " in " + from.path), hint);
}

void not_available(reader& from, const node& at, std::string_view key, const json& default_value,
                   const node& value) {
  std::string message = std::string(key) + ": not available in this version";
  std::string hint;
  if (default_value.is_primitive() && !default_value.is_null()) {
    if (value.what == node::kind::scalar) message += ": " + printable(value.text);
    hint = "only " +
           (default_value.is_string() ? default_value.get<std::string>() : base::json_text(default_value));
  }
  from.error(at, std::move(message), std::move(hint));
}

} // namespace coppice::spec
