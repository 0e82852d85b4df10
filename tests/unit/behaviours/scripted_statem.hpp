// SPDX-License-Identifier: MIT
// A state machine that follows a script and logs the events that it gets. OTP's gen_statem plays the same
// scripts, see otp_statem.escript. A script is {Enters, Returns, Events}. Each callback takes the next of
// Returns, the first is init's; once none is left, a callback keeps the state. If Enters is false there are
// no enter callbacks; if it is true they take from Returns too; if it is a list they take from that list. An
// event is sent once the one before it has been handled.
//   Return: {keep, Actions} | {next, State, Actions} | {repeat, Actions} | {stop, Reason, Actions}
//   Action: gen_statem's own, but {reply, Term}, which answers the event if it is a call
//   Event:  {cast, Term} | {info, Term} | {call, Term} | {sleep, Milliseconds}
// A cast of {outlast, A, B} stays in the callback for A milliseconds, sends the cast `later`, and stays for
// B more.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <deque>
#include <string>
#include <vector>

#include "behaviours/statem/statem.hpp"
#include "test_host.hpp"

namespace coppice::test {

class scripted_statem final : public behaviours::statem {
 public:
  // `enters` and `script`: the script's Enters and Returns.
  scripted_statem(etf::bytes enters, etf::bytes script, std::string& log)
      : enters_(!etf::cursor(enters).read_atom_is("false")),
        apart_(!etf::cursor(enters).read_atom_is("true")),
        log_(log) {
    read(script, returns_);
    if (enters_ && apart_) read(enters, enter_returns_);
  }

  void bound(std::size_t postponed, statem_overflow then) { transition().bound(postponed, then); }
  runtime::outcome init(runtime::process& self) override {
    const runtime::outcome begun = follow({}, returns_);
    return begun.stops() ? begun : start(self);
  }
  void describe(runtime::description& out) const override { out.behaviour = "scripted"; }

 protected:
  runtime::outcome handle(runtime::process& self, const event& what, const runtime::message& state) override {
    static constexpr const char* words[] = {"",         "call",    "cast",         "info",
                                            "internal", "timeout", "state_timeout"};
    const bool named = what.type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT;
    log(fmt::format("{}:{}@{}", named ? "{timeout," + text(what.about) + "}" : std::string(words[what.type]),
                    text(what.content), text(state)));
    outlast(self, what);
    return follow(what, returns_);
  }
  runtime::outcome enter(runtime::process&, const runtime::message& old_state,
                         const runtime::message& state) override {
    log(fmt::format("enter:{}@{}", text(old_state), text(state)));
    return follow({}, apart_ ? enter_returns_ : returns_);
  }
  bool enters() const override { return enters_; }
  runtime::message sys_data(runtime::process&) override { return runtime::message::atom("data"); }
  std::string sys_module() const override { return "scripted"; }

 private:
  void log(const std::string& line) { log_ += (log_.empty() ? "" : " ") + line; }

  static void outlast(runtime::process& self, const event& what) {
    etf::cursor at(what.content.bytes());
    std::uint64_t before = 0, after = 0;
    if (!at.read_tuple_of(3) || !at.read_atom_is("outlast") || !at.read_unsigned(before) ||
        !at.read_unsigned(after))
      return;
    const auto wait = [&self](std::uint64_t ms) {
      (void)self.await(self.make_ack(), base::mono_now() + static_cast<base::nanos>(ms) * base::nanos_per_ms);
    };
    wait(before);
    (void)self.send(self.self(), term("{'$gen_cast', later}"));
    wait(after);
  }

  static void read(etf::bytes list, std::deque<etf::bytes>& into) {
    std::uint32_t count = 0;
    etf::cursor at(list);
    if (at.read_list(count))
      for (etf::bytes one; count != 0 && at.read_term(one); --count) into.push_back(one);
  }

  // The next return, about this event.
  runtime::outcome follow(const event& what, std::deque<etf::bytes>& from) {
    if (from.empty()) return runtime::carry_on();
    etf::cursor at(from.front());
    from.pop_front();
    std::uint32_t arity = 0;
    std::string_view word;
    etf::bytes reason;
    if (!at.read_tuple(arity) || !at.read_atom(word)) return runtime::carry_on();
    if (word == "repeat") transition().repeat_state();
    if (word == "next") {
      etf::bytes state;
      at.read_term(state);
      transition().next_state(runtime::message::copy_of(state));
    }
    if (word == "stop") at.read_term(reason);
    std::uint32_t count = 0;
    at.read_list(count);
    for (etf::bytes one; count != 0 && at.read_term(one); --count) act(one, what);
    return reason.empty() ? runtime::carry_on() : runtime::stop(runtime::message::copy_of(reason));
  }

