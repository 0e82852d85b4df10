// SPDX-License-Identifier: MIT
// The test of my_port, without a node: callers get the program's lines in order, also over a reload. It
// is linked with my_port.c; the kit is C++. Exits with the number of checks that failed.
#include <coppice/testing/program.hpp>

#include <cstdio>

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  const auto line = [](const char* text) {
    return value(std::pair(coppice::etf::atom{"line"}, std::string_view(text)));
  };
  const auto error = [](const char* why) {
    return value(std::pair(coppice::etf::atom{"error"}, coppice::etf::atom{why}));
  };
  coppice_framing lines{};
  lines.size = sizeof lines;
  lines.kind = COPPICE_FRAMING_LINE;

  actor first(plugin::linked());
  program loud(first, {.framing = lines});
  const answer one = first.call(line("one"));
  const answer two = first.call(line("two"));
  check(loud.take() == "one\ntwo\n", "the program gets a line for each call");
  loud.send("ONE\n");
  check(one == std::string("ONE") && !two, "its lines are the answers, in their order");
  check(first.call(line("a\nb")) == error("badarg"), "two lines are refused");

  actor second = actor::restored(plugin::linked(), first.save());
  loud.send("TWO\n");
  check(two == std::string("TWO"), "a caller that waits survives a reload");
  const answer three = second.call(line("three"));
  loud.take();
  loud.exit(1);
  check(three == error("ended"), "who waits is told when the program ends");

  actor other(plugin::linked());
  saved_state unknown = other.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
