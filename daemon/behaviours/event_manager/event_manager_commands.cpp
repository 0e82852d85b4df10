// SPDX-License-Identifier: MIT
// The requests of gen_event's functions to an event manager, and their answers; see event_manager.hpp.
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

// Calls to a slow handler that wait for it while the manager goes on. With so many, the manager waits at each
// further one, which holds back the callers: calls are not bounded by the handler's backlog.
constexpr std::size_t most_late = 100;

message exit_tuple(const message& reason) {
  return tagged("EXIT", reason.bytes());
}

// The error of apply if a function does not exist: {'EXIT', {undef, [{Module, init, [Args], []}]}}.
message undefined_module(std::string_view module, const message& args) {
  message_writer out(args.size() + module.size() + 64);
  out.tuple(2);
  out.atom("undef");
  out.list(1);
  out.tuple(4);
  out.atom(module);
  out.atom("init");
  out.list(1);
  out.raw(args.bytes());
  out.nil();
  out.nil();
  out.nil();
  return exit_tuple(out.take());
}

// The module of {'PLUGIN:ACTOR', Id} or of the atom alone; empty: the name is neither.
std::string module_of(const message& name) {
  etf::cursor at(name.bytes());
  if (at.peek() == etf::kind::tuple && !at.read_tuple_of(2)) return {};
  std::string_view module;
  return at.read_atom(module) ? std::string(module) : std::string();
}

// {Args, Result}: the argument of init in a swap.
message handed_on(etf::bytes args, const message& result) {
  message_writer out(args.size() + result.size() + 8);
  out.tuple(2);
  out.raw(args);
  out.raw(result.bytes());
  return out.take();
}

message swapped(const message& to, const runtime::pid& added_by, const runtime::node_names& names) {
  message_writer out(to.size() + 64);
  out.tuple(3);
  out.atom("swapped");
  out.raw(to.bytes());
  if (added_by)
    runtime::write(out, added_by, names);
  else
    out.atom("false");
  return out.take();
}

} // namespace

// Writes a line to the log, once for each sender, and at most once a second.
void event_manager::tell_refused(process& self, etf::bytes from, etf::bytes request) {
  constexpr std::size_t most_refused = 64; // senders that are remembered
  etf::cursor at(from);
  auto& names = self.host().nodes();
  const auto sender = at.read_tuple_of(2) ? runtime::read_pid(at, names) : std::nullopt;
  const base::nanos now = self.now();
  if (!sender || std::ranges::find(refused_, *sender) != refused_.end() ||
      (told_refused_ != 0 && now - told_refused_ < base::nanos_per_second))
    return;
  told_refused_ = now;
  if (refused_.size() == most_refused) refused_.erase(refused_.begin());
  refused_.push_back(*sender);
  base::log::warning("events", "{}: {} asks what no event manager is asked: {}", label_,
                     to_text(*sender, names), runtime::shown(message::copy_of(request)));
}

message event_manager::refused(process& self, const message& from, etf::bytes request) {
  tell_refused(self, from.bytes(), request);
  return runtime::error_message(message::atom("bad_request"));
}

message event_manager::command(process& self, etf::bytes request, const message& from, bool here) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view what;
  if (at.peek() == etf::kind::atom) {
    at.read_atom(what);
  } else if (!at.read_tuple(arity) || !at.read_atom(what)) {
    return refused(self, from, request);
  }
  if (what == "sync_notify" && arity == 2) happened(self, events::kind::event, at.rest());
  flush(self);
  if (!settle(self)) return {};
  if (what == "sync_notify" && arity == 2) return message::atom("ok");
  if (what == "which_handlers" && arity == 0) return names();
  if (what == "get_modules" && arity == 0) return modules();
  const auto next = [&at] {
    etf::bytes one;
    return at.read_term(one) ? one : etf::bytes();
  };
  const auto pid = [&] {
    const auto read = runtime::read_pid(at, self.host().nodes());
    return read.value_or(runtime::pid());
  };
  if (arity < 3) return refused(self, from, request);
  const message name = message::copy_of(next());
  const etf::bytes second = next();
  if (what == "call" && arity == 3) return query(self, name, from, second);
  if (what == "delete_handler" && arity == 3) return remove(self, name, second);
  event_handler_spec added{name, module_of(name), message::copy_of(second), false, {}};
  if (what == "add_handler" && arity == 3) return add(self, std::move(added), {}, 0, here);
  if (what == "add_sup_handler" && arity == 4)
    if (const runtime::pid by = pid()) return add(self, std::move(added), by, 0, here);
  const bool swaps = what == "swap_handler" && arity == 5;
  if (swaps || (what == "swap_sup_handler" && arity == 6)) {
    const message to = message::copy_of(next());
    const etf::bytes next_args = next();
    const runtime::pid by = swaps ? runtime::pid() : pid();
    if (swaps || by) return swap(self, name, second, to, next_args, by, here);
  }
  return refused(self, from, request);
}

