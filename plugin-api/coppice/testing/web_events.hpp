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
// Without heartbeats, the first `retry` and slow clients, which the server handles. Header-only. In the
// test's thread.
#pragma once

#include <coppice/testing/web.hpp>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
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
  web_events(actor& of, web_request asked, std::string_view last_event_id = {})
      : of_(&of),
        seen_(of.did.sent.size()),
        pid_(detail::fresh_pid("caller@localhost")),
        last_id_(last_event_id),
        answer_(of.call_as(pid_, detail::web_call("http_events", says_last(asked, last_event_id), pid_))) {}

  void move_to(actor& next) {
    of_ = &next;
    seen_ = 0;
  }

  const value& pid() const { return pid_; }
  /// Whether the actor has answered; it may do so later.
  bool answered() const { return static_cast<bool>(answer_); }
  bool accepted() const { return answered() && detail::status_of(answer_) == 0; }
  /// The status of a refused client; 0: accepted.
  int status() const { return detail::status_of(answer_); }

  /// The oldest unread event. Events sent before the client was accepted come after those.
  std::optional<web_event> next() {
    if (!accepted() || ended_) return std::nullopt;
    for (; seen_ < of_->did.sent.size() && !ended_; ++seen_) {
      const auto& one = of_->did.sent[seen_];
      if (one.to != pid_) continue;
      auto event = read(one.term);
      ended_ = !event;
      if (!event) continue;
      ++seen_;
      return event;
    }
    return std::nullopt;
  }
  /// All unread events.
  std::vector<web_event> heard() {
    std::vector<web_event> out;
    while (auto one = next()) out.push_back(std::move(*one));
    return out;
  }
  /// The actor has closed the stream, or ended, and all earlier events were read.
  bool ended() {
    web_events ahead(*this);
    if (ahead.next()) return false;
    return accepted() && (ahead.ended_ || !of_->alive());
  }
  /// The id of the last event read, or the one that the client came with; a reconnecting page sends it.
  const std::string& last_event_id() const { return last_id_; }

  /// The client has gone: its monitors are told.
  void gone() {
    for (const auto& [reference, one] : of_->monitors())
      if (one.whom == pid_) return of_->down(pid_, atom("normal"));
  }

 private:
  static web_request says_last(web_request asked, std::string_view id) {
    if (!id.empty()) asked.headers.emplace_back("last-event-id", id);
    return asked;
  }

  struct parts {
    static constexpr etf::form etf_form = etf::form::map;
    std::string data;
    std::optional<std::string> event, id;
    std::optional<std::int64_t> retry;
  };
  // Empty: the message closes the stream.
  std::optional<web_event> read(const value& term) {
    etf::cursor at(term.bytes());
    if (!at.read_tuple_of(2) || !at.read_atom_is("http_event"))
      throw failure("the actor has sent to its client what is no event");
    if (at.read_atom_is("close")) return std::nullopt;
    auto sent = value::of(at.rest()).as<parts>();
    for (const auto* const one : {&sent.event, &sent.id})
      if (*one && (*one)->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        throw failure("the actor has sent an event whose name or id has a line's end, which no client gets");
    if (sent.id) last_id_ = *sent.id;
    web_event out{.data = in_lines(sent.data), .id = sent.id.value_or("")};
    if (sent.event && !sent.event->empty()) out.name = *sent.event;
    out.retry_ms = sent.retry;
    return out;
  }
  static std::string in_lines(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool returns = text[i] == '\r';
      if (returns && i + 1 < text.size() && text[i + 1] == '\n') continue;
      out += returns ? '\n' : text[i];
    }
    return out;
  }

  actor* of_;
  std::size_t seen_; // seen before answer_, whose call may send some
  value pid_;
  std::string last_id_;
  answer answer_;
  bool ended_ = false;
};

} // namespace coppice::testing
