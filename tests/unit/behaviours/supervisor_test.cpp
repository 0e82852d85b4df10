// SPDX-License-Identifier: MIT
// Tests of running supervisors, whose actors note their starts and stops: order, restarts, intensity,
// shutdown, and the requests of OTP's supervisor module.
#include "behaviours/supervision/supervisor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/log.hpp"
#include "behaviours/supervision/child_spec_term.hpp"
#include "heard_log.hpp"
#include "held_clock.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::actor;
using test::term;
using test::test_host;
using lines = std::vector<std::string>;

namespace {

supervisor_spec with(std::vector<child_spec> children, strategy how = strategy::one_for_one,
                     std::uint32_t intensity = 3) {
  supervisor_spec out;
  out.name = "sup";
  out.strategy = how;
  out.intensity = intensity;
  for (child_spec& one : children) out.children.push_back(std::make_shared<child_spec>(std::move(one)));
  return out;
}

const auto sup = runtime::destination::named("sup");

void tell(test_host& host, std::string name, std::string_view what) {
  host.system.send(runtime::destination::named(std::move(name)), term(what));
}

// The state of each child by supervisor:which_children, in start order: "a=running b=stopped".
std::string states(test_host& host) {
  const auto answer = test::term(host.call(sup, "which_children"));
  etf::cursor at(answer.bytes());
  std::uint32_t count = 0;
  std::string out;
  CHECK(at.read_list(count));
  for (; count != 0; --count) {
    etf::bytes id;
    CHECK(at.read_tuple_of(4));
    CHECK(at.read_term(id));
    std::string_view state = "running";
    if (!at.read_atom(state)) at.skip();
    at.skip();
    at.skip();
    out = etf::print(id) + "=" + std::string(state) + (out.empty() ? "" : " ") + out;
  }
  return out;
}

} // namespace

TEST_CASE("children start in order and stop in reverse, each with shutdown") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a"), actor("b"), actor("c")}));
  REQUIRE(pid);
  CHECK(host.book.take(3) == lines{"start a", "start b", "start c"});
  CHECK(host.shut_down(pid) == "shutdown");
  CHECK(host.book.take(3) == lines{"stop c shutdown", "stop b shutdown", "stop a shutdown"});
}

TEST_CASE("nested supervisors stop from the inside out") {
  test_host host;
  auto inner = std::make_shared<supervisor_spec>(with({actor("b"), actor("c")}));
  inner->name = "inner";
  child_spec nested = actor("nested");
  nested.name = "";
  nested.supervisor = inner;
  nested.shutdown = shutdown_limit::infinity();
  const auto [pid, why] = host.supervise(with({actor("a"), nested, actor("d")}));
  REQUIRE(pid);
  CHECK(host.book.take(4) == lines{"start a", "start b", "start c", "start d"});
  const auto tree = host.tree.children_of(pid);
  REQUIRE(tree.size() == 3);
  CHECK(tree[1].id == "nested");
  CHECK(tree[1].is_supervisor);
  CHECK(tree[1].behaviour == "supervisor");
  REQUIRE(tree[1].children.size() == 2);
  CHECK(tree[1].children[1].name == "c");
  CHECK(host.shut_down(pid) == "shutdown");
  CHECK(host.book.take(4) ==
        lines{"stop d shutdown", "stop c shutdown", "stop b shutdown", "stop a shutdown"});
  CHECK(host.tree.children_of(pid).empty());
}

TEST_CASE("a child that cannot start takes back those before it, in reverse") {
  test_host host;
  host.book.failures["c"] = 1;
  const auto [pid, why] = host.supervise(with({actor("a"), actor("b"), actor("c"), actor("d")}));
  CHECK_FALSE(pid);
  CHECK(why == "{error,{shutdown,{failed_to_start_child,c,{cannot,start}}}}");
  CHECK(host.book.take(5) == lines{"start a", "start b", "fail c", "stop b shutdown", "stop a shutdown"});
}

TEST_CASE("a child whose init takes longer than it may has failed to start, and is killed") {
  test_host host;
  std::atomic<bool> killed{false};
  host.book.on_start = [&](runtime::process& self, const std::string& id) {
    if (id != "slow") return;
    const auto never = self.make_ack();
    (void)self.await(never);
    killed = self.exiting();
  };
  child_spec slow = actor("slow");
  slow.start_timeout = 20 * base::nanos_per_ms;
  const auto [pid, why] = host.supervise(with({actor("a"), slow}));
  CHECK_FALSE(pid);
  CHECK(why ==
        "{error,{shutdown,{failed_to_start_child,slow,"
        "{start_failed,<<\"its init has not returned in 20 ms: it is killed\">>}}}}");
  CHECK(host.book.take(2).front() == "start a");
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!killed && std::chrono::steady_clock::now() < limit)
    coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(killed);
}

