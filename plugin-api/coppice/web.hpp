// SPDX-License-Identifier: MIT
// An actor that answers requests of a web server: `web:` in the configuration has a route lead to it, here or
// on another node, or to a pool of them.
//
//   class users : public coppice::web {
//    public:
//     coppice::reply handle_request(const coppice::request& asked) {
//       return coppice::response{200, "text/plain", asked.parameter("id")};
//     }
//   };
//
// A route with `upgrade: sse` asks handle_events, which returns coppice::accepted, or a response that
// refuses. From then on send_event() goes to asked.client(), until close_events(), or the end of this actor;
// when the client has gone, who monitors it has a coppice::down.
//
// One with `upgrade: websocket` asks handle_websocket, which returns coppice::accepted, accepted_as("chat")
// if it speaks a protocol that the client offers, or a response that refuses. What the client says comes to
// handle_text(coppice::term client, std::string_view) and handle_binary likewise, in the order in which it
// was sent; send_text(), send_binary() and close_websocket() go to that client; handle_closed(coppice::term
// client, const coppice::closed&) is the last of it, however it ended. Of a
// client that left before it was accepted, or whose node is lost, only who monitors it hears.
//
// What comes is the call {http, #{method, path, params, query, headers, body, peer, version}} and what goes
// is its reply, {Status, Headers, Body}: whoever calls so is answered, and a test does. handle_request may
// return coppice::later, or void, and respond() by a copy of asked.id() afterwards; a request that nobody
// answers in its route's time is 504, one whose handler throws 500. It may have all else that a server has
// (coppice/server.hpp); other calls come to its handle_call. Header-only.
#pragma once

#include <coppice/server.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
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
  std::string_view body, peer, version;
};
struct http {
  http_request request;
};
struct http_events {
  http_request request;
};

struct event_parts {
  static constexpr etf::form etf_form = etf::form::map;
  std::string_view data;
  std::optional<std::string_view> event, id;
  std::optional<std::int64_t> retry;
};
struct http_event {
  event_parts what;
};

struct http_websocket {
  http_request request;
};
struct text {
  std::string_view data;
};
struct binary {
  std::string_view data;
};
struct closed {
  std::uint16_t code;
  std::string_view reason;
};
struct websocket {
  term client;
  std::variant<text, binary, closed> what;
};
struct close {
  std::uint16_t code;
  std::string_view reason;
};

} // namespace detail

/// What a client has asked. Texts last until the callback returns.
class request {
 public:
  request(const detail::http_request& asked, term from) : asked_(&asked), from_(from) {}

  std::string_view method() const { return asked_->method; }   // GET
  std::string_view path() const { return asked_->path; }       // decoded, without its query
  std::string_view body() const { return asked_->body; }       // whole
  std::string_view peer() const { return asked_->peer; }       // ADDRESS:PORT
  std::string_view version() const { return asked_->version; } // 1.1
  /// What stands at {NAME} of the route's path; empty: it has no such.
  std::string_view parameter(std::string_view name) const {
    const auto found = asked_->params.find(name);
    return found == asked_->params.end() ? std::string_view() : found->second;
  }
  /// The first of that name, decoded.
  std::optional<std::string_view> query(std::string_view name) const { return first(asked_->query, name); }
  /// `name` in lower case.
  std::optional<std::string_view> header(std::string_view name) const { return first(asked_->headers, name); }
  /// All of them, in their order.
  const std::vector<std::pair<std::string_view, std::string_view>>& queries() const { return asked_->query; }
  const std::vector<std::pair<std::string_view, std::string_view>>& headers() const {
    return asked_->headers;
  }
  /// Whom to respond() to later; kept as a coppice::owned_term.
  term id() const { return from_; }
  /// The process whose client has the events, a pid; kept as a coppice::owned_pid.
  term client() const {
    etf::cursor at(from_.encoded);
    etf::bytes pid;
    at.read_tuple_of(2);
    at.read_term(pid);
    return term{pid};
  }
  /// The id of the last event that a client has had which comes again; empty: it says none.
  std::string_view last_event_id() const { return header("last-event-id").value_or(""); }
  /// The client of a WebSocket speaks this protocol.
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
};

/// What is answered. Date, Content-Length and Connection are the server's; it checks the rest, and answers
/// 502 for what cannot be sent (a status below 200, a header with a line's end).
class response {
 public:
  explicit response(int status = 200) : status_(status) {}
  response(int status, std::string_view type, std::string_view body)
      : status_(status), headers_{{"content-type", std::string(type)}}, body_(body) {}

  response& header(std::string_view name, std::string_view value) & {
    headers_.emplace_back(name, value);
    return *this;
  }
  response&& header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
  }
  response& body(std::string text) & {
    body_ = std::move(text);
    return *this;
  }
  response&& body(std::string text) && { return std::move(body(std::move(text))); }

  int status() const { return status_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
  const std::string& body() const { return body_; }

 private:
  int status_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string body_;
};

/// Returned by handle_request: respond() comes later.
struct later_t {};
inline constexpr later_t later;

