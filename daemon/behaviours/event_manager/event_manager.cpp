// SPDX-License-Identifier: MIT
// See event_manager.hpp, and lib/stdlib gen_event.erl for the semantics. Events are kept until enough have
// come, or until nothing else waits in the mailbox: a message of the manager to itself, behind all that
// waits, sends them off.
#include "behaviours/event_manager/event_manager.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bound.hpp"
#include "base/log.hpp"
#include "behaviours/gen/askers.hpp"
#include "behaviours/gen/tagged.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view flush_tag = "$coppice_event_flush";
// Bounds of a batch, and of what is sent before the handlers are waited for.
const base::bound<std::uint32_t> most_batched("event manager: events of a batch", 64);
const base::bound<std::size_t> most_batch_bytes("event manager: bytes of a batch", 64 * 1024, 64);
const base::bound<std::uint32_t> most_unsettled("event manager: batches that are not settled", 16);
const base::bound<std::size_t> most_unsettled_bytes("event manager: bytes that are not settled", 1024 * 1024,
                                                    64);
constexpr std::uint64_t nanos_per_us = 1000;
constexpr base::nanos most_of_stop = 5 * base::nanos_per_second; // for each handler that is told to leave

bool is_pid(etf::cursor& at, runtime::node_names& names) {
  return runtime::read_pid(at, names).has_value();
}

} // namespace

event_manager::event_manager(std::shared_ptr<const child_spec> of,
                             std::shared_ptr<const event_manager_spec> spec,
                             std::shared_ptr<const supervision> shared, message env, std::string label)
    : child_(std::move(of)),
      spec_(std::move(spec)),
      shared_(std::move(shared)),
      env_(std::move(env)),
      label_(std::move(label)) {}

event_manager::~event_manager() = default;

outcome event_manager::init(process& self) {
  self.trap_exit(true);
  if (auto* const board = shared_->resources.find<metrics::board>())
    on_board_ = board->enter({{"manager", label_}}, counters_);
  for (const event_handler_spec& one : spec().handlers) {
    const message done = add(self, one, {}, 0, true);
    if (self.exiting()) return runtime::carry_on();
    if (runtime::is_atom(done, "ok")) continue;
    message_writer why;
    why.tuple(3);
    why.atom("failed_to_start_handler");
    why.raw(one.name.bytes());
    why.raw(done.bytes());
    terminate(self, {});
    return runtime::stop(why.take());
  }
  return runtime::carry_on();
}

void event_manager::terminate(process& self, const message&) {
  flush(self);
  for (handler& one : handlers_) one.late.clear(); // the callers are told that this process ends
  while (!handlers_.empty() && !self.exiting()) {
    const message leave = tagged(events::leave_call, message::atom("stop").bytes());
    const runtime::pid pid = handlers_.front().pid;
    const answer done = ask(self, handlers_.begin(), leave, base::mono_now() + most_of_stop);
    if (const place still = find(pid); still != handlers_.end()) {
      if (!done.term) self.exit(pid, runtime::reasons::kill());
      take_out(self, still, runtime::reasons::shutdown());
    }
  }
}

// ---- what arrives ----

outcome event_manager::take_info(process& self, const message& m) {
  auto& names = self.host().nodes();
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  if (self.origin().notice) {
    if (at.read_atom_is(flush_tag)) {
      flush_sent_ = false;
      flush(self);
      return runtime::carry_on();
    }
    if (gen::exit_notice exit; gen::read_exit(self, m, exit)) {
      linked_ended(self, exit);
      return runtime::carry_on();
    }
    if (take_left(self, m)) return runtime::carry_on();
  } else if (at.read_tuple(arity)) {
    etf::cursor rest = at;
    if (arity == 2 && rest.read_atom_is("notify")) {
      happened(self, events::kind::event, rest.rest());
      return runtime::carry_on();
    }
    rest = at;
    etf::bytes from, request;
    std::uint32_t from_arity = 0;
    if (arity == 3 && is_pid(rest, names) && rest.read_term(from) && rest.read_term(request)) {
      etf::cursor whom(from);
      if (whom.read_tuple(from_arity) && from_arity == 2 && is_pid(whom, names)) {
        if (!gen::may_answer(self, from)) return runtime::carry_on();
        const message asker = m.slice(from).compact();
        const bool stops = etf::cursor(request).read_atom_is("stop");
        message said = stops ? message::atom("ok") : command(self, request, asker, self.origin().here());
        if (self.exiting()) return runtime::carry_on();
        if (said) gen::reply(self, asker, said);
        return stops ? runtime::stop(runtime::reasons::normal()) : runtime::carry_on();
      }
    }
  }
  happened(self, events::kind::info, m.bytes());
  return runtime::carry_on();
}

outcome event_manager::take_call(process& self, const message&, etf::bytes from, etf::bytes request) {
  tell_refused(self, from, request);
  gen::reply(self, from, gen::refusal("this is an event manager: gen_event's functions are for it"));
  return runtime::carry_on();
}

