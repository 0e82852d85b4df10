// SPDX-License-Identifier: MIT
// Tests of what a supervisor does when its configuration changes. An order that fails, or is taken back,
// leaves each child in the state in which it was found: running, waiting for its restart, or down.
#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "behaviours/gen/config_change.hpp"
#include "behaviours/supervision/order.hpp"
#include "children.hpp"
#include "held_host.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::test;
using behaviours::child_spec;
using behaviours::restart_type;
using behaviours::supervisor_order;
using behaviours::supervisor_spec;
using kind = supervisor_order::kind;
using lines = std::vector<std::string>;
using note = behaviours::child_note;
using spec_pointer = std::shared_ptr<const child_spec>;

namespace {

// A supervisor of the child `a` and another child `b`.
supervisor_spec family(child_spec a) {
  supervisor_spec out;
  out.name = "family";
  out.intensity = 10;
  out.children.push_back(std::make_shared<child_spec>(std::move(a)));
  out.children.push_back(std::make_shared<child_spec>(actor("b")));
  return out;
}

spec_pointer shared(child_spec of) {
  return std::make_shared<const child_spec>(std::move(of));
}

// A child that cannot start, because the factory does not know its actor.
spec_pointer refused(std::string_view id = "a") {
  return shared(actor(id, "nobody"));
}

child_spec waiting_child(base::nanos wait) {
  child_spec out = actor("a");
  out.backoff = {.first = wait, .max = wait, .jitter = 0};
  return out;
}

std::string give(test_host& host, supervisor_order order,
                 base::nanos patience = 10 * base::nanos_per_second) {
  return host.run([&](runtime::process& self) {
    const auto request = host.orders.add(std::move(order));
    const auto answer = behaviours::gen::call(self, runtime::destination::named("family"), request.bytes(),
                                              base::mono_now() + patience);
    return answer ? text(*answer) : std::string("no answer");
  });
}

// A supervisor of children of the template `each`.
supervisor_spec template_family(child_spec each) {
  supervisor_spec out;
  out.name = "family";
  out.strategy = behaviours::strategy::simple_one_for_one;
  out.intensity = 10;
  each.name = "";
  out.children.push_back(std::make_shared<child_spec>(std::move(each)));
  return out;
}

// Starts a child of the template and returns its pid.
runtime::pid start_from_template(test_host& host) {
  CHECK(host.call(runtime::destination::named("family"), "{start_child, []}").starts_with("{ok,"));
  const auto all = children_of(host, runtime::destination::named("family"));
  return all && !all->empty() ? all->back().pid : runtime::pid();
}

// A child that accepts changes of its arguments and options. It answers every call with {Args, Options}; []
// stands for those that it was not given. On any message it stays in its handler until it is released.
// `keeps`: it refuses all changes but the first.
class taker : public behaviours::native_server {
 public:
  taker(std::promise<void>& busy, std::shared_future<void> let_go, bool keeps = false)
      : native_server("taker"), busy_(busy), let_go_(std::move(let_go)), keeps_(keeps) {}

 protected:
  call_answer handle_call(runtime::process&, const runtime::message&, const runtime::message&) override {
    runtime::message_writer out;
    out.tuple(2);
    for (const runtime::message& one : {args_, options_}) {
      if (one)
        out.raw(one.bytes());
      else
        out.nil();
    }
    return reply(out.take());
  }
  runtime::outcome handle_info(runtime::process& self, const runtime::message&) override {
    busy_.set_value();
    (void)self.blocking_run([this] { let_go_.wait(); });
    return runtime::carry_on();
  }
  runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                               behaviours::config_change to) override {
    const bool refuses = keeps_ && args_;
    if (!refuses) args_ = std::move(to.args);
    behaviours::gen::reply(self, from, term(refuses ? "{error, no}" : "ok"));
    return runtime::carry_on();
  }
  runtime::outcome take_options(runtime::process& self, const runtime::message& from,
                                runtime::message options) override {
    options_ = std::move(options);
    behaviours::gen::reply(self, from, runtime::message::atom("ok"));
    return runtime::carry_on();
  }

