// SPDX-License-Identifier: MIT
// Tests of members whose code knows several versions of their machine, and is replaced while they run.
#include "behaviours/raft/member.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "group_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::raft_testing;
using namespace coppice::test;

namespace {

// Appends a command and returns the sum after it. The command is sent until it is applied, because a leader
// that applies nothing refuses it. If an answer is lost, the command is applied more than once.
std::int64_t appended(group_host& host, std::string_view command) {
  const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
  std::string said;
  do {
    said = host.ask(host.leader(), command);
  } while (!said.starts_with("{ok,") && base::mono_now() < until);
  CHECK(said.starts_with("{ok,"));
  return std::atoll(said.substr(said.rfind(',') + 1).c_str());
}

std::string upgrade_without(const std::string& name) {
  return "{'$coppice_raft_change', upgrade, <<\"" + name + "@test@localhost\">>}";
}

std::uint64_t stored_snapshot_of(group_host& host, const std::string& name) {
  const auto group = *host.log.log()->group("raft/" + name);
  return raft::read_group(*host.log.log(), group)->state.snapshot.index;
}

bool has_line(group_host& host, const std::string& line) {
  const auto lines = host.book.lines();
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

} // namespace

TEST_CASE(
    "a group goes over to the next version when the code of the last voter knows it, at one entry in all") {
  group_host host;
  for (const char* const name : {"a", "b", "c"}) codes.set(name, {1, 1});
  host.start_all();
  CHECK(appended(host, "{append, 1}") > 0);
  for (const char* const name : {"a", "b", "c"}) CHECK(host.writes(std::string(name) + " goes over to 1"));
  codes.set("a", {1, 2});
  codes.set("b", {1, 2});
  const std::int64_t before = appended(host, "{append, 1}");
  CHECK(before < 10);
  for (const char* const name : {"a", "b", "c"})
    CHECK_FALSE(has_line(host, std::string(name) + " goes over to 2"));
  codes.set("c", {1, 2});
  for (const char* const name : {"a", "b", "c"}) CHECK(host.writes(std::string(name) + " goes over to 2"));
  const std::int64_t after = appended(host, "{append, 1}");
  CHECK(after >= before + 10);
  for (const char* const name : {"a", "b", "c"})
    CHECK(host.comes_to(name, "{query, sum, stale}", std::to_string(after)));
}

TEST_CASE("a member with older code stores, votes and applies nothing, until its code is newer") {
  group_host host;
  host.options.append_timeout = 1000 * ms;
  host.options.election = 1000 * ms; // a member that applies nothing leads seldom
  codes.set("a", {1, 2});
  codes.set("b", {1, 2});
  codes.set("c", {1, 1});
  host.start_all();
  const std::string first = std::to_string(appended(host, "{append, 1}"));
  CHECK(host.comes_to("c", "{query, sum, stale}", first));
  const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
  while (host.ask(host.leader(), upgrade_without("c")) != "ok" && base::mono_now() < until) {
    if (has_line(host, "a goes over to 2")) break;
  }
  CHECK(host.writes("a goes over to 2"));
  CHECK(host.comes_to("c", "{query, sum, stale}", "{error,parked}"));
  CHECK(appended(host, "{append, 1}") >= 11);
  CHECK_FALSE(has_line(host, "c goes over to 2"));
  // Without b, c is needed for the majority.
  host.kill("b");
  const std::string last = std::to_string(appended(host, "{append, 1}"));
  CHECK(host.ask("c", "{query, sum, stale}") == "{error,parked}");
  codes.set("c", {1, 2});
  CHECK(host.comes_to("c", "{query, sum, stale}", last));
  CHECK(has_line(host, "c goes over to 2"));
}

TEST_CASE(
    "after a change of the version a snapshot is taken, so that later code begins with the new version "
    "alone") {
  group_host host({"a"});
  codes.set("a", {1, 1});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(stored_snapshot_of(host, "a") == 0);
  codes.set("a", {1, 2});
  CHECK(host.writes("a goes over to 2"));
  CHECK(host.ask("a", "{append, 1}") == "{ok,2,15}");
  const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
  while (stored_snapshot_of(host, "a") == 0 && base::mono_now() < until)
    CHECK(host.ask("a", "{query, sum}") == "15");
  host.kill("a");
  codes.set("a", {1, 1});
  host.start("a");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.comes_to("a", "{append, 1}", "{error,parked}"));
  codes.set("a", {2, 3});
  CHECK(host.comes_to("a", "{query, sum}", "15"));
  CHECK(host.writes("a goes over to 3"));
  CHECK(host.ask("a", "{append, 1}") == "{ok,3,25}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "25");
}

TEST_CASE("an upgrade leaves out only a member, and only where all others can go over") {
  group_host host({"a"});
  codes.set("a", {1, 1});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", upgrade_without("x")) == "{error,no_member}");
  CHECK(host.ask("a", upgrade_without("a")) == "{error,{not_ready,[]}}");
}
