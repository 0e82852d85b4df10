// SPDX-License-Identifier: MIT
// The workload of state machines: each host has two, which are idle, busy or shut. Work and notes from
// clients of all hosts are postponed until a machine is idle. Work makes it busy for a while, which a state
// time-out or a client ends. A keeper kills machines and starts them again. Invariants: postponed events are
// handled once, in the order in which they came. A state time-out fires in the state in which it was set, an
// event time-out if there was no event, and each time-out with its own content and not early. An inserted
// event comes before all others. A call is answered once, with its own answer.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../machine/story.hpp"
#include "actors.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/statem/statem.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::array<std::string_view, 2> machine_names{"machine_1", "machine_2"};
constexpr unsigned most_machines = 10;  // living machines of a host
constexpr nanos longest_delay = second; // how late a time-out may be

// Makes {Tag, Integer…}.
message tuple_of(std::string_view tag, std::initializer_list<std::uint64_t> values) {
  message_writer out;
  out.tuple(static_cast<std::uint32_t>(values.size() + 1));
  out.atom(tag);
  for (const std::uint64_t one : values) out.unsigned_integer(one);
  return out.take();
}

message number_of(std::uint64_t value) {
  message_writer out;
  out.unsigned_integer(value);
  return out.take();
}

// {Word, Client, Number}
struct request {
  std::string_view word;
  std::uint64_t client = 0;
  std::uint64_t number = 0;
};

std::optional<request> read_request(etf::bytes term) {
  request out;
  etf::cursor in(term);
  if (!in.read_tuple_of(3) || !in.read_atom(out.word) || !in.read_unsigned(out.client) ||
      !in.read_unsigned(out.number))
    return std::nullopt;
  return out;
}

// A running time-out.
struct running {
  std::uint64_t content = 0;
  nanos due = 0;
};

// The events that were sent to one life of a machine and are not handled yet. Never destroyed, because
// processes of a killed host never end.
struct machine_log {
  using key = std::pair<std::uint64_t, std::uint64_t>; // client and number
  std::string state;
  std::deque<key> waiting; // ordered by arrival
};

class machine final : public behaviours::statem {
 public:
  machine(const cluster& of, unsigned host, std::size_t place, machine_log& log)
      : of_(of), host_(host), place_(place), log_(log) {}
  runtime::outcome init(process& self) override {
    if (one_in(2)) {
      drops_old_ = one_in(2);
      transition().bound(1 + draw_below(10),
                         drops_old_ ? statem_overflow::drop_old : statem_overflow::drop_new);
    }
    transition().next_state(message::atom("idle"));
    return start(self);
  }
  void describe(runtime::description& out) const override { out.behaviour = "machine"; }

 private:
  using action = behaviours::statem::action;

