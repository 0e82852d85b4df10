// SPDX-License-Identifier: MIT
// Tests of the supervisor's decisions against OTP's rules, as tables: every restart type with every exit
// reason, and every strategy with every position.
#include "behaviours/supervision/restart.hpp"

#include <doctest/doctest.h>

#include "terms.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::term;

namespace {

constexpr base::nanos second = base::nanos_per_second;

// Fills the table with running children from "a b- c!*": a letter for each; "-" temporary, "!" transient,
// else permanent; "*" significant.
void fill(child_table& table, std::string_view children) {
  std::uint32_t number = 1;
  for (std::size_t at = 0; at < children.size(); ++at) {
    if (children[at] == ' ') continue;
    auto spec = std::make_shared<child_spec>();
    spec->id = runtime::message::atom(children.substr(at, 1));
    for (; at + 1 < children.size() && children[at + 1] != ' '; ++at) {
      if (children[at + 1] == '-') spec->restart = restart_type::temporary;
      if (children[at + 1] == '!') spec->restart = restart_type::transient;
      if (children[at + 1] == '*') spec->significant = true;
    }
    child& one = table.append(spec, spec->id, {}, {});
    table.set_running(one, {0, 4, number++, 0});
  }
}

std::string ids(const std::vector<child*>& children) {
  std::string out;
  for (const child* one : children) out += etf::print(one->id.bytes());
  return out;
}

child& by_id(child_table& table, std::string_view id) {
  child* const found = table.find(runtime::message::atom(id).bytes());
  REQUIRE(found != nullptr);
  return *found;
}

} // namespace

TEST_CASE("an exit reason is normal, shutdown in both forms, or abnormal") {
  CHECK(classify(term("normal").bytes()) == exit_class::normal);
  CHECK(classify(term("shutdown").bytes()) == exit_class::shutdown);
  CHECK(classify(term("{shutdown, because}").bytes()) == exit_class::shutdown);
  for (const char* abnormal : {"killed", "boom", "{shutdown}", "{shutdown, a, b}", "{normal, a}",
                               "\"normal\"", "<<\"shutdown\">>", "[]", "{badmatch, shutdown}"}) {
    CHECK_MESSAGE(classify(term(abnormal).bytes()) == exit_class::abnormal, abnormal);
  }
}

TEST_CASE("what a child's end means, by restart type and reason") {
  using kind = exit_decision::kind;
  struct row {
    restart_type restart;
    exit_class reason;
    kind what;
    kind what_if_simple;
    bool report;
  };
  const row rows[] = {
      {restart_type::permanent, exit_class::normal, kind::restart, kind::restart, true},
      {restart_type::permanent, exit_class::shutdown, kind::restart, kind::restart, true},
      {restart_type::permanent, exit_class::abnormal, kind::restart, kind::restart, true},
      {restart_type::transient, exit_class::normal, kind::keep, kind::forget, false},
      {restart_type::transient, exit_class::shutdown, kind::keep, kind::forget, false},
      {restart_type::transient, exit_class::abnormal, kind::restart, kind::restart, true},
      {restart_type::temporary, exit_class::normal, kind::forget, kind::forget, false},
      {restart_type::temporary, exit_class::shutdown, kind::forget, kind::forget, false},
      {restart_type::temporary, exit_class::abnormal, kind::forget, kind::forget, true},
  };
  for (const row& each : rows) {
    CAPTURE(text(each.restart));
    CAPTURE(static_cast<int>(each.reason));
    for (const auto how : {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one}) {
      CHECK(on_exit(how, each.restart, each.reason) == exit_decision{each.what, each.report});
    }
    CHECK(on_exit(strategy::simple_one_for_one, each.restart, each.reason) ==
          exit_decision{each.what_if_simple, each.report});
  }
}

