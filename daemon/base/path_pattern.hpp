// SPDX-License-Identifier: MIT
// Paths of HTTP requests, split and decoded, and patterns that match them. /users/{id} matches one segment
// there, /files/{rest...} all segments that follow. Paths are split before they are decoded, so an encoded
// slash is part of a segment. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace coppice::base {

// Name and decoded value of each parameter, in the order of the pattern.
using path_parameters = std::vector<std::pair<std::string, std::string>>;

// Decodes %XX to bytes and, in a query, + to a space. nullopt: a % without two hexadecimal digits behind it,
// or %00.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank = false);

// The decoded segments between slashes: /a/b%2Fc/ has "a", "b/c", "". nullopt: the path does not begin with a
// slash, cannot be decoded, contains a NUL, or has a segment . or .., encoded or not.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

// The decoded parameters of a query, in order. A name without = has an empty value. nullopt: it cannot be
// decoded.
std::optional<path_parameters> query_parameters(std::string_view query);

class path_pattern {
 public:
  // errc::invalid: the pattern does not begin with a slash, has a query or fragment, has a brace elsewhere
  // than around a whole segment, has a name that is no identifier or occurs twice, or continues after
  // {NAME...}.
  static result<path_pattern> parse(std::string_view written);

  // nullopt: no match. A {NAME} needs at least one byte; {NAME...} may be empty.
  std::optional<path_parameters> match(const std::vector<std::string>& segments) const;
  // Whether this pattern matches every path that `other` matches.
  bool covers(const path_pattern& other) const;
  const std::string& text() const { return text_; }
  // The number of segments before {NAME...}; nullopt: there is none.
  std::optional<std::size_t> rest_begins() const;

 private:
  struct step {
    enum class kind { literal, segment, rest };
    kind what;
    std::string text; // the decoded literal, or the parameter's name
  };
  std::string text_;
  std::vector<step> steps_;
};

} // namespace coppice::base
