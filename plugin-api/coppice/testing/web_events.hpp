// SPDX-License-Identifier: MIT
// A client of server-sent events under test, in the role of a web server's connection process; it reads
// events as a page's EventSource does:
//
//   web_events client(prices, {.path = "/prices"});
//   REQUIRE(client.accepted());
//   CHECK(client.next() == web_event{.data = "41.50", .name = "price", .id = "7"});
//   client.gone();
//   web_events again(prices, {.path = "/prices"}, client.last_event_id());
//
// Without heartbeats, the first `retry` and slow clients, which the server handles. In the
// test's thread.
#pragma once

#include <coppice/testing/web.hpp>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::testing {

/// An event that has arrived; every line end in `data` is "\n".
struct web_event {
  std::string data{};
  std::string name = "message";
  std::string id{};                       ///< of this event; empty: none
  std::optional<std::int64_t> retry_ms{}; ///< wait before the client reconnects
  bool operator==(const web_event&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const web_event& shown) {
    out << shown.name << " \"" << shown.data << "\"";
    if (!shown.id.empty()) out << " id " << shown.id;
    if (shown.retry_ms) out << " retry " << *shown.retry_ms << " ms";
    return out;
  }
};

/// The actor must outlive it, unless move_to() gave it the restored actor.
class web_events {
 public:
  /// `last_event_id`: of a client that reconnects; empty: none.
  web_events(actor& of, web_request asked, std::string_view last_event_id = {});

  void move_to(actor& next);

  const value& pid() const { return pid_; }
  /// Whether the actor has answered; it may do so later.
  bool answered() const { return static_cast<bool>(answer_); }
  bool accepted() const { return answered() && detail::status_of(answer_) == 0; }
  /// The status of a refused client; 0: accepted.
  int status() const { return detail::status_of(answer_); }

  /// The oldest unread event. Events sent before the client was accepted come after those.
  std::optional<web_event> next();
  /// All unread events.
  std::vector<web_event> heard();
  /// The actor has closed the stream, or ended, and all earlier events were read.
  bool ended();
  /// The id of the last event read, or the one that the client came with; a reconnecting page sends it.
  const std::string& last_event_id() const { return last_id_; }

  /// The client has gone: its monitors are told.
  void gone();

 private:
  static web_request says_last(web_request asked, std::string_view id);

  struct parts {
    static constexpr etf::form etf_form = etf::form::map;
    std::string data;
    std::optional<std::string> event, id;
    std::optional<std::int64_t> retry;
  };
  // Empty: the message closes the stream.
  std::optional<web_event> read(const value& term);
  static std::string in_lines(std::string_view text);

  actor* of_;
  std::size_t seen_; // seen before answer_, whose call may send some
  value pid_;
  std::string last_id_;
  answer answer_;
  bool ended_ = false;
};

} // namespace coppice::testing
