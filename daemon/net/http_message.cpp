// SPDX-License-Identifier: MIT
// See http_message.hpp.
#include "net/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

#include "base/clock.hpp"

namespace coppice::net {
namespace {

bool is_token_character(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// Of a target with scheme and authority: where the latter begins, else npos.
std::size_t authority_begin(std::string_view target) {
  const std::size_t scheme = target.find("://");
  return target.starts_with('/') || scheme == std::string_view::npos ? std::string_view::npos : scheme + 3;
}

// Of the target: what stands behind scheme and authority, if they are there.
std::string_view behind_authority(std::string_view target) {
  const std::size_t begin = authority_begin(target);
  if (begin == std::string_view::npos) return target;
  const std::size_t slash = target.find_first_of("/?#", begin);
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

// IMF-fixdate, RFC 9110, 5.6.7; strftime would use the locale's names.
std::string date_now() {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(base::wall_now() / base::nanos_per_second);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[utc.tm_wday], utc.tm_mday,
                     months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

} // namespace

bool is_http_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

bool is_http_field_value(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}

std::string_view http_request::path() const {
  const std::string_view all = behind_authority(target);
  const std::string_view path = all.substr(0, all.find_first_of("?#"));
  return path.empty() ? "/" : path;
}

std::string_view http_request::query() const {
  const std::string_view all = behind_authority(target);
  const std::size_t mark = all.find('?');
  if (mark == std::string_view::npos) return {};
  return all.substr(mark + 1, all.find('#', mark) - mark - 1);
}

std::string_view http_request::authority() const {
  const std::string_view all = target;
  if (const std::size_t begin = authority_begin(all); begin != std::string_view::npos)
    return all.substr(begin, all.find_first_of("/?#", begin) - begin);
  if (method == "CONNECT") return all;
  const std::string* const host = header("host");
  return host == nullptr ? std::string_view{} : *host;
}

const std::string* http_request::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &http_header::name);
  return found == headers.end() ? nullptr : &found->value;
}

std::string_view http_reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

std::string encode(const http_response& response, const http_framing& framing) {
  std::string out;
  out.reserve(256 + response.body.size());
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, http_reason(response.status),
                 date_now());
  if (has_body(response.status)) fmt::format_to(to, "Content-Length: {}\r\n", response.body.size());
  if (!response.type.empty()) fmt::format_to(to, "Content-Type: {}\r\n", response.type);
  if (!framing.keep_alive)
    out += "Connection: close\r\n";
  else if (framing.minor == 0)
    out += "Connection: keep-alive\r\n";
  for (const http_header& one : response.headers) {
    if (!is_http_token(one.name) || !is_http_field_value(one.value)) continue;
    fmt::format_to(to, "{}: {}\r\n", one.name, one.value);
  }
  out += "\r\n";
  if (has_body(response.status) && !framing.head_only) out += response.body;
  return out;
}

} // namespace coppice::net
