// SPDX-License-Identifier: MIT
// Reads the lists from their end, where the nearest proxy has written. Any thread.
#include "behaviours/web/forwarded.hpp"

#include <algorithm>
#include <string_view>

#include "base/ascii.hpp"

namespace coppice::behaviours {
namespace {

// Reads an address as proxies write it: with or without a port, an IPv6 address with or without brackets.
std::optional<base::socket_address> read_address(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.rfind(':') == colon) {
    text = text.substr(0, colon);
  }
  const auto read = base::socket_address::parse(text, 0);
  return read ? std::optional(*read) : std::nullopt;
}

// An IPv4 address written as an IPv6 address is the same client.
std::string plain_host(const base::socket_address& address) {
  constexpr std::string_view mapped = "::ffff:";
  std::string host = address.host();
  if (host.starts_with(mapped) && host.find('.') != std::string::npos) host.erase(0, mapped.size());
  return host;
}

// Whether the quote at `quote` is escaped: an odd number of backslashes stands before it.
bool is_escaped(std::string_view text, std::size_t quote) {
  std::size_t first = quote;
  while (first > 0 && text[first - 1] == '\\') --first;
  return (quote - first) % 2 == 1;
}

// Cuts the last element off the list. It is read from the end, so that nothing in front of it, which any
// client may have written, changes where it begins. A comma within quotes does not separate.
std::string_view last_element(std::string_view& list) {
  bool quoted = false;
  std::size_t at = list.size();
  for (; at != 0; --at) {
    const char c = list[at - 1];
    if (c == '"' && !(quoted && is_escaped(list, at - 1))) quoted = !quoted;
    if (c == ',' && !quoted) break;
  }
  const std::string_view out = list.substr(at);
  list = list.substr(0, at == 0 ? 0 : at - 1);
  return net::http_trimmed(out);
}

// The value of `for` in an element of Forwarded (RFC 7239, 4). Empty: it is missing or not unique.
std::string_view is_for(std::string_view element) {
  std::string_view out;
  while (!element.empty()) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < element.size() && (quoted || element[end] != ';'); ++end)
      if (element[end] == '"' && !(quoted && is_escaped(element, end))) quoted = !quoted;
    const std::string_view pair = net::http_trimmed(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    const std::size_t sign = std::min(pair.find('='), pair.size());
    if (!base::is_same_in_ascii(pair.substr(0, sign), "for")) continue;
    if (!out.empty() || sign == pair.size()) return {};
    out = pair.substr(sign + 1);
    if (out.size() >= 2 && out.starts_with('"') && out.ends_with('"')) out = out.substr(1, out.size() - 2);
  }
  return out;
}

} // namespace

std::optional<std::string> forwarded_client(const net::http_request& asked, const base::socket_address& peer,
                                            const base::access_list& proxies, tree::web_proxy_header by) {
  if (proxies.allow.empty() || !proxies.permits(peer)) return std::nullopt;
  const std::string_view name = by == tree::web_proxy_header::forwarded ? "forwarded" : "x-forwarded-for";
  std::string all;
  for (const net::http_header& one : asked.headers)
    if (one.name == name) all += (all.empty() ? "" : ",") + one.value;
  std::optional<std::string> client;
  for (std::string_view rest = all; !rest.empty();) {
    const std::string_view last = last_element(rest);
    if (last.empty()) continue; // an empty element (RFC 9110, 5.6.1.2)
    const auto address = read_address(by == tree::web_proxy_header::forwarded ? is_for(last) : last);
    if (!address) return client; // the elements before it cannot be trusted
    client = plain_host(*address);
    if (!proxies.permits(*address)) return client;
  }
  return client;
}

} // namespace coppice::behaviours
