// SPDX-License-Identifier: MIT
// After lib/stdlib gen_statem.erl. A timer is a notice to the process itself, {'$coppice_timeout', Type,
// Serial, Name}; if it was cancelled too late, its serial is unknown and it is dropped. Notices of lasting
// timers are always equal and have the serial 0: when one comes, the deadlines decide what is due. In the
// process's own turn.
#include "behaviours/statem/statem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/detail/statem_terms.hpp>
#include <iterator>
#include <utility>

#include "behaviours/gen/name_or_pid.hpp"
#include "behaviours/gen/tagged.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

constexpr std::string_view timeout_tag = "$coppice_timeout";
constexpr std::uint32_t most_timeouts_shown = 100;

message timeout_notice(std::uint32_t type, std::uint64_t serial, const message& name) {
  message_writer out(name.size() + 48);
  out.tuple(4);
  out.atom(timeout_tag);
  out.unsigned_integer(type);
  out.unsigned_integer(serial);
  if (name) {
    out.raw(name.bytes());
  } else {
    out.nil();
  }
  return out.take();
}

} // namespace

// Sets the timers and sends the replies of a transition.
class statem::world final : public machine::effects {
 public:
  // `whole`: the message that lends its terms to the first event; see take().
  world(statem& of, process& self, const message& whole) : of_(of), self_(self), whole_(whole) {}

  bool reply(const message& from, message answer) override {
    if (!from) return false;
    if (of_.debug() != nullptr) of_.debug()->replied(from.bytes(), answer.bytes());
    return gen::reply(self_, from.bytes(), std::move(answer)).has_value();
  }
  std::uint64_t arm(const action& timeout, std::uint64_t serial) override {
    const base::nanos now = base::mono_now();
    const base::nanos most = runtime::no_deadline - 1;
    const base::nanos deadline = timeout.absolute            ? std::min(timeout.time, most)
                                 : timeout.time > most - now ? most
                                                             : now + timeout.time;
    if (timeout.type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT)
      return self_.remind(deadline, timeout_notice(timeout.type, serial, timeout.about));
    lasting_timer& timer = of_.lasting(timeout.type);
    timer.serial = serial;
    timer.due = deadline;
    if (timer.handle == 0 || timer.fires > deadline) {
      if (timer.handle != 0) self_.cancel_timer(timer.handle);
      timer.handle = self_.remind(deadline, timeout_notice(timeout.type, 0, {}));
      timer.fires = deadline;
    }
    return timeout.type; // no timer has this number
  }
  void disarm(std::uint32_t type, std::uint64_t handle) override {
    if (type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT)
      self_.cancel_timer(handle);
    else
      of_.lasting(type).serial = 0;
  }
  void keep(event& current) override {
    own(current.about);
    own(current.content);
  }
  // The caller of a call that is never answered would wait in vain.
  void dropped(const event& gone) override {
    if (gone.type == COPPICE_STATEM_EVENT_CALL)
      (void)gen::end_call(self_, gone.about, runtime::reasons::mailbox_full());
  }

 private:
  void own(message& part) const {
    const etf::bytes all = whole_.bytes();
    if (part && part.bytes().data() >= all.data() && part.bytes().data() < all.data() + all.size())
      part = whole_.slice(part.bytes());
  }

  statem& of_;
  process& self_;
  const message& whole_;
};

outcome statem::start(process& self) {
  if (!machine_.has_started())
    return runtime::stop(tagged("bad_return_from_init", message::atom("ok").bytes()));
  const message nothing;
  world effects(*this, self, nothing);
  since_ = self.now();
  if (machine_.start(effects) == machine::step::failed) return runtime::stop(reason(self));
  continue_first(self);
  return runtime::carry_on();
}

outcome statem::take_continue(process& self) {
  const message nothing;
  world effects(*this, self, nothing);
  return run(self, machine_.go_on(effects, enters()), nothing);
}

outcome statem::take(process& self, event&& what, const message& whole) {
  return run(self, machine_.begin(std::move(what)), whole);
}

