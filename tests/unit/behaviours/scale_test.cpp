// SPDX-License-Identifier: MIT
// Tests of wide and deep trees: the cost of 100,000 children of one supervisor grows linearly with their
// number, and a hundred supervisors below each other start, restart, escalate and stop as two would. Costs
// are measured in processor time, so other work on the machine does not change them.
#include <doctest/doctest.h>
#include <time.h>

#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/sanitizer.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::test_host;

namespace {

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct cost {
  double start = 0;
  double restart = 0; // of all children
  double stop = 0;
};

// Repeats the call while it times out, because the supervisor is still busy.
std::string ask(test_host& host, const std::string& name, std::string_view what) {
  const auto to = runtime::destination::named(name);
  std::string answer = "!timeout";
  while (answer == "!timeout") answer = host.call(to, what);
  return answer;
}

// The cost of `trees` supervisors with `count` children each, all of which run at the same time.
cost cost_of(std::size_t trees, std::size_t count) {
  test_host host;
  cost out;
  double began = processor_seconds();
  const auto lap = [&began] {
    const double now = processor_seconds();
    return now - std::exchange(began, now);
  };
  const std::string all = "{active," + std::to_string(count) + "}";
  const auto name_of = [](std::size_t tree) { return "sup" + std::to_string(tree); };
  std::vector<runtime::pid> tops;
  for (std::size_t tree = 0; tree < trees; ++tree) {
    supervisor_spec spec;
    spec.name = name_of(tree);
    spec.strategy = strategy::one_for_all;
    spec.intensity = 3;
    for (std::size_t i = 0; i < count; ++i) {
      child_spec one = test::actor("c" + std::to_string(i));
      one.name = "";
      spec.children.push_back(std::make_shared<child_spec>(std::move(one)));
    }
    lap();
    tops.push_back(host.supervise(std::move(spec)).first);
    REQUIRE(tops.back());
    out.start += lap();
    CHECK(ask(host, name_of(tree), "count_children").find(all) != std::string::npos);
  }
  for (std::size_t tree = 0; tree < trees; ++tree) {
    host.book.take(0);
    const runtime::pid victim = host.tree.children_of(tops[tree]).at(count / 2).pid;
    lap();
    host.system.exit(victim, runtime::message::atom("kill"));
    host.end_of(victim);
    // The call is repeated until all children have been restarted.
    const auto seen = [&host, count] { return host.book.lines().size() >= 2 * count - 1; };
    while (!seen()) CHECK(ask(host, name_of(tree), "count_children").starts_with("["));
    out.restart += lap();
    CHECK(ask(host, name_of(tree), "count_children").find(all) != std::string::npos);
  }
  for (const runtime::pid& top : tops) {
    host.book.take(0);
    lap();
    CHECK(host.shut_down(top) == "shutdown");
    out.stop += lap();
    CHECK(host.book.lines().size() == count);
  }
  return out;
}

} // namespace

// Ten trees with a tenth of the children take the same memory as one tree. That matters because filling
// memory for the first time costs more than filling it again.
TEST_CASE("100,000 children start, restart together and stop in time linear in their number") {
  constexpr std::size_t count = base::sanitized ? 10'000 : 100'000;
  constexpr double allowed = 4; // squared it would be ten
  const cost several = cost_of(10, count / 10);
  const cost one = cost_of(1, count);
  CHECK(one.start < several.start * allowed);
  CHECK(one.restart < several.restart * allowed);
  CHECK(one.stop < several.stop * allowed);
}

namespace {

// A chain of `depth` supervisors, each the only child of the one above; the innermost has the child `leaf`.
// `patient`: the level whose intensity is 1; all others have 0.
supervisor_spec chain(std::size_t depth, std::size_t patient) {
  supervisor_spec below;
  below.intensity = depth == patient ? 1 : 0;
  below.children.push_back(std::make_shared<child_spec>(test::actor("leaf")));
  for (std::size_t level = depth - 1; level > 0; --level) {
    child_spec nested = test::actor("s" + std::to_string(level));
    nested.name = "";
    nested.shutdown = shutdown_limit::infinity();
    nested.supervisor = std::make_shared<supervisor_spec>(std::move(below));
    below = supervisor_spec();
    below.intensity = level == patient ? 1 : 0;
    below.children.push_back(std::make_shared<child_spec>(std::move(nested)));
  }
  below.name = "sup";
  return below;
}

using lines = std::vector<std::string>;
const auto leaf = runtime::destination::named("leaf");

} // namespace

TEST_CASE("a hundred supervisors below each other start, stop and restart what fails at the bottom") {
  test_host host;
  const runtime::pid top = host.supervise(chain(100, 100)).first;
  REQUIRE(top);
  CHECK(host.book.take(1) == lines{"start leaf"});
  host.system.send(leaf, test::term("{exit, boom}"));
  CHECK(host.book.take(2) == lines{"stop leaf boom", "start leaf"});
  CHECK(host.tree.children_of(top).size() == 1);
  CHECK(host.shut_down(top) == "shutdown");
  CHECK(host.book.take(1) == lines{"stop leaf shutdown"});
  CHECK(host.tree.children_of(top).empty());
}

TEST_CASE("a failure at the bottom goes up a hundred levels to the one that bears it, or ends the tree") {
  test_host host;
  const runtime::pid top = host.supervise(chain(100, 2)).first;
  REQUIRE(top);
  CHECK(host.book.take(1) == lines{"start leaf"});
  host.system.send(leaf, test::term("{exit, boom}"));
  CHECK(host.book.take(2) == lines{"stop leaf boom", "start leaf"});
  host.system.send(leaf, test::term("{exit, again}"));
  CHECK(host.end_of(top) == "shutdown");
  CHECK(host.book.take(1) == lines{"stop leaf again"});
  CHECK(host.system.registered().empty());
}
