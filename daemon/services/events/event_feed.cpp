// SPDX-License-Identifier: MIT
// A named event for one web client. In the process's own turn.
#include "services/events/event_feed.hpp"

#include <fmt/format.h>

#include <charconv>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_text.hpp"
#include "behaviours/channels/event_terms.hpp"
#include "behaviours/gen/gen.hpp"
#include "net/http/websocket_session.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::services {

using behaviours::event_subscribe_options;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

// CREATION-SEQ. Empty: not an id of this node's form.
std::optional<behaviours::event_position> read_id(std::string_view id) {
  behaviours::event_position out;
  const auto [dash, bad] = std::from_chars(id.data(), id.data() + id.size(), out.creation);
  if (bad != std::errc() || dash == id.data() + id.size() || *dash != '-') return std::nullopt;
  const auto [end, wrong] = std::from_chars(dash + 1, id.data() + id.size(), out.seq);
  if (wrong != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return out;
}

message refusal(std::uint64_t status, std::string_view why) {
  message_writer out;
  out.tuple(2);
  out.unsigned_integer(status);
  out.binary(why);
  return out.take();
}

std::string text_of(etf::bytes payload) {
  etf::cursor at(payload);
  etf::bytes text;
  if (at.read_binary(text)) return {reinterpret_cast<const char*>(text.data()), text.size()};
  return etf::print(payload);
}

message closing(behaviours::web_upgrade form) {
  message_writer out;
  out.tuple(2);
  if (form == behaviours::web_upgrade::sse) {
    out.atom("http_event");
    out.atom("close");
    return out.take();
  }
  out.atom("websocket");
  out.tuple(3);
  out.atom("close");
  out.unsigned_integer(net::websocket_close::normal);
  out.binary("the event has ended");
  return out.take();
}

message as_event(std::string_view name, const std::string& id, std::string_view data) {
  message_writer out(data.size() + 64);
  out.tuple(2);
  out.atom("http_event");
  out.map(name.empty() ? 2 : 3);
  out.atom("data");
  out.binary(data);
  out.atom("id");
  out.binary(id);
  if (!name.empty()) {
    out.atom("event");
    out.binary(name);
  }
  return out.take();
}

// Bytes of the data that are not UTF-8 become U+FFFD.
message as_text(std::string_view name, const std::string& id, const std::string& data) {
  nlohmann::ordered_json parts;
  if (!name.empty()) parts["event"] = name;
  parts["id"] = id;
  parts["data"] = data;
  const std::string text = base::json_text(parts);
  message_writer out(text.size() + 32);
  out.tuple(2);
  out.atom("websocket");
  out.tuple(2);
  out.atom("text");
  out.binary(text);
  return out.take();
}

} // namespace

runtime::outcome event_feed::init(process& self) {
  self.notify(self.self(), message::atom("begin"));
  return runtime::carry_on();
}

runtime::outcome event_feed::begin(process& self) {
  etf::cursor at(from_.bytes());
  at.read_tuple_of(2);
  const auto client = runtime::read_pid(at, self.host().nodes());
  if (!client) return runtime::stop(runtime::reasons::normal());
  client_ = *client;
  self.monitor(runtime::destination(client_));
  event_subscribe_options how;
  if (const auto had = read_id(asked_.last_id)) {
    how.begin = event_subscribe_options::kind::after;
    how.after = *had;
  }
  const auto begun = events_.subscribe(asked_.event, self.self(), how);
  if (!begun) {
    behaviours::gen::reply(self, from_, refusal(404, "there is no such event\n"));
    return runtime::stop(runtime::reasons::normal());
  }
  creation_ = begun->creation;
  message_writer accept;
  accept.tuple(2);
  accept.atom("accept");
  runtime::write(accept, self.self(), self.host().nodes());
  behaviours::gen::reply(self, from_, accept.take());
  return runtime::carry_on();
}

void event_feed::send(process& self, std::string_view event, std::uint64_t seq, const std::string& data) {
  const std::string id = fmt::format("{}-{}", creation_, seq);
  const bool events = asked_.form == behaviours::web_upgrade::sse;
  self.send(runtime::destination(client_), events ? as_event(event, id, data) : as_text(event, id, data));
}

runtime::outcome event_feed::receive(process& self, message m) {
  if (self.origin().notice) {
    if (etf::cursor(m.bytes()).read_atom_is("begin")) return begin(self);
    return runtime::stop(runtime::reasons::normal()); // the client has gone
  }
  const auto news = behaviours::read_event_news(m.bytes());
  if (!news || !self.origin().here()) return runtime::carry_on();
  using kind = behaviours::event_news::kind;
  switch (news->what) {
    case kind::event:
      send(self, {}, news->seq, text_of(news->term));
      break;
    case kind::gap:
      send(self, "gap", news->last, fmt::format("{}-{}", news->first, news->last));
      break;
    case kind::end:
      self.send(runtime::destination(client_), closing(asked_.form));
      return runtime::stop(runtime::reasons::normal());
  }
  return runtime::carry_on();
}

} // namespace coppice::services
