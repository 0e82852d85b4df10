// SPDX-License-Identifier: MIT
// Tests of a saga whose steps run in workers: the steps run side by side up to a bound, a worker ends before
// its step is undone, and all workers end before the saga's next process calls anything. The workers' actor
// is the test's.
#include "behaviours/saga/saga_workers.hpp"

#include <doctest/doctest.h>

#include <future>
#include <mutex>
#include <thread>

#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/saga/saga_engine.hpp"
#include "behaviours/streams/given_stream.hpp"
#include "behaviours/test_host.hpp"
#include "durable/memory_disk.hpp"
#include "held_clock.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;
using runtime::message;
using runtime::outcome;

namespace {

// The objects that all workers of a test share. Any thread.
class shared_scene {
 public:
  // Ends the wait of all blocking work, which no kill ends.
  void open_gate() { opened_.set_value(); }
  void wait_at_gate() { gate_.wait(); }
  void note(const runtime::pid& worker) {
    const std::scoped_lock held(lock_);
    last_ = worker;
  }
  runtime::pid last() const {
    const std::scoped_lock held(lock_);
    return last_;
  }

 private:
  std::promise<void> opened_;
  std::shared_future<void> gate_ = opened_.get_future().share();
  mutable std::mutex lock_;
  runtime::pid last_;
};

// Notes its callback in the book. The value of a `do` decides what follows: `block` waits until it is
// killed, `work` waits in blocking work at the gate, `crash` ends the worker, `wait` answers when it is sent
// `go`. Any other step is done at once.
class scripted_worker final : public runtime::behaviour, private stream_taker {
 public:
  scripted_worker(diary& book, shared_scene& scene) : book_(book), scene_(scene) {}

  outcome init(runtime::process& self) override {
    self.notify(self.self(), message::atom("begin"));
    return runtime::carry_on();
  }
  outcome receive(runtime::process& self, message m) override {
    if (runtime::is_atom(m, "go")) return done();
    const saga::call& what = ticket_->job().what;
    scene_.note(self.self());
    const bool performs = what.what == saga::callback::perform;
    book_.write(std::string(saga_workers::word_of(what)) + " " + what.key.tx + " " +
                std::to_string(what.attempt));
    etf::cursor at(
        {reinterpret_cast<const std::uint8_t*>(what.value.encoded.data()), what.value.encoded.size()});
    std::string_view how;
    if (!performs || !at.read_atom(how)) return done();
    if (how == "crash") return runtime::stop(message::atom("crashed"));
    if (how == "wait") return runtime::carry_on();
    if (how == "block") static_cast<void>(self.await(self.make_ack()));
    if (how == "work") static_cast<void>(self.blocking_run([this] { scene_.wait_at_gate(); }));
    return self.exiting() ? runtime::carry_on() : done();
  }
  void describe(runtime::description& out) const override { out.behaviour = "saga_worker"; }
  stream_taker* as_stream_taker() override { return this; }

 private:
  outcome done() {
    ticket_->job().answer = saga::verdict{};
    return runtime::stop(runtime::reasons::normal());
  }
  void begin_with(accepted_stream) override {}
  void begin_with(std::shared_ptr<const kept_connection>) override {}
  bool begin_with(std::shared_ptr<datagram_sockets>) override { return false; }
  bool begin_with(std::shared_ptr<const program_spec>) override { return false; }
  bool begin_with(journal&) override { return false; }
  bool begin_with(std::shared_ptr<const saga_worker_spec>) override { return false; }
  bool begin_with(std::unique_ptr<saga_ticket> step) override {
    ticket_ = std::move(step);
    return true;
  }

  diary& book_;
  shared_scene& scene_;
  std::unique_ptr<saga_ticket> ticket_;
};

// A saga without callbacks of its own. The call `report` returns its report as a text.
class saga_with_workers final : public server, private saga_port {
 public:
  saga_with_workers(journal& log, saga_settings how, std::shared_ptr<const saga_worker_spec> workers)
      : log_(log), settings_(std::move(how)), workers_(std::move(workers)) {}

  outcome init(runtime::process& self) override {
    engine_ = std::make_unique<saga_engine>(self, settings_, &log_, static_cast<saga_port&>(*this), workers_);
    return engine_->open() ? runtime::carry_on() : runtime::stop(message::atom("saga_log"));
  }
  void describe(runtime::description& out) const override { out.behaviour = "saga"; }