 private:
  std::promise<void>& busy_;
  std::shared_future<void> let_go_;
  const bool keeps_;
  runtime::message args_;
  runtime::message options_;
};

// A child whose start does not return until the child is killed.
class slow_starter : public behaviours::native_server {
 public:
  explicit slow_starter(std::promise<void>& begun) : native_server("slow_starter"), begun_(begun) {}

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    begun_.set_value();
    (void)self.await(self.make_ack(), runtime::no_deadline);
    return runtime::carry_on();
  }

 private:
  std::promise<void>& begun_;
};

std::string state_of(test_host& host, std::string_view id) {
  const auto all = children_of(host, runtime::destination::named("family"));
  if (!all) return "no supervisor";
  for (const listed_child& one : *all)
    if (one.id == id) return one.state;
  return "unknown";
}

// The state in the supervisor's table, which distinguishes a child that was given up from one that is
// stopped.
std::string kept_state(test_host& host, std::string_view id) {
  const auto row = host.tree.child(host.system.whereis("family").value(), runtime::message::atom(id).bytes());
  return row ? std::string(text(row->state)) : "unknown";
}

void crash(test_host& host, const std::string& name) {
  host.run([&](runtime::process& self) {
    self.send(runtime::destination::named(name), term("{exit, crashed}"));
    return 0;
  });
}

constexpr base::nanos an_hour = 3600 * base::nanos_per_second;

} // namespace

TEST_CASE("a child that waits for its restart goes on waiting when a change of it fails, and starts then") {
  for (const kind what : {kind::replace, kind::reconfigure}) {
    test_host host;
    host.supervise(family(waiting_child(200 * base::nanos_per_ms)));
    host.book.take(2);
    crash(host, "a");
    CHECK(host.book.take(1) == lines{"stop a crashed"});
    CHECK(give(host, {what, refused()}).starts_with("{error,"));
    CHECK(host.book.take(1) == lines{"start a"});
    CHECK(host.call(runtime::destination::named("a"), "id") == "a");
  }
}

TEST_CASE("a child that is to be tried again is tried again when a change of it fails in between") {
  for (const kind what : {kind::replace, kind::reconfigure}) {
    test_host host;
    host.supervise(family(actor("a")));
    host.book.take(2);
    std::promise<void> trying, ordered;
    auto go_on = ordered.get_future().share();
    std::atomic<bool> first{true};
    host.book.on_start = [&](runtime::process& self, const std::string& id) {
      if (id != "a" || !first.exchange(false)) return;
      trying.set_value();
      (void)self.blocking_run([go_on] { go_on.wait(); });
    };
    host.book.failures["a"] = 1;
    crash(host, "a");
    trying.get_future().wait();
    // The order reaches the supervisor's mailbox before the notice to try again.
    std::string answer;
    host.run([&](runtime::process& self) {
      const auto request = host.orders.add(supervisor_order{what, refused()});
      const auto ref = self.monitor(runtime::destination::named("family"), true);
      self.send(runtime::destination::named("family"),
                behaviours::gen::call_message(self, ref, request.bytes()));
      ordered.set_value();
      const auto got =
          behaviours::gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
      answer = got ? text(*got) : "no answer";
      return 0;
    });
    CHECK(answer.starts_with("{error,"));
    CHECK(host.book.take(3) == lines{"stop a crashed", "fail a", "start a"});
  }
}

TEST_CASE("a change that fails leaves down what was down: given up, or stopped") {
  for (const kind what : {kind::replace, kind::reconfigure}) {
    test_host host;
    supervisor_spec of = family(actor("a"));
    of.intensity = 0;
    of.on_exceeded = behaviours::on_exceeded::give_up;
    host.supervise(std::move(of));
    host.book.take(2);
    crash(host, "a");
    host.book.take(1);
    CHECK(host.call(runtime::destination::named("family"), "{terminate_child, b}") == "ok");
    CHECK(kept_state(host, "a") == "parked");
    CHECK(give(host, {what, refused()}).starts_with("{error,"));
    CHECK(kept_state(host, "a") == "parked");
    CHECK(give(host, {what, refused("b")}).starts_with("{error,"));
    CHECK(kept_state(host, "b") == "stopped");
  }
}

