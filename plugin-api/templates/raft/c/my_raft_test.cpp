// SPDX-License-Identifier: MIT
// The test of my_raft, without a node: several members of a group apply the same commands, answer alike and
// have the same sum, also one that begins with a snapshot. If they differ, an exception names the command.
// It is linked with my_raft.c; the kit is C++. Exits with the number of checks that failed.
#include <coppice/testing/raft.hpp>

#include <cstdio>

int main() {
  using namespace coppice::testing;
  using kind = raft_answer::kind;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };
  const auto add = [](std::int64_t amount) { return value(std::pair(coppice::etf::atom{"add"}, amount)); };

  raft_in_test group(plugin::linked());
  check(group.append(add(40)).term == 40, "a command is answered with the sum");
  check(group.append(add(2)).term == 42, "the sum has all commands");
  check(group.query(atom("sum")).term == 42, "a query is answered with it");

  const raft_answer bad = group.append(add(0));
  check(bad.what == kind::discarded && bad.term == atom("bad_amount"), "amounts begin at 1");
  check(bad.serial == 0, "what validate refuses does not reach the log");
  const raft_answer large = group.append(add(INT64_MAX));
  check(large.what == kind::discarded && large.term == atom("too_much"), "the sum has a bound");
  check(group.append(atom("what")).what == kind::discarded, "anything else is refused");
  check(group.query(atom("what")).what == kind::discarded, "and so is another query");

  group.snapshot();
  check(group.append(add(1)).term == 43, "a member that begins with a snapshot goes on alike");
  saved_state unknown = group.state();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(group.complaints().empty(), "the rules of the ABI are kept");
  return failed;
}