  bool enters() const override { return true; }
  message sys_data(process&) override { return message::atom("none"); }
  std::string sys_module() const override { return "machine"; }
  void has_dropped() override {
    if (log_.waiting.empty()) broken("only what is postponed is dropped", "nothing");
    if (drops_old_)
      log_.waiting.pop_front();
    else
      log_.waiting.pop_back();
  }
  runtime::outcome enter(process&, const message&, const message& state) override {
    log_.state = etf::print(state.bytes());
    state_timeout_.reset();
    if (log_.state == "idle") return runtime::carry_on();
    const nanos length = one_in(6) ? 0 : draw_between(0, one_in(8) ? 3 * second : 100 * millisecond);
    state_timeout_ = set(COPPICE_STATEM_EVENT_STATE_TIMEOUT, length);
    return runtime::carry_on();
  }
  runtime::outcome handle(process& self, const event& what, const message& state) override {
    if (etf::print(state.bytes()) != log_.state) broken("the state is the one that was entered", "an event");
    if (internal_ != 0 && what.type != COPPICE_STATEM_EVENT_INTERNAL)
      broken("an inserted event comes before all others", etf::print(what.content.bytes()));
    const std::uint64_t before = std::exchange(events_, events_ + 1);
    switch (what.type) {
      case COPPICE_STATEM_EVENT_CALL:
      case COPPICE_STATEM_EVENT_CAST:
        return take_request(self, what);
      case COPPICE_STATEM_EVENT_INTERNAL:
        if (content_of(what) != std::exchange(internal_, 0))
          broken("an inserted event comes once", "another");
        break;
      case COPPICE_STATEM_EVENT_STATE_TIMEOUT:
        fired(what, state_timeout_, "a state time-out fires in the state in which it was set");
        if (is_idle()) broken("a state time-out fires in the state in which it was set", "one");
        go_to(one_in(4) && !the_ledger().quiet ? (log_.state == "busy" ? "shut" : "busy") : "idle");
        break;
      case COPPICE_STATEM_EVENT_TIMEOUT:
        if (content_of(what) != before) broken("an event time-out fires if there was no event", "one");
        break;
      case COPPICE_STATEM_EVENT_NAMED_TIMEOUT:
        fired(what, named_, "a named time-out fires once");
        break;
      default:
        broken("what is sent arrives as it was", etf::print(what.content.bytes()));
    }
    return runtime::carry_on();
  }

  bool is_idle() const { return log_.state == "idle"; }
  static std::uint64_t content_of(const event& what) {
    std::uint64_t out = 0;
    etf::cursor(what.content.bytes()).read_unsigned(out);
    return out;
  }
  void go_to(std::string_view state) {
    if (state != log_.state) tell("{} becomes {}", machine_names[place_], state);
    if (state != log_.state) transition().next_state(message::atom(state));
  }
  running set(std::uint32_t type, nanos length) {
    const running out{the_ledger().next(), simulated::now() + length};
    action one{
        .what = action::kind::set_timeout, .type = type, .content = number_of(out.content), .time = length};
    if (type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT) one.about = message::atom("tick");
    transition().add(std::move(one));
    return out;
  }
  void fired(const event& what, std::optional<running>& which, std::string_view invariant) const {
    if (!which || content_of(what) != which->content) broken(invariant, fmt::format("{}", content_of(what)));
    if (simulated::now() < which->due)
      broken("a time-out is not early", fmt::format("one by {} ns", which->due - simulated::now()));
    if (simulated::now() > which->due + longest_delay && what.type == COPPICE_STATEM_EVENT_STATE_TIMEOUT)
      broken("a time-out is not late", fmt::format("one by {} ns", simulated::now() - which->due));
    which.reset();
  }

