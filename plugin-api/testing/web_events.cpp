// SPDX-License-Identifier: MIT
// A client of server-sent events, which reads them as a page's EventSource does. In the test's thread.
#include <coppice/testing/web_events.hpp>

#include <optional>
#include <utility>

namespace coppice::testing {

web_events::web_events(actor& of, web_request asked, std::string_view last_event_id)
    : of_(&of),
      seen_(of.did.sent.size()),
      pid_(detail::fresh_pid("caller@localhost")),
      last_id_(last_event_id),
      answer_(of.call_as(pid_, detail::web_call("http_events", says_last(asked, last_event_id), pid_))) {}

void web_events::move_to(actor& next) {
  of_ = &next;
  seen_ = 0;
}

std::optional<web_event> web_events::next() {
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

std::vector<web_event> web_events::heard() {
  std::vector<web_event> out;
  while (auto one = next()) out.push_back(std::move(*one));
  return out;
}

bool web_events::ended() {
  web_events ahead(*this);
  if (ahead.next()) return false;
  return accepted() && (ahead.ended_ || !of_->alive());
}

void web_events::gone() {
  for (const auto& [reference, one] : of_->monitors())
    if (one.whom == pid_) return of_->down(pid_, atom("normal"));
}

web_request web_events::says_last(web_request asked, std::string_view id) {
  if (!id.empty()) asked.headers.emplace_back("last-event-id", id);
  return asked;
}

std::optional<web_event> web_events::read(const value& term) {
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

std::string web_events::in_lines(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool returns = text[i] == '\r';
    if (returns && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out += returns ? '\n' : text[i];
  }
  return out;
}

} // namespace coppice::testing