TEST_CASE("a change that is taken back later leaves each child as it was found") {
  for (const kind what : {kind::replace, kind::reconfigure, kind::remove, kind::pause}) {
    CAPTURE(static_cast<int>(what));
    test_host host;
    supervisor_spec of = family(waiting_child(an_hour));
    const spec_pointer a = of.children[0], b = of.children[1];
    host.supervise(std::move(of));
    host.book.take(2);
    crash(host, "a");
    host.book.take(1);
    const bool starts = what == kind::replace || what == kind::reconfigure;
    const auto of_a = std::make_shared<behaviours::found_child>();
    const auto of_b = std::make_shared<behaviours::found_child>();
    CHECK(give(host, {what, starts ? shared(actor("a")) : a, {}, {}, {}, of_a}).starts_with("{ok,"));
    CHECK(give(host, {what, starts ? shared(actor("b")) : b, {}, {}, {}, of_b}).starts_with("{ok,"));
    CHECK(give(host, {kind::restore, b, {}, {}, {}, of_b}).starts_with("{ok,"));
    CHECK(give(host, {kind::restore, a, {}, {}, {}, of_a}).starts_with("{ok,"));
    CHECK(state_of(host, "a") == "restarting");
    CHECK(state_of(host, "b") == "running");
    const auto row = host.tree.child(host.system.whereis("family").value(), a->id.bytes());
    CHECK(row->spec == a);
  }
}

TEST_CASE("a child that is put back to its wait starts when that is over") {
  test_host host;
  supervisor_spec of = family(waiting_child(200 * base::nanos_per_ms));
  const spec_pointer a = of.children[0];
  host.supervise(std::move(of));
  host.book.take(2);
  crash(host, "a");
  CHECK(host.book.take(1) == lines{"stop a crashed"});
  const auto found = std::make_shared<behaviours::found_child>();
  CHECK(give(host, {kind::remove, a, {}, {}, {}, found}) == "{ok,stopped}");
  CHECK(give(host, {kind::restore, a, {}, {}, {}, found}).starts_with("{ok,"));
  CHECK(host.book.take(1) == lines{"start a"});
}

TEST_CASE("a child that ran and does not start when it is put back is tried again by its own specification") {
  test_host host;
  supervisor_spec of = family(actor("a"));
  const spec_pointer a = of.children[0];
  host.supervise(std::move(of));
  host.book.take(2);
  const auto found = std::make_shared<behaviours::found_child>();
  child_spec other = actor("a");
  other.args = term("#{id => other}");
  CHECK(give(host, {kind::replace, shared(std::move(other)), {}, {}, {}, found}) == "{ok,restarted}");
  CHECK(host.book.take(3) == lines{"stop a shutdown", "args #{id => other}", "start other"});
  host.book.failures["a"] = 1;
  CHECK(give(host, {kind::restore, a, {}, {}, {}, found}).starts_with("{error,"));
  CHECK(host.book.take(3) == lines{"stop other shutdown", "fail a", "start a"});
}

TEST_CASE("siblings of a child that waits run again when a change starts it, or is taken back") {
  using behaviours::strategy;
  for (const strategy how : {strategy::rest_for_one, strategy::one_for_all}) {
    CAPTURE(text(how));
    for (const bool taken_back : {true, false}) {
      CAPTURE(taken_back);
      test_host host;
      supervisor_spec of = family(waiting_child(an_hour));
      of.strategy = how;
      const spec_pointer a = of.children[0];
      host.supervise(std::move(of));
      const auto of_a = std::make_shared<behaviours::found_child>();
      const supervisor_order replaced{kind::replace, shared(waiting_child(an_hour)), {}, {}, {}, of_a};
      if (taken_back) CHECK(give(host, replaced) == "{ok,restarted}");
      crash(host, "a");
      look_until([&] { return state_of(host, "a") == "restarting"; });
      CHECK(state_of(host, "b") != "running");
      if (taken_back) {
        CHECK(give(host, {kind::restore, a, {}, {}, {}, of_a}) == "{ok,restarted}");
      } else {
        CHECK(give(host, {kind::pause, a}) == "{ok,stopped}");
        CHECK(give(host, replaced) == "{ok,restarted}");
      }
      CHECK(state_of(host, "a") == "running");
      CHECK(state_of(host, "b") == "running");
    }
  }
}

