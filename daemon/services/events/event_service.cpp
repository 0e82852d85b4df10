// SPDX-License-Identifier: MIT
// The process `coppice_events`. In the process's own turn.
#include "services/events/event_service.hpp"

#include <coppice/etf/cursor.hpp>
#include <optional>
#include <utility>

#include "base/bound.hpp"
#include "behaviours/channels/event_fan_out.hpp"
#include "behaviours/channels/event_terms.hpp"
#include "behaviours/web/request_term.hpp"
#include "runtime/system.hpp"
#include "services/answers/list_writer.hpp"
#include "services/answers/long_terms.hpp"
#include "services/events/event_feed.hpp"

namespace coppice::services {

using behaviours::event_channel;
using behaviours::event_subscribe_options;
using behaviours::subscription_begin;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos before_next_try = 100 * base::nanos_per_ms;
const base::bound<std::size_t> reports_at_once("services: reports of events read at once", 256);

message refusal(std::string_view why) {
  message_writer out;
  out.tuple(2);
  out.atom("error");
  out.atom(why);
  return out.take();
}

std::string_view word_of(const base::error& why) {
  switch (why.code) {
    case base::errc::not_found:
    case base::errc::closed:
      return "no_such_event";
    case base::errc::exists:
      return "already";
    case base::errc::refused:
      return "not_owner";
    case base::errc::limit:
      return "limit";
    default:
      return "bad_request";
  }
}

// The entries of both tables: this one's and the event's.
std::size_t memory_of(std::string_view name) {
  return name.size() + 2 * runtime::memory_of_entry;
}

message shown(const subscription_begin& how) {
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  out.map(5);
  out.atom("creation");
  out.unsigned_integer(how.creation);
  out.atom("first");
  out.unsigned_integer(how.first);
  out.atom("last");
  out.unsigned_integer(how.last);
  out.atom("buffer");
  out.unsigned_integer(how.buffer);
  out.atom("queue");
  out.unsigned_integer(how.queue);
  return out.take();
}

// Empty: not such a term.
std::optional<event_subscribe_options> read_since(etf::cursor at) {
  using kind = event_subscribe_options::kind;
  event_subscribe_options out;
  std::uint64_t creation = 0;
  if (at.read_atom_is("now")) {
    out.begin = kind::now;
    return out;
  }
  out.begin = kind::after;
  if (at.read_unsigned(out.after.seq)) return out;
  if (!at.read_tuple_of(2) || !at.read_unsigned(creation) || creation > UINT32_MAX ||
      !at.read_unsigned(out.after.seq))
    return std::nullopt;
  out.after.creation = static_cast<std::uint32_t>(creation);
  return out;
}

} // namespace

// If one of its processes ends, it ends too and its supervisor restarts it; the shared events stay.
runtime::outcome event_service::on_start(process& self) {
  for (std::size_t i = 0; i < events_.outlets(); ++i) {
    runtime::spawn_options options;
    options.link = true;
    options.of_node = true;
    options.worker = static_cast<int>(i);
    options.label = "services/" + self.name() + "/" + std::to_string(i + 1);
    auto made = self.spawn(std::move(options), std::make_unique<behaviours::event_fan_out>(events_, i));
    if (!made) return runtime::stop(message::atom("system_limit"));
  }
  (void)events_.take_new_producers();
  for (const runtime::pid& one : events_.producers()) watch(self, one);
  self.notify(self.self(), message::atom("wake"));
  return runtime::carry_on();
}

void event_service::watch(process& self, const runtime::pid& producer) {
  const auto [at, is_new] = producers_.try_emplace(producer);
  if (is_new) at->second = self.monitor(runtime::destination(producer));
}

std::optional<behaviours::peer_requests> event_service::from_peers() const {
  using request = behaviours::peer_request;
  constexpr auto call = behaviours::gen::request::kind::call;
  static constexpr request requests[] = {
      {call, "list", 0, 0, request::answers},
      {call, "subscribe", 2, 3, request::answers | request::keeps},
      {call, "unsubscribe", 2, 2, request::answers},
      {call, "publish", 3, 3, request::answers | request::keeps | request::tells_here}};
  return requests;
}