TEST_CASE("what a restart stops and starts, by strategy and position") {
  struct row {
    strategy how;
    const char* children;
    const char* failed;
    const char* stop;
    const char* start;
  };
  const row rows[] = {
      {strategy::one_for_one, "a b c", "a", "", "a"},
      {strategy::one_for_one, "a b c", "c", "", "c"},
      {strategy::one_for_one, "a- b! c", "b", "", "b"},
      {strategy::rest_for_one, "a b c d", "a", "dcb", "abcd"},
      {strategy::rest_for_one, "a b c d", "b", "dc", "bcd"},
      {strategy::rest_for_one, "a b c d", "d", "", "d"},
      {strategy::rest_for_one, "a- b c- d", "b", "dc", "bd"},
      {strategy::rest_for_one, "a b! c! d-", "b", "dc", "bc"},
      {strategy::one_for_all, "a b c d", "a", "dcb", "abcd"},
      {strategy::one_for_all, "a b c d", "b", "dca", "abcd"},
      {strategy::one_for_all, "a b c d", "d", "cba", "abcd"},
      {strategy::one_for_all, "a- b c! d-", "b", "dca", "bc"},
      {strategy::one_for_all, "a", "a", "", "a"},
  };
  for (const row& each : rows) {
    child_table table;
    fill(table, each.children);
    const restart_plan plan = plan_restart(each.how, table, by_id(table, each.failed));
    CAPTURE(text(each.how));
    CAPTURE(each.children);
    CAPTURE(each.failed);
    CHECK(ids(plan.stop) == each.stop);
    CHECK(ids(plan.start) == each.start);
  }
}

TEST_CASE("auto_shutdown ends the supervisor with its significant children") {
  child_table table;
  fill(table, "a!* b!* c!");
  CHECK_FALSE(ends_supervisor(auto_shutdown::never, table, by_id(table, "a")));
  CHECK(ends_supervisor(auto_shutdown::any_significant, table, by_id(table, "a")));
  CHECK_FALSE(ends_supervisor(auto_shutdown::any_significant, table, by_id(table, "c")));
  CHECK_FALSE(ends_supervisor(auto_shutdown::all_significant, table, by_id(table, "a")));
  table.set_stopped(by_id(table, "b"));
  CHECK(ends_supervisor(auto_shutdown::all_significant, table, by_id(table, "a")));
  CHECK_FALSE(ends_supervisor(auto_shutdown::all_significant, table, by_id(table, "c")));
}

TEST_CASE("one restart more than the intensity within the period is too many") {
  restart_window window(2, 5 * second);
  CHECK(window.add(0));
  CHECK(window.add(1 * second));
  CHECK_FALSE(window.add(5 * second));
}

TEST_CASE("restarts older than the period do not count") {
  restart_window window(1, 5 * second);
  base::nanos now = 0;
  for (int i = 0; i < 20; ++i) CHECK(window.add(now += 5 * second + 1));
  CHECK_FALSE(window.add(now + 5 * second));
}

TEST_CASE("how many restarts are left counts those within the period") {
  restart_window window(2, 5 * second);
  CHECK(window.left(0) == 2);
  CHECK(window.add(0));
  CHECK(window.add(1 * second));
  CHECK(window.left(1 * second) == 0);
  CHECK(window.left(5 * second + 1) == 1);
  CHECK_FALSE(window.add(2 * second));
  CHECK(window.left(2 * second) == 0); // never below 0
}

TEST_CASE("restarts count under limits that were set after them") {
  restart_window window(3, 5 * second);
  CHECK(window.add(0));
  CHECK(window.add(1 * second));
  window.set_limit(2, 10 * second);
  CHECK(window.left(6 * second) == 0);
  CHECK_FALSE(window.add(6 * second));
}

TEST_CASE("intensity 0 allows no restart at all") {
  restart_window window(0, 5 * second);
  CHECK_FALSE(window.add(0));
}

