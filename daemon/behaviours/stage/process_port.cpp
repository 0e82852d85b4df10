// SPDX-License-Identifier: MIT
// Sends, and keeps what a full mailbox refuses. Reminders are notices to the process itself,
// {'$coppice_stage', What, Number}.
#include "behaviours/stage/process_port.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "behaviours/gen/destination_term.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;

namespace {

constexpr std::string_view reminder_tag = "$coppice_stage";
enum class reminder : std::uint8_t { go_on, subscribe, send_delayed };

constexpr base::nanos first_delay = base::nanos_per_second / 1000; // until a full mailbox is tried again
constexpr base::nanos most_delay = base::nanos_per_second / 20;

message reminder_of(reminder what, std::uint64_t number) {
  message_writer out;
  out.tuple(3);
  out.atom(reminder_tag);
  out.unsigned_integer(static_cast<std::uint64_t>(what));
  out.unsigned_integer(number);
  return out.take();
}

} // namespace

// ---- incoming messages ----

std::optional<outcome> process_port::take_message(stage_engine& engine, const message& m) {
  if (auto next = engine.receive(m)) return next;
  if (!self_->origin().notice) return std::nullopt;
  etf::bytes reference, reason;
  if (read_down(m.bytes(), reference, reason))
    if (auto next = engine.down(reference, reason)) return next;
  return take_reminder(engine, m);
}

std::optional<outcome> process_port::take_reminder(stage_engine& engine, const message& m) {
  etf::cursor at(m.bytes());
  std::uint64_t what = 0, number = 0;
  if (!at.read_tuple_of(3) || !at.read_atom_is(reminder_tag) || !at.read_unsigned(what) ||
      !at.read_unsigned(number))
    return std::nullopt;
  switch (static_cast<reminder>(what)) {
    case reminder::go_on:
      return engine.go_on();
    case reminder::subscribe:
      return engine.subscribe_again(number);
    case reminder::send_delayed:
      break;
  }
  send_delayed();
  return runtime::carry_on();
}

// ---- outgoing messages ----

bool process_port::sends(const destination& to, const message& m) {
  return self_->send(to, m, {.connects = false, .waits = false}) != runtime::send_status::full;
}

// A message other than events is never dropped. Beyond the bound it goes to the mailbox without a bound, or
// to the connection, which has its own bound and ends when that is exceeded.
void process_port::delay(const destination& to, message m) {
  if (!backlog_.add(to, std::move(m)))
    for (message& each : backlog_.take_line(to)) self_->send_unbounded(to, std::move(each));
  if (delay_ == 0 && !backlog_.empty()) remind_of_delayed();
}

void process_port::remind_of_delayed() {
  delay_ = std::clamp(delay_ * 2, first_delay, most_delay);
  self_->remind(base::mono_now() + delay_, reminder_of(reminder::send_delayed, 0));
}

void process_port::send_delayed() {
  backlog_.drain([this](const destination& to, const message& m) { return sends(to, m); });
  if (backlog_.empty()) {
    delay_ = 0;
  } else {
    remind_of_delayed();
  }
}

// For stages of this node, messages other than events have no bound: a lost ask would stop a pipeline.
void process_port::send(const destination& to, message m, bool connects) {
  if (backlog_.has(to)) return delay(to, std::move(m));
  if (to.here()) {
    self_->send_unbounded(to, std::move(m));
  } else if (self_->send(to, m, {.connects = connects, .waits = false}) == runtime::send_status::full) {
    delay(to, std::move(m));
  }
}

void process_port::send_refusal(const runtime::pid& to, message m) {
  if (backlog_.has_room_for_refusal(to)) send(to, std::move(m), false);
}

std::vector<stage_overload> process_port::send_events(const runtime::pid& to, subscriber_id of,
                                                      std::uint64_t events, message m, std::uint64_t most) {
  if (!backlog_.has(to) && sends(to, m)) return {};
  auto ended = backlog_.add_events(to, of, events, std::move(m), most);
  if (delay_ == 0 && !backlog_.empty()) remind_of_delayed();
  return ended;
}

void process_port::send_self(message m) {
  self_->send_unbounded(self_->self(), std::move(m));
}

message process_port::monitor(const destination& to) {
  message_writer out;
  runtime::write(out, self_->monitor(to), self_->host().nodes());
  return out.take();
}

void process_port::demonitor(const message& reference) {
  etf::cursor at(reference.bytes());
  if (const auto ref = runtime::read_reference(at, self_->host().nodes())) self_->demonitor(*ref, true);
}

message process_port::make_reference() {
  message_writer out;
  runtime::write(out, self_->make_reference(), self_->host().nodes());
  return out.take();
}

std::optional<destination> process_port::find(etf::bytes name) {
  const auto found = read_destination(name, self_->host().nodes());
  if (!found || found->what() != destination::kind::name) return found;
  const auto pid = self_->host().whereis(found->name());
  return pid ? std::optional<destination>(*pid) : std::nullopt;
}

void process_port::go_on_later() {
  self_->notify(self_->self(), reminder_of(reminder::go_on, 0));
}

void process_port::subscribe_later(std::size_t which, base::nanos delay) {
  self_->remind(base::mono_now() + delay, reminder_of(reminder::subscribe, which));
}

bool process_port::may_be_from(const runtime::pid& who) const {
  return self_->origin().here() || self_->origin().node == who.node;
}

void process_port::tell(level how, std::string text) {
  const std::string name = self_->name();
  const std::string who = name.empty() ? to_text(self_->self(), self_->host().nodes()) : name;
  switch (how) {
    case level::info:
      return base::log::info("stage", "{}: {}", who, text);
    case level::warning:
      return base::log::warning("stage", "{}: {}", who, text);
    case level::error:
      return base::log::error("stage", "{}: {}", who, text);
  }
}

base::nanos process_port::now() {
  return self_->now();
}

} // namespace coppice::behaviours
