// SPDX-License-Identifier: MIT
// Requests to an actor under test, as the route of a web server passes them on. For bodies that stream see
// web_stream.hpp, for server-sent events web_events.hpp:
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
// Without routes, limits and the checks of the server itself. In the test's thread.
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
#include <vector>

namespace coppice::testing {

struct web_request {
  std::string method = "GET";
  std::string path = "/"; ///< decoded, without its query
  std::string body{};
  std::map<std::string, std::string> parameters{};            ///< values of the route's {NAME} parts
  std::vector<std::pair<std::string, std::string>> query{};   ///< decoded
  std::vector<std::pair<std::string, std::string>> headers{}; ///< names in lower case
  std::string peer = "127.0.0.1:50000";
  std::string version = "1.1";
  std::string route{}; ///< the route's name, `as` of the configuration
};

/// The answer, once there is one: an actor may answer later, while the test goes on.
class web_answer {
 public:
  explicit web_answer(answer of, value watched_as = {});

  explicit operator bool() const { return !is_aborted_ && of_; }
  int status() const { return static_cast<int>(std::get<0>(whole())); }
  std::string body() const { return std::get<2>(whole()); }
  /// `name` as the actor wrote it.
  std::optional<std::string> header(std::string_view name) const;

  /// The server no longer waits for the answer, with its reason: closed, slow, timeout, failed, stopping. The
  /// actor `by`, which handles the request, is told if it asked for that, as an actor with handle_aborted
  /// does. No effect if the request has been answered.
  void aborted(actor& by, std::string_view reason = "closed");

  friend std::ostream& operator<<(std::ostream& out, const web_answer& shown) { return out << shown.of_; }

 private:
  using parts = std::tuple<std::int64_t, std::vector<std::pair<std::string, std::string>>, std::string>;
  using brief = std::tuple<std::int64_t, std::string>;
  parts whole() const;
  answer of_;
  value watched_as_; // tag of the actor's watch request; none: it has made none
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
  std::optional<etf::atom> route;
};
value web_call(const char* tag, const web_request& asked, const value& client);
/// The status that refuses a client; 0: accepted.
int status_of(const answer& reply);
/// The tag under which an actor has asked this client's process to report the end of its request. None: it
/// has not.
value watched_as(const sent_message& one, const value& client);
} // namespace detail

web_answer ask(actor& of, const web_request& asked);

/// A message that an actor has sent to a WebSocket's client.
struct web_said {
  std::string kind; ///< "text", "binary" or "close"
  std::string data; ///< of a close: its reason
  std::uint16_t code = 0;
  bool operator==(const web_said&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const web_said& shown) {
    return out << shown.kind << " " << shown.code << " " << shown.data;
  }
};

/// A client's WebSocket, in the role of the connection's process. The actor must outlive it, unless move_to()
/// gave it the restored actor.
class web_socket {
 public:
  web_socket(actor& of, const web_request& asked);

  void move_to(actor& next);

  const value& pid() const { return pid_; }
  /// Whether the actor has answered; it may do so later.
  bool answered() const { return static_cast<bool>(answer_); }
  bool accepted() const { return answered() && status() == 0; }
  /// The accepted protocol; empty: none was named.
  std::string protocol() const;
  /// The status of a refused client; 0: accepted.
  int status() const { return detail::status_of(answer_); }

  void text(std::string_view said) { say("text", said); }
  void binary(std::string_view said) { say("binary", said); }
  /// The process of the connection is lost, with its node unless another reason is given: an accepted client
  /// of a class with handle_closed has the code 1006.
  void lost(const value& reason = atom("noconnection")) { of_->down(pid_, reason); }
  /// The client has gone. The actor's own monitors are not told: use down() for them.
  void closed(std::uint16_t code = 1005, std::string_view reason = {});

  /// Messages since the last call.
  std::vector<web_said> heard();

 private:
  static web_said read(const value& term);
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
