// SPDX-License-Identifier: MIT
// HTTP/1.1 messages as values: the request a server has read, the response it is to send, and how the latter
// is written down. What of RFC 9112 concerns connections and framing is in http_reader and http_connection.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::net {

struct http_header {
  std::string name;
  std::string value;
};

// A token of RFC 9110, 5.6.2: at least one of the characters that a method or a header's name consists of.
bool is_http_token(std::string_view text);
// What a header may hold: no control characters but the tabulator, so no line ends either.
bool is_http_field_value(std::string_view text);
// What Host may hold, or a target name (RFC 9112, 3.2): nothing, a name or an address, one of IPv6 in
// brackets, and perhaps a port.
bool is_http_host(std::string_view text);

struct http_request {
  std::string method;               // as it was sent: GET
  std::string target;               // as it was sent: /path?query, or http://host/path?query
  unsigned minor = 1;               // of HTTP/1.0 or 1.1
  std::vector<http_header> headers; // in the order they came; names in lower case
  std::string body;
  bool keep_alive = true; // the client lets the connection go on
  bool streamed = false;  // the body is not here but comes behind, in pieces

  // The target's path, not decoded, without the query; "*" is itself.
  std::string_view path() const;
  // Behind the question mark; empty: none.
  std::string_view query() const;
  // Who is asked: the target's host and port, else what Host says; empty: neither.
  std::string_view authority() const;
  // It asks for another protocol: HTTP/1.1 with Upgrade, and Connection naming it.
  bool upgrades() const;
  // The first of this name (in lower case), or null.
  const std::string* header(std::string_view name) const;
  // A list's elements, of all lines of this name (in lower case), which are one list (RFC 9110, 5.3);
  // nothing: there are none.
  std::optional<std::string> list(std::string_view name) const;
};

struct http_response {
  int status = 200;
  std::string type{}; // Content-Type; empty: none
  std::string body{};
  // Further ones; one that is no header is left out, and one that says what encode() does.
  std::vector<http_header> headers{};

  // The first of this name, whatever its case, or null.
  http_header* header(std::string_view name);
};

// "Not Found"; statuses that nobody here sends have none.
std::string_view http_reason(int status);

struct http_framing {
  unsigned minor = 1; // the request's
  bool keep_alive = true;
  bool head_only = false; // an answer to HEAD: says what GET would get
};

// An answer with this status has a body, if not to HEAD; it may be empty.
bool http_has_body(int status);
// … and that may hold something.
bool http_has_content(int status);
// A time as headers have it (RFC 9110, 5.6.7), seconds since 1970; read in any of its three forms.
std::string http_date(std::int64_t seconds);
std::optional<std::int64_t> read_http_date(std::string_view text);
// Without white space at its ends.
std::string_view http_trimmed(std::string_view text);
// A comma-separated list has this element (in lower case), whatever its case there.
bool http_lists(std::string_view all, std::string_view wanted);

// The head alone, of a body that follows: of this length, or, where that is not known, chunked to a client of
// HTTP/1.1 and as far as the connection's end to others.
std::string encode_head(const http_response& response, const http_framing& framing,
                        std::optional<std::uint64_t> length);
// The response's bytes, with Date, Content-Length and Connection.
std::string encode(const http_response& response, const http_framing& framing);

} // namespace coppice::net
