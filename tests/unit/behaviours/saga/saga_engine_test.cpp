// SPDX-License-Identifier: MIT
// Tests of a saga in its process, on a log in memory whose disk runs full or fails: the answers that it
// gives meanwhile, and what it knows afterwards. The saga's actor is the test's.
#include "behaviours/saga/saga_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/test_host.hpp"
#include "durable/memory_disk.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;
using runtime::message;
using runtime::outcome;

namespace {

// Blocks work on the blocking pool, which a kill does not end, until it is opened. Any thread.
class gate {
 public:
  void open() {
    is_open_ = true;
    is_open_.notify_all();
  }
  void pass() const { is_open_.wait(false); }

 private:
  std::atomic<bool> is_open_ = false;
};

// Notes each callback in the book. The value of a start decides what follows: `done`, or `leave`, which ends
// the process. A step is done at once, except for three values: `work` first waits in blocking work at the
// gate, `later` is done by the call `go`, and `lead` makes another saga do a step. Requests to other sagas
// are noted, and the call `answered` answers the last of them. The call `overloaded` returns whether the
// saga refuses starts, `held` whether a callback waits for an earlier process of the saga, and `open` the
// number of open transactions.
class scripted_saga final : public server, private saga_port {
 public:
  scripted_saga(diary& book, journal& log, saga_settings how, const gate& work)
      : book_(book), log_(log), settings_(std::move(how)), work_(work) {}

  outcome init(runtime::process& self) override {
    self_ = &self;
    engine_ = std::make_unique<saga_engine>(self, settings_, &log_, static_cast<saga_port&>(*this));
    if (auto opened = engine_->open(); !opened) {
      book_.write("not opened: " + opened.error().text);
      return runtime::stop(message::atom("saga_log"));
    }
    book_.write("opened");
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "saga"; }

 private:
  outcome take_call(runtime::process& self, const message& whole, etf::bytes from,
                    etf::bytes request) override {
    if (auto next = engine_->take_call(whole, from, request)) return std::move(*next);
    runtime::message_writer out;
    const auto reports = [&](std::string_view part) {
      return out.boolean(text(engine_->report()).find(part) != std::string::npos);
    };
    if (etf::cursor(request).read_atom_is("go")) {
      out.boolean(engine_->answer(later_, saga_engine::reply::done, {}) == saga_engine::given::taken);
    } else if (etf::cursor(request).read_atom_is("answered")) {
      out.boolean(engine_->take_answer(asked_, message::atom("ok")).has_value());
    } else if (etf::cursor(request).read_atom_is("overloaded"))
      reports("overloaded => true");
    else if (etf::cursor(request).read_atom_is("held"))
      reports("held => 1");
    else
      out.unsigned_integer(engine_->core().open());
    gen::reply(self, from, out.take());
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
  std::string sys_module() const override { return "scripted_saga"; }

  outcome run(const saga::call& what) override {
    using saga::callback;
    etf::cursor at(
        {reinterpret_cast<const std::uint8_t*>(what.value.encoded.data()), what.value.encoded.size()});
    if (what.what == callback::start) {
      book_.write("start " + what.key.tx);
      if (at.read_atom_is("leave")) return runtime::stop(message::atom("left"));
      engine_->answer(what.token, saga_engine::reply::done, {});
    } else if (what.what == callback::perform) {
      book_.write("do");
      if (at.read_atom_is("work")) static_cast<void>(self_->blocking_run([this] { work_.pass(); }));
      if (self_->exiting()) return runtime::carry_on();
      if (at.read_atom_is("later")) {
        later_ = what.token;
      } else if (at.read_atom_is("lead")) {
        engine_->add_step(what.token, {{"other", "test@localhost"}, saga::reason("x"), false, 0, 0});
        engine_->answer(what.token, saga_engine::reply::steps, {});
      } else {
        engine_->answer(what.token, saga_engine::reply::done, {});
      }
    } else {
      if (what.what == callback::reverse) book_.write("undo");
      engine_->answer_by_default(what);
    }
    return runtime::carry_on();
  }
  std::optional<std::uint64_t> ask(const runtime::destination&, etf::bytes) override {
    book_.write("ask");
    return ++asked_;
  }
  void forget(std::uint64_t) override { book_.write("forget"); }

  diary& book_;
  journal& log_;
  const saga_settings settings_;
  const gate& work_;
  runtime::process* self_ = nullptr;
  std::unique_ptr<saga_engine> engine_;
  std::uint64_t asked_ = 0, later_ = 0;
};

// Notes every message that it gets.
class listener final : public native_server {
 public:
  explicit listener(diary& book) : native_server("listener"), book_(book) {}

