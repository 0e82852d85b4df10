// SPDX-License-Identifier: MIT
// Scanning names; no regular expressions, whose cost and stack use depend on the text.
#include "spec/schema/names.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/address_range.hpp"
#include "base/utf8.hpp"

namespace coppice::spec {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

template <class Predicate>
bool all_of(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

bool is_alive(std::string_view text) {
  return !text.empty() && all_of(text, [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; });
}

bool is_host(std::string_view text) {
  return !text.empty() && all_of(text, [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

bool is_plugin_word(std::string_view text) {
  return !text.empty() && text.size() <= longest_plugin_word && text[0] >= 'a' && text[0] <= 'z' &&
         all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string check_atom(std::string_view text, char excluded, std::string_view why) {
  if (text.empty()) return "must not be empty";
  if (base::utf8_count(text) > 255) return "must have at most 255 characters";
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "must not contain control characters";
  if (text.find(excluded) != text.npos) return std::string(why);
  return {};
}

} // namespace

std::string check_node_name(std::string_view text) {
  if (text.size() > 255) return "must have at most 255 bytes";
  auto at = text.find('@');
  if (!is_alive(text.substr(0, at))) return "must be alive@host, its first part of letters, digits, _ and -";
  if (at != text.npos && !is_host(text.substr(at + 1)))
    return "must be alive@host, the host a name or an address";
  return {};
}

std::string check_full_node_name(std::string_view text) {
  if (text.find('@') == text.npos) return "must be alive@host";
  return check_node_name(text);
}

std::string check_id(std::string_view text) {
  return check_atom(text, '/', "must not contain '/': paths such as app/sup/child are made of it");
}

std::string check_registered_name(std::string_view text) {
  if (text == "undefined") return "must not be a registered name";
  return check_atom(text, '@', "must not contain '@': what follows would be a node");
}

std::string check_process(std::string_view text) {
  const auto cut = text.find('@');
  if (std::string trouble = check_registered_name(text.substr(0, cut)); !trouble.empty()) return trouble;
  return cut == text.npos ? "" : check_full_node_name(text.substr(cut + 1));
}

std::string check_actor(std::string_view text) {
  auto colon = text.find(':');
  bool good =
      is_plugin_word(text.substr(0, colon)) && (colon == text.npos || is_plugin_word(text.substr(colon + 1)));
  return good ? "" : "must be PLUGIN or PLUGIN:ACTOR, of lower-case letters, digits and _";
}

std::string check_address(std::string_view text) {
  unsigned char parsed[sizeof(in6_addr)];
  const std::string whole(text);
  if (text == "auto" || ::inet_pton(AF_INET, whole.c_str(), parsed) == 1 ||
      ::inet_pton(AF_INET6, whole.c_str(), parsed) == 1)
    return {};
  return "must be an IPv4 or IPv6 address, or auto";
}

// The addresses that inet_pton takes: octets without leading zeros; for IPv6 eight groups, or at most seven
// around a "::", the last two perhaps as IPv4.
std::string_view address_pattern() {
  static const std::string pattern = [] {
    const std::string octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    const std::string v4 = octet + "(\\." + octet + "){3}";
    const std::string group = "[0-9A-Fa-f]{1,4}";
    const auto groups_before = [&group](int most) {
      return "(" + group + ":){0," + std::to_string(most) + "}";
    };
    std::string out = "^(auto|" + v4 + "|(" + group + ":){7}" + group + "|(" + group + ":){6}" + v4;
    for (int left = 0; left <= 7; ++left) {
      const int right = 7 - left;
      out += "|";
      if (left > 0) out += group + "(:" + group + "){" + std::to_string(left - 1) + "}";
      out += "::(";
      if (right > 0) out += groups_before(right - 1) + group;
      if (right > 1) out += "|" + groups_before(right - 2) + v4;
      out += ")?";
    }
    return out + ")$";
  }();
  return pattern;
}

std::string check_address_or_host(std::string_view text) {
  return is_host(text) && text.size() <= 253 ? "" : "must be an address or a host name";
}

std::string check_address_range(std::string_view range) {
  const auto read = base::address_range::parse(range);
  return read ? "" : read.error().text;
}

std::string check_rpc(std::string_view text) {
  constexpr std::string_view forms =
      "must be info, observer, env, \"module:function\", \"module:*\" or \"mod:fun/2 => PLUGIN:ACTOR\"";
  constexpr std::string_view arrow = " => ";
  if (text == "info" || text == "observer" || text == "env") return {};
  const auto to = text.find(arrow);
  const auto function = text.substr(0, to);
  const auto colon = function.find(':');
  const auto slash = function.find('/');
  const auto word = [](std::string_view part) {
    return !part.empty() && part.find_first_of(":/ \t") == part.npos;
  };
  const bool named = colon != function.npos && word(function.substr(0, colon)) &&
                     word(function.substr(colon + 1, slash - colon - 1));
  if (!named || (to == text.npos) != (slash == function.npos)) return std::string(forms);
  if (to == text.npos) return {};
  const auto arity = function.substr(slash + 1);
  const bool number =
      !arity.empty() && arity.size() <= 3 && arity.find_first_not_of("0123456789") == arity.npos;
  return number ? check_actor(text.substr(to + arrow.size())) : std::string(forms);
}

} // namespace coppice::spec
