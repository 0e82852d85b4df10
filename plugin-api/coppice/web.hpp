// SPDX-License-Identifier: MIT
// An actor that answers requests of a web server. A route of `web:` in the configuration leads to it, on this
// node or another, or to a pool of such actors.
//
//   class users : public coppice::web {
//    public:
//     coppice::reply handle_request(const coppice::request& asked) {
//       return coppice::response{200, "text/plain", asked.parameter("id")};
//     }
//   };
//
// A route with `upgrade: sse` calls handle_events, which returns coppice::accepted, or a response that
// refuses the client. After that, send_event() sends to asked.client() until close_events() or the end of
// this actor. An actor that monitors the client gets a coppice::down when it has gone.
//
// A route with `upgrade: websocket` calls handle_websocket, which returns coppice::accepted,
// accepted_as("chat") for a protocol that the client offers, or a response that refuses the client. Messages
// of the client come in order to handle_text(coppice::term client, std::string_view) and
// handle_binary(coppice::term client, std::string_view); send_text(), send_binary() and close_websocket()
// send to the client. handle_closed(coppice::term client, const coppice::closed&) is the last callback,
// however the connection ended: if the class has it, the client's process is monitored, and the code is 1006
// if that process or its node is lost, if the client left before it was accepted, or if the mailbox had no
// room for its last messages for too long. These callbacks return void or coppice::outcome.
//
// A route may make an actor for each such client (`actor: PLUGIN:ACTOR`). When its client has gone, the
// server ends that actor with `normal`, as sys:terminate does.
//
// A route with `body: streamed` takes and gives bodies of any length in parts. If asked.streams(), the body
// comes to handle_body(coppice::term id, std::string_view part, bool last) once handle_request has returned
// coppice::later. At most 64 KiB are on their way that handle_body has not handled yet; if handle_body
// returns a std::size_t, only as many bytes come as it and read_more() allow. An answer in parts is made by
// begin_response(), send_part() and end_response(): at first up to 64 KiB, then as many more bytes as
// handle_writable(coppice::term id, std::size_t bytes) says. `id` is asked.id() of the request.
//
// A request arrives as the call {http, #{method, path, params, query, headers, body, peer, version, client,
// number, route}}, and its reply is {Status, Headers, Body}; any caller may make this call, for example a
// test. handle_request may return coppice::later, or void, and call respond() later with a copy of
// asked.id(). A request that is not answered within its route's time gets 504, one whose handler throws gets
// 500. handle_aborted(coppice::term id, std::string_view reason) is the last callback of a request left for
// later whose client has gone ("closed", "slow"), whose time is over ("timeout") or whose site stops
// ("stopping"); its answer is no longer needed. The class may also have the callbacks of a server
// (coppice/server.hpp); other calls come to its handle_call. Header-only.
#pragma once

#include <coppice/server.hpp>
#include <coppice/web_values.hpp>

#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace coppice {

namespace detail {

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
/// The end of the process of a client's WebSocket, by the monitor that answer_websocket() makes.
struct websocket_down {
  static constexpr std::string_view etf_tag = "$coppice_websocket";
  term reference;
  etf::constant<"process"> kind;
  term client, reason;
};
struct close {
  std::uint16_t code;
  std::string_view reason;
};

struct data {
  std::string_view bytes;
};
struct last {
  std::string_view bytes;
};
struct http_body {
  term id;
  std::variant<data, last> what;
};
struct more {
  std::uint64_t bytes;
};
struct http_answer {
  term id;
  more what;
};
struct http_aborted {
  term id;
  etf::atom reason;
};

/// The id of a request: {From, Stream} if its bodies stream, else From, whose first element is a pid.
struct exchange_id {
  explicit exchange_id(term id) {
    etf::cursor at(id.encoded);
    etf::cursor first = at;
    std::uint32_t parts = 0;
    if (!first.read_tuple_of(2) || !first.read_tuple(parts)) {
      from = id;
    } else if (at.read_tuple_of(2)) {
      at.read_term(from.encoded);
      at.read_term(stream.encoded);
      etf::cursor inside(stream.encoded);
      if (inside.read_tuple_of(2)) inside.read_term(client.encoded);
    }
  }
  term from{}, stream{}, client{};
};

} // namespace detail