 private:
  outcome take_call(runtime::process& self, const message& whole, etf::bytes from,
                    etf::bytes request) override {
    if (auto next = engine_->take_call(whole, from, request)) return std::move(*next);
    gen::reply(self, from, engine_->report());
    return runtime::carry_on();
  }
  outcome take_cast(runtime::process&, const message&, etf::bytes request) override {
    auto next = engine_->take_cast(request);
    return next ? std::move(*next) : runtime::carry_on();
  }
  outcome take_info(runtime::process&, const message& m) override {
    auto next = engine_->take_info(m);
    return next ? std::move(*next) : runtime::carry_on();
  }
  message sys_state(runtime::process&) override { return message::atom("none"); }
  std::string sys_module() const override { return "saga_with_workers"; }

  outcome run(const saga::call& what) override {
    engine_->answer_by_default(what);
    return runtime::carry_on();
  }
  std::optional<std::uint64_t> ask(const runtime::destination&, etf::bytes) override { return ++asked_; }
  void forget(std::uint64_t) override {}

  journal& log_;
  const saga_settings settings_;
  const std::shared_ptr<const saga_worker_spec> workers_;
  std::unique_ptr<saga_engine> engine_;
  std::uint64_t asked_ = 0;
};

struct one_node {
  one_node() {
    how.durable = true;
    host.factory.more["worker"] = [this](const std::string&) {
      return std::make_unique<scripted_worker>(host.book, scene);
    };
  }
  void start() {
    auto workers = std::make_shared<saga_worker_spec>();
    workers->options.actor = "worker";
    workers->options.limit = limit;
    workers->label = "app/desk";
    workers->factory = &host.factory;
    runtime::spawn_options options;
    options.name = "desk";
    const auto made = host.system.spawn(std::move(options),
                                        std::make_unique<saga_with_workers>(log, how, std::move(workers)));
    REQUIRE(made.has_value());
    desk = *made;
    CHECK(report().find("open => 0") != std::string::npos);
  }
  void kill() {
    host.system.exit(desk, message::atom("kill"));
    host.end_of(desk);
  }
  std::string report() { return host.call(desk, "report"); }
  // Waits until the report contains `part`: a step begins or waits for room only once it is in the log.
  void look_for(std::string_view part) {
    look_until([&] { return report().find(part) != std::string::npos; });
  }
  static std::string request(std::string_view word, std::string_view tx, std::string_view value,
                             std::string_view more = "") {
    return "{" + std::string(word) + ", {<<\"" + std::string(tx) +
           "\">>, {16, [{{<<\"shop\">>, <<\"test@localhost\">>}, 1}]}}, " + std::string(value) +
           std::string(more) + "}";
  }
  static std::string a_do(std::string_view tx, std::string_view value) {
    return request("saga_do", tx, value, ", 60000");
  }
  std::string call(const std::string& what) { return host.call(desk, what); }
  // Calls without waiting for the answer.
  void call_in_vain(const std::string& what) {
    host.run([&](runtime::process& self) {
      return test_host::shown(gen::call(self, desk, term(what).bytes(), base::mono_now() + 1));
    });
  }
  std::vector<std::string> lines(std::size_t count) { return host.book.take(count); }

  memory_disk disk;
  journal log{"/log", disk};
  shared_scene scene;
  std::size_t limit = 16;
  test_host host;
  saga_settings how;
  runtime::pid desk;
};

using list = std::vector<std::string>;

} // namespace

TEST_CASE("ten steps that block run side by side, and the saga answers meanwhile") {
  one_node of;
  of.start();
  for (int i = 0; i < 10; ++i) of.call_in_vain(one_node::a_do("t" + std::to_string(i), "block"));
  CHECK(of.lines(10).size() == 10);
  CHECK(of.call("{outcome, <<\"t0\">>}") == "unknown"); // it takes part, but did not start this transaction
  of.look_for("running => 10");
  CHECK(of.call(one_node::a_do("other", "1")) == "{ok,undefined}");
}

TEST_CASE("above the bound steps wait, and begin in their order") {
  one_node of;
  of.limit = 1;
  of.start();
  of.call_in_vain(one_node::a_do("a", "wait"));
  CHECK(of.lines(1) == list{"do a 1"});
  const runtime::pid first = of.scene.last();
  of.call_in_vain(one_node::a_do("b", "wait"));
  of.call_in_vain(one_node::a_do("c", "1"));
  of.look_for("waiting => 2");
  of.host.system.send(first, message::atom("go"));
  CHECK(of.lines(1) == list{"do b 1"});
  of.host.system.send(of.scene.last(), message::atom("go"));
  CHECK(of.lines(1) == list{"do c 1"});
  CHECK(of.call(one_node::a_do("a", "wait")) == "{ok,undefined}"); // the answer was kept
  CHECK(of.host.book.lines().empty());
}