using reply = std::variant<response, later_t>;

/// Returned by handle_events and handle_websocket: the client is to have them.
struct accepted_t {};
inline constexpr accepted_t accepted;

using events_reply = std::variant<response, accepted_t>;

/// Returned by handle_websocket: accepted, and this protocol is spoken, which the client has offered.
struct accepted_as {
  explicit accepted_as(std::string_view name) : protocol(name) {}
  std::string protocol;
};

using websocket_reply = std::variant<response, accepted_t, accepted_as>;

/// How a WebSocket ended: by a code of RFC 6455, 7.4.1; 1005: the client gave none, 1006: the connection
/// broke, or the client did not answer.
struct closed {
  std::uint16_t code = 1005;
  std::string_view reason{}; // the client's words
};

/// A server-sent event, as a page's EventSource gets it. Data may have several lines, the name and id none.
struct server_sent_event {
  std::string_view data;
  std::string_view name{};                          // empty: "message"
  std::string_view id{};                            // empty: none
  std::optional<std::chrono::milliseconds> retry{}; // before the client comes again
};

class web : public actor {
 public:
  /// Answers a request, once; by its id, or a copy of it. COPPICE_E_USED: it is answered. Who asked may have
  /// gone meanwhile, which nobody is told.
  std::int32_t respond(term id, const response& answer) {
    detail::text_pairs headers(answer.headers().begin(), answer.headers().end());
    return actor::reply(id, std::tuple<std::int64_t, detail::text_pairs, std::string_view>(
                                answer.status(), std::move(headers), answer.body()));
  }

  /// To a client whose events handle_events has accepted. A client that takes too little is dropped by its
  /// server; one that has gone is told of by its monitor.
  std::int32_t send_event(const destination& client, const server_sent_event& what) {
    detail::event_parts parts{what.data, std::nullopt, std::nullopt, std::nullopt};
    if (!what.name.empty()) parts.event = what.name;
    if (!what.id.empty()) parts.id = what.id;
    if (what.retry) parts.retry = what.retry->count();
    return send(client, detail::http_event{parts});
  }
  std::int32_t close_events(const destination& client) {
    return send(client, std::pair(etf::constant<"http_event">{}, etf::constant<"close">{}));
  }

  /// To a client whose WebSocket handle_websocket has accepted. One that takes too little is closed by its
  /// server with 1013. `text` is UTF-8.
  std::int32_t send_text(const destination& client, std::string_view text) {
    return send(client, std::pair(etf::constant<"websocket">{}, detail::text{text}));
  }
  std::int32_t send_binary(const destination& client, std::string_view data) {
    return send(client, std::pair(etf::constant<"websocket">{}, detail::binary{data}));
  }
  /// `code`: 1000 to 1003, 1007 to 1014 or 3000 to 4999; `reason`: UTF-8, 123 bytes at most.
  std::int32_t close_websocket(const destination& client, std::uint16_t code = 1000,
                               std::string_view reason = {}) {
    return send(client, std::pair(etf::constant<"websocket">{}, detail::close{code, reason}));
  }
};

namespace detail {

template <class T>
struct web_table {
  static bool is_request(const coppice_message* raw, std::string_view tag) {
    etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
    return at.read_tuple_of(2) && at.read_atom_is(tag) && at.peek() == etf::kind::map;
  }
  static constexpr bool has_requests = requires(T & t, const coppice::request& asked) {
    t.handle_request(asked);
  };
  static constexpr bool has_events = requires(T & t, const coppice::request& asked) {
    t.handle_events(asked);
  };
  static constexpr bool has_websockets = requires(T & t, const coppice::request& asked) {
    t.handle_websocket(asked);
  };
  static constexpr bool has_text = requires(T & t, term client, std::string_view data) {
    t.handle_text(client, data);
  };
  static constexpr bool has_binary = requires(T & t, term client, std::string_view data) {
    t.handle_binary(client, data);
  };

  static void answer(T& actor, const coppice::request& asked) {
    if constexpr (std::is_void_v<decltype(actor.handle_request(asked))>) {
      actor.handle_request(asked);
    } else {
      const coppice::reply made = actor.handle_request(asked);
      if (const auto* const now = std::get_if<response>(&made)) actor.respond(asked.id(), *now);
    }
  }

  static void answer_events(T& actor, const coppice::request& asked) {
    const events_reply made = actor.handle_events(asked);
    if (const auto* const refused = std::get_if<response>(&made))
      actor.respond(asked.id(), *refused);
    else
      static_cast<coppice::actor&>(actor).reply(
          asked.id(), std::pair(etf::constant<"accept">{}, etf::any_term{actor.host().self()}));
  }

  static void answer_websocket(T& actor, const coppice::request& asked) {
    const websocket_reply made = actor.handle_websocket(asked);
    coppice::actor& by = actor;
    const etf::any_term self{by.host().self()};
    if (const auto* const refused = std::get_if<response>(&made))
      actor.respond(asked.id(), *refused);
    else if (const auto* const as = std::get_if<accepted_as>(&made))
      by.reply(asked.id(), std::tuple(etf::constant<"accept">{}, self, std::string_view(as->protocol)));
    else
      by.reply(asked.id(), std::pair(etf::constant<"accept">{}, self));
  }

