// SPDX-License-Identifier: MIT
// Writing, and the character classes of RFC 9110 and RFC 3986 as tables. Any thread.
#include "net/http/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <iterator>

#include "base/ascii.hpp"
#include "base/clock.hpp"

namespace coppice::net {
namespace {

constexpr std::array<bool, 256> letters_digits_and(std::string_view others) {
  std::array<bool, 256> out{};
  for (const std::string_view some :
       {std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), others})
    for (const char c : some) out[static_cast<unsigned char>(c)] = true;
  return out;
}
constexpr std::array<bool, 256> token_characters = letters_digits_and("!#$%&'*+-.^_`|~");
constexpr std::array<bool, 256> host_characters = letters_digits_and("-._~%!$&'()*+,;="); // RFC 3986, 3.2.2

bool is_token_character(char c) {
  return token_characters[static_cast<unsigned char>(c)];
}

bool is_host_character(char c) {
  return host_characters[static_cast<unsigned char>(c)];
}

// The current time as headers have it, made once a second for each thread. Valid until the caller parks.
// Never inlined, because the caller may continue on another thread.
[[gnu::noinline]] std::string_view date_now() {
  asm volatile("");
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  if (const std::int64_t now = base::wall_now() / base::nanos_per_second; now != second) {
    text = http_date(now);
    second = now;
  }
  return text;
}

void add_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

void add_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// Where the authority begins in a target with scheme and authority. npos: the target has none.
std::size_t authority_begin(std::string_view target) {
  const std::size_t scheme = target.find("://");
  return target.starts_with('/') || scheme == std::string_view::npos ? std::string_view::npos : scheme + 3;
}

// The target without its scheme and authority, if it has them.
std::string_view behind_authority(std::string_view target) {
  const std::size_t begin = authority_begin(target);
  if (begin == std::string_view::npos) return target;
  const std::size_t slash = target.find_first_of("/?#", begin);
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

// An answer with the header Upgrade names it among the options of the connection, so that a proxy does not
// pass it on (RFC 9110, 7.8).
void add_connection(std::string& out, const http_response& response, const http_framing& framing) {
  const bool switches = response.status == 101;
  const bool upgrades = switches || std::ranges::any_of(response.headers, [](const http_header& one) {
                          return base::is_same_in_ascii(one.name, "upgrade");
                        });
  const std::string_view lasts = switches              ? ""
                                 : !framing.keep_alive ? "close"
                                 : framing.minor == 0  ? "keep-alive"
                                                       : "";
  if (!upgrades && lasts.empty()) return;
  out.append("Connection: ").append(lasts).append(upgrades && !lasts.empty() ? ", " : "");
  out.append(upgrades ? "Upgrade\r\n" : "\r\n");
}

bool is_own_header(std::string_view name) {
  constexpr std::string_view own[] = {"date", "content-length", "transfer-encoding", "connection"};
  return std::ranges::any_of(own, [&](std::string_view one) { return base::is_same_in_ascii(name, one); });
}

} // namespace

bool is_http_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

bool is_http_field_value(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}

bool is_http_host(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = std::min(text.find(bracketed ? ']' : ':'), text.size());
  if (bracketed && (end == text.size() || end == 1)) return false;
  const auto is_part = [&](char c) { return is_host_character(c) || (bracketed && c == ':'); };
  if (!std::ranges::all_of(text.substr(bracketed, end - bracketed), is_part)) return false;
  const std::string_view port = text.substr(end + bracketed);
  return port.empty() || (port.front() == ':' &&
                          std::ranges::all_of(port.substr(1), [](char c) { return c >= '0' && c <= '9'; }));
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

std::optional<std::string> http_request::list(std::string_view name) const {
  std::optional<std::string> out;
  for (const http_header& one : headers) {
    if (one.name != name) continue;
    out = out ? *out + ", " + one.value : one.value;
  }
  return out;
}

// IMF-fixdate. strftime would use the locale's names.
std::string http_date(std::int64_t seconds) {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t at = seconds;
  std::tm utc{};
  gmtime_r(&at, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[utc.tm_wday], utc.tm_mday,
                     months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

// The daemon sets no locale, so strptime reads English names.
std::optional<std::int64_t> read_http_date(std::string_view text) {
  const std::string whole(text);
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm utc{};
    const char* const end = strptime(whole.c_str(), form, &utc);
    if (end == whole.c_str() + whole.size()) return timegm(&utc);
  }
  return std::nullopt;
}

std::string_view http_reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

bool http_has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

// RFC 9110, 15.3.6.
bool http_has_content(int status) {
  return http_has_body(status) && status != 205;
}

std::string_view http_trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool http_lists(std::string_view all, std::string_view wanted) {
  while (!all.empty()) {
    const std::size_t comma = std::min(all.find(','), all.size());
    if (base::is_same_in_ascii(http_trimmed(all.substr(0, comma)), wanted)) return true;
    all.remove_prefix(std::min(comma + 1, all.size()));
  }
  return false;
}

http_header* http_response::header(std::string_view name) {
  const auto found = std::ranges::find_if(
      headers, [name](const http_header& one) { return base::is_same_in_ascii(one.name, name); });
  return found == headers.end() ? nullptr : &*found;
}

bool http_request::upgrades() const {
  const auto names_it = [](const http_header& one) {
    return one.name == "connection" && http_lists(one.value, "upgrade");
  };
  return minor == 1 && header("upgrade") != nullptr && std::ranges::any_of(headers, names_it);
}

std::string encode_head(const http_response& response, const http_framing& framing,
                        std::optional<std::uint64_t> length) {
  std::string out;
  out.reserve(256);
  out += "HTTP/1.1 ";
  add_number(out, static_cast<std::uint64_t>(response.status));
  out.append(" ").append(http_reason(response.status)).append("\r\n");
  add_header(out, "Date", date_now());
  const bool has_body = http_has_body(response.status);
  if (!http_has_content(response.status)) length = 0;
  if (has_body && length) {
    out += "Content-Length: ";
    add_number(out, *length);
    out += "\r\n";
  } else if (has_body && framing.minor == 1) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (!response.type.empty() && is_http_field_value(response.type))
    add_header(out, "Content-Type", response.type);
  add_connection(out, response, framing);
  for (const http_header& one : response.headers) {
    if (!is_http_token(one.name) || !is_http_field_value(one.value) || is_own_header(one.name)) continue;
    add_header(out, one.name, one.value);
  }
  out += "\r\n";
  return out;
}

std::string encode(const http_response& response, const http_framing& framing) {
  std::string out = encode_head(response, framing, response.body.size());
  if (http_has_content(response.status) && !framing.head_only) out += response.body;
  return out;
}

} // namespace coppice::net