/// An actor behind routes of a web server: derive from it. The callbacks stand at the top of this file.
class web : public actor {
 public:
  /// Answers a request once, by its id or a copy of it. COPPICE_E_USED: it has been answered. After
  /// handle_aborted, or when the caller has gone, it has no effect.
  std::int32_t respond(term id, const response& answer) {
    detail::text_pairs headers(answer.headers().begin(), answer.headers().end());
    return actor::reply(detail::exchange_id(id).from,
                        std::tuple<std::int64_t, detail::text_pairs, std::string_view>(
                            answer.status(), std::move(headers), answer.body()));
  }

  /// Begins an answer that continues with send_part() and ends with end_response(); `head` has no body. With
  /// a `length` the body must have that length. If this actor ends first, the client can tell that the body
  /// is incomplete. COPPICE_E_INVALID: the route does not have `body: streamed`.
  std::int32_t begin_response(term id, const response& head, std::optional<std::uint64_t> length = {}) {
    const detail::exchange_id whom(id);
    if (whom.stream.encoded.empty()) return COPPICE_E_INVALID;
    detail::text_pairs headers(head.headers().begin(), head.headers().end());
    const std::pair place(etf::any_term{host().self()}, etf::any_term{id.encoded});
    const etf::constant<"stream"> streams;
    if (!length)
      return actor::reply(whom.from,
                          std::tuple(std::int64_t{head.status()}, headers, std::pair(streams, place)));
    return actor::reply(
        whom.from, std::tuple(std::int64_t{head.status()}, headers, std::tuple(streams, place, *length)));
  }
  /// Sends a part of the body. Once the allowed number of bytes is used up, wait for handle_writable(): a
  /// sender that does not is cut off. The part that uses it up may be larger than what is left of it. If the
  /// client has gone, there is no error.
  std::int32_t send_part(term id, std::string_view part) { return send_answer_(id, detail::data{part}); }
  /// Ends an answer that begin_response() began, with a last part.
  std::int32_t end_response(term id, std::string_view part = {}) {
    return send_answer_(id, detail::last{part});
  }
  /// Allows `length` more bytes of the request's body to come to handle_body.
  std::int32_t read_more(term id, std::uint64_t length) {
    const detail::exchange_id whom(id);
    if (whom.stream.encoded.empty()) return COPPICE_E_INVALID;
    const std::pair place(etf::any_term{host().self()}, etf::any_term{id.encoded});
    return send(whom.client, std::tuple(etf::constant<"http_body">{}, etf::any_term{whom.stream.encoded},
                                        std::tuple(etf::constant<"more">{}, place, length)));
  }

  /// Sends to a client that handle_events has accepted. The server drops a client that reads too slowly; a
  /// monitor tells when a client has gone.
  std::int32_t send_event(const destination& client, const server_sent_event& what) {
    detail::event_parts parts{what.data, std::nullopt, std::nullopt, std::nullopt};
    if (!what.name.empty()) parts.event = what.name;
    if (!what.id.empty()) parts.id = what.id;
    if (what.retry) parts.retry = what.retry->count();
    return send(client, detail::http_event{parts});
  }
  /// Ends the stream of events to this client.
  std::int32_t close_events(const destination& client) {
    return send(client, std::pair(etf::constant<"http_event">{}, etf::constant<"close">{}));
  }

  /// Sends to a client that handle_websocket has accepted. The server closes a client that reads too slowly
  /// with 1013. `text` is UTF-8.
  std::int32_t send_text(const destination& client, std::string_view text) {
    return send(client, std::pair(etf::constant<"websocket">{}, detail::text{text}));
  }
  /// As send_text(), with bytes of any value.
  std::int32_t send_binary(const destination& client, std::string_view data) {
    return send(client, std::pair(etf::constant<"websocket">{}, detail::binary{data}));
  }
  /// `code`: 1000 to 1003, 1007 to 1014 or 3000 to 4999; `reason`: UTF-8, at most 123 bytes.
  std::int32_t close_websocket(const destination& client, std::uint16_t code = 1000,
                               std::string_view reason = {}) {
    return send(client, std::pair(etf::constant<"websocket">{}, detail::close{code, reason}));
  }