TEST_CASE("a worker that crashes has its step run again with a higher attempt, and undone after three ends") {
  one_node of;
  of.start();
  CHECK(of.call(one_node::a_do("t", "crash")) == "{busy,exit}");
  CHECK(of.call(one_node::a_do("t", "crash")) == "{busy,exit}");
  CHECK(of.call(one_node::a_do("t", "crash")) == "{error,exit}");
  CHECK(of.lines(4) == list{"do t 1", "do t 2", "do t 3", "undo t 3"});
  CHECK(of.report().find("crashed => 3") != std::string::npos);
}

TEST_CASE("a worker that was killed from outside counts as one that crashed") {
  one_node of;
  of.start();
  of.call_in_vain(one_node::a_do("t", "block"));
  CHECK(of.lines(1) == list{"do t 1"});
  of.host.system.exit(of.scene.last(), message::atom("kill"));
  CHECK(of.host.end_of(of.scene.last()) != "?");
  // Until the saga hears of the worker's end, a repeated request waits, and is answered with that end.
  std::string answer = of.call(one_node::a_do("t", "1"));
  if (answer == "{busy,exit}") answer = of.call(one_node::a_do("t", "1"));
  CHECK(answer == "{ok,undefined}");
  CHECK(of.lines(1) == list{"do t 2"});
}

TEST_CASE("an undo ends the worker of its step and begins when nothing of it runs any more") {
  one_node of;
  of.start();
  of.call_in_vain(one_node::a_do("t", "work"));
  CHECK(of.lines(1) == list{"do t 1"});
  const runtime::pid worker = of.scene.last();
  of.call_in_vain(one_node::request("saga_undo", "t", "work"));
  CHECK(of.host.end_of(worker) != "?"); // dead to all others, while its blocking work goes on
  CHECK(of.report().find("running => 1") != std::string::npos);
  CHECK(of.host.book.lines().empty());
  of.scene.open_gate();
  CHECK(of.lines(1) == list{"undo t 1"});
  CHECK(of.call(one_node::request("saga_undo", "t", "work")) == "ok");
}

TEST_CASE("an undo of a step that waits for room begins without it") {
  one_node of;
  of.limit = 1;
  of.start();
  of.call_in_vain(one_node::a_do("a", "wait"));
  CHECK(of.lines(1) == list{"do a 1"});
  of.call_in_vain(one_node::a_do("b", "wait"));
  of.call_in_vain(one_node::request("saga_undo", "b", "wait"));
  of.host.system.send(of.scene.last(), message::atom("go"));
  CHECK(of.lines(1) == list{"undo b 1"});
}

TEST_CASE("the end of the saga ends its workers, and its next process calls nothing before all are over") {
  one_node of;
  of.start();
  of.call_in_vain(one_node::a_do("a", "block"));
  CHECK(of.lines(1) == list{"do a 1"});
  const runtime::pid blocked = of.scene.last();
  of.call_in_vain(one_node::a_do("b", "work"));
  CHECK(of.lines(1) == list{"do b 1"});
  of.kill();
  CHECK(of.host.end_of(blocked) != "?");
  of.start();
  of.call_in_vain(one_node::a_do("c", "1"));
  of.look_for("waiting => 1");
  CHECK(of.host.book.lines().empty());
  of.scene.open_gate();
  CHECK(of.lines(1) == list{"do c 1"});
  CHECK(of.call(one_node::a_do("b", "1")) == "{ok,undefined}");
  CHECK(of.lines(1) == list{"do b 2"});
}

TEST_CASE("where a step runs is shown, with the worker's pid") {
  one_node of;
  of.start();
  of.call_in_vain(one_node::a_do("t", "block"));
  CHECK(of.lines(1) == list{"do t 1"});
  const std::string pid = runtime::to_text(of.scene.last(), of.host.system.nodes());
  const base::nanos until = base::mono_now() + 10 * base::nanos_per_second;
  const auto shown = [&] { return of.call(R"({'$coppice_saga_look', show, <<"t">>})"); };
  while (shown().find(pid) == std::string::npos && base::mono_now() < until) std::this_thread::yield();
  CHECK(shown().find("worker => <<\"" + pid + "\">>") != std::string::npos);
  CHECK(of.report().find(pid) != std::string::npos);
}
