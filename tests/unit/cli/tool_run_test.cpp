// SPDX-License-Identifier: MIT
// Tests of running tools: how they ended, what they printed, and the bound of their output.
#include "cli/tool_run.hpp"
#include "net/loop_until.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace coppice;
using namespace coppice::cli;

namespace {

struct one_run {
  base::uv::loop on = base::uv::loop::make().value();
  std::optional<tool_result> result{};
  std::unique_ptr<tool_run> run{};

  explicit one_run(std::string script, std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
    run = tool_run::start(
              on, {.command = {"/bin/sh", "-c", std::move(script)}, .environment = {"PATH=/usr/bin:/bin"}},
              timeout, [this](tool_result how) { result = std::move(how); })
              .value();
  }
  const tool_result& wait() {
    REQUIRE(test::loop_until(on, [&] { return result.has_value(); }));
    return *result;
  }
};

} // namespace

TEST_CASE("a tool's status, signal and both outputs are known, and it has no input") {
  const tool_result bad = one_run("cat; echo out; echo err >&2; exit 3").wait();
  CHECK(!bad.good());
  CHECK(end_text(bad.how) == "status 3");
  CHECK(bad.output.find("out\n") != bad.output.npos);
  CHECK(bad.output.find("err\n") != bad.output.npos);
  CHECK(one_run("true").wait().good());
  const tool_result killed = one_run("kill -SEGV $$").wait();
  CHECK(!killed.good());
  CHECK(end_text(killed.how) == "signal 11 (Segmentation fault)");
}

TEST_CASE("a tool that takes too long is killed, and one that is told to end does") {
  const tool_result late = one_run("echo began; exec sleep 1000", std::chrono::milliseconds(50)).wait();
  CHECK(late.timed_out);
  CHECK(!late.good());
  one_run asked("echo began; exec sleep 1000");
  asked.run->end();
  CHECK(asked.wait().how.signal == SIGTERM);
}

TEST_CASE("of a long output the beginning and the end are kept") {
  bounded_text text;
  text.add("first line\n");
  for (int i = 0; i < 1000; ++i) text.add(std::string(1000, 'x') + "\n");
  text.add("last line\n");
  const std::string whole = text.whole();
  CHECK(whole.starts_with("first line\n"));
  CHECK(whole.ends_with("last line\n"));
  CHECK(whole.find("bytes are left out") != whole.npos);
  CHECK(whole.size() < bounded_text::most_head + 2 * bounded_text::most_tail + 100);
  bounded_text small;
  small.add("as it is");
  CHECK(small.whole() == "as it is");
}

TEST_CASE("a program is found in PATH only if it can be run") {
  CHECK(find_in_path("sh").ends_with("/sh"));
  CHECK(find_in_path("no-such-program-of-coppice").empty());
}
