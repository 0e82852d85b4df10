// SPDX-License-Identifier: MIT
// The processes of an event manager's handlers: how they begin, are asked and end; see event_manager.hpp. An
// end shows in two ways: as the end of a wait for an answer, and as the exit of a link. Whichever comes
// first counts.
#include <algorithm>

#include "base/log.hpp"
#include "behaviours/event_manager/event_manager.hpp"
#include "behaviours/gen/tagged.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

bool is_left_of(const message& m, const runtime::pid& who, runtime::node_names& names) {
  etf::cursor at(m.bytes());
  return at.read_tuple_of(3) && at.read_atom_is(events::left_tag) && runtime::read_pid(at, names) == who;
}

bool is_exit_of(const message& m, const runtime::pid& who, runtime::node_names& names) {
  etf::cursor at(m.bytes());
  return at.read_tuple_of(3) && at.read_atom_is("EXIT") && runtime::read_pid(at, names) == who;
}

// The reason in {'EXIT', Pid, Reason}.
message reason_of(const message& exit) {
  etf::cursor at(exit.bytes());
  at.read_tuple_of(3);
  at.skip();
  at.skip();
  return exit.slice(at.rest()).compact();
}

} // namespace

event_manager::start_result event_manager::start(process& self, const event_handler_spec& what, bool here) {
  const auto none = [] { return unexpected(gen::start_error{}); };
  if (!here && !shared_->rights.may_spawn(what.actor)) return none();
  const std::string id = runtime::shown(what.name);
  auto made = shared_->factory->make({.actor = what.actor,
                                      .args = what.args,
                                      .env = env_,
                                      .label = label_ + "/" + id,
                                      .unhandled = what.unhandled,
                                      .secrets = what.secrets});
  if (!made && what.secrets != nullptr) // the answer `undef` does not say why
    base::log::error("events", "{}/{} does not start: {}", label_, id, made.error().text);
  if (!made) return none();
  runtime::description is;
  (*made)->describe(is);
  const auto* const metered = dynamic_cast<const event_metered*>(made->get());
  if (is.behaviour != "event_handler" || metered == nullptr) return none();
  auto meter = metered->meter();
  runtime::spawn_options options;
  options.label = label_ + "/" + id;
  options.link = true;
  options.priority = child_->priority;
  const base::nanos most = child_->start_timeout;
  auto done = gen::start(self, std::move(options), std::move(*made),
                         most == 0 ? runtime::no_deadline : base::mono_now() + most);
  if (!done) return unexpected(std::move(done.error()));
  return started{*done, std::move(meter)};
}

runtime::reference event_manager::begin_ask(process& self, const runtime::pid& of, const message& body) {
  const runtime::reference ref = self.monitor(of, true);
  self.notify(of, gen::call_message(self, ref, body));
  return ref;
}

event_manager::answer event_manager::ask(process& self, place of, const message& body, base::nanos deadline) {
  const runtime::pid pid = of->pid;
  const runtime::reference ref = begin_ask(self, pid, body);
  auto done = gen::finish_call(self, ref, deadline);
  answer out;
  if (done) {
    out.term = std::move(*done);
    return out;
  }
  using kind = gen::call_error::kind;
  const kind how = done.error().what;
  if (self.exiting() || (how != kind::exit && how != kind::noproc)) return out;
  out.end = take_end(self, pid, how == kind::noproc ? message::atom("noproc") : done.error().reason);
  if (out.end) failed(self, pid, out.end);
  return out;
}

// Returns the reason of the end. None: the end is handled already, as the handler has left of its own
// accord, or was dead before it was asked; then the reason is taken from its exit.
message event_manager::take_end(process& self, const runtime::pid& of, message reason) {
  auto& names = self.host().nodes();
  const auto said = self.take_message([&](const message& m, runtime::message_origin origin) {
    return origin.notice && is_left_of(m, of, names);
  });
  if (said) return take_left(self, said), message();
  if (handled_exit_ != nullptr && handled_exit_->from == of && runtime::is_atom(reason, "noproc"))
    return handled_exit_->reason;
  constexpr int most_turns = 100;
  for (int i = 0; i < most_turns && runtime::is_atom(reason, "noproc"); ++i) {
    const auto exit = self.take_message([&](const message& m, runtime::message_origin origin) {
      return origin.notice && is_exit_of(m, of, names);
    });
    if (exit) {
      if (find(of) != handlers_.end()) exited(self, of, reason_of(exit));
      return message();
    }
    self.yield();
  }
  return reason;
}

// For handlers that have ended, which is not handled yet.
bool event_manager::take_ends(process& self, const std::vector<runtime::pid>& of) {
  auto& names = self.host().nodes();
  for (const runtime::pid& who : of) {
    if (handled_exit_ != nullptr && handled_exit_->from == who) {
      exited(self, who, handled_exit_->reason);
      continue;
    }
    const auto said = self.take_message([&](const message& m, runtime::message_origin origin) {
      return origin.notice && (is_left_of(m, who, names) || is_exit_of(m, who, names));
    });
    if (said && !take_left(self, said)) exited(self, who, reason_of(said));
    if (self.exiting()) return false;
  }
  return !self.exiting();
}

bool event_manager::take_left(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(3) || !at.read_atom_is(events::left_tag)) return false;
  if (const auto who = runtime::read_pid(at, self.host().nodes())) left(self, *who, at.rest());
  return true;
}

