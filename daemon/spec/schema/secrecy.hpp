// SPDX-License-Identifier: MIT
// Decides by their keys which values of a configuration are secrets. No diagnostic contains such a value, not
// even where it stands in the wrong place or has the wrong type: the output of `coppice check` and of a
// failing start is kept in the journal and in the logs of builds, which more people read than the
// configuration. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace coppice::spec {

// The text that people see in place of a secret.
inline constexpr std::string_view hidden_mark = "…";

// Whether the key names a secret: cookie, db_password, api-key, and so on. All that stands below such a key
// is a secret as well.
bool names_secret(std::string_view key);

// Whether the key names a secret, or would without a typing mistake: "cokie".
bool resembles_secret(std::string_view key);

// Whether `is_such` is true for a key of the path, whose keys are joined by dots.
bool any_key(std::string_view path, bool (*is_such)(std::string_view key));

// Where the line of a text that is no YAML begins to be secret, as an offset in bytes: behind its key, or at
// its first character if it may continue a value of a line above. npos: it has no secret. `before`: the text
// that ends where the line begins.
std::size_t secret_part(std::string_view before, std::string_view line);

} // namespace coppice::spec