TEST_CASE("an actor the factory does not know is a start failure") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a", "nonsense")}));
  CHECK_FALSE(pid);
  CHECK(why == "{error,{shutdown,{failed_to_start_child,a,{start_failed,<<\"no actor nonsense\">>}}}}");
}

TEST_CASE("a name that is taken is already_started") {
  test_host host;
  child_spec twin = actor("a");
  twin.id = term("twin");
  const auto [pid, why] = host.supervise(with({actor("a"), twin}));
  CHECK_FALSE(pid);
  CHECK(why.find("{failed_to_start_child,twin,{already_started,<0.") != std::string::npos);
}

TEST_CASE("one_for_one: only the failed child is started again, by restart type and reason") {
  struct row {
    restart_type restart;
    const char* reason;
    const char* after; // the state of b afterwards; empty: b was removed
  };
  const row rows[] = {
      {restart_type::permanent, "normal", "b=running"},
      {restart_type::permanent, "boom", "b=running"},
      {restart_type::transient, "normal", "b=undefined"},
      {restart_type::transient, "shutdown", "b=undefined"},
      {restart_type::transient, "{shutdown, x}", "b=undefined"},
      {restart_type::transient, "boom", "b=running"},
      {restart_type::temporary, "normal", ""},
      {restart_type::temporary, "boom", ""},
  };
  for (const row& each : rows) {
    CAPTURE(text(each.restart));
    CAPTURE(each.reason);
    test_host host;
    const auto [pid, why] =
        host.supervise(with({actor("a"), actor("b", "scribe", each.restart), actor("c")}));
    REQUIRE(pid);
    host.book.take(3);
    const auto before = host.call(runtime::destination::named("b"), "self");
    const auto watched = term(before);
    tell(host, "b", std::string("{exit, ") + each.reason + "}");
    const bool restarted = std::string_view(each.after) == "b=running";
    CHECK(host.book.take(restarted ? 2 : 1).front() == "stop b " + test::text(term(each.reason)));
    // The supervisor has read the exit by the time it answers, since the exit came first.
    etf::cursor at(watched.bytes());
    host.end_of(*runtime::read_pid(at, host.system.nodes()));
    const std::string b = each.after;
    CHECK(states(host) == "a=running " + b + (b.empty() ? "" : " ") + "c=running");
    if (restarted) CHECK(host.call(runtime::destination::named("b"), "self") != before);
  }
}

TEST_CASE("rest_for_one stops those after the failed child in reverse and starts them in order") {
  test_host host;
  const auto [pid, why] =
      host.supervise(with({actor("a"), actor("b"), actor("c", "scribe", restart_type::temporary), actor("d")},
                          strategy::rest_for_one));
  REQUIRE(pid);
  host.book.take(4);
  tell(host, "b", "{exit, boom}");
  CHECK(host.book.take(5) ==
        lines{"stop b boom", "stop d shutdown", "stop c shutdown", "start b", "start d"});
  CHECK(states(host) == "a=running b=running d=running");
}

TEST_CASE("one_for_all stops all in reverse and starts them in order") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a"), actor("b"), actor("c")}, strategy::one_for_all));
  REQUIRE(pid);
  host.book.take(3);
  tell(host, "b", "{exit, boom}");
  CHECK(host.book.take(6) ==
        lines{"stop b boom", "stop c shutdown", "stop a shutdown", "start a", "start b", "start c"});
}

TEST_CASE("more restarts than the intensity end the supervisor with shutdown, its children in reverse") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a"), actor("b")}, strategy::one_for_one, 2));
  REQUIRE(pid);
  host.book.take(2);
  for (int i = 0; i < 2; ++i) {
    tell(host, "a", "{exit, boom}");
    CHECK(host.book.take(2) == lines{"stop a boom", "start a"});
  }
  tell(host, "a", "{exit, boom}");
  CHECK(host.end_of(pid) != "normal");
  CHECK(host.book.take(2) == lines{"stop a boom", "stop b shutdown"});
}