behaviours::native_server::call_answer event_service::handle_call(process& self, const message& from,
                                                                  const message& request) {
  etf::cursor sender(from.bytes());
  sender.read_tuple_of(2);
  const auto caller = runtime::read_pid(sender, self.host().nodes());
  if (!caller || caller->node != self.origin().node) return no_reply();
  if (auto taken = take(self, *caller, from, request)) return std::move(*taken);
  return native_server::handle_call(self, from, request);
}

std::optional<behaviours::native_server::call_answer> event_service::take(process& self,
                                                                          const runtime::pid& caller,
                                                                          const message& from,
                                                                          const message& request) {
  etf::cursor at(request.bytes());
  if (at.read_atom_is("list")) return reply(list(self));
  std::uint32_t arity = 0;
  std::string_view what, name;
  if (!at.read_tuple(arity) || !at.read_atom(what)) return std::nullopt;
  if (what == "subscribe" && (arity == 2 || arity == 3)) return subscribe(self, caller, at, arity == 3);
  if (what == "publish" && arity == 3) return publish(self, at);
  if (what == behaviours::feed_tag) return feed(self, from, request);
  if (what != "unsubscribe" || arity != 2 || !at.read_atom(name)) return std::nullopt;
  return reply(unsubscribe(self, caller, name) ? message::atom("ok") : refusal("not_subscribed"));
}

// Subscriptions that ended with their event are counted until there are too many.
bool event_service::may_subscribe(process& self, const runtime::pid& who) {
  if (who.here()) return true;
  const auto found = by_node_.find(who.node);
  if (found == by_node_.end() || found->second < bounds_.subscriptions) return true;
  const std::uint64_t ends = events_.ends();
  if (std::exchange(ends_seen_, ends) == ends) return false;
  portions work(self);
  for (auto subscriber = remote_.begin(); subscriber != remote_.end();) {
    auto& [its_pid, its] = *subscriber;
    work.add();
    for (auto at = its.events.begin(); at != its.events.end();) {
      work.add();
      const auto event = at++;
      if (!events_.has(*event, its_pid)) lose(its_pid, its, event);
    }
    subscriber = its.events.empty() ? stop_watching(self, subscriber) : std::next(subscriber);
  }
  const auto left = by_node_.find(who.node);
  return left == by_node_.end() || left->second < bounds_.subscriptions;
}

void event_service::lose(const runtime::pid& who, remote_subscriber& its, event_names::iterator event) {
  memory_.remove(memory_of(*event));
  its.events.erase(event);
  const auto count = by_node_.find(who.node);
  if (--count->second == 0) by_node_.erase(count);
}

event_service::remote_subscribers::iterator event_service::stop_watching(process& self,
                                                                         remote_subscribers::iterator one) {
  self.demonitor(one->second.watch, true);
  return remote_.erase(one);
}

std::optional<behaviours::native_server::call_answer> event_service::subscribe(process& self,
                                                                               const runtime::pid& who,
                                                                               etf::cursor at,
                                                                               bool with_since) {
  std::string_view name;
  if (!at.read_atom(name)) return std::nullopt;
  const auto how = with_since ? read_since(at) : event_subscribe_options();
  if (!how) return std::nullopt;
  if (!may_subscribe(self, who)) return reply(refusal("limit"));
  const auto done = events_.subscribe(name, who, *how);
  if (!done) return reply(refusal(word_of(done.error())));
  if (!who.here()) note_subscribed(self, who, name);
  return reply(shown(*done));
}

void event_service::note_subscribed(process& self, const runtime::pid& who, std::string_view name) {
  remote_subscriber& its = remote_[who];
  if (!its.watch) its.watch = self.monitor(runtime::destination(who));
  // It may still be there from a subscription that the event ended.
  if (!its.events.emplace(name).second) return;
  ++by_node_[who.node];
  memory_.add(memory_of(name));
}

void event_service::forget(process& self, const runtime::pid& who, std::string_view name) {
  const auto found = remote_.find(who);
  if (found == remote_.end()) return;
  const auto event = found->second.events.find(name);
  if (event == found->second.events.end()) return;
  lose(who, found->second, event);
  if (found->second.events.empty()) stop_watching(self, found);
}

bool event_service::unsubscribe(process& self, const runtime::pid& who, std::string_view name) {
  forget(self, who, name);
  return events_.unsubscribe(name, {}, who);
}

