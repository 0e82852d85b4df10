// SPDX-License-Identifier: MIT
// Requests to an actor under test, as the route of a web server would pass them on; bodies that stream are
// web_stream.hpp's, server-sent events web_events.hpp's:
//
//   const web_answer got = ask(users, {.path = "/users/7", .parameters = {{"id", "7"}}});
//   CHECK(got.status() == 200);
//
//   web_socket client(chat, {.path = "/chat"});
//   REQUIRE(client.accepted());
//   client.text("hello");
//   CHECK(client.heard() == std::vector<web_said>{{"text", "hello"}});
//   client.closed();
//
// Routes, limits and what the server itself refuses are not here. Header-only. In the test's thread.
#pragma once

#include <coppice/testing.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace coppice::testing {

struct web_request {
  std::string method = "GET";
  std::string path = "/"; ///< decoded, without its query
  std::string body{};
  std::map<std::string, std::string> parameters{};            ///< what stands in the braces of the route
  std::vector<std::pair<std::string, std::string>> query{};   ///< decoded
  std::vector<std::pair<std::string, std::string>> headers{}; ///< names in lower case
  std::string peer = "127.0.0.1:50000";
  std::string version = "1.1";
};

/// Once it is there: a request may be answered later, by what the test does then.
class web_answer {
 public:
  explicit web_answer(answer of, value watched_as = {})
      : of_(std::move(of)), watched_as_(std::move(watched_as)) {}

  explicit operator bool() const { return !is_aborted_ && of_; }
  int status() const { return static_cast<int>(std::get<0>(whole())); }
  std::string body() const { return std::get<2>(whole()); }
  /// As the actor wrote the name.
  std::optional<std::string> header(std::string_view name) const {
    const parts all = whole();
    for (const auto& [key, text] : std::get<1>(all))
      if (key == name) return text;
    return std::nullopt;
  }

  /// Nobody waits for it any more, as a server says it: closed, slow, timeout, failed, stopping. `by`, who is
  /// at work on it, is told if it asked for that, as one with handle_aborted does. Of one that is answered
  /// nothing is told.
  void aborted(actor& by, std::string_view reason = "closed") {
    if (of_ || std::exchange(is_aborted_, true) || !watched_as_) return;
    by.send(value(std::tuple(etf::atom{"http_aborted"}, watched_as_.term(), etf::atom{reason})));
  }

  friend std::ostream& operator<<(std::ostream& out, const web_answer& shown) { return out << shown.of_; }

 private:
  using parts = std::tuple<std::int64_t, std::vector<std::pair<std::string, std::string>>, std::string>;
  using brief = std::tuple<std::int64_t, std::string>;
  parts whole() const {
    const auto read = of_.as<std::variant<parts, brief>>();
    if (const auto* const all = std::get_if<parts>(&read)) return *all;
    const brief& two = std::get<brief>(read);
    return {std::get<0>(two), {}, std::get<1>(two)};
  }
  answer of_;
  value watched_as_; // its tag; none: nobody has asked to be told
  bool is_aborted_ = false;
};

namespace detail {
struct asked_map {
  static constexpr etf::form etf_form = etf::form::map;
  std::string method, path;
  std::map<std::string, std::string> params;
  std::vector<std::pair<std::string, std::string>> query, headers;
  std::string body, peer, version;
  etf::any_term client;
  std::uint64_t number = 1;
};
inline value web_call(const char* tag, const web_request& asked, const value& client) {
  const asked_map map{asked.method, asked.path, asked.parameters, asked.query,   asked.headers,
                      asked.body,   asked.peer, asked.version,    client.term(), 1};
  return std::pair(etf::atom{tag}, map);
}
/// With which a client's wish is answered; 0: it is accepted.
inline int status_of(const answer& reply) {
  etf::cursor at(reply.reply().bytes());
  std::uint32_t arity = 0;
  std::uint64_t status = 0;
  return at.read_tuple(arity) && at.read_unsigned(status) ? static_cast<int>(status) : 0;
}
/// As what an actor has asked this client's process to be told of the end of its request; none: it has not.
inline value watched_as(const sent_message& one, const value& client) {
  etf::cursor at(one.term.bytes());
  etf::bytes tag;
  const bool watches = one.to == client && at.read_tuple_of(3) && at.read_atom_is("http_watch") &&
                       at.skip() && at.read_tuple_of(2) && at.skip() && at.read_term(tag);
  return watches ? value::of(tag) : value();
}
} // namespace detail