TEST_CASE("a restart whose start fails is tried again and counts each time") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a")}, strategy::one_for_one, 3));
  REQUIRE(pid);
  host.book.take(1);
  host.book.failures["a"] = 2;
  tell(host, "a", "{exit, boom}");
  CHECK(host.book.take(4) == lines{"stop a boom", "fail a", "fail a", "start a"});
  CHECK(states(host) == "a=running");
  host.book.failures["a"] = 100;
  tell(host, "a", "{exit, boom}");
  host.end_of(pid);
  CHECK(host.book.take(1) == lines{"stop a boom"});
}

TEST_CASE("one_for_all goes on from a sibling that fails to start") {
  test_host host;
  const auto [pid, why] =
      host.supervise(with({actor("a"), actor("b"), actor("c")}, strategy::one_for_all, 5));
  REQUIRE(pid);
  host.book.take(3);
  host.book.failures["b"] = 1;
  tell(host, "c", "{exit, boom}");
  CHECK(host.book.take(9) == lines{"stop c boom", "stop b shutdown", "stop a shutdown", "start a", "fail b",
                                   "stop a shutdown", "start a", "start b", "start c"});
}

namespace {

constexpr base::nanos hour = 3600 * base::nanos_per_second;

child_spec waiting(std::string_view id, base::nanos wait) {
  child_spec out = actor(id);
  out.backoff = backoff_options{wait, hour, 0};
  return out;
}

} // namespace

TEST_CASE("a child with a backoff is restarting until its wait is over, and its stopped siblings wait") {
  struct row {
    strategy how;
    lines stopped;
    const char* meanwhile;
  };
  const row rows[] = {
      {strategy::one_for_one, {"stop b boom"}, "a=running b=restarting c=running"},
      {strategy::rest_for_one, {"stop b boom", "stop c shutdown"}, "a=running b=restarting c=undefined"},
      {strategy::one_for_all,
       {"stop b boom", "stop c shutdown", "stop a shutdown"},
       "a=undefined b=restarting c=undefined"},
  };
  for (const row& each : rows) {
    CAPTURE(text(each.how));
    test_host host;
    REQUIRE(host.supervise(with({actor("a"), waiting("b", hour), actor("c")}, each.how)).first);
    host.book.take(3);
    const auto b = host.system.whereis("b");
    REQUIRE(b);
    tell(host, "b", "{exit, boom}");
    CHECK(host.book.take(each.stopped.size()) == each.stopped);
    host.end_of(*b);
    CHECK(states(host) == each.meanwhile);
    CHECK(host.call(sup, "{restart_child, b}") == "{error,restarting}");
    CHECK(host.call(sup, "{delete_child, b}") == "{error,restarting}");
    CHECK(host.call(sup, "{terminate_child, b}") == "ok");
    CHECK(host.call(sup, "{restart_child, b}").starts_with("{ok,<0."));
  }
}

TEST_CASE("stopped siblings run again when their child is started by request, or given up") {
  const auto comes_to = [](test_host& host, const std::string& wanted) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (states(host) != wanted && std::chrono::steady_clock::now() < limit)
      coppice::test::pause(std::chrono::milliseconds(1));
    return states(host);
  };
  for (const strategy how : {strategy::rest_for_one, strategy::one_for_all}) {
    CAPTURE(text(how));
    test_host host;
    REQUIRE(host.supervise(with({actor("a"), waiting("b", hour), actor("c")}, how)).first);
    const auto b = host.system.whereis("b");
    REQUIRE(b);
    tell(host, "b", "{exit, boom}");
    host.end_of(*b);
    CHECK(host.call(sup, "{'$coppice_restart_child', b}").starts_with("{ok,<0."));
    CHECK(states(host) == "a=running b=running c=running");

    test_host other;
    auto spec = with({actor("a"), actor("b"), actor("c")}, how, 1);
    spec.on_exceeded = on_exceeded::give_up;
    REQUIRE(other.supervise(std::move(spec)).first);
    other.book.failures["b"] = 10;
    tell(other, "b", "{exit, boom}");
    const std::string end = "a=running b=undefined c=running";
    CHECK(comes_to(other, end) == end);
  }
}

namespace {

void look_until_listed(test_host& host, std::string_view child) {
  test::look_until([&] { return states(host).find(child) != std::string::npos; });
}

} // namespace