TEST_CASE("waits double up to the longest, and their random share only shortens them") {
  constexpr base::nanos ms = base::nanos_per_ms;
  struct row {
    base::nanos first, max;
    double jitter, chance;
    std::vector<base::nanos> waits; // milliseconds
  };
  const row rows[] = {
      {second, 10 * second, 0, 0.5, {1000, 2000, 4000, 8000, 10000, 10000}},
      {0, second, 0, 0.5, {0, 100, 200, 400, 800, 1000}},
      {second, 4 * second, 0.2, 0, {1000, 2000, 4000, 4000}},
      {second, 4 * second, 0.2, 1, {800, 1600, 3200, 3200}},
      {second, 4 * second, 1, 0.5, {500, 1000, 2000, 2000}},
      {5 * second, second, 0, 0, {1000, 1000}},
      {0, 0, 0.2, 0.5, {0, 0, 0}},
  };
  for (const row& each : rows) {
    for (std::uint32_t earlier = 0; earlier < each.waits.size(); ++earlier) {
      CAPTURE(earlier);
      CHECK(backoff_wait({each.first, each.max, each.jitter}, earlier, each.chance) ==
            each.waits[earlier] * ms);
    }
  }
  CHECK(backoff_wait({1, INT64_MAX, 0}, UINT32_MAX, 0) == INT64_MAX);
}

TEST_CASE("the child table finds by id, and by pid while a child runs") {
  child_table table;
  fill(table, "a b-");
  child& a = by_id(table, "a");
  const runtime::pid pid = a.pid;
  CHECK(table.find(pid) == &a);
  CHECK(table.running() == 2);
  table.set_restarting(a);
  CHECK(table.find(pid) == nullptr);
  CHECK(table.running() == 1);
  table.remove(by_id(table, "b"));
  CHECK(table.find(runtime::message::atom("b").bytes()) == nullptr);
  CHECK(table.rows().size() == 1);
  CHECK_FALSE(table.rows()[0].pid);
  CHECK(table.rows()[0].state == child_state::restarting);
}

TEST_CASE("a child whose id is a map is found in whichever order the keys come, and 1 is not 1.0") {
  const auto id = [](std::string_view first, std::string_view last) {
    runtime::message_writer out;
    out.tuple(2);
    out.map(2);
    for (const std::string_view key : {first, last}) {
      out.atom(key);
      out.unsigned_integer(7);
    }
    out.atom("room");
    return out.take();
  };
  child_table table;
  const auto spec = std::make_shared<child_spec>();
  child& one = table.append(spec, id("a", "b"), {}, {});
  CHECK(table.find(id("a", "b").bytes()) == &one);
  CHECK(table.find(id("b", "a").bytes()) == &one);
  CHECK(table.find(id("a", "c").bytes()) == nullptr);
  child& whole = table.append(spec, term("#{1 => 1}"), {}, {});
  CHECK(table.find(term("#{1 => 1}").bytes()) == &whole);
  CHECK(table.find(term("#{1.0 => 1}").bytes()) == nullptr);
  CHECK(table.find(term("#{1 => 1.0}").bytes()) == nullptr);
  table.remove(one);
  CHECK(table.find(id("b", "a").bytes()) == nullptr);
}

TEST_CASE("children without an id are found by pid also while their restart is tried again") {
  child_table table;
  auto spec = std::make_shared<child_spec>();
  child& one = table.append(spec, {}, {}, {});
  const runtime::pid pid{0, 4, 7, 1};
  table.set_running(one, pid);
  table.set_restarting(one);
  CHECK(table.find(pid) == &one);
  const runtime::pid next{0, 4, 8, 1};
  table.set_running(one, next);
  CHECK(table.find(pid) == nullptr);
  CHECK(table.find(next) == &one);
}

TEST_CASE("auto_shutdown: all_significant waits for no child that has been given up") {
  child_table table;
  fill(table, "a*! b*! c");
  table.set_given_up(by_id(table, "a"));
  CHECK(ends_supervisor(auto_shutdown::all_significant, table, by_id(table, "b")));
  table.set_restarting(by_id(table, "a"));
  CHECK_FALSE(ends_supervisor(auto_shutdown::all_significant, table, by_id(table, "b")));
}
