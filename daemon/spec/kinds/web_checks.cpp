// SPDX-License-Identifier: MIT
// See web_checks.hpp.
#include "spec/kinds/web_checks.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/http_methods.hpp"
#include "base/path_pattern.hpp"
#include "spec/schema/names.hpp"

namespace coppice::spec {
namespace {

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
  });
}

} // namespace

std::string check_method(std::string_view method) {
  const auto same = [method](std::string_view one) { return base::is_same_in_ascii(one, method); };
  const auto known = std::ranges::find_if(base::http_methods, same);
  if (known == base::http_methods.end()) return "must be a method that the server knows, such as GET";
  return *known == method ? "" : "must be in upper case: " + std::string(*known);
}
std::string check_header_name(std::string_view name) {
  constexpr std::string_view own[] = {"date", "content-length", "transfer-encoding", "connection"};
  if (!is_token(name)) return "must be a header's name";
  const bool is_own =
      std::ranges::any_of(own, [name](std::string_view one) { return base::is_same_in_ascii(one, name); });
  return !is_own ? "" : "must be another one: the server sets it";
}
std::string check_header_value(std::string_view value) {
  const bool good = std::ranges::all_of(
      value, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
  return good ? "" : "must have no control characters";
}
std::string check_path(std::string_view path) {
  const auto read = base::path_pattern::parse(path);
  return read ? "" : "must be a path: " + read.error().text;
}
std::string check_location(std::string_view to) {
  if (to.empty() || to.size() > 8192) return "must have 1 to 8192 bytes";
  return check_header_value(to);
}
std::string check_index(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 255 && !name.starts_with('.') &&
                    name.find('/') == std::string_view::npos;
  return good ? "" : "must be a file's name";
}
std::string check_host_name(std::string_view host) {
  const bool good = !host.empty() && host.size() <= 253 &&
                    std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  return good ? "" : "must be a host without a port";
}

std::string check_route_name(std::string_view name) {
  return check_registered_name(name).empty() ? "" : "must be a name: 1 to 255 characters without '@'";
}

std::string check_handler(std::string_view written) {
  const auto cut = written.find('@');
  if (std::string trouble = check_registered_name(written.substr(0, cut)); !trouble.empty()) return trouble;
  return cut == std::string_view::npos ? "" : check_full_node_name(written.substr(cut + 1));
}

std::string check_origin(std::string_view origin) {
  if (origin == "*") return "";
  const std::size_t colon = origin.find("://");
  const bool good = colon != 0 && colon != std::string_view::npos && colon + 3 < origin.size() &&
                    origin.find_first_of("/?# \t", colon + 3) == std::string_view::npos &&
                    !check_header_value(origin).size();
  return good ? "" : "must be an origin such as https://example.org, or \"*\"";
}
std::string check_any_header(std::string_view name) {
  return is_token(name) ? "" : "must be a header's name";
}

} // namespace coppice::spec