  void act(etf::bytes one, const event& what) {
    using kind = action::kind;
    etf::cursor at(one);
    if (at.read_atom_is("postpone")) return transition().add({.what = kind::postpone});
    std::uint32_t arity = 0;
    at.read_tuple(arity);
    if (etf::cursor head = at; head.read_atom_is("reply")) {
      if (what.type != COPPICE_STATEM_EVENT_CALL) return;
      return transition().add({.what = kind::reply, .about = what.about, .content = rest(head)});
    }
    if (etf::cursor head = at; head.read_atom_is("next_event")) {
      action made{.what = kind::next_event};
      read_type(head, made);
      made.content = rest(head);
      return transition().add(std::move(made));
    }
    action made{.what = kind::set_timeout};
    read_type(at, made);
    if (arity == 2) {
      made.what = kind::cancel_timeout;
      return transition().add(std::move(made));
    }
    std::int64_t milliseconds = 0;
    if (at.read_integer(milliseconds)) {
      made.time = milliseconds * base::nanos_per_ms;
    } else if (at.read_atom_is("infinity")) {
      made.time = COPPICE_STATEM_INFINITY;
    } else {
      at.skip();
      made.what = kind::update_timeout;
    }
    made.content = rest(at);
    made.absolute = arity == 4; // [{abs, true}]
    transition().add(std::move(made));
  }
  static runtime::message rest(etf::cursor& at) {
    etf::bytes term;
    at.read_term(term);
    return runtime::message::copy_of(term);
  }
  static void read_type(etf::cursor& at, action& into) {
    std::string_view word;
    if (at.read_tuple_of(2) && at.read_atom_is("timeout")) {
      into.type = COPPICE_STATEM_EVENT_NAMED_TIMEOUT;
      into.about = rest(at);
    } else if (at.read_atom(word)) {
      into.type = word == "internal"        ? COPPICE_STATEM_EVENT_INTERNAL
                  : word == "cast"          ? COPPICE_STATEM_EVENT_CAST
                  : word == "info"          ? COPPICE_STATEM_EVENT_INFO
                  : word == "timeout"       ? COPPICE_STATEM_EVENT_TIMEOUT
                  : word == "state_timeout" ? COPPICE_STATEM_EVENT_STATE_TIMEOUT
                                            : 99;
    }
  }

  const bool enters_;
  const bool apart_;               // enter callbacks have returns of their own
  std::deque<etf::bytes> returns_; // of the script, which outlives it
  std::deque<etf::bytes> enter_returns_;
  std::string& log_;
};

// Waits for the end of the process that `self` monitors, and returns its exit reason. "?": none within 10 s.
inline std::string reason_of_end(runtime::process& self) {
  const base::nanos deadline = base::mono_now() + 10 * base::nanos_per_second;
  while (base::mono_now() < deadline) {
    const runtime::message down =
        self.take_message([](const runtime::message& m, runtime::message_origin from) {
          etf::cursor at(m.bytes());
          return from.notice && at.read_tuple_of(5) && at.read_atom_is("DOWN");
        });
    if (!down) {
      (void)self.await(self.make_ack(), base::mono_now() + base::nanos_per_ms);
      continue;
    }
    etf::cursor at(down.bytes());
    at.read_tuple_of(5);
    for (int i = 0; i < 4; ++i) at.skip();
    return text(runtime::message::copy_of(at.rest()));
  }
  return "?";
}

// Plays a script. Returns the callbacks, then the last state or the exit reason, then the answer to each
// call.
inline std::string played(test_host& host, const std::string& script, std::size_t postponed = 10'000,
                          statem_overflow then = statem_overflow::exit) {
  const runtime::message whole = term(script);
  return host.run([&](runtime::process& self) {
    using namespace behaviours;
    std::string log;
    etf::cursor at(whole.bytes());
    etf::bytes enters;
    etf::bytes returns;
    std::uint32_t count = 0;
    if (!at.read_tuple_of(3) || !at.read_term(enters) || !at.read_term(returns) || !at.read_list(count))
      return std::string("no script");
    auto does = std::make_unique<scripted_statem>(enters, returns, log);
    does->bound(postponed, then);
    runtime::spawn_options options;
    options.ack = self.make_ack();
    const auto ack = options.ack;
    runtime::reference watch;
    options.monitor = &watch; // from the start: a quick end is not reported as noproc
    const auto pid = self.spawn(std::move(options), std::move(does));
    if (!pid) return std::string("no process");
    if (const auto begun = self.await(ack); !begun || text(*begun) != "ok")
      return self.demonitor(watch, true), "start " + (begun ? text(*begun) : std::string("?"));
    const auto settled = [&] {
      // The answer comes after everything that was sent before, as gen_statem answers it too.
      const auto ref = self.make_ack();
      runtime::message_writer out;
      out.tuple(3);
      out.atom("system");
      out.tuple(2);
      runtime::write(out, self.self(), self.host().nodes());
      out.list(1);
      out.atom("alias");
      runtime::write(out, ref, self.host().nodes());
      out.atom("get_state");
      self.send_call(*pid, ref, out.take());
      const auto answer = gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
      return answer ? text(*answer) : std::string();
    };
    struct asked {
      std::string what;
      runtime::reference ref;
    };
    std::vector<asked> open;
    settled();
    for (; count != 0; --count) {
      std::string_view word;
      if (!at.read_tuple_of(2) || !at.read_atom(word)) return std::string("no event");
      etf::bytes content;
      at.read_term(content);
      if (word == "sleep") {
        std::int64_t milliseconds = 0;
        etf::cursor(content).read_integer(milliseconds);
        (void)self.await(self.make_ack(), base::mono_now() + milliseconds * base::nanos_per_ms);
      } else if (word == "call") {
        const auto started = gen::start_call(self, *pid, content);
        if (started) open.push_back({text(runtime::message::copy_of(content)), *started});
      } else if (word == "cast") {
        gen::cast(self, *pid, content);
      } else {
        self.send(*pid, runtime::message::copy_of(content));
      }
      settled();
    }
    std::string state = settled();
    if (state.empty()) {
      state = "down " + reason_of_end(self);
    } else {
      state = "up " + state;
    }
    std::string answers;
    for (const auto& each : open) {
      const auto got = gen::finish_call(self, each.ref, base::mono_now());
      answers += fmt::format("{}{}={}", answers.empty() ? "" : " ", each.what, got ? text(*got) : "none");
    }
    if (state.starts_with("up ")) {
      self.demonitor(watch, true);
      self.exit(*pid, runtime::message::atom("kill"));
    }
    return fmt::format("{} | {} | {}", log, state, answers);
  });
}

} // namespace coppice::test
