// SPDX-License-Identifier: MIT
// See statem.hpp, and lib/stdlib gen_statem.erl for the semantics. A timer is a notice to itself,
// {'$coppice_timeout', Type, Serial, Name}: one that was cancelled too late finds no such serial and is
// dropped. In the process's own turn.
#include "behaviours/statem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/statem_terms.hpp>

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

message tagged(std::string_view tag, const message& term) {
  message_writer out(term.size() + tag.size() + 8);
  out.tuple(2);
  out.atom(tag);
  out.raw(term.bytes());
  return out.take();
}

} // namespace

// Timers and replies of a transition.
class statem::world final : public machine::effects {
 public:
  world(statem& of, process& self) : of_(of), self_(self) {}

  bool reply(const message& from, message answer) override {
    if (!from) return false;
    if (of_.debug() != nullptr) of_.debug()->replied(from.bytes(), answer.bytes());
    return gen::reply(self_, from.bytes(), std::move(answer)).has_value();
  }
  std::uint64_t arm(const action& timeout, std::uint64_t serial) override {
    message_writer out(timeout.about.size() + 48);
    out.tuple(4);
    out.atom(timeout_tag);
    out.unsigned_integer(timeout.type);
    out.unsigned_integer(serial);
    if (timeout.about) {
      out.raw(timeout.about.bytes());
    } else {
      out.nil();
    }
    const base::nanos now = base::mono_now();
    const base::nanos most = runtime::no_deadline - 1;
    const base::nanos deadline = timeout.absolute            ? std::min(timeout.time, most)
                                 : timeout.time > most - now ? most
                                                             : now + timeout.time;
    return self_.remind(deadline, out.take());
  }
  void disarm(std::uint64_t handle) override { self_.cancel_timer(handle); }

 private:
  statem& of_;
  process& self_;
};

outcome statem::start(process& self) {
  if (!machine_.has_started()) return runtime::stop(tagged("bad_return_from_init", message::atom("ok")));
  world effects(*this, self);
  since_ = self.now();
  if (machine_.start(effects) == machine::step::failed) return runtime::stop(reason(self));
  continue_first(self);
  return runtime::carry_on();
}

outcome statem::take_continue(process& self) {
  world effects(*this, self);
  return run(self, machine_.go_on(effects, enters()));
}

outcome statem::take(process& self, event what) {
  return run(self, machine_.begin(std::move(what)));
}

outcome statem::run(process& self, machine::step next) {
  world effects(*this, self);
  while (next == machine::step::handle || next == machine::step::enter) {
    const outcome done = next == machine::step::enter ? enter(self, machine_.old_state(), machine_.state())
                                                      : handle(self, machine_.current(), machine_.state());
    if (self.exiting()) return runtime::carry_on();
    if (done.stops()) return machine_.reply_only(effects) ? done : runtime::stop(reason(self));
    const std::uint64_t changes = machine_.changes();
    const std::uint64_t dropped = machine_.dropped();
    next = machine_.finish(effects, enters());
    if (machine_.changes() != changes) since_ = self.now();
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

outcome statem::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  return take(self, {COPPICE_EVENT_CALL, whole.slice(from), whole.slice(request)});
}

outcome statem::take_cast(process& self, const message& whole, etf::bytes request) {
  return take(self, {COPPICE_EVENT_CAST, {}, whole.slice(request)});
}

outcome statem::take_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint64_t type = 0, serial = 0;
  if (!self.origin().notice || !at.read_tuple_of(4) || !at.read_atom_is(timeout_tag) ||
      !at.read_unsigned(type) || !at.read_unsigned(serial))
    return take(self, {COPPICE_EVENT_INFO, {}, m});
  const bool named = type == COPPICE_EVENT_NAMED_TIMEOUT;
  auto fired =
      machine_.fire(static_cast<std::uint32_t>(type), named ? m.slice(at.rest()) : message(), serial);
  return fired ? take(self, std::move(*fired)) : runtime::carry_on();
}

message statem::reason(process& self) {
  message_writer out;
  write_fault(out, machine_, machine_.fault() == statem_fault::enter_return ? sys_data(self) : message());
  return out.take();
}

// ---- what sys and people are shown ----

message statem::sys_state(process& self) {
  const message data = sys_data(self);
  const message& state = machine_.old_state();
  message_writer out(state.size() + data.size() + 16);
  out.tuple(2);
  out.raw(state.bytes());
  out.raw(data.bytes());
  return out.take();
}

message statem::engine_for_people(process& self) {
  const auto text_of = [](message_writer& out, const message& term) {
    if (term)
      out.binary(runtime::shown(term));
    else
      out.atom("none");
  };
  const auto milliseconds = [](base::nanos time) {
    return static_cast<std::uint64_t>(std::max<base::nanos>(0, time) / base::nanos_per_ms);
  };
  const auto number = [](message_writer& out, std::string_view key, std::uint64_t value) {
    out.atom(key);
    out.unsigned_integer(value);
  };
  message_writer out(512);
  out.map(7);
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
    number(out, "left_ms", one.serial == 0 ? 0 : milliseconds(self.remaining(one.handle)));
  });
  out.nil();
  return out.take();
}

// gen_statem's format_status: the header and what it says of itself, then the state.
message statem::sys_misc(process& self, bool suspended) {
  const auto& names = self.host().nodes();
  const std::string name = self.name();
  const message state = sys_state(self);
  const auto pair = [](message_writer& out, std::string_view key) {
    out.tuple(2);
    out.string(key);
  };
  message_writer out(state.size() + 512);
  out.list(3);
  out.tuple(2);
  out.atom("header");
  out.string(fmt::format("Status for state machine {}", name.empty() ? to_text(self.self(), names) : name));
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
  pair(out, "Postponed"); // the last one first, as OTP keeps them
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
