// SPDX-License-Identifier: MIT
// The top supervisor is started from receive(), not from init: the controller must not wait for it, and its
// failure must reach the controller as this process's exit reason. In the process's own turn.
#include "behaviours/application/master.hpp"

#include <algorithm>
#include <vector>

#include "base/log.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view start_tag = "start_application";
constexpr std::string_view started_tag = "application_started";
constexpr std::string_view time_up_tag = "max_runtime";
constexpr std::uint32_t ids_at_once = 4096; // that are looked at between two yields

} // namespace

application_master::application_master(const application_spec& spec,
                                       std::shared_ptr<const supervision> shared)
    : native_server("application"),
      name_(spec.name),
      max_runtime_(spec.max_runtime),
      spec_(spec.top),
      shared_(std::move(shared)) {}

bool application_master::read_started(process& self, const message& m, std::string_view& name,
                                      runtime::pid& top) {
  etf::cursor at(m.bytes());
  if (!self.origin().notice || !at.read_tuple_of(3) || !at.read_atom_is(started_tag) || !at.read_atom(name))
    return false;
  const auto pid = runtime::read_pid(at, self.host().nodes());
  if (pid) top = *pid;
  return pid.has_value();
}

outcome application_master::on_start(process& self) {
  self.trap_exit(true);
  self.take_exits_first();
  self.use_reserved_stacks();
  self.notify(self.self(), message::atom(start_tag));
  return runtime::carry_on();
}

message application_master::start_top(process& self) {
  runtime::spawn_options options;
  options.name = spec_->name;
  options.label = name_;
  options.link = true;
  options.application = self.self();
  auto started = gen::start(self, std::move(options), std::make_unique<supervisor>(spec_, shared_, name_));
  if (started) {
    top_ = *started;
    return {};
  }
  using kind = gen::start_error::kind;
  const gen::start_error& error = started.error();
  if (error.what == kind::init || error.what == kind::ignored) return error.reason;
  if (error.what == kind::limit) return gen::system_limit();
  if (error.what != kind::spawn) return runtime::reasons::killed();
  message_writer out;
  out.tuple(2);
  out.atom("start_failed");
  out.binary(error.error.text);
  return out.take();
}

outcome application_master::handle_info(process& self, const message& m) {
  if (!self.origin().notice) return native_server::handle_info(self, m);
  gen::exit_notice exit;
  if (gen::read_exit(self, m, exit)) {
    if (exit.from != top_) return runtime::carry_on();
    top_ = {};
    return runtime::stop(exit.reason);
  }
  etf::cursor at(m.bytes());
  if (at.read_atom_is(time_up_tag)) {
    // The limit may have been changed when the timer's notice was under way already.
    if (max_runtime_ == 0 || base::mono_now() < began_ + max_runtime_)
      return start_clock(self), runtime::carry_on();
    base::log::info("application", "{} has run for its max_runtime and is stopped", name_);
    return runtime::stop(runtime::reasons::normal());
  }
  std::int64_t limit = 0;
  if (at.read_tuple_of(2)) {
    if (!at.read_atom_is(time_up_tag) || !at.read_integer(limit)) return runtime::carry_on();
    max_runtime_ = limit;
    start_clock(self);
    return runtime::carry_on();
  }
  if (!at.read_atom_is(start_tag) || top_) return runtime::carry_on();
  if (message reason = start_top(self)) return runtime::stop(std::move(reason));
  began_ = base::mono_now();
  start_clock(self);
  message_writer out;
  out.tuple(3);
  out.atom(started_tag);
  out.atom(name_);
  runtime::write(out, top_, self.host().nodes());
  self.notify(self.parent(), out.take());
  return runtime::carry_on();
}

void application_master::start_clock(process& self) {
  if (clock_ != 0) self.cancel_timer(std::exchange(clock_, 0));
  if (max_runtime_ == 0 || !top_) return;
  clock_ = self.remind(began_ + max_runtime_, message::atom(time_up_tag));
}

message application_master::max_runtime_message(base::nanos time) {
  message_writer out;
  out.tuple(2);
  out.atom(time_up_tag);
  out.integer(time);
  return out.take();
}

void application_master::on_stop(process& self, const message&) {
  if (top_) {
    const runtime::reference ended = self.monitor(top_, true);
    self.exit(top_, runtime::reasons::shutdown());
    (void)self.await(ended);
  }
  end_rest(self);
}

// After kill_all_procs of application_master.erl: one look is not enough, since a process may start another
// one before it is killed.
void application_master::end_rest(process& self) const {
  constexpr int most_rounds = 100;
  for (int round = 0; round < most_rounds && !self.exiting(); ++round) {
    std::vector<runtime::pid> rest;
    for (std::uint32_t at = 1; at != 0 && !self.exiting();) {
      at = runtime::some_of_application(self.host(), self.self(), at, ids_at_once, rest);
      if (at != 0) self.yield();
    }
    if (rest.empty()) return;
    std::vector<runtime::reference> ends;
    ends.reserve(rest.size());
    for (const runtime::pid& one : rest) {
      ends.push_back(self.monitor(one, true));
      self.exit(one, runtime::reasons::kill());
    }
    const base::nanos until = base::mono_now() + gen::kill_patience;
    const auto stays = std::ranges::count_if(ends, [&](const runtime::reference& end) {
      const auto how = self.await(end, until);
      return how || how.error().what != runtime::await_error::kind::down;
    });
    if (stays == 0 || self.exiting()) continue;
    base::log::warning("application", "{} has ended, but {} processes that it had started do not end", name_,
                       stays);
    return;
  }
}

} // namespace coppice::behaviours