 protected:
  outcome handle_info(runtime::process&, const message& m) override {
    book_.write(text(m));
    return runtime::carry_on();
  }

 private:
  diary& book_;
};

runtime::system_options with_memory(std::uint64_t bytes) {
  runtime::system_options out = test_host::options();
  out.memory = bytes;
  return out;
}

struct one_node {
  // `memory`: bytes of the node's limit for messages. 0: no limit.
  explicit one_node(std::uint64_t memory = 0) : host(with_memory(memory)) { how.durable = true; }
  ~one_node() { work.open(); }

  // Returns the first line that its init noted.
  std::string start() {
    runtime::spawn_options options;
    options.name = "desk";
    const auto made =
        host.system.spawn(std::move(options), std::make_unique<scripted_saga>(host.book, log, how, work));
    REQUIRE(made.has_value());
    desk = *made;
    const auto lines = host.book.take(1);
    return lines.empty() ? "nothing" : lines[0];
  }
  void kill() {
    host.system.exit(desk, message::atom("kill"));
    host.end_of(desk);
  }
  std::string call(std::string_view request) { return host.call(desk, request); }
  // Calls as a process of the node `node` that names `from` as the caller. The answer goes to `from`; if
  // that is a process of this node, the answer goes to an alias that nobody has, because another node may
  // not have answers sent to a process of this one.
  void call_from(const std::string& node, const runtime::pid& from, std::string_view request,
                 std::string_view tag = "tag") {
    const auto index = host.system.nodes().intern(node);
    REQUIRE(index);
    runtime::message_writer out;
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    runtime::write(out, from, host.system.nodes());
    if (from.here()) {
      out.list(1);
      out.atom("alias");
      runtime::write(out, runtime::reference::made_by(from, 1), host.system.nodes());
    } else {
      out.raw(term(tag).bytes());
    }
    out.raw(term(request).bytes());
    auto far =
        runtime::make_signal(runtime::signal_kind::message, runtime::pid{*index, 77, 40, 0}, out.take());
    far->flags = runtime::signal::remote;
    host.system.deliver(desk, std::move(far));
  }
  // Calls with `who` as the caller and with that tag, without waiting. `who` gets {Tag, Answer}.
  void call_as(const runtime::pid& who, std::string_view tag, std::string_view request) {
    runtime::message_writer out;
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    runtime::write(out, who, host.system.nodes());
    out.raw(term(tag).bytes());
    out.raw(term(request).bytes());
    host.system.send(desk, out.take());
  }
  runtime::pid listen() {
    const auto made = host.system.spawn({}, std::make_unique<listener>(host.book));
    REQUIRE(made.has_value());
    return *made;
  }
  // Has the node resolve the transaction for its operator, and returns the answer.
  std::string resolve(std::string_view tx, bool commit) {
    return host.run([&](runtime::process& self) {
      return test_host::shown(call_engine(self, desk, saga_engine::resolve_request(tx, commit),
                                          base::mono_now() + 10 * base::nanos_per_second));
    });
  }
  // Calls without waiting for the answer.
  std::string call_in_vain(std::string_view request) {
    return host.run([&](runtime::process& self) {
      return test_host::shown(gen::call(self, desk, term(request).bytes(), base::mono_now() + 1));
    });
  }
  void await(std::string_view request, std::string_view answer) {
    const base::nanos until = base::mono_now() + 10 * base::nanos_per_second;
    while (call(request) != answer && base::mono_now() < until) std::this_thread::yield();
    CHECK(call(request) == answer);
  }

