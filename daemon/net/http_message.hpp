// SPDX-License-Identifier: MIT
// HTTP/1.1 messages as values: the request a server has read, the response it is to send, and how the latter
// is written down. What of RFC 9112 concerns connections and framing is in http_reader and http_connection.
// Any thread.
#pragma once

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

struct http_request {
  std::string method;               // as it was sent: GET
  std::string target;               // as it was sent: /path?query, or http://host/path?query
  unsigned minor = 1;               // of HTTP/1.0 or 1.1
  std::vector<http_header> headers; // in the order they came; names in lower case
  std::string body;
  bool keep_alive = true; // the client lets the connection go on

  // The target's path, not decoded, without the query; "*" is itself.
  std::string_view path() const;
  // Behind the question mark; empty: none.
  std::string_view query() const;
  // Who is asked: the target's host and port, else what Host says; empty: neither.
  std::string_view authority() const;
  // The first of this name (in lower case), or null.
  const std::string* header(std::string_view name) const;
};

struct http_response {
  int status = 200;
  std::string type; // Content-Type; empty: none
  std::string body;
  std::vector<http_header> headers{}; // further ones; one that is no header is left out
};

// "Not Found"; statuses that nobody here sends have none.
std::string_view http_reason(int status);

struct http_framing {
  unsigned minor = 1; // the request's
  bool keep_alive = true;
  bool head_only = false; // an answer to HEAD: says what GET would get
};

// The response's bytes, with Date, Content-Length and Connection.
std::string encode(const http_response& response, const http_framing& framing);

} // namespace coppice::net
