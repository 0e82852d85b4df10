// SPDX-License-Identifier: MIT
// See actors.hpp. Requests to a `load`: {call, N, Milliseconds} is answered {done, N} after that time, or
// never if it is negative. {victim, Milliseconds} is answered with the pid of a process that ends after that
// time. The cast {cast, Client, N} is noted. Clients start children under a name, of which many do not start.
// rooms: node
#include "actors.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <map>
#include <set>
#include <vector>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/scheduling/foreign_code.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr nanos longest_start = 10 * second;

message integers(std::string_view tag, std::initializer_list<std::int64_t> values) {
  message_writer out;
  out.tuple(static_cast<std::uint32_t>(values.size() + 1));
  out.atom(tag);
  for (const std::int64_t one : values) out.integer(one);
  return out.take();
}

// Reads {Tag, Integer…}. False: it is something else.
bool read(const message& from, std::string_view tag, std::initializer_list<std::int64_t*> values) {
  etf::cursor in(from.bytes());
  if (!in.read_tuple_of(static_cast<std::uint32_t>(values.size() + 1)) || !in.read_atom_is(tag)) return false;
  for (std::int64_t* one : values)
    if (!in.read_integer(*one)) return false;
  return true;
}

class victim final : public runtime::behaviour {
 public:
  explicit victim(nanos life) : life_(life) {}
  runtime::outcome init(process& self) override {
    self.remind(self.now() + life_, message::atom("end"));
    return runtime::carry_on();
  }
  runtime::outcome receive(process&, message) override {
    return runtime::stop(message::atom(one_in(2) ? "normal" : "spent"));
  }
  void describe(runtime::description& out) const override { out.behaviour = "victim"; }

 private:
  nanos life_;
};

// A process under a name. Its init fails, or is ignored, in most cases.
class child final : public runtime::behaviour {
 public:
  runtime::outcome init(process& self) override {
    const std::uint64_t what = draw_below(5);
    if (what < 2) return runtime::stop(message::atom("no"));
    if (what < 3) return runtime::ignore();
    self.remind(self.now() + draw_between(0, 300 * millisecond), message::atom("end"));
    return runtime::carry_on();
  }
  runtime::outcome receive(process&, message) override { return runtime::stop(message::atom("normal")); }
  void describe(runtime::description& out) const override { out.behaviour = "child"; }
};

// A handler that takes a while. Other threads run meanwhile, in the middle of the process's turn. As a
// plugin's handler it may hold its thread so long that the watchdog gives the worker to another one.
void take_time(process& self, const message& given) {
  if (one_in(4)) let_pass(draw_between(0, 100 * microsecond));
  if (!one_in(100)) return;
  const runtime::foreign_code outside(self, "take_time", given.bytes());
  compute(draw_between(0, 100 * millisecond));
}

class load final : public native_server {
 public:
  explicit load(unsigned host) : native_server("load"), host_(host) {}
  std::optional<behaviours::peer_requests> from_peers() const override { return std::nullopt; }

 private:
  call_answer handle_call(process& self, const message& from, const message& request) override {
    take_time(self, request);
    std::int64_t number = 0;
    std::int64_t delay = 0;
    if (read(request, "call", {&number, &delay})) {
      if (delay == 0) return reply(integers("done", {number}));
      if (delay < 0) return no_reply();
      late_[number] = from;
      self.remind(self.now() + delay * millisecond, integers("late", {number}));
      return no_reply();
    }
    if (read(request, "victim", {&delay})) {
      const auto made = self.spawn({.label = "victim"}, std::make_unique<victim>(delay * millisecond));
      if (!made) return reply(message::atom("none"));
      message_writer out;
      write(out, *made, self.host().nodes());
      return reply(out.take());
    }
    the_ledger().broken("what is sent arrives as it was: a call is " + etf::print(request.bytes()));
    return no_reply();
  }
  runtime::outcome handle_cast(process& self, const message& request) override {
    take_time(self, request);
    std::int64_t client = 0;
    std::int64_t number = 0;
    if (!read(request, "cast", {&client, &number}))
      the_ledger().broken("what is sent arrives as it was: a cast is " + etf::print(request.bytes()));
    the_ledger().cast_came(static_cast<std::uint64_t>(client), host_, static_cast<std::uint64_t>(number));
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    std::int64_t number = 0;
    if (!read(m, "late", {&number})) return runtime::carry_on();
    const auto found = late_.find(number);
    if (found == late_.end()) return runtime::carry_on();
    behaviours::gen::reply(self, found->second, integers("done", {number}));
    late_.erase(found);
    return runtime::carry_on();
  }

