// SPDX-License-Identifier: MIT
// Markers in a child's args that stand for a secret: `{ $file: /path }`, `{ $credential: NAME }`. The
// configuration keeps, prints and compares the marker; the text that it names is read when an actor starts
// (base/secret.hpp). Only terms that come from a configuration may be asked for their markers. Any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"
#include "spec/schema/values.hpp"

namespace coppice::spec {

// Whether the node is a marker: a map of one pair, with a marker's key and a text.
bool is_secret(const node&);

// Whether a value of JSON has a map in it that would be taken for a marker.
bool has_marker(const nlohmann::json&);

// Reports what is wrong with the markers in a map of args.
void check_secrets(report&, const node& args);

// Reports each marker in a map that may have none.
void refuse_secrets(report&, const node& map);

// Warns of files that an actor could not be started with as they are now. A credential exists for the
// service alone, so it is not looked for.
void look_at_secrets(report&, const node& args);

// The secrets in args that args_schema::encode() or encode_term() has made; null: none.
base::secrets_ptr find_secrets(std::span<const std::uint8_t> args);

// Says that a file was not looked at, since this program's user may not read it, though the node's user may.
std::string not_looked_at(const std::string& path);
inline constexpr std::string_view not_looked_at_hint = "the node's user must be able to";

} // namespace coppice::spec