  memory_disk disk;
  journal log{"/log", disk};
  gate work;
  test_host host;
  saga_settings how;
  runtime::pid desk;
};

// A request about a step of the transaction t. `more`: the text after the step's value.
std::string of_step(std::string_view word, std::string_view value, std::string_view more = "") {
  return "{" + std::string(word) + R"(, {<<"t">>, {16, [{{<<"shop">>, <<"test@localhost">>}, 1}]}}, )" +
         std::string(value) + std::string(more) + "}";
}

constexpr std::string_view some_step =
    R"({saga_do, {<<"t">>, {16, [{{<<"shop">>, <<"test@localhost">>}, 1}]}}, 1, 1000})";

} // namespace

TEST_CASE("a full disk makes a saga refuse starts, and what it had begun goes on once there is room") {
  one_node of;
  of.disk.can_reserve = false; // so that a full disk shows at once
  REQUIRE(of.start() == "opened");
  REQUIRE(of.call("{start, done, #{id => <<\"t0\">>}}") == "{ok,<<\"t0\">>}");
  of.await("{outcome, <<\"t0\">>}", "{committed,undefined}");
  of.disk.capacity = 0;
  CHECK(of.call_in_vain("{start, done, #{id => <<\"t1\">>}}") == "!timeout");
  of.await("overloaded", "true");
  CHECK(of.call("{start, done, #{id => <<\"t2\">>}}") == "{error,overloaded}");
  CHECK(of.call(some_step) == "{busy,overloaded}");
  CHECK(of.resolve("t1", false) == "{error,overloaded}");
  CHECK(of.call("{outcome, <<\"t0\">>}") == "{committed,undefined}");
  of.disk.capacity = ~std::uint64_t{0};
  of.await("{outcome, <<\"t1\">>}", "{committed,undefined}");
  of.await("overloaded", "false");
  CHECK(of.call("{start, done, #{id => <<\"t2\">>}}") == "{ok,<<\"t2\">>}");
  of.await("{outcome, <<\"t2\">>}", "{committed,undefined}");
  of.kill();
  of.host.book.take(0);
  CHECK(of.start() == "opened");
  CHECK(of.call("{outcome, <<\"t1\">>}") == "{committed,undefined}");
}

TEST_CASE("an outcome whose time is over is erased from the disk with the next write, without an own fsync") {
  one_node of;
  of.how.core.keep = 200 * base::nanos_per_ms;
  REQUIRE(of.start() == "opened");
  const auto synced = [&of] {
    of.log.log()->settle();
    return of.log.log()->report().synced;
  };
  const auto kept = [&of] {
    const auto group = of.log.log()->group("saga/desk");
    return of.log.log()->values(group.value()).size();
  };
  REQUIRE(of.call("{start, done, #{id => <<\"t\">>}}") == "{ok,<<\"t\">>}");
  of.await("{outcome, <<\"t\">>}", "{committed,undefined}");
  const std::uint64_t before = synced();
  of.await("{outcome, <<\"t\">>}", "unknown");
  CHECK(synced() == before);
  CHECK(kept() == 1);
  of.how.core.keep = 60 * base::nanos_per_second;
  of.kill();
  of.host.book.take(0);
  REQUIRE(of.start() == "opened"); // this erases the outcome again
  of.await("{outcome, <<\"t\">>}", "unknown");
  REQUIRE(of.call("{start, done, #{id => <<\"u\">>}}") == "{ok,<<\"u\">>}");
  of.await("{outcome, <<\"u\">>}", "{committed,undefined}");
  CHECK(synced() > before);
  CHECK(kept() == 1); // the outcome of u
}

TEST_CASE("a saga keeps no more for other nodes than the node's memory for messages allows") {
  one_node of(std::uint64_t{4} << 20);
  REQUIRE(of.start() == "opened");
  const std::string large = "<<\"" + std::string(800'000, 'x') + "\">>";
  const auto asked = [&of](std::string_view tx, std::string_view value) {
    of.call_from("far@localhost", of.desk,
                 R"({saga_do, {<<")" + std::string(tx) +
                     R"(">>, {16, [{{<<"shop">>, <<"far@localhost">>}, 1}]}}, )" + std::string(value) +
                     ", 1000}");
    of.call("open"); // the saga has handled the request,
    of.log.log()->settle();
    of.call("open"); // and the news of the log that it waited for
    return of.host.book.take(0);
  };
  CHECK(asked("t", large).empty());
  CHECK(asked("u", "1") == std::vector<std::string>{"do"});
}

