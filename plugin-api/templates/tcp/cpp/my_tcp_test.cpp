// SPDX-License-Identifier: MIT
// The test of my_tcp, without a node: lines are numbered, also over a reload, and quit ends the connection.
// Exits with the number of checks that failed.
#include <coppice/testing/net.hpp>

#include <cstdio>
#include <string>

#include "my_tcp.cpp"

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  coppice_framing lines{};
  lines.size = sizeof lines;
  lines.kind = COPPICE_FRAMING_LINE;

  actor first(plugin::linked());
  peer client(first, {.framing = lines});
  client.send_in_pieces("one\ntwo\n", 3);
  check(client.take() == "1 one\n2 two\n", "lines come back with their numbers");
  actor second = actor::restored(plugin::linked(), first.save());
  client.send("three\n");
  check(client.take() == "3 three\n", "the number survives a reload, as the connection does");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  actor other(plugin::linked());
  peer leaves(other, {.framing = lines});
  leaves.send("quit\n");
  check(leaves.closed() == coppice::close_reason::normal, "quit ends the connection");
  actor third(plugin::linked());
  peer deaf(third, {.framing = lines, .high = 8, .low = 1});
  deaf.window(0);
  for (int line = 0; line < 5; ++line) deaf.send("hello\n");
  deaf.window(1000);
  const std::string answers = deaf.take();
  check(answers.starts_with("1 hello\n") && answers.find("3 ") == std::string::npos &&
            deaf.closed() == coppice::close_reason::normal,
        "a client that does not read is let go, and gets nothing behind an answer that had no room");
  for (const actor* each : {&first, &second, &other, &third})
    check(each->did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
