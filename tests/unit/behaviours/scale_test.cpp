// SPDX-License-Identifier: MIT
// Wide trees and deep ones: what 100,000 children cost is ten times what 10,000 do, not a hundred times, and
// a hundred supervisors below each other start, restart, escalate and stop as two would. Costs are processor
// time, which a busy machine does not stretch.
#include <doctest/doctest.h>
#include <time.h>

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
  double restart = 0; // of all of them
  double stop = 0;
};

const auto sup = runtime::destination::named("sup");

// Once the supervisor is done with what it does; busy is none.
std::string ask(test_host& host, std::string_view what) {
  std::string answer = "!timeout";
  while (answer == "!timeout") answer = host.call(sup, what);
  return answer;
}

cost cost_of(std::size_t count) {
  test_host host;
  supervisor_spec spec;
  spec.name = "sup";
  spec.strategy = strategy::one_for_all;
  spec.intensity = 3;
  for (std::size_t i = 0; i < count; ++i) {
    child_spec one = test::actor("c" + std::to_string(i));
    one.name = "";
    spec.children.push_back(std::make_shared<child_spec>(std::move(one)));
  }
  cost out;
  double began = processor_seconds();
  const auto lap = [&began] {
    const double now = processor_seconds();
    return now - std::exchange(began, now);
  };
  const runtime::pid pid = host.supervise(std::move(spec)).first;
  REQUIRE(pid);
  out.start = lap();
  const std::string all = "{active," + std::to_string(count) + "}";
  CHECK(ask(host, "count_children").find(all) != std::string::npos);
  host.book.take(0);
  const runtime::pid victim = host.tree.children_of(pid).at(count / 2).pid;
  lap();
  host.system.exit(victim, runtime::message::atom("kill"));
  host.end_of(victim);
  // Asked again until it has heard of that end: then all are others.
  const auto seen = [&host, count] { return host.book.lines().size() >= 2 * count - 1; };
  while (!seen()) CHECK(ask(host, "count_children").starts_with("["));
  out.restart = lap();
  CHECK(ask(host, "count_children").find(all) != std::string::npos);
  host.book.take(0);
  lap();
  CHECK(host.shut_down(pid) == "shutdown");
  out.stop = lap();
  CHECK(host.book.lines().size() == count);
  return out;
}

} // namespace

TEST_CASE("100,000 children start, restart together and stop in time linear in their number") {
  constexpr std::size_t few = base::sanitized ? 1'000 : 10'000;
  constexpr double times = 10;
  constexpr double allowed =
      4; // for caches that no longer hold it all; squared it would be ten times as much
  const cost small = cost_of(few);
  const cost large = cost_of(few * static_cast<std::size_t>(times));
  CHECK(large.start < small.start * times * allowed);
  CHECK(large.restart < small.restart * times * allowed);
  CHECK(large.stop < small.stop * times * allowed);
}

namespace {

// `depth` supervisors, each the only child of the one above; the innermost has `leaf`. `patient`: the level
// that bears one restart, the others none.
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