TEST_CASE("a log that has ended stops the saga, which lives and says why, also after a restart") {
  one_node of;
  REQUIRE(of.start() == "opened");
  REQUIRE(of.call("{start, done, #{id => <<\"t0\">>}}") == "{ok,<<\"t0\">>}");
  of.await("open", "0");
  of.await("{outcome, <<\"t0\">>}", "{committed,undefined}");
  of.disk.plan(0, memory_disk::fault::fails);
  CHECK(of.call("{start, done, #{id => <<\"t1\">>}}").starts_with("{error,{stopped,<<\""));
  CHECK(of.call("{cancel, <<\"t0\">>, x}").starts_with("{error,{stopped,<<\""));
  CHECK(of.call(some_step).starts_with("{busy,{stopped,<<\""));
  CHECK(of.resolve("t0", false).starts_with("{error,{stopped,<<\""));
  of.kill();
  of.host.book.take(0);
  CHECK(of.start() == "opened");
  CHECK(of.call("{outcome, <<\"t0\">>}").starts_with("{error,{stopped,<<\""));
  CHECK(of.host.book.lines().empty());
}

TEST_CASE("a start that ends its process is not made again at once by the next one") {
  one_node of;
  REQUIRE(of.start() == "opened");
  of.call_in_vain("{start, leave, #{id => <<\"t\">>}}");
  of.host.end_of(of.desk);
  CHECK(of.host.book.take(1) == std::vector<std::string>{"start t"});
  CHECK(of.start() == "opened");
  CHECK(of.call("open") == "1");
  CHECK(of.call("open") == "1");
  CHECK(of.host.book.lines().empty());
}

TEST_CASE(
    "a saga that was killed in blocking work undoes the step once that work has ended, and not before") {
  for (const bool durable : {true, false}) {
    CAPTURE(durable);
    one_node of;
    of.how.durable = durable;
    REQUIRE(of.start() == "opened");
    of.call_in_vain(of_step("saga_do", "work", ", 60000"));
    REQUIRE(of.host.book.take(1) == std::vector<std::string>{"do"});
    of.kill();
    REQUIRE(of.start() == "opened");
    // A volatile saga does not know the step any more, and would do it while the earlier work still runs.
    of.call_in_vain(durable ? of_step("saga_undo", "work") : of_step("saga_do", "1", ", 60000"));
    of.await("held", "true");
    CHECK(of.host.book.lines().empty());
    of.work.open();
    CHECK(of.host.book.take(1) == std::vector<std::string>{durable ? "undo" : "do"});
    if (durable) CHECK(of.call(of_step("saga_undo", "work")) == "ok");
    of.await("held", "false");
  }
}

TEST_CASE(
    "a saga whose place was freed by force takes it again, so that its next process waits for its work") {
  one_node of;
  REQUIRE(of.start() == "opened");
  const auto place = [&of] { return of.host.system.whereis(place_of_saga("desk")).value_or(runtime::pid()); };
  const runtime::pid before = place();
  REQUIRE(before);
  of.host.system.exit(before, message::atom("kill"));
  of.host.end_of(before);
  const base::nanos until = base::mono_now() + 10 * base::nanos_per_second;
  while ((!place() || place() == before) && base::mono_now() < until) (void)of.call("open");
  CHECK(place());
  CHECK(place() != before);
  of.call_in_vain(of_step("saga_do", "work", ", 60000"));
  REQUIRE(of.host.book.take(1) == std::vector<std::string>{"do"});
  of.kill();
  REQUIRE(of.start() == "opened");
  of.call_in_vain(of_step("saga_undo", "work"));
  of.await("held", "true");
  CHECK(of.host.book.lines().empty());
  of.work.open();
  CHECK(of.host.book.take(1) == std::vector<std::string>{"undo"});
}

TEST_CASE("the place of a saga with the longest name has a name of its own that a process may have") {
  const std::string longest(255, 'a');
  CHECK(place_of_saga(longest).size() <= 255);
  CHECK(place_of_saga(longest) != place_of_saga(longest.substr(1)));
  CHECK(place_of_saga("desk") == "$coppice_saga/desk");
}

TEST_CASE("a step that was taken is answered whatever the patterns of nodes are since then") {
  one_node of;
  REQUIRE(of.start() == "opened");
  const auto far = of.host.system.nodes().intern("far@localhost");
  REQUIRE((far && *far == 1)); // the node of call_of_peer()
  const auto step_of_far = [](std::string_view tx) {
    return "{saga_do, {<<\"" + std::string(tx) +
           "\">>, {16, [{{<<\"shop\">>, <<\"far@localhost\">>}, 1}]}}, 1, 60000}";
  };
  CHECK(of.host.call_of_peer(of.desk, step_of_far("t")) == "{ok,undefined}");
  of.kill();
  of.host.book.take(0);
  of.how.from = {"elsewhere@*"};
  REQUIRE(of.start() == "opened");
  CHECK(of.host.call_of_peer(of.desk, step_of_far("t")) == "{ok,undefined}");
  CHECK(of.host.call_of_peer(of.desk, step_of_far("u")) == "{error,not_allowed}");
}