 private:
  template <class What>
  std::int32_t send_answer_(term id, const What& what) {
    const detail::exchange_id whom(id);
    if (whom.stream.encoded.empty()) return COPPICE_E_INVALID;
    return send(whom.client,
                std::tuple(etf::constant<"http_answer">{}, etf::any_term{whom.stream.encoded}, what));
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
  static constexpr bool has_closed =
      has_websockets && requires(T & t, term client, const coppice::closed& why) {
    t.handle_closed(client, why);
  };
  static constexpr bool has_text = requires(T & t, term client, std::string_view data) {
    t.handle_text(client, data);
  };
  static constexpr bool has_binary = requires(T & t, term client, std::string_view data) {
    t.handle_binary(client, data);
  };

  static constexpr bool has_bodies = requires(T & t, term id, std::string_view part, bool is_last) {
    t.handle_body(id, part, is_last);
  };
  static constexpr bool asks_for_bodies() {
    if constexpr (has_bodies)
      return !std::is_void_v<decltype(std::declval<T&>().handle_body(term{}, std::string_view(), true))>;
    return false;
  }
  static constexpr std::uint64_t first_of_body = 64 << 10;

  static constexpr bool hears_ends = requires(T & t, term id) { t.handle_aborted(id, std::string_view()); };

  // Asks the server to report the end of a request left for later; for a body that streams it does so anyway.
  static void keep(web& actor, const coppice::request& asked) {
    if constexpr (has_bodies && !asks_for_bodies()) {
      if (asked.streams()) {
        actor.read_more(asked.id(), first_of_body);
        return;
      }
    }
    if constexpr (hears_ends) {
      const auto number = asked.number();
      if (!number) return; // the caller is not a web server
      const std::pair request(etf::any_term{asked.client().encoded}, *number);
      const std::pair place(etf::any_term{actor.self().encoded}, etf::any_term{asked.id().encoded});
      actor.send(asked.client(), std::tuple(etf::constant<"http_watch">{}, request, place));
    }
  }

  static void answer(T& actor, const coppice::request& asked) {
    if constexpr (std::is_void_v<decltype(actor.handle_request(asked))>) {
      actor.handle_request(asked);
    } else {
      const coppice::reply made = actor.handle_request(asked);
      if (const auto* const now = std::get_if<response>(&made)) {
        actor.respond(asked.id(), *now);
        return;
      }
    }
    keep(actor, asked);
  }

  static void take(T& actor, const http_body& m) {
    if constexpr (has_bodies) {
      const auto* const end = std::get_if<last>(&m.what);
      const std::string_view part = end != nullptr ? end->bytes : std::get<data>(m.what).bytes;
      std::uint64_t wanted = part.size();
      if constexpr (asks_for_bodies())
        wanted = actor.handle_body(m.id, part, end != nullptr);
      else
        actor.handle_body(m.id, part, end != nullptr);
      if (end == nullptr && wanted != 0) static_cast<web&>(actor).read_more(m.id, wanted);
    }
  }
  static void take(T& actor, const http_answer& m) {
    if constexpr (requires { actor.handle_writable(m.id, std::size_t{}); })
      actor.handle_writable(m.id, static_cast<std::size_t>(m.what.bytes));
  }
  // A pool counts a forwarded request as in flight until there is a reply.
  static void take(T& actor, const http_aborted& m) {
    if constexpr (hears_ends) actor.handle_aborted(m.id, m.reason.name);
    static_cast<coppice::actor&>(actor).reply(exchange_id(m.id).from, etf::constant<"aborted">{});
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
    if constexpr (has_closed)
      if (!std::holds_alternative<response>(made))
        by.host().monitor(asked.client(), {.tag = etf::atom{websocket_down::etf_tag}});
    if (const auto* const refused = std::get_if<response>(&made))
      actor.respond(asked.id(), *refused);
    else if (const auto* const as = std::get_if<accepted_as>(&made))
      by.reply(asked.id(), std::tuple(etf::constant<"accept">{}, self, std::string_view(as->protocol)));
    else
      by.reply(asked.id(), std::pair(etf::constant<"accept">{}, self));
  }

  static std::int32_t take(coppice_actor* self, T& actor, const websocket& m) {
    if constexpr (has_text) {
      if (const auto* const said = std::get_if<text>(&m.what))
        return status_of(self, [&] { return actor.handle_text(m.client, said->data); });
    }
    if constexpr (has_binary) {
      if (const auto* const said = std::get_if<binary>(&m.what))
        return status_of(self, [&] { return actor.handle_binary(m.client, said->data); });
    }
    if constexpr (has_closed) {
      if (const auto* const end = std::get_if<detail::closed>(&m.what))
        return status_of(self, [&] {
          return actor.handle_closed(m.client, coppice::closed{end->code, end->reason});
        });
    }
    return COPPICE_OK;
  }

  // A connection's process ends with normal only after it has sent that the client has gone.
  static std::int32_t take_down(coppice_actor* self, T& actor, const websocket_down& m) {
    if constexpr (has_closed) {
      if (!etf::cursor(m.reason.encoded).read_atom_is("normal"))
        return status_of(self, [&] { return actor.handle_closed(m.client, coppice::closed{1006, {}}); });
    }
    return COPPICE_OK;
  }

  template <class M>
  static std::int32_t hand(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return server_table<T>::template with<M>(self, raw, [&](const M& m) {
        if constexpr (std::is_same_v<M, websocket>) {
          return take(self, actor, m);
        } else if constexpr (std::is_same_v<M, websocket_down>) {
          return take_down(self, actor, m);
        } else {
          take(actor, m);
          return COPPICE_OK;
        }
      });
    });
  }

  static std::int32_t handle_info(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
    std::string_view what;
    if constexpr (has_closed) {
      etf::cursor down = at;
      if (down.read_tuple_of(5) && down.read_atom_is(websocket_down::etf_tag))
        return hand<websocket_down>(self, state, raw);
    }
    if (at.read_tuple_of(3) && at.read_atom(what)) {
      if (has_websockets && what == "websocket") return hand<websocket>(self, state, raw);
      if (has_requests && what == "http_body") return hand<http_body>(self, state, raw);
      if (has_requests && what == "http_answer") return hand<http_answer>(self, state, raw);
      if (has_requests && what == "http_aborted") return hand<http_aborted>(self, state, raw);
    }
    if constexpr (
        requires { typename T::infos; } || requires { &T::handle_info; }) {
      return server_table<T>::handle_info(self, state, raw);
    } else {
      host.actor->set_error(self, COPPICE_E_TERM,
                            plain(std::string_view("message: it is nothing of a client's, and this actor "
                                                   "has no handle_info")));
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
    table.handle_info = &handle_info;
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
    constexpr bool replies = [] {
      if constexpr (handles) {
        using made = decltype(std::declval<T&>().handle_request(std::declval<const coppice::request&>()));
        return std::is_void_v<made> || std::is_convertible_v<made, coppice::reply>;
      }
      return true;
    }();
    if constexpr (!replies)
      static_assert(never<T>,
                    "handle_request returns something that is no answer: return a coppice::response, as "
                    "coppice::response(200).text(…) makes one, coppice::later, or nothing");
    constexpr bool hears = web_table<T>::has_text || web_table<T>::has_binary;
    static_assert(!talks || hears,
                  "this class accepts WebSockets and hears nothing of them: give it a public void "
                  "handle_text(coppice::term client, std::string_view) or handle_binary(same)");
    return (handles || sends || talks) && replies && (!talks || hears) && has_lifecycle<T>() &&
           has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
requires std::is_base_of_v<web, T>
inline constexpr web_answers answers_of<T>{true, web_table<T>::has_requests, web_table<T>::has_events,
                                           web_table<T>::has_websockets};

template <class T>
requires std::is_base_of_v<web, T>
struct behaviour_of<T> {
  static constexpr const char* name = "server";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_web_class<T>(), lifecycle_table>()},
      {COPPICE_SERVER_1, table_of<T, is_web_class<T>(), web_table>()},
      more_callbacks_of<T>::first,
      more_callbacks_of<T>::second,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