// A feed for a web server of this node; the caller is the connection.
std::optional<behaviours::native_server::call_answer> event_service::feed(process& self, const message& from,
                                                                          const message& request) {
  auto asked = behaviours::read_feed_request(request.bytes());
  if (!self.origin().here() || !asked) return std::nullopt;
  runtime::spawn_options options;
  options.of_node = true;
  options.label = "services/event_feed";
  const auto made =
      self.spawn(std::move(options), std::make_unique<event_feed>(events_, from, std::move(*asked)));
  return made ? no_reply() : reply(refusal("overloaded"));
}

std::optional<behaviours::native_server::call_answer> event_service::publish(process& self, etf::cursor at) {
  std::string_view name;
  etf::bytes payload;
  portions work(self);
  if (!at.read_atom(name) || !read_long_term(at, payload, work)) return std::nullopt;
  const auto channel = events_.find_open(name);
  if (!channel) return reply(refusal(word_of(channel.error())));
  std::uint64_t seq = 0;
  switch ((*channel)->publish(payload, &seq)) {
    case event_channel::outcome::closed:
      return reply(refusal("no_such_event"));
    case event_channel::outcome::too_large:
      return reply(refusal("too_large"));
    case event_channel::outcome::full:
      return reply(refusal("overloaded"));
    case event_channel::outcome::published:
      break;
  }
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  out.unsigned_integer(seq);
  return reply(out.take());
}

message event_service::list(process& self) const {
  list_writer out;
  portions work(self);
  for (auto some = events_.some_reports({}, reports_at_once); !some.empty();
       some = events_.some_reports(some.back().name, reports_at_once)) {
    for (const behaviours::event_report& one : some) {
      work.add(sizeof one);
      write_report(self, out.next(), one);
    }
  }
  return out.take();
}

void event_service::write_report(process& self, etf::writer& to, const behaviours::event_report& one) {
  const auto number = [&to](std::string_view key, std::uint64_t value) {
    to.atom(key);
    to.unsigned_integer(value);
  };
  to.map(9);
  to.atom("name");
  to.atom(one.name);
  to.atom("producer");
  if (one.producer)
    runtime::write(to, one.producer, self.host().nodes());
  else
    to.atom("none");
  to.atom("open");
  to.boolean(one.options.open);
  to.atom("slow");
  to.atom(tree::text(one.options.slow));
  number("buffer", one.options.buffer);
  number("last", one.counts.last);
  number("published", one.counts.published);
  number("subscribers", one.counts.subscribers);
  number("lost", one.counts.lost);
}

runtime::outcome event_service::handle_info(process& self, const message& m) {
  if (!self.origin().notice) return runtime::carry_on();
  etf::cursor at(m.bytes());
  if (at.read_atom_is("again")) reminded_ = false;
  if (at.read_tuple_of(5) && at.read_atom_is("DOWN")) ended(self, m, at);
  work(self);
  return runtime::carry_on();
}

void event_service::ended(process& self, const message& down, etf::cursor at) {
  const auto ref = runtime::read_reference(at, self.host().nodes());
  etf::bytes kind;
  if (!ref || !at.read_term(kind)) return;
  const auto who = runtime::read_pid(at, self.host().nodes());
  if (!who) return;
  if (const auto one = producers_.find(*who); one != producers_.end() && one->second == *ref) {
    producers_.erase(one);
    events_.producer_ended(*who, down.slice(at.rest()));
    return;
  }
  const auto found = remote_.find(*who);
  if (found == remote_.end() || found->second.watch != *ref) return;
  event_names& events = found->second.events;
  for (portions work(self); !events.empty(); work.add()) lose(*who, found->second, events.begin());
  remote_.erase(found);
}

void event_service::work(process& self) {
  for (const runtime::pid& one : events_.take_new_producers()) watch(self, one);
  for (const behaviours::event_channels::notice& one : events_.take_notices()) {
    message_writer label;
    label.atom(one.name);
    const message name = label.take();
    const message told = behaviours::event_subscribers_term(name.bytes(), one.subscribers);
    if (self.send(runtime::destination(one.producer), told, {.waits = false}) != runtime::send_status::full)
      continue;
    events_.not_told(one);
    if (!std::exchange(reminded_, true))
      self.remind(base::mono_now() + before_next_try, message::atom("again"));
  }
}

} // namespace coppice::services