TEST_CASE("a child that awaits a sibling's restart awaits it still when a change of it is taken back") {
  test_host host;
  supervisor_spec of = family(waiting_child(an_hour));
  of.strategy = behaviours::strategy::one_for_all;
  const spec_pointer b = of.children[1];
  host.supervise(std::move(of));
  crash(host, "a");
  look_until([&] { return state_of(host, "a") == "restarting"; });
  const auto of_b = std::make_shared<behaviours::found_child>();
  CHECK(give(host, {kind::pause, b, {}, {}, {}, of_b}) == "{ok,stopped}");
  CHECK(give(host, {kind::restore, b, {}, {}, {}, of_b}) == "{ok,restarted}");
  CHECK(state_of(host, "b") != "running");
  CHECK(host.call(runtime::destination::named("family"), "{terminate_child, a}") == "ok");
  CHECK(state_of(host, "b") == "running");
}

TEST_CASE("adding a child in the place of one that others started gives that one back") {
  test_host host;
  host.supervise(family(actor("a")));
  host.book.take(2);
  const std::string extra = "#{id => extra, start => {coppice, start_link, [scribe, #{id => first}]}}";
  CHECK(host.call(runtime::destination::named("family"), "{start_child, " + extra + "}").starts_with("{ok,"));
  host.book.take(2);
  const spec_pointer own = shared(actor("extra"));
  const auto found = std::make_shared<behaviours::found_child>();
  CHECK(give(host, {kind::add, own, {}, {}, {}, found}).starts_with("{ok,"));
  CHECK(host.book.take(2) == lines{"stop first shutdown", "start extra"});
  CHECK(give(host, {kind::restore, own, {}, {}, {}, found}).starts_with("{ok,"));
  CHECK(host.book.take(3) == lines{"stop extra shutdown", "args #{id => first}", "start first"});
  const auto none = std::make_shared<behaviours::found_child>();
  CHECK(give(host, {kind::add, shared(actor("new")), {}, {}, {}, none}) == "{ok,started}");
  CHECK(give(host, {kind::restore, shared(actor("new")), {}, {}, {}, none}) == "{ok,stopped}");
  CHECK(state_of(host, "new") == "unknown");
}

TEST_CASE("what an order never came to is not taken back") {
  test_host host;
  supervisor_spec of = family(actor("a"));
  const spec_pointer a = of.children[0];
  host.supervise(std::move(of));
  host.book.take(2);
  const auto found = std::make_shared<behaviours::found_child>();
  CHECK(give(host, {kind::restore, a, {}, {}, {}, found}) == "{ok,updated}");
  CHECK(host.call(runtime::destination::named("a"), "id") == "a");
  CHECK(host.book.lines().empty());
}

TEST_CASE("an actor that is busy while a change waits for it keeps what it had, as the refusal says") {
  struct row {
    kind what;
    const char* args;
    const char* options; // null: none
    const char* kept;
  };
  const row rows[] = {{kind::reconfigure, "#{n => 2}", nullptr, "{#{n => 1},[]}"},
                      {kind::reconfigure, "#{n => 2}", "[{x,2}]", "{[],[]}"},
                      {kind::update, "#{n => 1}", "[{x,2}]", "{[],[]}"}};
  for (const row& each : rows) {
    CAPTURE(each.kept);
    std::promise<void> busy, let_go;
    held_host held;
    test_host& host = held.host;
    host.factory.more["taker"] = [&, go_on = let_go.get_future().share()](std::string) {
      return std::make_unique<taker>(busy, go_on);
    };
    child_spec a = actor("a", "taker");
    a.args = term("#{n => 1}");
    host.supervise(family(a));
    host.system.send(runtime::destination::named("a"), term("work"));
    busy.get_future().wait();
    child_spec other = a;
    other.args = term(each.args);
    if (each.options != nullptr) other.options = term(each.options);
    auto answer = std::async(std::launch::async, [&host, &each, to = shared(other)] {
      return give(host, {each.what, to}, an_hour);
    });
    CHECK(held.advance_until(answer) == "{error,config_change_timeout}");
    let_go.set_value();
    CHECK(host.call(runtime::destination::named("a"), "has") == each.kept);
  }
}

