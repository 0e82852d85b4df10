// SPDX-License-Identifier: MIT
// Which of many similar lines are written, and what the sums report.
#include "base/log_tally.hpp"

#include <doctest/doctest.h>

#include <string>

namespace coppice::base::log {
namespace {

record line(std::string text, std::string module = "dist") {
  return {0, level::warning, std::move(module), std::move(text), {}};
}

constexpr nanos second = nanos_per_second;

} // namespace

TEST_CASE("the first of a kind is written, the others are counted until their period is over") {
  log_tally tally;
  CHECK_FALSE(tally.next_due());
  CHECK(tally.first("refused", line("one"), 0));
  for (nanos i = 1; i < 100; ++i) CHECK_FALSE(tally.first("refused", line("another"), i));
  CHECK(tally.first("refused", line("of another module", "net"), 50));
  CHECK(tally.first("closed", line("another kind"), 60));
  CHECK(tally.next_due() == log_tally::period);
  CHECK(tally.take_due(log_tally::period - 1).empty());
  const auto sums = tally.take_due(log_tally::period);
  REQUIRE(sums.size() == 1);
  CHECK(sums[0].text == "99 more like this within 10 s: one");
  CHECK(sums[0].level == level::warning);
  CHECK(sums[0].module == "dist");
}

TEST_CASE("a flood is one sum a period, and a kind is forgotten after a period without any") {
  log_tally tally;
  CHECK(tally.first("refused", line("one"), 0));
  std::size_t sums = 0;
  for (nanos at = 1; at <= 35; ++at) {
    CHECK_FALSE(tally.first("refused", line("one"), at * second));
    sums += tally.take_due(at * second).size();
  }
  CHECK(sums == 3);
  CHECK(tally.take_due(46 * second).size() == 1);
  CHECK(tally.take_due(57 * second).empty());
  CHECK_FALSE(tally.next_due());
  CHECK(tally.first("refused", line("one"), 58 * second));
}

TEST_CASE("beyond the bound all other kinds are one, and at the end every sum is told") {
  log_tally tally;
  for (std::size_t i = 0; i < log_tally::most_kinds; ++i)
    CHECK(tally.first(std::to_string(i), line("one"), 0));
  CHECK(tally.first("more", line("first"), 0));
  CHECK_FALSE(tally.first("and more", line("second"), 0));
  CHECK_FALSE(tally.first("0", line("second"), 0));
  CHECK(tally.take_all().size() == 2);
  CHECK_FALSE(tally.next_due());
}

} // namespace coppice::base::log