TEST_CASE("stopped siblings run again when the child that they wait for is stopped, or does not start") {
  struct row {
    const char* request;
    int failures; // of the start of b
    const char* answer;
  };
  const row rows[] = {{"{terminate_child, b}", 0, "ok"},
                      {"{'$coppice_restart_child', b}", 1, "{error,{cannot,start}}"}};
  for (const strategy how : {strategy::rest_for_one, strategy::one_for_all}) {
    CAPTURE(text(how));
    for (const row& each : rows) {
      CAPTURE(each.request);
      test_host host;
      REQUIRE(host.supervise(with({actor("a"), waiting("b", hour), actor("c")}, how)).first);
      tell(host, "b", "{exit, boom}");
      look_until_listed(host, "b=restarting");
      host.book.failures["b"] = each.failures;
      CHECK(host.call(sup, each.request) == each.answer);
      CHECK(states(host) == "a=running b=undefined c=running");
    }
  }
}

TEST_CASE("a sibling that fails to start, and is given up then, does not keep the others from starting") {
  test_host host;
  auto spec = with({actor("a"), waiting("b", base::nanos_per_ms), actor("c")}, strategy::one_for_all, 1);
  spec.on_exceeded = on_exceeded::give_up;
  REQUIRE(host.supervise(std::move(spec)).first);
  host.book.take(3);
  host.book.failures["a"] = 1;
  tell(host, "b", "{exit, boom}");
  CHECK(host.book.take(6) ==
        lines{"stop b boom", "stop c shutdown", "stop a shutdown", "fail a", "start b", "start c"});
  CHECK(states(host) == "a=undefined b=running c=running");
}

TEST_CASE("a child that had finished does not run again when its sibling is given up, or stopped") {
  for (const strategy how : {strategy::rest_for_one, strategy::one_for_all}) {
    CAPTURE(text(how));
    for (const bool parks : {true, false}) {
      CAPTURE(parks);
      test_host host;
      auto spec = with({actor("a"), waiting("b", hour), actor("c", "scribe", restart_type::transient)}, how,
                       parks ? 0 : 3);
      spec.on_exceeded = on_exceeded::give_up;
      REQUIRE(host.supervise(std::move(spec)).first);
      tell(host, "c", "{exit, normal}");
      look_until_listed(host, "c=undefined");
      tell(host, "b", "{exit, boom}");
      look_until_listed(host, parks ? "b=undefined" : "b=restarting");
      if (!parks) CHECK(host.call(sup, "{terminate_child, b}") == "ok");
      CHECK(states(host) == "a=running b=undefined c=undefined");
    }
  }
}

TEST_CASE("a wait that is over starts the child and its siblings in order") {
  test_host host;
  REQUIRE(
      host.supervise(with({actor("a"), waiting("b", base::nanos_per_ms), actor("c")}, strategy::one_for_all))
          .first);
  host.book.take(3);
  tell(host, "b", "{exit, boom}");
  CHECK(host.book.take(6) ==
        lines{"stop b boom", "stop c shutdown", "stop a shutdown", "start a", "start b", "start c"});
  CHECK(states(host) == "a=running b=running c=running");
}

TEST_CASE("a wait counts as one restart, also after a start that failed") {
  test_host host;
  const auto [pid, why] = host.supervise(with({waiting("a", base::nanos_per_ms)}, strategy::one_for_one, 3));
  REQUIRE(pid);
  host.book.take(1);
  host.book.failures["a"] = 2;
  tell(host, "a", "{exit, boom}");
  CHECK(host.book.take(4) == lines{"stop a boom", "fail a", "fail a", "start a"});
  tell(host, "a", "{exit, boom}");
  host.end_of(pid);
  CHECK(host.book.take(1) == lines{"stop a boom"});
}

TEST_CASE("children of a template wait each for itself") {
  test_host host;
  child_spec each = waiting("worker", base::nanos_per_ms);
  each.name = "";
  REQUIRE(host.supervise(with({each}, strategy::simple_one_for_one)).first);
  const std::string first = host.call(sup, "{start_child, []}");
  CHECK(host.call(sup, "{start_child, []}").starts_with("{ok,<0."));
  host.book.take(4);
  const auto term_of_first = term(first.substr(4, first.size() - 5));
  etf::cursor at(term_of_first.bytes());
  host.system.send(*runtime::read_pid(at, host.system.nodes()), term("{exit, boom}"));
  CHECK(host.book.take(3) == lines{"stop worker boom", "args #{}", "start worker"});
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,2},{supervisors,0},{workers,2}]");
}

