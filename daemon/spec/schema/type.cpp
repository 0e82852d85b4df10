// SPDX-License-Identifier: MIT
// The sentences that all tables share.
#include "spec/schema/type.hpp"

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

void unknown_key(reader& from, const node& key, const node& value,
                 const std::vector<std::string_view>& known) {
  from.error(key, unknown_key_text(key) + (from.path.empty() ? "" : " in " + from.path),
             hint_for_key(*from.to, key, value, known));
}

void not_available(reader& from, const node& at, std::string_view key, const json& default_value,
                   const node& value) {
  std::string message = std::string(key) + ": not available in this version";
  std::string hint;
  if (default_value.is_primitive() && !default_value.is_null()) {
    if (value.what == node::kind::scalar && !value.is_secret) message += ": " + printable(value.text);
    hint = "only " +
           (default_value.is_string() ? default_value.get<std::string>() : base::json_text(default_value));
  }
  from.error(at, std::move(message), std::move(hint));
}

} // namespace coppice::spec