// As in OTP, where a cast is a message like any other.
outcome event_manager::take_cast(process& self, const message& whole, etf::bytes) {
  happened(self, events::kind::info, whole.bytes());
  return runtime::carry_on();
}

// ---- what has happened ----

void event_manager::happened(process& self, events::kind what, etf::bytes term) {
  counters_->events.add_alone();
  batch_.tuple(2);
  batch_.unsigned_integer(static_cast<std::uint64_t>(what));
  batch_.raw(term);
  if (++batched_ >= most_batched || batch_.size() >= most_batch_bytes) return flush(self);
  if (!std::exchange(flush_sent_, true)) self.notify(self.self(), message::atom(flush_tag));
}

void event_manager::flush(process& self) {
  if (batched_ == 0) return;
  const std::vector<std::uint8_t> terms = batch_.take();
  message_writer out(terms.size() + 64);
  out.tuple(2);
  out.atom(events::batch_tag);
  const std::uint32_t count = std::exchange(batched_, 0);
  out.list(count);
  out.raw(terms);
  out.nil();
  const message all = out.take();
  std::vector<runtime::pid> ended;
  for (const handler& one : handlers_)
    if (!has_room(one, count, all.size()) && (one.meter->leaves() || !self.host().alive(one.pid)))
      ended.push_back(one.pid);
  if (!take_ends(self, ended)) return;
  // Events for a handler that leaves go to the handler that takes its place.
  const auto full = [&](const handler& one) {
    return !one.meter->leaves() && !has_room(one, count, all.size());
  };
  if (std::ranges::any_of(handlers_, [&](const handler& one) { return full(one) && !one.is_behind(); }) &&
      !settle(self))
    return;
  std::vector<runtime::pid> without_room;
  for (handler& one : handlers_) {
    if (full(one)) [[unlikely]] {
      one.misses = true;
      without_room.push_back(one.pid);
      continue;
    }
    one.sent.events += count;
    one.sent.bytes += all.size();
    self.notify(one.pid, all);
  }
  unsettled_bytes_ += all.size();
  ++unsettled_;
  recent_.push_back({all, count});
  for (const runtime::pid& pid : without_room)
    if (const place one = find(pid); one != handlers_.end()) overrun(self, one, count);
  if (unsettled_ >= most_unsettled || unsettled_bytes_ >= most_unsettled_bytes) settle(self);
}

// The handler whose place this one took has left them unhandled.
void event_manager::hand_on(process& self, handler& to, std::uint64_t count) {
  std::uint64_t before = 0; // events that the former handler has taken
  for (const sent_batch& one : recent_) before += one.count;
  before -= std::min(before, count);
  for (const sent_batch& one : recent_) {
    const auto taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(before, one.count));
    before -= taken;
    if (taken == one.count) continue;
    message rest = one.all;
    if (taken != 0) {
      etf::cursor at(one.all.bytes());
      std::uint32_t all = 0;
      at.read_tuple_of(2);
      at.skip();
      at.read_list(all);
      for (std::uint32_t i = 0; i < taken; ++i) at.skip();
      message_writer out(at.rest().size() + 32);
      out.tuple(2);
      out.atom(events::batch_tag);
      out.list(one.count - taken);
      out.raw(at.rest());
      rest = out.take();
    }
    to.sent.events += one.count - taken;
    to.sent.bytes += rest.size();
    self.notify(to.pid, std::move(rest));
    unsettled_ = std::max<std::uint32_t>(unsettled_, 1);
  }
}

// A handler that has handled everything takes any batch.
bool event_manager::has_room(const handler& one, std::uint32_t events, std::size_t bytes) const {
  const event_backlog& most = spec().backlog;
  if (one.sent.events + events <= most.events && one.sent.bytes + bytes <= most.bytes) return true;
  const event_meter::reading done = one.meter->read();
  const std::uint64_t waiting = one.sent.events - done.events;
  return waiting == 0 ||
         (waiting + events <= most.events && one.sent.bytes - done.bytes + bytes <= most.bytes);
}

void event_manager::overrun(process& self, place of, std::uint32_t events) {
  of->dropped += events;
  counters_->dropped.add_alone(events);
  if (spec().backlog.on_full == event_overload::exit) {
    const runtime::pid pid = of->pid;
    self.exit(pid, runtime::reasons::kill());
    failed(self, pid, runtime::reasons::mailbox_full());
  } else if (tells_slow(self)) {
    base::log::warning("events", "{}: the handler {} has {} events before it: those that come are dropped",
                       label_, runtime::shown(of->is.name), of->waiting());
  }
}

bool event_manager::tells_slow(process& self) {
  const base::nanos now = self.now();
  if (told_slow_ != 0 && now - told_slow_ < base::nanos_per_second) return false;
  told_slow_ = now;
  return true;
}

// Waits for the handlers, so that later requests show the effect of all earlier events.
bool event_manager::settle(process& self) {
  while (unsettled_ != 0)
    if (!settle_once(self)) return false;
  forget_handled();
  return true;
}