  runtime::outcome take_request(process& self, const event& what) {
    const auto asked = read_request(what.content.bytes());
    if (!asked) broken("what is sent arrives as it was", etf::print(what.content.bytes()));
    if (asked->word == "peek") return peek(what, *asked);
    if (asked->word == "release") {
      go_to("idle");
      return runtime::carry_on();
    }
    const machine_log::key key{asked->client, asked->number};
    if (std::ranges::find(log_.waiting, key) == log_.waiting.end()) {
      if (asked->client != 0)
        the_ledger().cast_came(asked->client, host_ * most_machines + static_cast<unsigned>(place_),
                               asked->number);
      log_.waiting.push_back(key);
    }
    if (!is_idle()) {
      transition().postpone();
      return runtime::carry_on();
    }
    if (log_.waiting.front() != key)
      broken("postponed events are handled in the order in which they came",
             fmt::format("{} of client {} before {} of client {}", key.second, key.first,
                         log_.waiting.front().second, log_.waiting.front().first));
    log_.waiting.pop_front();
    tell("{} handles {} of client {}", machine_names[place_], key.second, key.first);
    return do_it(self, what, *asked);
  }
  runtime::outcome peek(const event& what, const request& asked) {
    answer(what, "seen", asked);
    if (is_idle() || the_ledger().quiet) return runtime::carry_on();
    if (one_in(4) && state_timeout_) {
      state_timeout_->content = the_ledger().next();
      transition().add({.what = action::kind::update_timeout,
                        .type = COPPICE_STATEM_EVENT_STATE_TIMEOUT,
                        .content = number_of(state_timeout_->content)});
    } else if (one_in(6)) {
      transition().repeat_state();
    }
    return runtime::carry_on();
  }
  runtime::outcome do_it(process& self, const event& what, const request& asked) {
    answer(what, "done", asked);
    if (the_ledger().quiet) return runtime::carry_on();
    if (one_in(300)) return runtime::stop(message::atom("spent"));
    if (asked.word == "work" && one_in(2)) go_to(one_in(3) ? "shut" : "busy");
    if (one_in(6)) named_ = set(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, draw_between(0, 500 * millisecond));
    if (one_in(6))
      transition().add({.what = action::kind::set_timeout,
                        .type = COPPICE_STATEM_EVENT_TIMEOUT,
                        .content = number_of(events_),
                        .time = draw_between(0, 20 * millisecond)});
    if (one_in(6)) {
      internal_ = the_ledger().next();
      transition().add({.what = action::kind::next_event,
                        .type = COPPICE_STATEM_EVENT_INTERNAL,
                        .content = number_of(internal_)});
    }
    if (!one_in(30)) return runtime::carry_on();
    (void)call_of(self, of_, host_, "load",
                  fmt::format("{{call,{},{}}}", the_ledger().next(), draw_below(300)), second);
    return runtime::carry_on();
  }
  void answer(const event& what, std::string_view word, const request& asked) {
    if (what.type == COPPICE_STATEM_EVENT_CALL)
      transition().add(
          {.what = action::kind::reply, .about = what.about, .content = tuple_of(word, {asked.number})});
  }
  [[noreturn]] void broken(std::string_view invariant, const std::string& what) const {
    give_up(fmt::format("invariant: {}: {} came to {} of host {}, which is {}", invariant, what,
                        machine_names[place_], host_, log_.state));
  }

  const cluster& of_;
  unsigned host_;
  std::size_t place_;
  machine_log& log_;
  bool drops_old_ = false;
  std::uint64_t events_ = 0;
  std::uint64_t internal_ = 0; // content of the inserted event; 0: none
  mutable std::optional<running> state_timeout_;
  std::optional<running> named_;
};

class customer final : public native_server {
 public:
  customer(const cluster& of, std::uint64_t number) : native_server("customer"), of_(of), number_(number) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go"))
      the_ledger().broken(
          fmt::format("a call ends once: customer {} got {} besides", number_, etf::print(m.bytes())));
    if (the_ledger().quiet) return runtime::carry_on();
    act(self);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(4) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 300 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  void act(process& self) {
    const auto host = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    const std::size_t place = draw_below(machine_names.size());
    auto to = runtime::destination::named(std::string(machine_names[place]));
    if (of_.name(host) != self.host().node_name()) {
      const auto index = self.host().nodes().intern(of_.name(host));
      if (!index) return;
      to = runtime::destination::remote(std::string(machine_names[place]), *index);
    }
    tell("customer {} sends to {} of host {}", number_, machine_names[place], host);
    std::uint64_t& last = sent_[host * most_machines + place];
    switch (draw_below(6)) {
      case 0:
        behaviours::gen::cast(self, to, tuple_of("release", {number_, 0}));
        return;
      case 1:
        return call(self, to, "peek", "seen", the_ledger().next());
      case 2:
        return call(self, to, "work", "done", ++last);
      default:
        for (std::uint64_t left = 1 + draw_below(5); left > 0; --left)
          behaviours::gen::cast(self, to, tuple_of(one_in(3) ? "work" : "note", {number_, ++last}));
    }
  }
  void call(process& self, const runtime::destination& to, std::string_view asks, std::string_view answer,
            std::uint64_t number) {
    const nanos begun = simulated::now();
    const nanos timeout = draw_between(100 * millisecond, 2 * second);
    const auto result =
        behaviours::gen::call(self, to, tuple_of(asks, {number_, number}), base::mono_now() + timeout);
    the_ledger().call_ended(result.has_value());
    if (simulated::now() - begun > timeout + second)
      the_ledger().broken(fmt::format("a call ends by its deadline: {} ms after it",
                                      (simulated::now() - begun - timeout) / millisecond));
    if (result && etf::print(result->bytes()) != fmt::format("{{{},{}}}", answer, number))
      the_ledger().broken(
          fmt::format("an answer is of its call: {} got {}", number, etf::print(result->bytes())));
  }

