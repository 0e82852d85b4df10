// SPDX-License-Identifier: MIT
// HTTP/1.1 messages as values: a request that a server has read, a response that it is to send, and how a
// response is written. The parts of RFC 9112 that concern connections and framing are in http_reader and
// http_connection. Any thread.
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

// Whether `text` is a token (RFC 9110, 5.6.2): a method or a header's name, at least one character.
bool is_http_token(std::string_view text);
// Whether `text` may be a header's value: no control characters but the tab, so no line ends.
bool is_http_field_value(std::string_view text);
// Whether `text` may be the value of Host or a target's authority (RFC 9112, 3.2): empty, or a name or an
// address (IPv6 in brackets), with an optional port.
bool is_http_host(std::string_view text);

struct http_request {
  std::string method;               // as sent: GET
  std::string target;               // as sent: /path?query, or http://host/path?query
  unsigned minor = 1;               // of the version: HTTP/1.0 or 1.1
  std::vector<http_header> headers; // in the order received; names in lower case
  std::string body;
  bool keep_alive = true; // the client lets the connection stay open
  bool streamed = false;  // the body is not in `body` but follows in pieces

  // The target's path, not decoded, without the query. "*" stays "*".
  std::string_view path() const;
  // The target's part after the question mark. Empty: none.
  std::string_view query() const;
  // The host and port that the request is for: the target's, else the Host header's. Empty: neither.
  std::string_view authority() const;
  // Whether the client asks for another protocol: HTTP/1.1 with Upgrade, and Connection names it.
  bool upgrades() const;
  // The value of the first header with this name (in lower case). Null: none.
  const std::string* header(std::string_view name) const;
  // The values of all headers with this name (in lower case), joined with commas: several lines are one list
  // (RFC 9110, 5.3). Empty: no such header.
  std::optional<std::string> list(std::string_view name) const;
};

struct http_response {
  int status = 200;
  std::string type{}; // Content-Type; empty: none
  std::string body{};
  // Further headers. Left out when written: a malformed one, and one that encode() itself writes.
  std::vector<http_header> headers{};

  // The first header with this name, in any case. Null: none.
  http_header* header(std::string_view name);
};

// "Not Found". Empty for statuses that nothing here sends.
std::string_view http_reason(int status);

struct http_framing {
  unsigned minor = 1; // the request's
  bool keep_alive = true;
  bool head_only = false; // the request is HEAD: the answer says what GET would get
};

// Whether an answer with this status has a body (unless the request is HEAD), be it empty.
bool http_has_body(int status);
// Whether that body may hold anything: as http_has_body(), without 205.
bool http_has_content(int status);
// A time in the form of headers (RFC 9110, 5.6.7), seconds since 1970. Reading accepts all three forms.
std::string http_date(std::int64_t seconds);
std::optional<std::int64_t> read_http_date(std::string_view text);
// `text` without spaces and tabs at its ends.
std::string_view http_trimmed(std::string_view text);
// Whether a comma-separated list has this element, regardless of case.
bool http_lists(std::string_view all, std::string_view wanted);

// The head of a response whose body follows. `length`: bytes of the body. Empty: unknown; the body is then
// chunked to a client of HTTP/1.1 and ends with the connection for a client of HTTP/1.0.
std::string encode_head(const http_response& response, const http_framing& framing,
                        std::optional<std::uint64_t> length);
// The whole response, with Date, Content-Length and Connection.
std::string encode(const http_response& response, const http_framing& framing);

} // namespace coppice::net
