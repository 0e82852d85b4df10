// SPDX-License-Identifier: MIT
// Paths of requests, taken apart and decoded, and patterns that they are held against: /users/{id} has one
// segment there, /files/{rest...} all that follow. Segments are cut before they are decoded: an encoded slash
// is part of one. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace coppice::base {

// In the order of the pattern: a name, and what stood there, decoded.
using path_parameters = std::vector<std::pair<std::string, std::string>>;

// %XX to bytes, in a query + to a blank. Nothing: a % without two hexadecimal digits behind it, or %00.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank = false);

// The segments between slashes, decoded: /a/b%2Fc/ is "a", "b/c", "". Nothing: it does not begin with a
// slash, cannot be decoded, or has . or .. for a segment, encoded or not.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

// Of a query, in order, decoded; a name without = has an empty value. Nothing: it cannot be decoded.
std::optional<path_parameters> query_parameters(std::string_view query);

class path_pattern {
 public:
  // errc::invalid: it does not begin with a slash, a brace stands elsewhere than around a whole segment, a
  // name is no identifier or there twice, or something follows the rest.
  static result<path_pattern> parse(std::string_view written);

  // A parameter is at least one byte, the rest any, also none.
  std::optional<path_parameters> match(const std::vector<std::string>& segments) const;
  const std::string& text() const { return text_; }
  // Segments before the one of {NAME...}; nothing: it has none.
  std::optional<std::size_t> rest_begins() const;

 private:
  struct step {
    enum class kind { literal, segment, rest };
    kind what;
    std::string text; // the literal, decoded, or the parameter's name
  };
  std::string text_;
  std::vector<step> steps_;
};

} // namespace coppice::base
