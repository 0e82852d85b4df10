// SPDX-License-Identifier: MIT
// Requests of web clients, and the answers of actors: requests, responses, server-sent events, and how a
// WebSocket ended. Plain values, used by the actor in coppice/web.hpp. Header-only.
#pragma once

#include <coppice/json.hpp>
#include <coppice/server.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

namespace detail {

using text_pairs = std::vector<std::pair<std::string_view, std::string_view>>;

struct http_request {
  static constexpr etf::form etf_form = etf::form::map;
  std::string_view method, path;
  std::map<std::string_view, std::string_view> params;
  text_pairs query, headers;
  std::variant<std::string_view, etf::constant<"streamed">> body;
  std::string_view peer, version;
  std::optional<term> client, stream;
  std::optional<std::uint64_t> number;
  std::optional<etf::atom> route;
};

} // namespace detail

class response;

/// A client's request. Texts are valid until the callback returns.
class request {
 public:
  request(const detail::http_request& asked, term from) : asked_(&asked), from_(from) {
    if (asked.stream)
      id_ = etf::encode(std::pair(etf::any_term{from.encoded}, etf::any_term{asked.stream->encoded}));
  }

  std::string_view method() const { return asked_->method; } // GET
  std::string_view path() const { return asked_->path; }     // decoded, without the query
  /// The route's name, `as` of the configuration. Empty: it has none.
  std::string_view route() const { return asked_->route ? asked_->route->name : std::string_view(); }
  /// The whole body; empty if the body streams.
  std::string_view body() const {
    const auto* const whole = std::get_if<std::string_view>(&asked_->body);
    return whole != nullptr ? *whole : std::string_view();
  }
  /// The body, which is JSON, as a T; see coppice/json.hpp. Else the answer that says what does not fit, with
  /// status 400 and the body {"error":"item.price: expected integer, got text"}.
  template <class T>
  expected<T, response> json() const;
  /// Whether the body comes to handle_body in parts.
  bool streams() const { return asked_->body.index() == 1; }
  std::string_view peer() const { return asked_->peer; }       // ADDRESS:PORT
  std::string_view version() const { return asked_->version; } // 1.1
  /// The text at {NAME} of the route's path; empty: the path has no such name.
  std::string_view parameter(std::string_view name) const {
    const auto found = asked_->params.find(name);
    return found == asked_->params.end() ? std::string_view() : found->second;
  }
  /// The first value of that name, decoded.
  std::optional<std::string_view> query(std::string_view name) const { return first(asked_->query, name); }
  /// `name` in lower case.
  std::optional<std::string_view> header(std::string_view name) const { return first(asked_->headers, name); }
  /// All of them, in order.
  const std::vector<std::pair<std::string_view, std::string_view>>& queries() const { return asked_->query; }
  /// All headers, in order; names are in lower case.
  const std::vector<std::pair<std::string_view, std::string_view>>& headers() const {
    return asked_->headers;
  }
  /// The id for a later respond(); keep it as a coppice::owned_term.
  term id() const { return id_.empty() ? from_ : term{{id_.data(), id_.size()}}; }
  /// The process of the client's connection, a pid; keep it as a coppice::owned_pid. If the caller is not a
  /// web server: the caller.
  term client() const {
    if (asked_->client) return *asked_->client;
    etf::cursor at(from_.encoded);
    etf::bytes pid;
    at.read_tuple_of(2);
    at.read_term(pid);
    return term{pid};
  }
  /// The number of this request among client()'s requests. Empty: the caller is not a web server.
  std::optional<std::uint64_t> number() const { return asked_->number; }
  /// The id of the last event that a returning client received; empty: none given.
  std::string_view last_event_id() const { return header("last-event-id").value_or(""); }
  /// Whether the client of a WebSocket offers this protocol.
  bool offers(std::string_view protocol) const {
    return std::ranges::any_of(asked_->headers, [protocol](const auto& one) {
      if (one.first != "sec-websocket-protocol") return false;
      for (std::string_view all = one.second; !all.empty();) {
        const std::size_t comma = std::min(all.find(','), all.size());
        const std::size_t begin = std::min(all.find_first_not_of(" \t"), comma);
        const std::size_t end = all.find_first_of(" \t,", begin);
        if (all.substr(begin, end - begin) == protocol) return true;
        all.remove_prefix(std::min(comma + 1, all.size()));
      }
      return false;
    });
  }

 private:
  static std::optional<std::string_view> first(const detail::text_pairs& of, std::string_view name) {
    const auto found = std::ranges::find(of, name, &std::pair<std::string_view, std::string_view>::first);
    return found == of.end() ? std::nullopt : std::optional(found->second);
  }
  const detail::http_request* asked_;
  term from_;
  std::vector<std::uint8_t> id_; // empty: from_ is the id
};

namespace detail {
struct json_error {
  std::string error;
};
} // namespace detail

/// An answer. The server adds Date, Content-Length and Connection. It checks the other headers and answers
/// 502 if they cannot be sent (a status below 200, a header with a line break).
class response {
 public:
  explicit response(int status = 200) : status_(status) {}
  response(int status, std::string_view type, std::string_view body)
      : status_(status), headers_{{"content-type", std::string(type)}}, body_(body) {}

  /// Adds a header. There may be several of one name.
  response& header(std::string_view name, std::string_view value) & {
    headers_.emplace_back(name, value);
    return *this;
  }
  response&& header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
  }
  /// Replaces the body.
  response& body(std::string text) & {
    body_ = std::move(text);
    return *this;
  }
  response&& body(std::string text) && { return std::move(body(std::move(text))); }

  /// An answer whose body is the value as JSON; see coppice/json.hpp. Throws std::invalid_argument for a
  /// value that has none.
  template <class T>
  static response json(int status, const T& value) {
    return {status, "application/json", coppice::json::text(value)};
  }

  /// The status of the answer.
  int status() const { return status_; }
  /// Names and values, in their order.
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
  /// The whole body.
  const std::string& body() const { return body_; }

 private:
  int status_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string body_;
};

/// It makes a response, which is declared after the request.
template <class T>
expected<T, response> request::json() const {
  auto read = coppice::json::read<T>(body());
  if (read) return std::move(*read);
  return unexpected(response::json(400, detail::json_error{std::move(read.error())}));
}

/// Returned by handle_request: respond() follows later.
struct later_t {};
/// Returned by handle_request: respond() follows later.
inline constexpr later_t later;

/// The result of handle_request.
using reply = std::variant<response, later_t>;

/// Returned by handle_events and handle_websocket: accepts the client.
struct accepted_t {};
/// Returned by handle_events and handle_websocket: accepts the client.
inline constexpr accepted_t accepted;

/// The result of handle_events.
using events_reply = std::variant<response, accepted_t>;

/// Returned by handle_websocket: accepts the client with this protocol, which the client must have offered.
struct accepted_as {
  explicit accepted_as(std::string_view name) : protocol(name) {}
  std::string protocol;
};

/// The result of handle_websocket.
using websocket_reply = std::variant<response, accepted_t, accepted_as>;

/// How a WebSocket ended. `code` is a code of RFC 6455, 7.4.1; 1005: the client gave none; 1006: the
/// connection broke, or the client did not answer.
struct closed {
  std::uint16_t code = 1005;
  std::string_view reason{}; // the client's text
};

/// A server-sent event for a page's EventSource. Data may have several lines, name and id only one.
struct server_sent_event {
  std::string_view data;
  std::string_view name{};                          // empty: "message"
  std::string_view id{};                            // empty: none
  std::optional<std::chrono::milliseconds> retry{}; // wait before the client reconnects
};

} // namespace coppice
