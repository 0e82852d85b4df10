// SPDX-License-Identifier: MIT
// Tests of the bundled filter, driven without a node or a program: lines in order, more lines than the
// program takes, the program's end, and a reload while callers wait.
#include <doctest/doctest.h>
#include <coppice/testing/erlang.hpp>
#include <coppice/testing/program.hpp>

#include "places.hpp"

using namespace coppice::testing;
namespace etf = coppice::etf;

namespace {

plugin filter_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/filter.so");
}
value line(const char* text) {
  return std::tuple(etf::atom{"line"}, std::string(text));
}
stream_options by_line() {
  return {.framing = coppice::lines(1024)};
}

} // namespace

TEST_CASE("each line is answered by the program's, in their order") {
  const plugin from = filter_plugin();
  actor filter(from);
  program sed(filter, by_line());
  const answer first = filter.call(line("a"));
  const answer second = filter.call(line("b"));
  CHECK_FALSE(first);
  CHECK(filter.call(atom("waiting")).reply() == value(2));
  CHECK(sed.take() == "a\nb\n");
  sed.send_in_pieces("A\nB\nnobody asked\n", 1);
  CHECK(first.reply() == value(std::string("A")));
  CHECK(second.reply() == value(std::string("B")));
  CHECK(filter.call(atom("waiting")).reply() == value(0));
  CHECK(filter.call(line("two\nlines")).reply() == erl("{error, badarg}"));
  CHECK(filter.did.complaints.empty());
}

TEST_CASE("a program that reads nothing is given no more than may wait, and answers what it was given") {
  const plugin from = filter_plugin();
  actor filter(from);
  program sed(filter, {.framing = coppice::lines(1024), .high = 4, .low = 2});
  sed.window(0);
  const answer first = filter.call(line("aaaa"));
  CHECK(filter.call(line("b")).reply() == erl("{error, overloaded}"));
  sed.window(100);
  CHECK(sed.take() == "aaaa\n");
  CHECK_FALSE(filter.call(line("b")));
  sed.send("A\n");
  CHECK(first.reply() == value(std::string("A")));
}

TEST_CASE("whom a program has not answered when it ends is told, and the actor ends with it") {
  const plugin from = filter_plugin();
  actor filter(from);
  program sed(filter, by_line());
  const answer first = filter.call(line("a"));
  const answer second = filter.call(line("b"));
  sed.take();
  sed.send("A\n").exit(3);
  CHECK(first.reply() == value(std::string("A")));
  CHECK(second.reply() == erl("{error, ended}"));
  CHECK(filter.reason() == erl("{exit_status, 3}"));
}

TEST_CASE("a reload keeps the program and who waits for it") {
  const plugin from = filter_plugin();
  auto old = std::make_unique<actor>(from);
  program sed(*old, by_line());
  const answer waits = old->call(line("a"));
  const saved_state kept = old->save();
  old.reset();
  sed.send("A\n");
  actor next = actor::restored(from, kept);
  CHECK(waits.reply() == value(std::string("A")));
  CHECK_FALSE(next.call(line("b")));
  CHECK(sed.take() == "a\nb\n");
}