TEST_CASE("a child that does not stop within its time is killed") {
  test_host host;
  child_spec slow = actor("slow", "stubborn");
  slow.shutdown = shutdown_limit::after(base::nanos_per_ms);
  const auto [pid, why] = host.supervise(with({actor("a"), slow}));
  REQUIRE(pid);
  host.book.take(2);
  CHECK(host.shut_down(pid) == "shutdown");
  CHECK(host.book.take(1) == lines{"stop a shutdown"});
  CHECK_FALSE(host.system.whereis("slow").has_value());
}

TEST_CASE("brutal_kill leaves a child no time") {
  test_host host;
  child_spec brutal = actor("brutal");
  brutal.shutdown = shutdown_limit::brutal_kill();
  const auto [pid, why] = host.supervise(with({actor("a"), brutal}));
  REQUIRE(pid);
  host.book.take(2);
  CHECK(host.shut_down(pid) == "shutdown");
  CHECK(host.book.take(1) == lines{"stop a shutdown"});
}

TEST_CASE("auto_shutdown ends the supervisor with its significant child") {
  test_host host;
  child_spec key = actor("key", "scribe", restart_type::transient);
  key.significant = true;
  supervisor_spec spec = with({actor("a"), key});
  spec.auto_shutdown = auto_shutdown::any_significant;
  const auto [pid, why] = host.supervise(std::move(spec));
  REQUIRE(pid);
  host.book.take(2);
  tell(host, "key", "{exit, normal}");
  host.end_of(pid);
  CHECK(host.book.take(2) == lines{"stop key normal", "stop a shutdown"});
}

TEST_CASE("a killed supervisor takes its children with it") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a")}));
  REQUIRE(pid);
  host.book.take(1);
  host.system.exit(pid, runtime::message::atom("kill"));
  CHECK(host.book.take(1) == lines{"stop a killed"});
}

TEST_CASE("a name that another child of the running supervisor has is not waited for") {
  test_host host;
  test::heard_log log;
  REQUIRE(host.supervise(with({actor("a"), actor("b")})).first);
  host.book.take(2);
  const std::string twin = "#{id => twin, name => a, start => {coppice, start_link, [scribe, #{}]}}";
  CHECK(host.call(sup, "{start_child, " + twin + "}").starts_with("{error,{already_started,<0."));
  CHECK(log.count("waits for the end of") == 0);
}

TEST_CASE("supervisor's requests get OTP's answers") {
  test_host host;
  auto inner = std::make_shared<supervisor_spec>();
  child_spec nested = actor("nested");
  nested.name = "";
  nested.supervisor = inner;
  nested.shutdown = shutdown_limit::infinity();
  const auto [pid, why] =
      host.supervise(with({actor("a"), actor("b", "scribe", restart_type::temporary), nested}));
  REQUIRE(pid);
  const std::string start = "start => {coppice, start_link, [scribe, #{}]}";
  const std::string refused =
      "{error,{bad_request,<<\"a supervisor takes which_children, count_children, start_child, "
      "restart_child, "
      "terminate_child, delete_child and get_childspec\">>}}";
  const std::pair<std::string, std::string> rows[] = {
      {"count_children", "[{specs,3},{active,3},{supervisors,1},{workers,2}]"},
      {"{restart_child, a}", "{error,running}"},
      {"{restart_child, zz}", "{error,not_found}"},
      {"{delete_child, a}", "{error,running}"},
      {"{delete_child, zz}", "{error,not_found}"},
      {"{terminate_child, zz}", "{error,not_found}"},
      {"{get_childspec, zz}", "{error,not_found}"},
      {"{terminate_child, a}", "ok"},
      {"count_children", "[{specs,3},{active,2},{supervisors,1},{workers,2}]"},
      {"{start_child, #{id => a, " + start + "}}", "{error,already_present}"},
      {"{restart_child, a}", "{ok,PID}"},
      {"{start_child, #{id => a, " + start + "}}", "{error,{already_started,PID}}"},
      {"{terminate_child, a}", "ok"},
      {"{delete_child, a}", "ok"},
      {"{restart_child, a}", "{error,not_found}"},
      {"{terminate_child, b}", "ok"},
      {"{restart_child, b}", "{error,not_found}"},
      {"{start_child, #{id => n}}", "{error,missing_start}"},
      {"{start_child, #{id => {n, 1}, " + start + "}}", "{ok,PID}"},
      {"{start_child, #{id => x, start => {coppice, start_link, [unknown, #{}]}}}",
       "{error,{{start_failed,<<\"no actor "
       "unknown\">>},{child,undefined,x,{coppice,start_link,[unknown,#{}]},"
       "permanent,false,5000,worker,[unknown]}}}"},
      {"{start_child, #{id => i, start => {coppice, start_link, [ignoring]}}}", "{ok,undefined}"},
      {"which_children",
       "[{i,undefined,worker,[ignoring]},{{n,1},PID,worker,[scribe]},{nested,PID,supervisor,[supervisor]}]"},
      {"bogus", refused},
      {"{start_task,[],temporary,undefined}", refused},
      {"{bogus,1}", refused},
  };
  for (const auto& row : rows) {
    const std::string& request = row.first;
    const std::string& expected = row.second;
    CAPTURE(request);
    std::string answer = host.call(sup, request);
    for (std::size_t at; (at = answer.find("<0.")) != std::string::npos;) {
      answer.replace(at, answer.find('>', at) - at + 1, "PID");
    }
    CHECK(answer == expected);
  }
}

