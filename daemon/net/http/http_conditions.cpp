// SPDX-License-Identifier: MIT
// Evaluates the conditions in the order of RFC 9110, 13.2.2. Any thread.
#include "net/http/http_conditions.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace coppice::net {
namespace {

// Cuts the next element off the list; it may be empty. A comma between quotes is part of the element: entity
// tags may have commas (RFC 9110, 8.8.3).
std::string_view next_element(std::string_view& list) {
  std::size_t comma = 0;
  for (bool quoted = false; comma < list.size() && (quoted || list[comma] != ','); ++comma)
    if (list[comma] == '"') quoted = !quoted;
  const std::string_view out = http_trimmed(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return out;
}

// Whether the list has this entity tag. `weak_too`: a weak tag matches its strong one, because only the
// content matters.
bool has_tag(std::string_view list, std::string_view tag, bool weak_too) {
  if (http_trimmed(list) == "*") return true;
  while (!list.empty()) {
    std::string_view one = next_element(list);
    if (weak_too && one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag) return true;
  }
  return false;
}

std::optional<std::int64_t> date_of(const http_request& asked, std::string_view header) {
  const std::string* const value = asked.header(header);
  return value == nullptr ? std::nullopt : read_http_date(http_trimmed(*value));
}

bool was_changed_for(const http_request& asked, const http_representation& is) {
  if (const auto match = asked.list("if-match")) return !has_tag(*match, is.tag, false);
  const auto since = date_of(asked, "if-unmodified-since");
  return since && is.modified > *since;
}

bool is_known_to(const http_request& asked, const http_representation& is) {
  if (const auto match = asked.list("if-none-match")) return has_tag(*match, is.tag, true);
  const auto since = date_of(asked, "if-modified-since");
  return since && is.modified <= *since;
}

// Whether a range still refers to the current representation. A file written in this second may change again
// within it, and its date would not show that (RFC 9110, 8.8.2.2).
bool is_range_of(const http_request& asked, const http_representation& is, std::int64_t now) {
  const std::string* const of = asked.header("if-range");
  if (of == nullptr) return true;
  const std::string_view what = http_trimmed(*of);
  if (what.starts_with('"')) return what == is.tag;
  return is.modified < now && read_http_date(what) == is.modified;
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t out = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || end != digits.data() + digits.size() || failure != std::errc()) return std::nullopt;
  return out;
}

struct byte_range {
  std::uint64_t first;
  std::uint64_t length; // 0: there are no such bytes
};

// Empty: it cannot be read, or it has more than one range.
std::optional<byte_range> read_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!text.starts_with(unit)) return std::nullopt;
  text = http_trimmed(text.substr(unit.size()));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view begin = text.substr(0, dash), end = text.substr(dash + 1);
  if (begin.empty()) { // a suffix range: the last bytes
    const auto count = number(end);
    if (!count || (*count != 0 && size == 0)) return std::nullopt; // a range of an empty file (14.1.2)
    const std::uint64_t length = std::min(*count, size);
    return byte_range{size - length, length};
  }
  const auto first = number(begin);
  const auto last = end.empty() ? std::optional(UINT64_MAX) : number(end);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= size) return byte_range{0, 0};
  return byte_range{*first, std::min(*last, size - 1) - *first + 1};
}

} // namespace

http_verdict judge(const http_request& asked, const http_representation& is, std::int64_t now) {
  if (was_changed_for(asked, is)) return {412};
  if (is_known_to(asked, is)) return {304};
  const std::string* const wanted = asked.header("range");
  if (wanted != nullptr && asked.method == "GET" && is_range_of(asked, is, now)) {
    if (const auto range = read_range(http_trimmed(*wanted), is.size)) {
      if (range->length == 0) return {416};
      return {206, range->first, range->length};
    }
  }
  return {200, 0, is.size};
}

bool http_accepts_coding(const http_request& asked, std::string_view coding) {
  const auto header = asked.list("accept-encoding");
  if (!header) return false;
  std::string_view list = *header;
  bool any = false;
  while (!list.empty()) {
    std::string_view one = next_element(list);
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    const std::string_view name = http_trimmed(one.substr(0, semicolon));
    std::string_view weight = http_trimmed(one.substr(std::min(semicolon + 1, one.size())));
    if (weight.starts_with("q=") || weight.starts_with("Q="))
      weight.remove_prefix(2);
    else
      weight = "1";
    const bool wanted = weight.find_first_not_of("0.") != std::string_view::npos;
    if (http_lists(name, coding)) return wanted;
    if (name == "*") any = wanted;
  }
  return any;
}

} // namespace coppice::net