inline web_answer ask(actor& of, const web_request& asked) {
  const value client = detail::fresh_pid("caller@localhost");
  const std::size_t before = of.did.sent.size();
  answer reply = of.call_as(client, detail::web_call("http", asked, client));
  value watched_as;
  for (std::size_t i = before; i < of.did.sent.size(); ++i)
    if (value found = detail::watched_as(of.did.sent[i], client)) watched_as = std::move(found);
  return web_answer(std::move(reply), std::move(watched_as));
}

/// What an actor has sent to a WebSocket's client.
struct web_said {
  std::string kind; ///< "text", "binary" or "close"
  std::string data; ///< of a close its reason
  std::uint16_t code = 0;
  bool operator==(const web_said&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const web_said& shown) {
    return out << shown.kind << " " << shown.code << " " << shown.data;
  }
};

/// A client's WebSocket, as the connection's process is to the actor. Outlived by the actor, or given the one
/// that it was restored to.
class web_socket {
 public:
  web_socket(actor& of, const web_request& asked)
      : of_(&of),
        pid_(detail::fresh_pid("caller@localhost")),
        answer_(of.call_as(pid_, detail::web_call("http_websocket", asked, pid_))) {}

  void move_to(actor& next) {
    of_ = &next;
    seen_ = 0;
  }

  const value& pid() const { return pid_; }
  /// It may be answered later.
  bool answered() const { return static_cast<bool>(answer_); }
  bool accepted() const { return answered() && status() == 0; }
  /// Of one that is accepted; empty: none is named.
  std::string protocol() const {
    etf::cursor at(answer_.reply().bytes());
    etf::bytes name;
    if (!at.read_tuple_of(3) || !at.read_atom_is("accept") || !at.skip() || !at.read_binary(name)) return {};
    return {reinterpret_cast<const char*>(name.data()), name.size()};
  }
  /// Of one that is refused; 0: it is accepted.
  int status() const { return detail::status_of(answer_); }

  void text(std::string_view said) { say("text", said); }
  void binary(std::string_view said) { say("binary", said); }
  /// It has gone. The actor's monitors of it hear nothing of that: those are for down().
  void closed(std::uint16_t code = 1005, std::string_view reason = {}) {
    tell(std::tuple(etf::atom{"closed"}, static_cast<std::int64_t>(code), reason));
  }

  /// Since it was asked last.
  std::vector<web_said> heard() {
    std::vector<web_said> out;
    for (; seen_ < of_->did.sent.size(); ++seen_) {
      const auto& one = of_->did.sent[seen_];
      if (one.to == pid_) out.push_back(read(one.term));
    }
    return out;
  }

 private:
  static web_said read(const value& term) {
    etf::cursor at(term.bytes());
    std::uint32_t arity = 0;
    std::string_view kind;
    std::uint64_t code = 0;
    etf::bytes data;
    if (!at.read_tuple_of(2) || !at.read_atom_is("websocket") || !at.read_tuple(arity) || !at.read_atom(kind))
      throw failure("the actor has sent to its client what is nothing for a WebSocket");
    web_said out{std::string(kind), "", 0};
    if (at.read_unsigned(code)) out.code = static_cast<std::uint16_t>(code);
    if (at.read_binary(data)) out.data.assign(reinterpret_cast<const char*>(data.data()), data.size());
    return out;
  }
  void say(const char* kind, std::string_view said) { tell(std::pair(etf::atom{kind}, said)); }
  template <class What>
  void tell(const What& what) {
    of_->send(value(std::tuple(etf::atom{"websocket"}, pid_.term(), what)));
  }

  actor* of_;
  value pid_;
  answer answer_;
  std::size_t seen_ = 0;
};

} // namespace coppice::testing