// Keeps of recent_ what a handler has not handled and would hand on. That is no more than its backlog.
void event_manager::forget_handled() {
  std::uint64_t kept = 0;
  for (handler& one : handlers_) {
    if (one.waiting() == 0)
      one.misses = false;
    else if (!one.misses)
      kept = std::max(kept, one.waiting());
  }
  auto first = recent_.end();
  for (std::uint64_t events = 0; first != recent_.begin() && events < kept; events += first->count) --first;
  recent_.erase(recent_.begin(), first);
}

// Afterwards `unsettled_` is not 0 if a handler was sent what another one has left unhandled.
bool event_manager::settle_once(process& self) {
  unsettled_ = 0;
  unsettled_bytes_ = 0;
  std::vector<std::pair<runtime::pid, runtime::reference>> asked;
  asked.reserve(handlers_.size());
  const message sync = message::atom(events::sync_call);
  for (const handler& one : handlers_)
    if (!one.is_behind()) asked.emplace_back(one.pid, begin_ask(self, one.pid, sync));
  const base::nanos deadline = patience();
  for (const auto& [pid, ref] : asked) {
    auto done = self.await(ref, deadline);
    if (self.exiting()) return false;
    if (done) continue;
    if (done.error().what == runtime::await_error::kind::down) {
      const message end = take_end(self, pid, done.error().reason);
      if (end) failed(self, pid, end);
      continue;
    }
    counters_->slow.add_alone();
    const place slow = find(pid);
    if (slow == handlers_.end()) continue;
    slow->behind = slow->sent.events;
    if (tells_slow(self))
      base::log::warning("events", "{}: the handler {} is slow: events go on without it", label_,
                         runtime::shown(slow->is.name));
  }
  return true;
}

base::nanos event_manager::patience() const {
  return spec().slow_after == 0 ? runtime::no_deadline : base::mono_now() + spec().slow_after;
}

// ---- what sys and people are shown ----

// gen_event's: [{Module, Id, State}].
message event_manager::sys_state(process& self) {
  flush(self);
  settle(self);
  std::vector<runtime::pid> all;
  for (const handler& one : handlers_) all.push_back(one.pid);
  std::vector<std::pair<message, message>> states;
  for (const runtime::pid& pid : all) {
    const place one = find(pid);
    if (one == handlers_.end()) continue;
    const message name = one->is.name;
    if (answer told = ask(self, one, message::atom(events::state_call), patience()); told.term)
      states.emplace_back(name, std::move(told.term));
  }
  message_writer out;
  if (!states.empty()) out.list(static_cast<std::uint32_t>(states.size()));
  for (const auto& [name, state] : states) {
    out.tuple(3);
    etf::cursor at(name.bytes());
    if (at.peek() == etf::kind::tuple && at.read_tuple_of(2)) {
      out.raw(at.rest());
    } else {
      out.raw(name.bytes());
      out.atom("false");
    }
    out.raw(state.bytes());
  }
  out.nil();
  return out.take();
}

message event_manager::engine_for_people(process& self) {
  const auto& names = self.host().nodes();
  message_writer out(512);
  const auto number = [&out](std::string_view key, std::uint64_t value) {
    out.atom(key);
    out.unsigned_integer(value);
  };
  out.map(4);
  number("events", counters_->events.value());
  number("failures", counters_->failed.value());
  number("dropped", counters_->dropped.value());
  out.atom("handlers");
  const auto shown = std::min<std::size_t>(handlers_.size(), 1000);
  if (shown != 0) out.list(static_cast<std::uint32_t>(shown));
  for (std::size_t i = 0; i < shown; ++i) {
    const handler& one = handlers_[i];
    const event_meter::reading now = one.meter->read();
    const std::uint64_t seen = one.before.events + now.events;
    const base::nanos busy = one.before.busy + now.busy;
    out.map(12);
    out.atom("handler");
    out.binary(runtime::shown(one.is.name));
    out.atom("pid");
    out.binary(to_text(one.pid, names));
    out.atom("permanent");
    out.atom(one.is.permanent ? "true" : "false");
    out.atom("added_by");
    if (one.added_by)
      out.binary(to_text(one.added_by, names));
    else
      out.atom("none");
    number("restarts", one.restarted);
    out.atom("failure");
    if (one.failure.empty())
      out.atom("none");
    else
      out.binary(one.failure);
    number("seen", seen);
    number("mean_us", seen == 0 ? 0 : static_cast<std::uint64_t>(busy) / seen / nanos_per_us);
    number("worst_us", static_cast<std::uint64_t>(std::max(one.before.worst, now.worst)) / nanos_per_us);
    number("waiting", one.sent.events - now.events);
    out.atom("slow");
    out.atom(one.is_behind() ? "true" : "false");
    number("dropped", one.dropped);
  }
  out.nil();
  return out.take();
}

} // namespace coppice::behaviours