outcome statem::run(process& self, machine::step next, const message& whole) {
  world effects(*this, self, whole);
  while (next == machine::step::handle || next == machine::step::enter) {
    const outcome done = next == machine::step::enter ? enter(self, machine_.old_state(), machine_.state())
                                                      : handle(self, machine_.current(), machine_.state());
    if (self.exiting()) return runtime::carry_on();
    if (done.stops()) return machine_.reply_only(effects) ? done : runtime::stop(reason(self));
    const std::uint64_t changes = machine_.changes();
    const std::uint64_t dropped = machine_.dropped();
    const std::uint32_t type = machine_.current().type;
    next = machine_.finish(effects, enters());
    if (machine_.changes() != changes) note_change(self, type);
    if (machine_.dropped() != dropped) [[unlikely]]
      has_dropped();
    if (next == machine::step::idle || next == machine::step::failed) break;
    self.reductions(1);
    if (!self.should_yield()) continue;
    self.yield();
    if (self.exiting()) return runtime::carry_on();
  }
  return next == machine::step::failed ? runtime::stop(reason(self)) : runtime::carry_on();
}

void statem::note_change(process& self, std::uint32_t type) {
  since_ = self.now();
  if (changes_ == nullptr) [[unlikely]]
    changes_ = std::make_unique<std::array<passed, kept_changes>>();
  passed& one = (*changes_)[machine_.changes() % kept_changes];
  const message& state = machine_.old_state();
  // Machines that alternate between states mostly find the same state here already.
  if (one.to.bytes().data() != state.bytes().data()) one.to = state;
  one.type = type;
  one.at = since_;
}

outcome statem::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  return take(self, {COPPICE_STATEM_EVENT_CALL, message::immortal(from), message::immortal(request)}, whole);
}

outcome statem::take_cast(process& self, const message& whole, etf::bytes request) {
  return take(self, {COPPICE_STATEM_EVENT_CAST, {}, message::immortal(request)}, whole);
}

outcome statem::take_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint64_t type = 0, serial = 0;
  if (!self.origin().notice || !at.read_tuple_of(4) || !at.read_atom_is(timeout_tag) ||
      !at.read_unsigned(type) || !at.read_unsigned(serial))
    return take(self, {COPPICE_STATEM_EVENT_INFO, {}, message::immortal(m.bytes())}, m);
  if (serial == 0) return lasting_fired(self, static_cast<std::uint32_t>(type));
  auto fired = machine_.fire(static_cast<std::uint32_t>(type), m.slice(at.rest()), serial);
  return fired ? take(self, std::move(*fired)) : runtime::carry_on();
}

outcome statem::lasting_fired(process& self, std::uint32_t type) {
  lasting_timer& timer = lasting(type);
  if (timer.handle == 0 || self.remaining(timer.handle) >= 0)
    return runtime::carry_on(); // cancelled too late
  timer.handle = 0;
  if (timer.serial == 0) return runtime::carry_on();
  // The notice of an earlier deadline may be read so late that the new deadline has passed as well. Events
  // that came before the new deadline are in the mailbox after the notice, and must be handled first.
  if (timer.fires < timer.due || base::mono_now() < timer.due) {
    timer.handle = self.remind(timer.due, timeout_notice(type, 0, {}));
    timer.fires = timer.due;
    return runtime::carry_on();
  }
  auto fired = machine_.fire(type, {}, std::exchange(timer.serial, 0));
  return fired ? take(self, std::move(*fired)) : runtime::carry_on();
}

base::nanos statem::left_of(process& self, std::uint32_t type, const machine::timeout& one) {
  if (one.serial == 0) return 0;
  if (type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT) return self.remaining(one.handle);
  return lasting(type).due - self.now();
}

message statem::reason(process& self) {
  message_writer out;
  write_fault(out, machine_, machine_.fault() == statem_fault::enter_return ? sys_data(self) : message());
  return out.take();
}

// ---- the state for sys and for people ----

message statem::sys_state(process& self) {
  const message data = sys_data(self);
  const message& state = machine_.old_state();
  message_writer out(state.size() + data.size() + 16);
  out.tuple(2);
  out.raw(state.bytes());
  out.raw(data.bytes());
  return out.take();
}

namespace {

void text_of(message_writer& out, const message& term) {
  if (term)
    out.binary(runtime::shown(term));
  else
    out.atom("none");
}
std::uint64_t milliseconds(base::nanos time) {
  return static_cast<std::uint64_t>(std::max<base::nanos>(0, time) / base::nanos_per_ms);
}

} // namespace