TEST_CASE("an actor that has taken a late change and keeps it is started by what it had before") {
  for (const kind what : {kind::reconfigure, kind::environment}) {
    CAPTURE(static_cast<int>(what));
    std::promise<void> busy, let_go;
    std::atomic<int> starts = 0;
    held_host held;
    test_host& host = held.host;
    host.factory.more["taker"] = [&, go_on = let_go.get_future().share()](std::string) {
      ++starts;
      return std::make_unique<taker>(busy, go_on, true);
    };
    child_spec a = actor("a", "taker");
    a.args = term("#{n => 1}");
    host.supervise(family(a));
    host.system.send(runtime::destination::named("a"), term("work"));
    busy.get_future().wait();
    child_spec other = a;
    other.args = term("#{n => 2}");
    supervisor_order order{what};
    what == kind::environment ? void(order.env = term("#{e => 1}")) : void(order.child = shared(other));
    auto answer = std::async(std::launch::async, [&] { return give(host, order, an_hour); });
    CHECK(held.advance_until(answer).starts_with("{error,"));
    let_go.set_value();
    look_until([&] { return starts == 2; });
    look_until([&] { return host.call(runtime::destination::named("a"), "has") == "{[],[]}"; });
    CHECK(state_of(host, "a") == "running");
  }
}

TEST_CASE("an actor that refuses to go back to its former env is started with it") {
  std::promise<void> busy, let_go;
  std::atomic<int> starts = 0;
  test_host host;
  host.factory.more["taker"] = [&, go_on = let_go.get_future().share()](std::string) {
    ++starts;
    return std::make_unique<taker>(busy, go_on, true);
  };
  host.supervise(family(actor("a", "taker")));
  CHECK(give(host, {kind::environment, {}, {}, term("#{e => 1}")}) == "{ok,updated}");
  supervisor_order back{kind::environment, {}, {}, term("#{}")};
  back.takes_back = true;
  CHECK(give(host, back) == "{ok,updated}");
  CHECK(starts == 2);
}

TEST_CASE("a supervisor in another one that is too busy to go back to its former env comes to it later") {
  std::promise<void> begun;
  held_host held;
  test_host& host = held.host;
  host.factory.more["slow"] = [&](std::string) { return std::make_unique<slow_starter>(begun); };
  auto inner = std::make_shared<supervisor_spec>();
  inner->name = "inner";
  inner->children.push_back(shared(actor("c")));
  child_spec within = actor("within");
  within.actor.clear();
  within.supervisor = inner;
  host.supervise(family(within));
  CHECK(host.book.take(2) == lines{"start c", "start b"});
  CHECK(give(host, {kind::environment, {}, {}, term("#{e => 1}")}) == "{ok,updated}");
  host.book.take(4);
  child_spec slow = actor("s", "slow");
  slow.start_timeout = an_hour;
  host.run([&](runtime::process& self) {
    const auto request = host.orders.add(supervisor_order{kind::add, shared(slow)});
    const auto inside = runtime::destination::named("inner");
    self.send(inside, behaviours::gen::call_message(self, self.make_reference(), request.bytes()));
    return true;
  });
  begun.get_future().wait();
  supervisor_order back{kind::environment, {}, {}, term("#{}")};
  back.takes_back = true;
  auto answer = std::async(std::launch::async, [&] { return give(host, back, an_hour); });
  CHECK(held.advance_until(answer, std::chrono::seconds(1)) == "{ok,updated}");
  CHECK(host.book.take(2) == lines{"stop b shutdown", "start b"});
  host.run([&](runtime::process& self) {
    self.exit(runtime::destination::named("s"), runtime::message::atom("kill"));
    return true;
  });
  CHECK(host.book.take(2) == lines{"stop c shutdown", "start c"});
}