  unsigned host_;
  std::map<std::int64_t, message> late_;
};

class client final : public native_server {
 public:
  client(const cluster& of, std::uint64_t number, const mixture& does)
      : native_server("client"), of_(of), number_(number), does_(does) {}

 private:
  runtime::outcome on_start(process& self) override {
    self.trap_exit(true);
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    behaviours::gen::exit_notice exit;
    if (behaviours::gen::read_exit(self, m, exit)) {
      the_ledger().end_told(number_, "link " + to_text(exit.from, self.host().nodes()));
      return runtime::carry_on();
    }
    etf::cursor in(m.bytes());
    if (in.read_tuple_of(5) && in.read_atom_is("DOWN")) {
      const auto ref = read_reference(in, self.host().nodes());
      if (!ref) the_ledger().broken("a 'DOWN' has a reference");
      const std::string key = to_text(*ref, self.host().nodes());
      the_ledger().end_told(number_, key);
      if (key == child_) child_.clear();
      return runtime::carry_on();
    }
    etf::cursor word(m.bytes());
    if (!word.read_atom_is("go"))
      the_ledger().broken(
          fmt::format("a call ends once: client {} got {} besides", number_, etf::print(m.bytes())));
    if (the_ledger().quiet) return runtime::carry_on();
    act(self);
    go_on(self);
    return runtime::carry_on();
  }

  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 300 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  std::optional<runtime::destination> anybody(process& self, unsigned& host) {
    host = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    if (of_.name(host) == self.host().node_name()) return runtime::destination::named("load");
    const auto index = self.host().nodes().intern(of_.name(host));
    if (!index) return std::nullopt;
    return runtime::destination::remote("load", *index);
  }
  void act(process& self) {
    unsigned host = 0;
    const auto to = anybody(self, host);
    if (!to) return;
    const std::uint64_t kind = draw_below(4);
    if (kind == 0 && does_.calls) return call(self, *to);
    if (kind == 1 && does_.casts) return cast(self, *to, host);
    if (kind == 2 && does_.watches) return watch(self, *to);
    if (kind == 3 && does_.watches) return start(self);
  }
  void call(process& self, const runtime::destination& to) {
    const auto number = static_cast<std::int64_t>(the_ledger().next());
    const std::int64_t delay = one_in(3) ? static_cast<std::int64_t>(draw_below(3000)) : one_in(20) ? -1 : 0;
    const nanos begun = now();
    tell("client {} sends call {}, to be answered after {} ms", number_, number, delay);
    const nanos timeout = draw_between(500 * millisecond, 2 * second);
    const auto result =
        behaviours::gen::call(self, to, integers("call", {number, delay}), base::mono_now() + timeout);
    the_ledger().call_ended(result.has_value());
    tell("client {} has {} of call {}", number_, result ? "the answer" : "an error", number);
    if (now() - begun > timeout + second)
      the_ledger().broken(fmt::format("a call ends by its deadline: {} ms after it",
                                      (now() - begun - timeout) / millisecond));
    std::int64_t answered = 0;
    if (result && (!read(*result, "done", {&answered}) || answered != number))
      the_ledger().broken(
          fmt::format("an answer is of its call: {} got {}", number, etf::print(result->bytes())));
  }
  void cast(process& self, const runtime::destination& to, unsigned host) {
    std::uint64_t count = 1 + draw_below(one_in(4) ? 40 : 5);
    tell("client {} sends casts {} to {} to host {}", number_, casts_[host] + 1, casts_[host] + count, host);
    for (; count > 0; --count) {
      behaviours::gen::cast(
          self, to,
          integers("cast", {static_cast<std::int64_t>(number_), static_cast<std::int64_t>(++casts_[host])}));
      if (one_in(4)) let_pass(draw_between(0, 100 * microsecond));
    }
  }
  // Watches a process at once, or later, when it may have ended.
  void watch(process& self, const runtime::destination& to) {
    if (!known_.empty() && one_in(3)) {
      const std::size_t at = draw_below(known_.size());
      const runtime::pid old = known_[at];
      known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(at));
      return watch(self, old);
    }
    const auto life = static_cast<std::int64_t>(draw_below(4000));
    const auto result =
        behaviours::gen::call(self, to, integers("victim", {life}), base::mono_now() + second);
    if (!result) return;
    etf::cursor in(result->bytes());
    const auto who = read_pid(in, self.host().nodes());
    if (!who) return;
    if (one_in(3)) return known_.push_back(*who);
    watch(self, *who);
  }
  void watch(process& self, const runtime::pid& who) {
    if (one_in(2)) {
      const std::string key = "link " + to_text(who, self.host().nodes());
      the_ledger().watches(number_, key);
      tell("client {} links to {}", number_, to_text(who, self.host().nodes()));
      self.link(who);
      for (std::uint64_t times = one_in(2) ? draw_below(4) : 0; times > 0; --times) {
        tell("client {} takes its link to {} back", number_, to_text(who, self.host().nodes()));
        self.unlink(who);
        the_ledger().may_be_over(number_, key);
        if (times == 1 && one_in(2)) break;
        the_ledger().watches_again(number_, key);
        self.link(who);
      }
    }
    const auto ref = self.monitor(runtime::destination(who));
    const std::string key = to_text(ref, self.host().nodes());
    the_ledger().watches(number_, key);
    tell("client {} monitors {} by {}", number_, to_text(who, self.host().nodes()), key);
    if (one_in(5)) {
      tell("client {} takes {} back", number_, key);
      self.demonitor(ref, true);
      the_ledger().watches_no_more(number_, key);
    }
  }

  // Starts a child again and again until one lives. A process that is told that a start has failed, or that a
  // child has ended, may use the child's name.
  void start(process& self) {
    for (std::uint64_t tries = 1 + draw_below(6); tries > 0 && child_.empty(); --tries) {
      const auto made = behaviours::gen::start(self,
                                               {.name = fmt::format("child_{}", number_),
                                                .label = "child",
                                                .worker = static_cast<int>(draw_below(3)) - 1},
                                               std::make_unique<child>(), base::mono_now() + longest_start);
      if (self.exiting()) return;
      if (!made && made.error().error.code == base::errc::exists)
        the_ledger().broken(
            fmt::format("a name is free when its process is known to have ended: child_{}", number_));
      if (!made) continue;
      child_ = to_text(self.monitor(runtime::destination(*made)), self.host().nodes());
      the_ledger().watches(number_, child_);
    }
  }

  const cluster& of_;
  std::uint64_t number_;
  mixture does_;
  std::vector<runtime::pid> known_; // processes to be watched later
  std::string child_;               // the monitor of the child that lives; empty: none
  std::map<unsigned, std::uint64_t> casts_;
};

} // namespace

void add_load(cluster& to, unsigned host, const runtime::mailbox_bounds& mailbox) {
  add_process(to, host, "load", std::make_unique<load>(host), mailbox);
}

std::uint64_t add_client(cluster& to, unsigned host, const mixture& does) {
  const std::uint64_t number = the_ledger().next();
  add_process(to, host, fmt::format("client_{}", number), std::make_unique<client>(to, number, does));
  return number;
}

} // namespace coppice::simulated