// Ordered by time, the latest last.
void statem::write_changes(process& self, message_writer& out) const {
  constexpr std::string_view words[] = {"",        "call",          "cast",    "info",    "internal",
                                        "timeout", "state_timeout", "timeout", "response"};
  const std::uint64_t all = machine_.changes();
  const std::uint64_t count = std::min<std::uint64_t>(all, kept_changes);
  if (count != 0) out.list(static_cast<std::uint32_t>(count));
  for (std::uint64_t i = all - count + 1; i <= all; ++i) {
    const passed& one = (*changes_)[i % kept_changes];
    out.map(3);
    out.atom("event");
    out.binary(words[std::min<std::size_t>(one.type, std::size(words) - 1)]);
    out.atom("to");
    text_of(out, one.to);
    out.atom("ago_ms");
    out.unsigned_integer(milliseconds(self.now() - one.at));
  }
  out.nil();
}

message statem::engine_for_people(process& self) {
  const auto number = [](message_writer& out, std::string_view key, std::uint64_t value) {
    out.atom(key);
    out.unsigned_integer(value);
  };
  message_writer out(1024);
  out.map(8);
  out.atom("state");
  text_of(out, machine_.old_state());
  out.atom("previous");
  text_of(out, machine_.previous());
  number(out, "since_ms", milliseconds(self.now() - since_));
  number(out, "changes", machine_.changes());
  number(out, "queued", machine_.queued());
  out.atom("postponed");
  out.map(4);
  number(out, "length", machine_.postponed_count());
  number(out, "limit", machine_.limit());
  number(out, "dropped", machine_.dropped());
  out.atom("oldest");
  text_of(out, machine_.postponed_count() == 0 ? message() : machine_.postponed(0).content);
  out.atom("timeouts");
  std::uint32_t count = 0;
  machine_.each_timeout([&count](std::uint32_t, const machine::timeout&) { ++count; });
  count = std::min(count, most_timeouts_shown);
  if (count != 0) out.list(count);
  machine_.each_timeout([&](std::uint32_t type, const machine::timeout& one) {
    if (count == 0) return;
    --count;
    message_writer kind;
    write_event_type(kind, type, one.about);
    out.map(2);
    out.atom("type");
    text_of(out, kind.take());
    number(out, "left_ms", milliseconds(left_of(self, type, one)));
  });
  out.nil();
  out.atom("transitions");
  write_changes(self, out);
  return out.take();
}

// gen_statem's format_status: the header and the facts, then the state.
message statem::sys_misc(process& self, bool suspended) {
  const auto& names = self.host().nodes();
  const message state = sys_state(self);
  const auto pair = [](message_writer& out, std::string_view key) {
    out.tuple(2);
    out.string(key);
  };
  message_writer out(state.size() + 512);
  out.list(3);
  out.tuple(2);
  out.atom("header");
  out.string(fmt::format("Status for state machine {}", name_or_pid(self)));
  out.tuple(2);
  out.atom("data");
  out.list(6);
  pair(out, "Status");
  out.atom(suspended ? "suspended" : "running");
  pair(out, "Parent");
  runtime::write(out, self.parent() ? self.parent() : self.self(), names);
  pair(out, "Modules");
  out.list(1);
  out.atom(sys_module());
  out.nil();
  pair(out, "Time-outs");
  std::uint32_t count = 0;
  machine_.each_timeout([&count](std::uint32_t, const machine::timeout&) { ++count; });
  out.tuple(2);
  out.unsigned_integer(count);
  if (count != 0) out.list(count);
  machine_.each_timeout([&out](std::uint32_t type, const machine::timeout& one) {
    out.tuple(2);
    write_event_type(out, type, one.about);
    out.raw(one.content.bytes());
  });
  out.nil();
  pair(out, "Logged Events");
  out.nil();
  pair(out, "Postponed"); // the last one first, as in OTP
  const std::size_t postponed = machine_.postponed_count();
  if (postponed != 0) out.list(static_cast<std::uint32_t>(postponed));
  for (std::size_t i = postponed; i-- > 0;) write_event(out, machine_.postponed(i));
  out.nil();
  out.nil();
  out.tuple(2);
  out.atom("data");
  out.list(1);
  out.tuple(2);
  out.string("State");
  out.raw(state.bytes());
  out.nil();
  out.nil();
  return out.take();
}

} // namespace coppice::behaviours
