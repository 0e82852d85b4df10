// SPDX-License-Identifier: MIT
// A client of server-sent events, as the connection's process of a web server is to the actor under test, and
// as a page's EventSource has what comes:
//
//   web_events client(prices, {.path = "/prices"});
//   REQUIRE(client.accepted());
//   CHECK(client.next() == web_event{.data = "41.50", .name = "price", .id = "7"});
//   client.gone();
//   web_events again(prices, {.path = "/prices"}, client.last_event_id());
//
// Heartbeats, the first `retry` and clients that are too slow are the server's, and not here. Header-only. In
// the test's thread.
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

/// One that has come: each end of a line in `data` is "\n".
struct web_event {
  std::string data{};
  std::string name = "message";
  std::string id{};                       ///< of this event; empty: it has none
  std::optional<std::int64_t> retry_ms{}; ///< before the client comes again
  bool operator==(const web_event&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const web_event& shown) {
    out << shown.name << " \"" << shown.data << "\"";
    if (!shown.id.empty()) out << " id " << shown.id;
    if (shown.retry_ms) out << " retry " << *shown.retry_ms << " ms";
    return out;
  }
};

/// Outlived by the actor, or given the one that it was restored to.
class web_events {
 public:
  /// `last_event_id`: of a client that comes again; empty: it says none.
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
  /// It may be answered later.
  bool answered() const { return static_cast<bool>(answer_); }
  bool accepted() const { return answered() && detail::status_of(answer_) == 0; }
  /// Of one that is refused; 0: it is accepted.
  int status() const { return detail::status_of(answer_); }

  /// The oldest that was not read; what was sent before the client was accepted is behind that.
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
  /// Those that were not read.
  std::vector<web_event> heard() {
    std::vector<web_event> out;
    while (auto one = next()) out.push_back(std::move(*one));
    return out;
  }
  /// The actor has closed the stream, or ended, and all that came before was read.
  bool ended() {
    web_events ahead(*this);
    if (ahead.next()) return false;
    return accepted() && (ahead.ended_ || !of_->alive());
  }
  /// Of the last event that it has read, or what it came with: what its page says when it comes again.
  const std::string& last_event_id() const { return last_id_; }

  /// It has gone: who monitors it is told.
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
  // Nothing: it closes the stream.
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
  std::size_t seen_; // before answer_, whose call may send some
  value pid_;
  std::string last_id_;
  answer answer_;
  bool ended_ = false;
};

} // namespace coppice::testing