  const cluster& of_;
  std::uint64_t number_;
  std::map<std::size_t, std::uint64_t> sent_; // for each host and machine
};

using logs = std::array<machine_log*, machine_names.size()>;

// Kills machines of its host, and starts the missing ones.
class keeper final : public native_server {
 public:
  keeper(const cluster& of, unsigned host, logs& has)
      : native_server("keeper"), of_(of), host_(host), has_(has) {}

 private:
  runtime::outcome on_start(process& self) override {
    start_missing(self);
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go")) return runtime::carry_on();
    if (!the_ledger().quiet && one_in(3)) {
      const auto name = machine_names[draw_below(machine_names.size())];
      tell("{} is killed", name);
      if (const auto whom = self.host().whereis(name))
        self.exit(*whom, one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
    }
    start_missing(self);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(50 * millisecond, 3 * second), message::atom("go"));
  }
  void start_missing(process& self) {
    for (std::size_t place = 0; place < machine_names.size(); ++place) {
      if (self.host().whereis(machine_names[place])) continue;
      runtime::spawn_options how;
      how.name = how.label = machine_names[place];
      if (one_in(3)) how.mailbox.messages = 1 + static_cast<std::uint32_t>(draw_below(20));
      auto* const log = new machine_log; // NOLINT: see machine_log
      if (self.spawn(std::move(how), std::make_unique<machine>(of_, host_, place, *log))) has_[place] = log;
    }
  }

  const cluster& of_;
  unsigned host_;
  logs& has_;
};

class machines final : public workload {
 public:
  machines() : hosts_(draw_hosts(2, 3)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned) const override { return {}; }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host);
    add_process(all, host, "keeper", std::make_unique<keeper>(all, host, logs_[host]));
    for (std::uint64_t count = 1 + draw_below(4); count > 0; --count) {
      const std::uint64_t number = the_ledger().next();
      add_process(all, host, fmt::format("customer_{}", number), std::make_unique<customer>(all, number));
    }
  }
  void lost(unsigned host) override { logs_[host] = {}; }
  void check(cluster& all) override {
    for (unsigned host = 1; host <= hosts_; ++host)
      for (std::size_t place = 0; place < machine_names.size(); ++place) {
        const machine_log* const log = logs_[host][place];
        if (log == nullptr || log->state != "idle" || !log->waiting.empty())
          the_ledger().broken(fmt::format(
              "after the faults all that waits is handled: {} of host {} is {}, and {} events wait",
              machine_names[place], host, log == nullptr ? "not there" : log->state,
              log == nullptr ? 0 : log->waiting.size()));
        const std::string told = all.ask(host, machine_names[place], "{work,0,1}", 10 * second);
        if (told != "{done,1}")
          the_ledger().broken(fmt::format("after the faults every machine answers: {} of host {} said {}",
                                          machine_names[place], host, told));
      }
  }

 private:
  unsigned hosts_;
  std::array<logs, most_hosts>& logs_ = *new std::array<logs, most_hosts>{}; // NOLINT: see machine_log
};

} // namespace

std::unique_ptr<workload> make_state_machines() {
  return std::make_unique<machines>();
}

} // namespace coppice::simulated