namespace {

void come_to_wait(test_host& host) {
  host.supervise(family(waiting_child(an_hour)));
  host.book.take(2);
  crash(host, "a");
  CHECK(host.book.take(1) == lines{"stop a crashed"});
  look_until([&] { return state_of(host, "a") == "restarting"; });
}

} // namespace

TEST_CASE("a changed backoff holds for a child that waits") {
  for (const bool has_one : {true, false}) {
    test_host host;
    come_to_wait(host);
    CHECK(give(host, {kind::update, shared(has_one ? waiting_child(1) : actor("a"))}) == "{ok,updated}");
    CHECK(host.book.take(1) == lines{"start a"});
  }
}

TEST_CASE("a changed backoff counts from when the wait began" * doctest::skip(!can_hold_clock())) {
  held_host held;
  come_to_wait(held.host);
  held.advance(std::chrono::minutes(30));
  CHECK(give(held.host, {kind::update, shared(waiting_child(2 * an_hour))}, 2 * an_hour) == "{ok,updated}");
  held.advance(std::chrono::minutes(40)); // the former wait would be over
  CHECK(state_of(held.host, "a") == "restarting");
  CHECK(give(held.host, {kind::update, shared(waiting_child(an_hour))}, 2 * an_hour) == "{ok,updated}");
  look_until([&] {
    held.advance(std::chrono::milliseconds(1)); // due timers fire at the next tick
    return held.host.book.lines() == lines{"start a"};
  });
}

TEST_CASE("children of a template are supervised by what the template says now") {
  {
    test_host host;
    child_spec each = actor("w", "stubborn");
    each.shutdown = behaviours::shutdown_limit::brutal_kill();
    const runtime::pid supervisor = host.supervise(template_family(each)).first;
    REQUIRE(supervisor);
    const runtime::pid child = start_from_template(host);
    REQUIRE(child);
    each.shutdown = behaviours::shutdown_limit::after(base::nanos_per_ms);
    each.name = "";
    CHECK(give(host, {kind::update, shared(each)}) == "{ok,updated}");
    CHECK(host.shut_down(supervisor) == "shutdown");
    CHECK_FALSE(host.system.alive(child));
  }
  test_host host;
  child_spec each = actor("w", "scribe", restart_type::temporary);
  host.supervise(template_family(each));
  const runtime::pid child = start_from_template(host);
  CHECK(host.book.take(2) == lines{"args #{}", "start w"});
  each.restart = restart_type::permanent;
  const auto whole = std::make_shared<const supervisor_spec>(template_family(each));
  CHECK(give(host, {kind::adopt, {}, whole}) == "{ok,updated}");
  host.system.send(child, term("{exit, crashed}"));
  CHECK(host.book.take(3) == lines{"stop w crashed", "args #{}", "start w"});
}

TEST_CASE("restarts that were counted stay counted when the intensity changes") {
  test_host host;
  supervisor_spec of = family(actor("a"));
  of.intensity = 3;
  of.period = 1000 * base::nanos_per_second;
  const auto changed = std::make_shared<supervisor_spec>(of);
  changed->intensity = 2;
  host.supervise(std::move(of));
  host.book.take(2);
  for (int i = 0; i < 2; ++i) {
    crash(host, "a");
    CHECK(host.book.take(2) == lines{"stop a crashed", "start a"});
  }
  CHECK(give(host, {kind::adopt, {}, changed}) == "{ok,updated}");
  crash(host, "a");
  CHECK(host.book.take(2) == lines{"stop a crashed", "stop b shutdown"});
}

TEST_CASE("a child of a template that twice does not start with a changed env is tried again") {
  test_host host;
  host.supervise(template_family(actor("w")));
  start_from_template(host);
  CHECK(host.book.take(2) == lines{"args #{}", "start w"});
  host.book.failures["w"] = 2;
  CHECK(give(host, {kind::environment, {}, {}, term("#{a => 1}")}).starts_with("{error,"));
  CHECK(host.book.take(7) ==
        lines{"stop w shutdown", "args #{}", "fail w", "args #{}", "fail w", "args #{}", "start w"});
  const auto all = children_of(host, runtime::destination::named("family"));
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  CHECK(all->front().state == "running");
}
