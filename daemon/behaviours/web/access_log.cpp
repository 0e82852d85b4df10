// SPDX-License-Identifier: MIT
// Escapes for both forms of text: Apache's \xNN, and JSON. Any thread.
#include "behaviours/web/access_log.hpp"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace coppice::behaviours {
namespace {

// `text` in quotes. Bytes that are not printable ASCII are written by number, in JSON as if they were
// Latin-1, because the text may be no UTF-8.
std::string quoted(std::string_view text, bool json) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else if (json)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(byte));
    else
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(byte));
  }
  return out += '"';
}

std::string or_dash(const std::string& text) {
  return quoted(text.empty() ? "-" : text, false);
}

std::tm utc_of(base::nanos wall) {
  const auto seconds = static_cast<std::time_t>(wall / base::nanos_per_second);
  std::tm out{};
  gmtime_r(&seconds, &out);
  return out;
}

std::string apache_line(const access_entry& of, bool combined, base::nanos now) {
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm utc = utc_of(now);
  const std::string asked =
      of.method.empty() ? "-" : fmt::format("{} {} HTTP/1.{}", of.method, of.target, of.minor);
  std::string out =
      fmt::format("{} - - [{:02}/{}/{}:{:02}:{:02}:{:02} +0000] {} {} {}", of.peer.empty() ? "-" : of.peer,
                  utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec,
                  quoted(asked, false), of.status, of.bytes);
  if (combined) out += " " + or_dash(of.referer) + " " + or_dash(of.agent);
  return out;
}

std::string json_line(const access_entry& of, base::nanos now) {
  const std::tm utc = utc_of(now);
  return fmt::format(
      "{{\"time\":\"{}-{:02}-{:02}T{:02}:{:02}:{:02}Z\",\"peer\":{},\"method\":{},\"target\":{},"
      "\"host\":{},\"version\":\"1.{}\",\"status\":{},\"bytes\":{},\"microseconds\":{},"
      "\"referer\":{},\"agent\":{}}}",
      utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
      quoted(of.peer, true), quoted(of.method, true), quoted(of.target, true), quoted(of.host, true),
      of.minor, of.status, of.bytes, of.took / 1000, quoted(of.referer, true), quoted(of.agent, true));
}

} // namespace

std::string access_line(const access_entry& of, access_log_format format, base::nanos now) {
  return format == access_log_format::json ? json_line(of, now)
                                           : apache_line(of, format == access_log_format::combined, now);
}

} // namespace coppice::behaviours