TEST_CASE("a supervisor that is started at run time is one as any other, and ends with its children") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a")}));
  REQUIRE(pid);
  const auto scribe = [](const std::string& id) {
    return "#{id => " + id + ", name => " + id + ", start => {coppice, start_link, [scribe, #{id => " + id +
           "}]}}";
  };
  const std::string inner =
      "{start_child, #{id => inner, type => supervisor, start => {coppice, start_link, [supervisor, "
      "{#{strategy => one_for_all, intensity => 3, name => inner}, [" +
      scribe("b") + ", " + scribe("c") + "]}]}}}";
  const std::string started = host.call(sup, inner);
  CHECK(started.starts_with("{ok,<0."));
  CHECK(host.book.take(5) == lines{"start a", "args #{id => b}", "start b", "args #{id => c}", "start c"});
  CHECK(host.call(sup, inner) == "{error,{already_started," + started.substr(4, started.size() - 5) + "}}");
  CHECK(host.call(sup, "count_children") == "[{specs,2},{active,2},{supervisors,1},{workers,1}]");
  const auto in = runtime::destination::named("inner");
  CHECK(host.call(in, "count_children") == "[{specs,2},{active,2},{supervisors,0},{workers,2}]");
  // The inner supervisor has its own strategy, and takes requests at run time.
  tell(host, "b", "{exit, oops}");
  CHECK(host.book.take(6) ==
        lines{"stop b oops", "stop c shutdown", "args #{id => b}", "start b", "args #{id => c}", "start c"});
  CHECK(host.call(in, "{start_child, " + scribe("d") + "}").starts_with("{ok,<0."));
  CHECK(host.book.take(2) == lines{"args #{id => d}", "start d"});
  const auto rows = host.tree.children_of(pid);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].name == "inner");
  CHECK(rows[1].is_supervisor);
  CHECK(rows[1].children.size() == 3);
  CHECK(host.call(sup, "{terminate_child, inner}") == "ok");
  CHECK(host.book.take(3) == lines{"stop d shutdown", "stop c shutdown", "stop b shutdown"});
  CHECK(host.call(sup, "{restart_child, inner}").starts_with("{ok,<0."));
  CHECK(host.book.take(4).size() == 4); // b and c, as in its specification
  CHECK(host.call(in, "count_children") == "[{specs,2},{active,2},{supervisors,0},{workers,2}]");
  CHECK(host.call(sup, "{terminate_child, inner}") == "ok");
  CHECK(host.call(sup, "{delete_child, inner}") == "ok");
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
}

TEST_CASE("a supervisor that does not start at run time leaves nothing, and says which child failed") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a")}));
  REQUIRE(pid);
  host.book.take(1);
  const std::string request =
      "{start_child, #{id => inner, type => supervisor, start => {coppice, start_link, [supervisor, "
      "{#{}, [#{id => b, start => {coppice, start_link, [scribe]}}, "
      "#{id => c, start => {coppice, start_link, [unknown]}}]}]}}}";
  CHECK(host.call(sup, request)
            .starts_with("{error,{{shutdown,{failed_to_start_child,c,{start_failed,<<\"no actor "
                         "unknown\">>}}},{child,undefined,inner,"));
  CHECK(host.book.take(2) == lines{"start b", "stop b shutdown"});
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
  CHECK(host.call(
            sup,
            "{start_child, #{id => inner, type => supervisor, start => {coppice, start_link, [supervisor, "
            "{#{strategy => some}, []}]}}}") == "{error,{supervisor_data,{invalid_strategy,some}}}");
}