TEST_CASE("steps of this node are taken whichever other nodes are named") {
  one_node of;
  of.how.from = {"elsewhere@*"};
  REQUIRE(of.start() == "opened");
  CHECK(of.call(some_step) == "{ok,undefined}");
  CHECK(of.call(R"({saga_prepare, {<<"u">>, {16, [{{<<"shop">>, <<"test@localhost">>}, 1}]}}, 1, 60000})") ==
        "prepared");
}

TEST_CASE("a request that is longer than any value with its key is refused unread") {
  one_node of;
  REQUIRE(of.start() == "opened");
  const std::string text = "<<\"" + std::string(std::size_t{3} << 20, 'x') + "\">>";
  CHECK(of.call("{outcome, " + text + "}") == "{error,limit}");
  CHECK(of.call("{subscribe, " + text + "}") == "{error,limit}");
  CHECK(of.call("{start, " + text + "}") == "{error,limit}");
  CHECK(of.call("{saga_undo, nonsense, " + text + "}") == "{error,limit}");
}

TEST_CASE("a caller whose address is longer than any is refused, and nothing of it is kept") {
  one_node of;
  REQUIRE(of.start() == "opened");
  const std::string tag = "<<\"" + std::string(5000, 'x') + "\">>";
  const runtime::pid caller = of.listen();
  for (const std::string& request : {std::string("{start, done}"), of_step("saga_do", "1", ", 60000")}) {
    of.call_as(caller, tag, request);
    const auto said = of.host.book.take(1);
    REQUIRE(said.size() == 1);
    CHECK(said[0].ends_with(",{error,limit}}"));
  }
  CHECK(of.call("open") == "0");
}

TEST_CASE("callers of another node that wait take no more than its share of the node's memory") {
  one_node of(std::uint64_t{2} << 20); // a sixteenth of this is 128 KiB
  REQUIRE(of.start() == "opened");
  const std::string tag = "<<\"" + std::string(3900, 'x') + "\">>";
  const runtime::pid far{*of.host.system.nodes().intern("far@localhost"), 77, 40, 0};
  const std::uint64_t before = runtime::block_memory::in_use();
  for (int i = 0; i < 100; ++i)
    of.call_from("far@localhost", far,
                 R"({saga_do, {<<"t)" + std::to_string(i) +
                     R"(">>, {16, [{{<<"shop">>, <<"far@localhost">>}, 1}]}}, later, 60000})",
                 tag);
  CHECK(of.host.book.take(100).size() == 100); // each step was begun
  of.call("open");
  CHECK(runtime::block_memory::in_use() - before < 256 * 1024);
}

TEST_CASE("a request that comes again before it is answered is answered twice") {
  one_node of;
  REQUIRE(of.start() == "opened");
  const runtime::pid caller = of.listen();
  for (const std::string_view tag : {"1", "2", "3"})
    of.call_as(caller, tag, of_step("saga_do", "later", ", 60000"));
  REQUIRE(of.host.book.take(1) == std::vector<std::string>{"do"});
  // A request of another kind does not belong to this step, and does not affect the callers that wait for
  // it.
  of.call_as(caller, "4", of_step("saga_prepare", "later", ", 60000"));
  CHECK(of.call("go") == "true");
  CHECK(of.host.book.take(2) == std::vector<std::string>{"{2,{ok,undefined}}", "{3,{ok,undefined}}"});
  CHECK(of.call(of_step("saga_do", "later", ", 60000")) == "{ok,undefined}");
  CHECK(of.host.book.lines().empty());
}

