// SPDX-License-Identifier: MIT
// A run of a job: starts its action, waits for the end and reports it. In the process's own turn.
#include "services/cron/run.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"
#include "services/cron/fencing.hpp"

namespace coppice::services {

using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

namespace gen = behaviours::gen;

constexpr std::size_t most_shown = 500; // characters of a reason in the log
constexpr base::nanos lead_patience = 10 * base::nanos_per_second;

base::status failed(std::string why) {
  return base::fail(base::errc::refused, std::move(why));
}

std::string why_no_answer(const gen::call_error& error, base::nanos timeout) {
  using kind = gen::call_error::kind;
  switch (error.what) {
    case kind::timeout:
      return fmt::format("no answer within {}ms", timeout / base::nanos_per_ms);
    case kind::noproc:
      return "there is no such process";
    case kind::nodedown:
      return "its node is down";
    case kind::exit:
      return "it ended: " + runtime::shown(error.reason, most_shown);
    case kind::calling_self:
    case kind::bad_term:
    case kind::exiting:
      break;
  }
  return "the run was ended";
}

// The R of {error, R}, or the atom itself; empty: it is neither.
etf::bytes error_in(etf::bytes answer) {
  etf::cursor at(answer);
  if (at.read_atom_is("error")) return answer;
  etf::cursor pair(answer);
  if (pair.read_tuple_of(2) && pair.read_atom_is("error")) return pair.rest();
  return {};
}

// The parts of {'DOWN', Ref, process, _, Reason}.
bool read_down(process& self, const message& m, runtime::reference& ref, message& reason) {
  etf::cursor at(m.bytes());
  if (!self.origin().notice || !at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return false;
  const auto watched = runtime::read_reference(at, self.host().nodes());
  if (!watched || !at.skip() || !at.skip()) return false;
  ref = *watched;
  reason = m.slice(at.rest());
  return true;
}

base::nanos deadline_of(process& self, const cron_action& action) {
  return action.timeout == 0 ? runtime::no_deadline : self.now() + action.timeout;
}

} // namespace

cron_run::~cron_run() {
  end(failed("its run was killed"));
}

void cron_run::end(base::status how) {
  if (!std::exchange(ended_, true)) jobs_->finished(task_.run, how);
}

runtime::outcome cron_run::init(process& self) {
  self.set_label("cron/" + task_.run.job);
  const base::status may = take_token(self);
  done outcome = may ? act(self) : may;
  if (!outcome && !self.exiting()) return runtime::carry_on();
  if (outcome && !self.exiting()) end(std::move(*outcome));
  return runtime::ignore();
}

runtime::outcome cron_run::receive(process& self, message m) {
  runtime::reference ref;
  message reason;
  if (!read_down(self, m, ref, reason) || ref != watched_) return runtime::carry_on();
  // A child that ended before it could be monitored has left no reason.
  const bool good = runtime::is_orderly(reason) || runtime::is_atom(reason, "noproc");
  end(good ? base::status() : failed("it ended: " + runtime::shown(reason, most_shown)));
  return runtime::stop(runtime::reasons::normal());
}

// Each attempt asks anew, so that one after a change of the lead has the term of its own lead, or none.
base::status cron_run::take_token(process& self) {
  cron_action& of = task_.action;
  if (of.group.empty()) return {};
  const auto member = self.host().info(of.group);
  if (!member || !behaviours::raft::member::is_one(member->summary.is))
    return failed("there is no member " + of.group + " of a Raft group here");
  const auto answer = gen::call(self, destination(member->summary.pid),
                                behaviours::raft::member::confirm_lead(), self.now() + lead_patience);
  if (!answer) return failed("the member " + of.group + ": " + why_no_answer(answer.error(), lead_patience));
  etf::cursor at(answer->bytes());
  if (!at.read_tuple_of(2) || !at.read_atom_is("ok") || !at.read_unsigned(term_))
    return failed("this node does not lead " + of.group + ": " +
                  runtime::shown(error_in(answer->bytes()), most_shown));
  if (!of.message.empty()) of.message = with_token(of.message, term_);
  if (!of.args.empty()) of.args = with_token(of.args, term_);
  return {};
}

cron_run::done cron_run::act(process& self) {
  using kind = cron_action::kind;
  switch (task_.action.is) {
    case kind::send:
      return send(self, false);
    case kind::cast:
      return send(self, true);
    case kind::call:
      return call(self);
    case kind::start:
      return start(self);
    case kind::remote:
      break;
  }
  return remote(self);
}

message cron_run::message_of() const {
  if (!task_.action.message.empty()) return message::copy_of(task_.action.message);
  message_writer out;
  out.tuple(term_ == 0 ? 3 : 4);
  out.atom("cron");
  out.binary(task_.run.job);
  out.integer(static_cast<std::int64_t>(task_.run.at.time_since_epoch().count()));
  if (term_ != 0) out.unsigned_integer(term_);
  return out.take();
}

base::result<destination> cron_run::receiver(process& self) const {
  const std::string& to = task_.action.to;
  runtime::system& host = self.host();
  const std::size_t at = to.find('@');
  if (at == std::string::npos || to.substr(at + 1) == host.node_name()) {
    const std::string name = to.substr(0, at);
    if (!host.whereis(name)) return base::fail(base::errc::not_found, "there is no process " + name);
    return destination::named(name);
  }
  const auto node = host.nodes().intern(to.substr(at + 1));
  if (!node) return base::fail(base::errc::limit, "too many node names are known to take another");
  return destination::remote(to.substr(0, at), *node);
}

// A message to another node may be lost without an error.
base::status cron_run::send(process& self, bool as_cast) {
  const auto to = receiver(self);
  if (!to) return unexpected(to.error());
  const auto how = as_cast ? gen::cast(self, *to, message_of()) : self.send(*to, message_of());
  if (how == runtime::send_status::full) return failed("the mailbox of " + task_.action.to + " is full");
  if (how != runtime::send_status::ok) return failed("the node of " + task_.action.to + " is down");
  return {};
}

base::status cron_run::call(process& self) {
  const auto to = receiver(self);
  if (!to) return unexpected(to.error());
  const auto answer = gen::call(self, *to, message_of(), deadline_of(self, task_.action));
  if (!answer)
    return failed("the call to " + task_.action.to + ": " +
                  why_no_answer(answer.error(), task_.action.timeout));
  if (const etf::bytes error = error_in(answer->bytes()); !error.empty())
    return failed(task_.action.to + " answered with an error: " + runtime::shown(error, most_shown));
  return {};
}

cron_run::done cron_run::start(process& self) {
  const cron_action& of = task_.action;
  const auto to = receiver(self);
  if (!to) return base::status(unexpected(to.error()));
  message_writer out(of.args.size() + 512);
  out.tuple(2);
  out.atom("start_child");
  if (of.actor.empty()) {
    out.list(1);
    out.raw(of.args);
    out.nil();
  } else {
    out.map(3);
    out.atom("id");
    out.atom(fmt::format("{}_{}", task_.run.job, task_.run.number));
    out.atom("start");
    out.tuple(3);
    out.atom("coppice");
    out.atom("start_link");
    out.list(2);
    out.atom(of.actor);
    out.raw(of.args);
    out.nil();
    out.atom("restart");
    out.atom("temporary");
  }
  const auto answer = gen::call(self, *to, out.take(), deadline_of(self, of));
  if (!answer) return failed("the supervisor " + of.to + ": " + why_no_answer(answer.error(), of.timeout));
  etf::cursor at(answer->bytes());
  if (!at.read_tuple_of(2) || !at.read_atom_is("ok"))
    return failed("the child did not start: " + runtime::shown(answer->bytes(), most_shown));
  const auto child = runtime::read_pid(at, self.host().nodes());
  if (!child) return base::status(); // its init returned `ignore`
  watched_ = self.monitor(destination(*child));
  return std::nullopt;
}

cron_run::done cron_run::remote(process& self) {
  const cron_action& of = task_.action;
  const auto node = self.host().nodes().intern(of.node);
  if (!node) return failed("too many node names are known to take another");
  if (*node == 0) return failed("it is this node: start is for children here");
  runtime::remote_spawn asked;
  asked.node = *node;
  asked.module = of.module;
  asked.function = of.function;
  asked.arity = of.arity;
  asked.arguments = of.args;
  asked.monitor = true;
  watched_ = self.spawn_at(asked);
  const auto answer = self.await(watched_, deadline_of(self, of));
  using kind = runtime::await_error::kind;
  if (!answer)
    return failed(of.node +
                  (answer.error().what == kind::timeout ? ": no answer in time" : " is not connected"));
  std::string_view refused;
  if (etf::cursor(answer->bytes()).read_atom(refused))
    return failed(
        fmt::format("{} does not spawn {}:{}/{}: {}", of.node, of.module, of.function, of.arity, refused));
  return std::nullopt;
}

} // namespace coppice::services
