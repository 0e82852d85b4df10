// SPDX-License-Identifier: MIT
// After lib/stdlib sys.erl. Requests with a fun (replace_state, {debug, {install, …}}) are impossible here
// and are refused. In the process's own turn.
#include "behaviours/gen/sys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "behaviours/gen/name_or_pid.hpp"
#include "behaviours/gen/state_answer.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::sys {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

void write_pair(message_writer& out, std::string_view key, std::string_view atom) {
  out.tuple(2);
  out.atom(key);
  out.atom(atom);
}

message pair(std::string_view key, std::string_view atom) {
  message_writer out;
  write_pair(out, key, atom);
  return out.take();
}

// The Misc list of a gen_server.
message server_misc(process& self, subject& about, std::string_view running) {
  const message state = about.sys_state(self);
  message_writer out(state.size() + 256);
  out.list(3);
  out.tuple(2);
  out.atom("header");
  out.string(fmt::format("Status for generic server {}", name_or_pid(self)));
  out.tuple(2);
  out.atom("data");
  out.list(2);
  out.tuple(2);
  out.string("Status");
  out.atom(running);
  out.tuple(2);
  out.string("Callback");
  out.atom(about.sys_module());
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

// Makes {status, Pid, {module, M}, [PDict, SysState, Parent, Debug, Misc]}.
message status_answer(process& self, subject& about, bool suspended) {
  const auto& names = self.host().nodes();
  const std::string_view running = suspended ? "suspended" : "running";
  message misc = about.sys_misc(self, suspended);
  if (!misc) misc = server_misc(self, about, running);
  message_writer out(misc.size() + 256);
  out.tuple(4);
  out.atom("status");
  runtime::write(out, self.self(), names);
  write_pair(out, "module", about.sys_engine());
  out.list(5);
  out.nil();
  out.atom(running);
  runtime::write(out, self.parent() ? self.parent() : self.self(), names);
  out.nil();
  out.raw(misc.bytes());
  out.nil();
  return out.take();
}

message unknown_answer(const message& body) {
  message_writer out(body.size() + 64);
  out.tuple(2);
  out.atom("error");
  out.tuple(2);
  out.atom("unknown_system_msg");
  out.raw(body.bytes());
  return out.take();
}

} // namespace

runtime::outcome protocol::handle(process& self, subject& about, const gen::request& what) {
  etf::cursor at(what.body.bytes());
  std::string_view name;
  message answer;
  runtime::outcome next = runtime::carry_on();
  const bool obeys = self.origin().here() || about.obeys_peers(self);
  if (at.read_atom(name)) {
    if (name == "get_state") {
      answer_state(self, what.from, about.sys_state(self));
      return next;
    }
    if (name == "get_status") answer = status_answer(self, about, suspended_);
    const bool switches = name == "suspend" || name == "resume";
    if (switches && !obeys) answer = pair("error", "not_allowed");
    if (switches && obeys) {
      suspended_ = name == "suspend";
      if (suspended_) suspend(self);
      answer = message::atom("ok");
    }
  } else if (at.read_tuple_of(2) && at.read_atom(name)) {
    if (name == "debug") answer = debug_.command(self, at);
    if (name == "replace_state") answer = pair("error", "unsupported");
    if (name == "terminate" && !obeys) answer = pair("error", "not_allowed");
    if (name == "terminate" && obeys) {
      answer = message::atom("ok");
      next = runtime::stop(what.body.slice(at.rest()));
    }
  }
  gen::reply(self, what.from, answer ? answer : unknown_answer(what.body));
  return next;
}

void protocol::suspend(process& self) {
  suspended_by_ = self.origin().node;
  bounds_ = runtime::bounds_of(self.host(), self.self()).value_or(runtime::mailbox_bounds());
  debug_.watch(self, suspended_by_);
}

bool protocol::lost(process& self, const message& m) {
  if (!debug_.watches()) return false;
  const auto gone = debug_.lost(self, m);
  if (!gone) return false;
  if (suspended_ && suspended_by_ == *gone) {
    suspended_ = false;
    base::log::notice("sys", "{} goes on: the node that suspended it is gone", name_or_pid(self));
  }
  return true;
}

bool protocol::has_room(const process& self, const held_message& m) const {
  if (m.origin.notice || held_.empty()) return true;
  const std::uint64_t memory = self.host().options().memory;
  if (memory != 0 && runtime::block_memory::in_use() > memory / 2) return false;
  return held_.size() < std::min<std::size_t>(max_held, bounds_.messages) &&
         (bounds_.bytes == 0 || held_bytes_ + m.what.size() <= bounds_.bytes);
}

bool protocol::hold(process& self, held_message& m) {
  if (has_room(self, m)) {
    keep(std::move(m));
    return true;
  }
  if (dropped_++ == 0)
    base::log::warning("behaviours",
                       "{} is suspended and holds {} messages back, {} bytes: further ones are dropped",
                       name_or_pid(self), held_.size(), held_bytes_);
  return false;
}

message protocol::take(const runtime::behaviour::message_test& wanted) {
  const auto found =
      std::ranges::find_if(held_, [&](const held_message& one) { return wanted(one.what, one.origin); });
  if (found == held_.end()) return {};
  message out = std::move(found->what);
  held_.erase(found);
  held_bytes_ -= out.size();
  return out;
}

bool protocol::next(held_message& out) {
  if (suspended_ || held_.empty()) return false;
  out = std::move(held_.front());
  held_.pop_front();
  held_bytes_ -= out.what.size();
  return true;
}

} // namespace coppice::behaviours::sys