TEST_CASE("a step that is undone while it is under way has its request answered") {
  one_node of;
  REQUIRE(of.start() == "opened");
  const runtime::pid caller = of.listen();
  of.call_as(caller, "1", of_step("saga_do", "lead", ", 60000"));
  REQUIRE(of.host.book.take(2) == std::vector<std::string>{"do", "ask"});
  of.call_as(caller, "2", of_step("saga_undo", "lead"));
  REQUIRE(of.host.book.take(2) == std::vector<std::string>{"forget", "ask"});
  CHECK(of.call("answered") == "true");
  CHECK(of.host.book.take(3) == std::vector<std::string>{"undo", "{1,{error,cancelled}}", "{2,ok}"});
}

TEST_CASE("a question about a transaction that is not known leaves no call open") {
  one_node of;
  REQUIRE(of.start() == "opened");
  of.host.run([&](runtime::process& self) {
    gen::cast(
        self, of.desk,
        term(
            R"({saga, <<"p">>, {saga_question, {<<"t">>, {16, [{{<<"desk">>, <<"test@localhost">>}, 1}]}}}})"));
    return true;
  });
  // The participant is asked to abort and to forget the step, and both calls are given up at once.
  std::vector<std::string> said = of.host.book.take(4);
  std::ranges::sort(said);
  CHECK(said == std::vector<std::string>{"ask", "ask", "forget", "forget"});
}

TEST_CASE("a start counts from the nodes whose steps are taken, and from this one") {
  one_node of;
  of.how.from = {"near@*"};
  REQUIRE(of.start() == "opened");
  const runtime::pid nobody{*of.host.system.nodes().intern("far@localhost"), 77, 40, 0};
  of.call_from("far@localhost", nobody, "{start, done, #{id => <<\"far\">>}}");
  of.call_from("near@localhost", nobody, "{start, done, #{id => <<\"near\">>}}");
  CHECK(of.host.book.take(1) == std::vector<std::string>{"start near"});
  CHECK(of.call("{start, done, #{id => <<\"here\">>}}") == "{ok,<<\"here\">>}");
}

TEST_CASE("another node subscribes no process of this one") {
  one_node of;
  REQUIRE(of.start() == "opened");
  CHECK(of.call("{start, done, #{id => <<\"t\">>}}") == "{ok,<<\"t\">>}");
  of.await("{outcome, <<\"t\">>}", "{committed,undefined}");
  const auto victim = of.host.system.spawn({}, std::make_unique<listener>(of.host.book));
  REQUIRE(victim.has_value());
  of.host.book.take(0);
  of.call_from("far@localhost", *victim, "{subscribe, <<\"t\">>}");
  CHECK(of.call("open") == "0"); // the call before this one has been answered
  of.host.system.send(*victim, message::atom("last"));
  CHECK(of.host.book.take(1) == std::vector<std::string>{"last"});
}

TEST_CASE("an operator decides by the node's own call alone, and what waits for no operator is left alone") {
  one_node of;
  REQUIRE(of.start() == "opened");
  CHECK(of.call(R"({saga_prepare, {<<"t">>, {16, [{{<<"shop">>, <<"test@localhost">>}, 1}]}}, 1, 1000})") ==
        "prepared");
  constexpr std::string_view forged = R"({'$coppice_saga_resolve', commit, <<"t">>})";
  CHECK(of.call(forged) == "{error,not_allowed}");
  CHECK(of.host.call_of_client(of.desk, forged) == "{error,not_allowed}");
  CHECK(of.host.call_of_peer(of.desk, forged) == "{error,not_allowed}");
  CHECK(of.resolve("other", true) == "{error,unknown}");
  CHECK(of.resolve("", true) == "{error,badarg}");
  CHECK(of.resolve("t", true).find("decided => 1") != std::string::npos);
  CHECK(of.resolve("t", true) == "{error,over}");
  CHECK(of.resolve("t", false) == "{error,over}");
}

TEST_CASE("what is open is shown to this node alone") {
  one_node of;
  REQUIRE(of.start() == "opened");
  for (const std::string_view look :
       {R"({'$coppice_saga_look', list, <<"all">>})", R"({'$coppice_saga_look', show, <<"t">>})"})
    CHECK(of.host.call_of_peer(of.desk, look) == "{error,not_allowed}");
  CHECK(of.call(R"({'$coppice_saga_look', list, <<"all">>})").starts_with("{report,"));
  CHECK(of.call(R"({'$coppice_saga_look', list, <<"some">>})") == "{error,badarg}");
  CHECK(of.call(R"({'$coppice_saga_look', show, <<"t">>})") == "{error,unknown_transaction}");
}