// A linked process has ended: a handler, a process that has added handlers, or another one.
void event_manager::linked_ended(process& self, const gen::exit_notice& exit) {
  if (gone_.erase(exit.from)) return;
  if (find(exit.from) != handlers_.end()) {
    handled_exit_ = &exit; // flush() may wait for the handler, whose exit will not come again
    flush(self);
    handled_exit_ = nullptr;
    return exited(self, exit.from, exit.reason);
  }
  flush(self);
  if (!settle(self)) return;
  message_writer why(exit.reason.size() + 16);
  why.tuple(2);
  why.atom("stop");
  why.raw(exit.reason.bytes());
  const message leave = tagged(events::leave_call, why.take().bytes());
  const auto added = [&](const handler& h) { return h.added_by == exit.from; };
  for (place one; (one = std::ranges::find_if(handlers_, added)) != handlers_.end();) {
    one->added_by = {}; // so that take_out() tells nothing
    const runtime::pid pid = one->pid;
    const answer done = ask(self, one, leave, patience());
    if (self.exiting()) return;
    if (one = find(pid); one == handlers_.end()) continue;
    if (!done.term) self.exit(pid, runtime::reasons::kill());
    take_out(self, one, runtime::reasons::normal());
  }
  message_writer seen(exit.reason.size() + 64);
  seen.tuple(3);
  seen.atom("EXIT");
  runtime::write(seen, exit.from, self.host().nodes());
  seen.raw(exit.reason.bytes());
  happened(self, events::kind::info, seen.take().bytes());
}

void event_manager::failed(process& self, const runtime::pid& who, const message& reason) {
  const place one = find(who);
  if (one == handlers_.end()) return;
  counters_->failed.add_alone();
  const auto at = static_cast<std::size_t>(one - handlers_.begin());
  handler gone = take_out(self, one, tagged("EXIT", reason.bytes()));
  base::log::warning("events", "{}: the handler {} has ended: {}", label_, runtime::shown(gone.is.name),
                     runtime::shown(reason));
  gone.failure = runtime::shown(reason);
  if (gone.is.permanent) begin_again(self, std::move(gone), at);
}

// Its exit, which has come, is not waited for.
void event_manager::exited(process& self, const runtime::pid& who, const message& reason) {
  failed(self, who, reason);
  gone_.erase(who);
}

void event_manager::begin_again(process& self, handler one, std::size_t at) {
  const base::nanos now = self.now();
  std::erase_if(one.restarts, [&](base::nanos then) { return now - then > spec().period; });
  if (one.restarts.size() >= spec().intensity) {
    base::log::error("events", "{}: the handler {} has failed too often and is not begun again", label_,
                     runtime::shown(one.is.name));
    return;
  }
  auto again = start(self, one.is, true);
  if (self.exiting()) return;
  if (!again) {
    if (again.error().what == gen::start_error::kind::init) gone_[again.error().who] = true;
    base::log::error("events", "{}: the handler {} could not be begun again: {}", label_,
                     runtime::shown(one.is.name),
                     again.error().reason ? runtime::shown(again.error().reason) : again.error().error.text);
    return;
  }
  const event_meter::reading was = one.meter->read();
  one.before = {one.before.events + was.events, 0, one.before.busy + was.busy,
                std::max(one.before.worst, was.worst)};
  one.pid = again->pid;
  one.meter = std::move(again->meter);
  one.sent = {};
  one.behind = 0;
  one.misses = false;
  one.calls = 0;
  one.restarts.push_back(now);
  ++one.restarted;
  counters_->restarted.add_alone();
  put_in(std::move(one), at);
}

void event_manager::put_in(handler one, std::size_t at) {
  handlers_.insert(handlers_.begin() + static_cast<std::ptrdiff_t>(std::min(at, handlers_.size())),
                   std::move(one));
  counters_->handlers.set(handlers_.size());
}

event_manager::handler event_manager::take_out(process& self, place of, const message& why) {
  handler gone = std::move(*of);
  handlers_.erase(of);
  counters_->handlers.set(handlers_.size());
  gone_[gone.pid] = true;
  answer_late(self, gone, why);
  tell(self, gone, why);
  const auto added = [&](const handler& h) { return h.added_by == gone.added_by; };
  if (gone.added_by && std::ranges::none_of(handlers_, added)) self.unlink(gone.added_by);
  return gone;
}

// As OTP answers a call to a handler that has failed, or that has been removed before. A caller that the
// handler has answered all the same has used up its alias.
void event_manager::answer_late(process& self, handler& gone, const message& why) {
  etf::cursor at(why.bytes());
  const bool failed = at.read_tuple_of(2) && at.read_atom_is("EXIT");
  const message said = runtime::error_message(failed ? why : message::atom("bad_module"));
  const std::uint64_t handled = gone.meter->calls();
  for (const late_call& one : std::exchange(gone.late, {}))
    if (one.number > handled) gen::reply_at_once(self, one.from, said);
}

// {gen_event_EXIT, Handler, Reason}
void event_manager::tell(process& self, const handler& one, const message& why) {
  if (!one.added_by) return;
  message_writer out(why.size() + 64);
  out.tuple(3);
  out.atom("gen_event_EXIT");
  out.raw(one.is.name.bytes());
  out.raw(why.bytes());
  self.send(one.added_by, out.take());
}

event_manager::place event_manager::find(const message& name) {
  return std::ranges::find_if(handlers_, [&](const handler& h) { return h.is.name == name; });
}

event_manager::place event_manager::find(const runtime::pid& process) {
  return std::ranges::find_if(handlers_, [&](const handler& h) { return h.pid == process; });
}

} // namespace coppice::behaviours
