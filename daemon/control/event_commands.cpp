// SPDX-License-Identifier: MIT
// See event_commands.hpp.
#include "control/event_commands.hpp"

#include <algorithm>
#include <coppice/etf/text.hpp>

#include "base/suggest.hpp"
#include "control/audit.hpp"
#include "control/documents.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::control {

namespace {

using behaviours::event_channel;
using behaviours::event_report;
using nlohmann::json;

constexpr std::size_t page_lines = 500;
constexpr std::size_t most_shown = 16 * 1024; // characters of a payload
constexpr std::size_t most_subscribers = 20;  // of an event, by their pids
// A client that waits is answered after this time in any case, as with the log.
constexpr std::chrono::milliseconds waiting_patience{20'000};

json subscribers_json(node::instance& of, const event_report& event) {
  std::vector<std::string> pids;
  for (const runtime::pid& one : of.events().some_subscribers(event.name, event.node, most_subscribers))
    pids.push_back(of.snapshots().text_of(one));
  std::ranges::sort(pids);
  return pids;
}

json events_document(node::instance& of, const std::vector<event_report>& events) {
  json all = json::array();
  for (const event_report& one : events)
    all.push_back({{"name", one.name},
                   {"node", one.node.empty() ? json() : json(one.node)},
                   {"producer", one.producer ? json(of.snapshots().text_of(one.producer)) : json()},
                   {"declared", one.declared},
                   {"open", one.options.open},
                   {"slow", tree::text(one.options.slow)},
                   {"buffer", one.options.buffer},
                   {"last", one.counts.last},
                   {"published", one.counts.published},
                   {"subscribers", one.counts.subscribers},
                   {"subscribed", subscribers_json(of, one)},
                   {"kept", one.counts.kept},
                   {"lost", one.counts.lost},
                   {"sent_here", one.counts.sent_here},
                   {"sent_away", one.counts.sent_away},
                   {"lag", one.counts.lag}});
  return {{"events", std::move(all)}};
}

json page_json(const node::event_tail::page& page, std::uint64_t after) {
  json lines = json::array();
  for (const node::tail_line& one : page.lines) lines.push_back(event_line_document(one));
  const std::uint64_t next = page.lines.empty() ? after : page.lines.back().number;
  return {{"lines", std::move(lines)}, {"next", next}, {"missed", page.missed}, {"ended", page.ended}};
}

std::string hint_for(node::instance& of, const std::string& name, base::errc why) {
  if (why == base::errc::refused)
    return "with open: true in the configuration whoever knows its name publishes";
  std::vector<std::string> known;
  for (const event_report& one : of.events().report())
    if (one.node.empty()) known.push_back(one.name);
  const std::vector<std::string_view> words(known.begin(), known.end());
  return base::did_you_mean(name, words);
}

pending publish(const request& r) {
  const std::string name = r->text("name");
  const auto term = etf::parse(r->text("term"));
  if (!term) return r->fail(base::errc::invalid, "the payload: " + term.error().text()), pending{};
  const auto channel = r->of.events().find_open(name);
  if (!channel)
    return r->fail(channel.error().code, channel.error().text, hint_for(r->of, name, channel.error().code)),
           pending{};
  std::uint64_t seq = 0;
  switch ((*channel)->publish({term->data(), term->size()}, &seq)) {
    case event_channel::outcome::published:
      return r->done({{"seq", seq}}), pending{};
    case event_channel::outcome::closed:
      return r->fail(base::errc::closed, "the event has ended"), pending{};
    case event_channel::outcome::too_large:
      return r->fail(base::errc::limit, "the payload is larger than the event's bytes"), pending{};
    case event_channel::outcome::full:
      break;
  }
  return r->fail(base::errc::limit, "its subscribers have no room"), pending{};
}

pending open_tail(const request& r) {
  using kind = behaviours::event_subscribe_options::kind;
  const std::string target = r->text("name");
  const std::size_t at = target.find('@');
  const std::string name = target.substr(0, at);
  const std::string node = at == target.npos ? std::string() : target.substr(at + 1);
  behaviours::event_subscribe_options how;
  if (r->text("since") == "now") how.begin = kind::now;
  if (const auto since = r->number("since")) {
    how.begin = kind::after;
    how.after.seq = *since;
  }
  if (!node.empty() && needs_connection(r->of, node)) log_following(r->who, name, node);
  const auto number = r->of.tails().open(name, node, how);
  if (!number)
    return r->fail(number.error().code, number.error().text, hint_for(r->of, name, number.error().code)),
           pending{};
  return r->done({{"tail", *number}}), pending{};
}

pending read_tail(const request& r, std::uint64_t number) {
  const auto tail = r->of.tails().find(number);
  if (r->flag("close")) return r->of.tails().close(number), r->done(json::object()), pending{};
  if (tail == nullptr) return r->fail(base::errc::closed, "nobody read it for too long"), pending{};
  const std::uint64_t after = r->number("after").value_or(0);
  const auto page = tail->read(after, page_lines);
  if (!page.lines.empty() || page.ended || !r->flag("wait"))
    return r->done(page_json(page, after)), pending{};
  tail->when_line(after, [r, tail, after] {
    r->reply.later([tail, after] { return api::reply(page_json(tail->read(after, page_lines), after)); });
  });
  return {waiting_patience, [tail] { tail->forget_waiting(); }, [] { return not_in_time("no event yet"); }};
}

} // namespace

json event_line_document(const node::tail_line& line) {
  using kind = node::tail_line::kind;
  switch (line.what) {
    case kind::gap:
      return {{"gap", {{"first", line.seq}, {"last", line.last}}}};
    case kind::end:
      return {{"end", runtime::shown(line.term, most_shown)}};
    case kind::event:
      break;
  }
  return {{"seq", line.seq},
          {"time", base::format_wall(line.time)},
          {"payload", etf::print(line.term.bytes(), {.most = most_shown})}};
}

bool needs_connection(const node::instance& of, std::string_view node) {
  return node != of.name() &&
         std::ranges::none_of(of.snapshots().peers(), [node](const node::peer_status& one) {
           return one.name == node && one.state == "connected";
         });
}

pending run_events(const request& r) {
  const std::string change = r->text("change");
  if (change == "publish") return publish(r);
  if (!change.empty()) return r->fail(base::errc::invalid, "an event is published"), pending{};
  if (const auto tail = r->number("tail")) return read_tail(r, *tail);
  if (!r->text("name").empty()) return open_tail(r);
  return r->done(events_document(r->of, r->of.events().report())), pending{};
}

} // namespace coppice::control