  static void take(T& actor, const websocket& m) {
    if constexpr (has_text) {
      if (const auto* const said = std::get_if<text>(&m.what)) actor.handle_text(m.client, said->data);
    }
    if constexpr (has_binary) {
      if (const auto* const said = std::get_if<binary>(&m.what)) actor.handle_binary(m.client, said->data);
    }
    if constexpr (requires(const coppice::closed& why) { actor.handle_closed(m.client, why); }) {
      if (const auto* const end = std::get_if<detail::closed>(&m.what))
        actor.handle_closed(m.client, coppice::closed{end->code, end->reason});
    }
  }

  static std::int32_t handle_info(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
    if (at.read_tuple_of(3) && at.read_atom_is("websocket")) {
      return run<T>(self, state, [&](T& actor) {
        return server_table<T>::template with<websocket>(self, raw, [&](const websocket& m) {
          take(actor, m);
          return COPPICE_OK;
        });
      });
    }
    if constexpr (
        requires { typename T::infos; } || requires { &T::handle_info; }) {
      return server_table<T>::handle_info(self, state, raw);
    } else {
      host.actor->set_error(self, COPPICE_E_TERM,
                            plain(std::string_view("message: expected {websocket, Client, What}")));
      return COPPICE_UNHANDLED;
    }
  }

  static std::int32_t handle_call(coppice_actor* self, void* state, const coppice_message* raw,
                                  coppice_bytes from) noexcept {
    if constexpr (has_websockets) {
      if (is_request(raw, "http_websocket")) {
        return run<T>(self, state, [&](T& actor) {
          return server_table<T>::template with<http_websocket>(self, raw, [&](const http_websocket& m) {
            answer_websocket(actor, coppice::request(m.request, term{view(from)}));
            return COPPICE_OK;
          });
        });
      }
    }
    if constexpr (has_events) {
      if (is_request(raw, "http_events")) {
        return run<T>(self, state, [&](T& actor) {
          return server_table<T>::template with<http_events>(self, raw, [&](const http_events& m) {
            answer_events(actor, coppice::request(m.request, term{view(from)}));
            return COPPICE_OK;
          });
        });
      }
    }
    if constexpr (has_requests) {
      if (is_request(raw, "http")) {
        return run<T>(self, state, [&](T& actor) {
          return server_table<T>::template with<http>(self, raw, [&](const http& m) {
            answer(actor, coppice::request(m.request, term{view(from)}));
            return COPPICE_OK;
          });
        });
      }
    }
    if constexpr (
        requires { typename T::calls; } || requires { &T::handle_call; }) {
      return server_table<T>::handle_call(self, state, raw, from);
    } else {
      host.actor->set_error(self, COPPICE_E_TERM, plain(std::string_view("request: expected {http, Map}")));
      return COPPICE_UNHANDLED;
    }
  }

  static constexpr coppice_server make_table() {
    coppice_server table = server_table<T>::make_table();
    table.handle_call = &handle_call;
    if constexpr (has_websockets) table.handle_info = &handle_info;
    return table;
  }
  static constexpr coppice_server callbacks = make_table();
};

template <class T>
constexpr bool is_web_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    constexpr bool handles = requires(T & t, const coppice::request& asked) {
      t.handle_request(asked);
    };
    constexpr bool sends = requires(T & t, const coppice::request& asked) {
      t.handle_events(asked);
    };
    constexpr bool talks = web_table<T>::has_websockets;
    static_assert(handles || sends || talks,
                  "this class answers no requests: give it a public coppice::reply "
                  "handle_request(const coppice::request&), a coppice::events_reply handle_events(same) or a "
                  "coppice::websocket_reply handle_websocket(same)");
    constexpr bool hears = web_table<T>::has_text || web_table<T>::has_binary;
    static_assert(!talks || hears,
                  "this class accepts WebSockets and hears nothing of them: give it a public void "
                  "handle_text(coppice::term client, std::string_view) or handle_binary(same)");
    return (handles || sends || talks) && (!talks || hears) && has_lifecycle<T>() && has_calls<T>() &&
           has_casts<T>() && has_infos<T>();
  }
}

template <class T>
requires std::is_base_of_v<web, T>
struct behaviour_of<T> {
  static constexpr const char* name = "server";
  // Of a class with a mistake nothing but the sentence about it.
  static constexpr const void* lifecycle() {
    if constexpr (is_web_class<T>()) return &lifecycle_table<T>::callbacks;
    return nullptr;
  }
  static constexpr const void* callbacks() {
    if constexpr (is_web_class<T>()) return &web_table<T>::callbacks;
    return nullptr;
  }
  static constexpr coppice_table tables[] = {{COPPICE_LIFECYCLE_1, lifecycle()},
                                             {COPPICE_SERVER_1, callbacks()},
                                             stream_callbacks_of<T>::table,
                                             {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