TEST_CASE("supervisors in each other start at once, as many as there may be, and say what they are") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a")}));
  REQUIRE(pid);
  host.book.take(1);
  std::string tower = "#{id => last, start => {coppice, start_link, [scribe]}}";
  for (unsigned i = 0; i < deepest_supervisor; ++i)
    tower = "#{id => in, type => supervisor, start => {coppice, start_link, [supervisor, {#{}, [" + tower +
            "]}]}}";
  CHECK(host.call(sup, "{start_child, " + tower + "}").starts_with("{ok,<0."));
  CHECK(host.book.take(1) == lines{"start last"});
  const std::string told = host.call(sup, "{get_childspec, in}");
  CHECK(told.find("id => last") != std::string::npos);
  CHECK(host.call(sup, "{terminate_child, in}") == "ok");
  CHECK(host.book.take(1) == lines{"stop last shutdown"});
}

TEST_CASE("supervisors started in each other end where they may be nested no deeper") {
  test_host host;
  const auto [pid, why] = host.supervise(with({actor("a")}));
  REQUIRE(pid);
  runtime::pid at = pid;
  for (unsigned i = 0; i < deepest_supervisor; ++i) {
    const std::string floor = "floor" + std::to_string(i);
    const std::string answer = host.call(at,
                                         "{start_child, #{id => in, type => supervisor, start => {coppice, "
                                         "start_link, [supervisor, {#{name => " +
                                             floor + "}, []}]}}}");
    REQUIRE(answer.starts_with("{ok,<0."));
    at = *host.system.whereis(floor);
  }
  CHECK(host.call(at,
                  "{start_child, #{id => in, type => supervisor, start => {coppice, start_link, [supervisor, "
                  "{#{}, []}]}}}") == "{error,{nested_too_deep,in}}");
  CHECK(host.shut_down(pid) == "shutdown");
}

TEST_CASE("simple_one_for_one starts children from its template, with arguments merged in") {
  test_host host;
  child_spec each = actor("worker");
  each.name = "";
  each.args = term("#{a => 1, b => 2}");
  const auto [pid, why] = host.supervise(with({each}, strategy::simple_one_for_one));
  REQUIRE(pid);
  CHECK(host.call(sup, "which_children") == "[]");
  const std::string first = host.call(sup, "{start_child, #{b => 3}}");
  CHECK(first.starts_with("{ok,<0."));
  CHECK(host.book.take(2) == lines{"args #{a => 1,b => 3}", "start worker"});
  CHECK(host.call(sup, "{start_child, []}").starts_with("{ok,<0."));
  CHECK(host.call(sup, "{start_child, [#{c => 1}]}").starts_with("{ok,<0."));
  CHECK(host.call(sup, "{start_child, 7}") == "{error,badarg}");
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,3},{supervisors,0},{workers,3}]");
  CHECK(host.call(sup, "{restart_child, worker}") == "{error,simple_one_for_one}");
  CHECK(host.call(sup, "{delete_child, worker}") == "{error,simple_one_for_one}");
  CHECK(host.call(sup, "{terminate_child, worker}") == "{error,simple_one_for_one}");
  const std::string worker = first.substr(4, first.size() - 5);
  CHECK(host.call(sup, "{terminate_child, " + worker + "}") == "ok");
  CHECK(host.call(sup, "{terminate_child, " + worker + "}") == "ok");
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,2},{supervisors,0},{workers,2}]");
  CHECK(host.shut_down(pid) == "shutdown");
}