// Adds a handler at that place. Returns `ok`, or why not, as OTP does for the result of init.
message event_manager::add(process& self, event_handler_spec what, const runtime::pid& added_by,
                           std::size_t at, bool here) {
  const message args = what.args ? what.args : message::immortal(etf::empty_map);
  if (what.actor.empty()) return exit_tuple(message::atom("badarg"));
  if (handlers_.size() >= spec().limit) return exit_tuple(message::atom("system_limit"));
  if (added_by) self.link(added_by);
  auto made = start(self, what, here);
  using kind = gen::start_error::kind;
  if (made) {
    handler fresh{std::move(what), made->pid, added_by};
    fresh.meter = std::move(made->meter);
    put_in(std::move(fresh), at);
    return message::atom("ok");
  }
  const bool others =
      std::ranges::any_of(handlers_, [&](const handler& h) { return h.added_by == added_by; });
  if (added_by && !others) self.unlink(added_by);
  switch (made.error().what) {
    case kind::init:
      gone_[made.error().who] = true;
      return exit_tuple(made.error().reason);
    case kind::ignored:
      return message::atom("ignore");
    case kind::timeout:
      return exit_tuple(message::atom("timeout"));
    case kind::limit:
      return exit_tuple(gen::system_limit());
    case kind::spawn:
    case kind::exiting:
      break;
  }
  return undefined_module(what.actor, args);
}

// The handler answers the caller itself, also after the time for which it is waited for. A slow one is not
// waited for. One that has ended before may have been begun again.
message event_manager::query(process& self, const message& name, const message& from, etf::bytes request) {
  for (place one; (one = find(name)) != handlers_.end();) {
    const runtime::pid pid = one->pid;
    const std::uint64_t handled = one->meter->calls();
    std::erase_if(one->late, [&](const late_call& each) { return each.number <= handled; });
    const bool is_slow = one->is_behind() || !one->late.empty();
    const base::nanos deadline = is_slow && one->late.size() < most_late ? 0 : patience();
    const std::uint64_t number = ++one->calls;
    message_writer out(request.size() + from.size() + 32);
    out.tuple(3);
    out.atom(events::query_call);
    out.raw(from.bytes());
    out.raw(request);
    const answer done = ask(self, one, out.take(), deadline);
    if (done.end) return runtime::error_message(exit_tuple(done.end));
    if (done.term) take_ends(self, {pid}); // it may leave by its answer
    if (done.term || self.exiting()) return {};
    if (one = find(pid); one == handlers_.end()) continue;
    one->late.push_back({number, from});
    return {};
  }
  return runtime::error_message(message::atom("bad_module"));
}

message event_manager::remove(process& self, const message& name, etf::bytes args) {
  for (place one; (one = find(name)) != handlers_.end();) {
    const runtime::pid pid = one->pid;
    const answer done = ask(self, one, tagged(events::leave_call, args), patience());
    if (one = find(pid); one != handlers_.end()) {
      if (!done.term) self.exit(pid, runtime::reasons::kill());
      take_out(self, one, runtime::reasons::normal());
      return done.term ? done.term : exit_tuple(message::atom("timeout"));
    }
    if (done.term) return done.term;
    if (done.end) return exit_tuple(done.end);
    if (self.exiting()) return {};
  }
  return runtime::error_message(message::atom("module_not_found"));
}

message event_manager::swap(process& self, const message& name, etf::bytes args, const message& to,
                            etf::bytes next_args, const runtime::pid& added_by, bool here) {
  message result = message::atom("error");
  runtime::pid by = added_by;
  if (place one = find(name); one != handlers_.end()) {
    const runtime::pid pid = one->pid;
    if (!by) by = one->added_by;
    const answer done = ask(self, one, tagged(events::leave_call, args), patience());
    result = done.term ? done.term : exit_tuple(done.end ? done.end : message::atom("timeout"));
    if (one = find(pid); one != handlers_.end()) {
      if (!done.term) self.exit(pid, runtime::reasons::kill());
      take_out(self, one, swapped(to, by, self.host().nodes()));
    }
  }
  const message done = add(self, {to, module_of(to), handed_on(next_args, result), false, {}}, by, 0, here);
  return runtime::is_atom(done, "ok") ? done : runtime::error_message(done);
}

// Called when a handler leaves of its own accord. With {Handler, NextArgs, Result, Taken} that handler takes
// its place, and is sent what the former one was sent and has not taken.
void event_manager::left(process& self, const runtime::pid& who, etf::bytes how) {
  const place one = find(who);
  if (one == handlers_.end()) return;
  const auto at = static_cast<std::size_t>(one - handlers_.begin());
  etf::cursor in(how);
  etf::bytes to, next_args, result;
  std::uint64_t taken = 0;
  if (!in.read_tuple_of(4) || !in.read_term(to) || !in.read_term(next_args) || !in.read_term(result) ||
      !in.read_unsigned(taken)) {
    take_out(self, one, runtime::reasons::normal());
    return;
  }
  const message name = message::copy_of(to);
  const handler former = take_out(self, one, swapped(name, one->added_by, self.host().nodes()));
  const message done =
      add(self, {name, module_of(name), handed_on(next_args, message::copy_of(result)), false, {}},
          former.added_by, at, true);
  if (runtime::is_atom(done, "ok")) {
    const std::uint64_t rest = former.sent.events - std::min(taken, former.sent.events);
    if (!former.misses) hand_on(self, handlers_[std::min(at, handlers_.size() - 1)], rest);
    return;
  }
  counters_->failed.add_alone();
  tell(self, {{name, {}, {}, false, {}}, {}, former.added_by}, message::atom("crash")); // OTP's word
}

message event_manager::names() const {
  message_writer out;
  if (!handlers_.empty()) out.list(static_cast<std::uint32_t>(handlers_.size()));
  for (const handler& one : handlers_) out.raw(one.is.name.bytes());
  out.nil();
  return out.take();
}

message event_manager::modules() const {
  std::vector<std::string> all;
  for (const handler& one : handlers_) all.push_back(module_of(one.is.name));
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  message_writer out;
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const std::string& one : all) out.atom(one);
  out.nil();
  return out.take();
}

} // namespace coppice::behaviours
