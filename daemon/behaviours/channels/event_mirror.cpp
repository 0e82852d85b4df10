// SPDX-License-Identifier: MIT
// Subscribes at the other node and passes on its events. A message counts only if it comes from that node.
#include "behaviours/channels/event_mirror.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "behaviours/channels/event_channels.hpp"
#include "behaviours/channels/event_terms.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

namespace {

constexpr base::nanos patience = 30 * base::nanos_per_second; // for the other node's answer
constexpr base::nanos idle_time = 5 * base::nanos_per_second; // without a subscriber

message request(std::string_view what, std::string_view name) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom(what);
  out.atom(name);
  return out.take();
}

// Bounds the number of events kept here, whatever the other node says.
std::uint32_t bounded(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, 1'000'000));
}

// The answer is {ok, #{creation, first, last, buffer, queue}}, or {error, Reason}.
struct answer {
  bool ok = false;
  subscription_begin how;
  etf::bytes reason;
};
std::optional<answer> read_answer(etf::bytes term) {
  etf::cursor at(term);
  answer out;
  if (!at.read_tuple_of(2)) return std::nullopt;
  if (at.read_atom_is("error")) {
    if (!at.read_term(out.reason)) return std::nullopt;
    return out;
  }
  std::uint32_t pairs = 0;
  if (!at.read_atom_is("ok") || !at.read_map(pairs)) return std::nullopt;
  for (; pairs != 0; --pairs) {
    std::string_view key;
    std::uint64_t value = 0;
    if (!at.read_atom(key) || !at.read_unsigned(value)) return std::nullopt;
    if (key == "creation") out.how.creation = static_cast<std::uint32_t>(value);
    if (key == "first") out.how.first = value;
    if (key == "last") out.how.last = value;
    if (key == "buffer") out.how.buffer = bounded(value);
    if (key == "queue") out.how.queue = bounded(value);
  }
  out.ok = true;
  return out;
}

// Why there was no answer, as a term.
message reason_of(const gen::call_error& why) {
  using kind = gen::call_error::kind;
  switch (why.what) {
    case kind::timeout:
      return message::atom("timeout");
    case kind::noproc:
      return runtime::reasons::noproc();
    case kind::nodedown:
      return runtime::reasons::noconnection();
    default:
      return why.reason ? why.reason : message::atom("failed");
  }
}

} // namespace

event_mirror::~event_mirror() {
  channel_->end(message::atom("killed")); // no effect if it has ended already
  among_.forget(*channel_);
}

runtime::outcome event_mirror::init(process& self) {
  self.notify(self.self(), message::atom("begin"));
  return runtime::carry_on();
}

runtime::outcome event_mirror::end(message reason) {
  channel_->end(std::move(reason));
  return runtime::stop(runtime::reasons::normal());
}

runtime::outcome event_mirror::begin(process& self) {
  const auto service = runtime::destination::remote(event_channels::service_name, node_);
  watch_ = self.monitor(service);
  const auto said = gen::call(self, service, request("subscribe", name_), base::mono_now() + patience);
  if (self.exiting()) return runtime::carry_on();
  if (!said) return end(reason_of(said.error()));
  const auto answered = read_answer(said->bytes());
  if (!answered) return end(message::atom("bad_answer"));
  if (!answered->ok) return end(said->slice(answered->reason));
  channel_->opened(answered->how);
  self.remind(base::mono_now() + idle_time, message::atom("look"));
  return runtime::carry_on();
}

runtime::outcome event_mirror::look_for_subscribers(process& self) {
  const bool is_idle = channel_->counts().subscribers == 0;
  if (is_idle && std::exchange(was_idle_, true) && channel_->end_if_idle())
    return runtime::stop(runtime::reasons::normal());
  was_idle_ = is_idle;
  self.remind(base::mono_now() + idle_time, message::atom("look"));
  return runtime::carry_on();
}

runtime::outcome event_mirror::receive(process& self, message m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice) {
    if (at.read_atom_is("begin")) return begin(self);
    if (at.read_atom_is("look")) return look_for_subscribers(self);
    if (!at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return runtime::carry_on();
    const auto ref = runtime::read_reference(at, self.host().nodes());
    etf::bytes skipped;
    if (!ref || *ref != watch_ || !at.read_term(skipped) || !at.read_term(skipped))
      return runtime::carry_on();
    return end(m.slice(at.rest()));
  }
  const auto news = read_event_news(m.bytes());
  if (!news || self.origin().node != node_) return runtime::carry_on();
  etf::cursor label(news->label);
  if (!label.read_atom_is(name_)) return runtime::carry_on();
  switch (news->what) {
    case event_news::kind::event:
      if (news->seq > channel_->last() + 1) channel_->skip(news->seq - 1);
      channel_->append(news->seq, news->time, news->term);
      break;
    case event_news::kind::gap:
      channel_->skip(news->last);
      break;
    case event_news::kind::end:
      return end(m.slice(news->term));
  }
  return runtime::carry_on();
}

} // namespace coppice::behaviours