TEST_CASE("of children of a template that are given up no row is left, as nobody could start them again") {
  test_host host;
  child_spec each = actor("worker", "scribe", restart_type::permanent);
  each.name = "";
  auto spec = with({each}, strategy::simple_one_for_one, 0);
  spec.on_exceeded = on_exceeded::give_up;
  REQUIRE(host.supervise(std::move(spec)).first);
  constexpr int rounds = 5;
  for (int i = 0; i < rounds; ++i) {
    const std::string started = host.call(sup, "{start_child, []}");
    REQUIRE(started.starts_with("{ok,<0."));
    host.book.take(2);
    const auto pid = term(started.substr(4, started.size() - 5));
    etf::cursor at(pid.bytes());
    host.system.send(*runtime::read_pid(at, host.system.nodes()), term("{exit, boom}"));
    CHECK(host.book.take(1) == lines{"stop worker boom"});
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (host.call(sup, "which_children") != "[]" && std::chrono::steady_clock::now() < limit)
    coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(host.call(sup, "which_children") == "[]");
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,0},{supervisors,0},{workers,0}]");
  CHECK(host.call(sup, "{start_child, []}").starts_with("{ok,<0."));
}

TEST_CASE("a flood at a supervisor's name, which is full of it, loses no child's exit") {
  test_host host;
  base::log::set_level(base::log::level::error); // the supervisor logs each unknown message
  auto spec = with({actor("a", "scribe", restart_type::permanent)});
  spec.name = "flooded";
  spec.intensity = 1000;
  const auto [pid, why] = host.supervise(std::move(spec));
  REQUIRE(pid);
  host.book.take(1);
  std::atomic<bool> go_on{true};
  std::vector<std::thread> flood;
  for (int i = 0; i < 2; ++i)
    flood.emplace_back([&] {
      while (go_on) host.system.send(runtime::destination::named("flooded"), term("{'$gen_cast', nonsense}"));
    });
  for (int round = 0; round < 3; ++round) {
    const auto before = host.call(runtime::destination::named("a"), "self");
    host.system.send(runtime::destination::named("a"), term("{exit, boom}"));
    CHECK(host.book.take(2) == lines{"stop a boom", "start a"});
    CHECK(host.call(runtime::destination::named("a"), "self") != before);
  }
  go_on = false;
  for (auto& one : flood) one.join();
  base::log::set_level(base::log::level::info);
}

TEST_CASE("a child is started again before all that waits at its supervisor's name") {
  constexpr std::uint64_t flood = 20'000;
  test_host host;
  base::log::set_level(base::log::level::error);
  auto spec =
      with({actor("a", "scribe", restart_type::permanent), actor("b", "scribe", restart_type::permanent)});
  spec.intensity = 10;
  const auto [pid, why] = host.supervise(std::move(spec));
  REQUIRE(pid);
  host.book.take(2);
  const auto pid_of = [&](const char* name) { return host.system.whereis(name).value(); };
  const runtime::pid a = pid_of("a");
  std::promise<void> restarting, open;
  std::uint64_t waiting_then = 0;
  host.book.on_start = [&, sup_pid = pid](runtime::process& self, const std::string& id) {
    if (id == "b") {
      restarting.set_value();
      (void)self.blocking_run([&] { open.get_future().wait(); });
    } else {
      waiting_then = host.system.info(sup_pid)->summary.messages;
    }
  };
  host.system.exit(pid_of("b"), term("kill"));
  restarting.get_future().wait();
  for (std::uint64_t i = 0; i < flood; ++i) host.system.send(sup, term("{'$gen_cast', nonsense}"));
  host.system.exit(a, term("kill"));
  host.run([&](runtime::process& self) { return self.await(self.monitor(a, true)).has_value(); });
  open.set_value();
  CHECK(host.book.take(2) == lines{"start b", "start a"});
  CHECK(waiting_then == flood);
  CHECK(host.call(sup, "count_children") == "[{specs,2},{active,2},{supervisors,0},{workers,2}]");
  host.book.on_start = {};
  base::log::set_level(base::log::level::info);
}

TEST_CASE("sys:get_state, suspend and resume work on a supervisor") {
  test_host host;
  const runtime::pid pid = host.supervise(with({actor("a")})).first;
  REQUIRE(pid);
  const auto system_request = [&](std::string_view what) { return host.system_request(pid, what); };
  CHECK(system_request("get_state").starts_with("{ok,#{strategy => one_for_one"));
  CHECK(system_request("get_status").starts_with("{status,<0."));
  CHECK(system_request("{replace_state, x}") == "{error,unsupported}");
  CHECK(system_request("suspend") == "ok");
  tell(host, "a", "{exit, boom}");
  CHECK(host.book.take(2).back() == "stop a boom");
  CHECK(system_request("resume") == "ok");
  CHECK(host.book.take(1) == lines{"start a"});
}
