// SPDX-License-Identifier: MIT
// How many lines a source may write, and what is reported about the lines held back.
#include "base/log_rate.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/log_event.hpp"

namespace coppice::base::log {
namespace {

constexpr nanos second = nanos_per_second;

record line(std::string module, std::string pid = {}) {
  record made{0, level::info, std::move(module), "text", {}};
  if (!pid.empty()) made.fields.push_back({"pid", std::move(pid)});
  return made;
}

int admitted(log_rate& rate, const record& one, int lines, nanos now) {
  int count = 0;
  for (int i = 0; i < lines; ++i) count += rate.admits(one, now) ? 1 : 0;
  return count;
}

} // namespace

TEST_CASE("a source may write a burst at once and so many a second in the long run") {
  const auto rate = std::make_unique<log_rate>();
  rate->use({10, 50});
  CHECK(admitted(*rate, line("a"), 200, second) == 50);
  CHECK(admitted(*rate, line("a"), 200, 2 * second) == 10);
  CHECK(admitted(*rate, line("a"), 200, 2 * second + second / 2) == 5);
  CHECK(admitted(*rate, line("a"), 200, 60 * second) == 50);
}

TEST_CASE("one source takes nothing from another: modules, and the actors of a plugin") {
  const auto rate = std::make_unique<log_rate>();
  rate->use({1, 2});
  CHECK(admitted(*rate, line("a"), 5, second) == 2);
  CHECK(admitted(*rate, line("b"), 5, second) == 2);
  CHECK(admitted(*rate, line("a", "<0.1.0>"), 5, second) == 2);
  CHECK(admitted(*rate, line("a", "<0.2.0>"), 5, second) == 2);
  record event = line("a", "<0.3.0>");
  event.fields.insert(event.fields.begin(), {"message_id", "x"});
  CHECK(admitted(*rate, event, 5, second) == 0); // counted with the module, whichever process it is about
}

TEST_CASE("what an operator has changed is told however much else is, what he asks of actors is not") {
  const auto rate = std::make_unique<log_rate>();
  rate->use({1, 2});
  record asked = line("control");
  asked.fields.push_back({std::string(event_field), events::asked_by_operator.id});
  CHECK(admitted(*rate, asked, 5, second) == 2);
  asked.level = level::notice;
  CHECK(admitted(*rate, asked, 5, second) == 5);
}

TEST_CASE("what is held back is counted and said once a period, and all of it at the end") {
  const auto rate = std::make_unique<log_rate>();
  rate->use({100, 500});
  CHECK_FALSE(rate->next_due());
  CHECK(admitted(*rate, line("a", "<0.1.0>"), 1500, second) == 500);
  CHECK(admitted(*rate, line("b"), 501, 2 * second) == 500);
  CHECK(rate->next_due() == second + log_rate::period);
  CHECK(rate->take_due(second + log_rate::period - 1).empty());
  const auto first = rate->take_due(second + log_rate::period);
  REQUIRE(first.size() == 1);
  CHECK(first[0].module == "a");
  CHECK(first[0].level == level::warning);
  CHECK(first[0].text == "1000 lines of <0.1.0> held back: more than 100 a second, see node.log.rate");
  const auto rest = rate->take_all();
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].text == "1 lines held back: more than 100 a second, see node.log.rate");
  CHECK_FALSE(rate->next_due());
}

TEST_CASE("without a limit nothing is held back, and more sources than the table has still have a share") {
  const auto rate = std::make_unique<log_rate>();
  rate->use({0, 1});
  CHECK(admitted(*rate, line("a"), 5000, second) == 5000);
  rate->use({1, 1});
  int all = 0;
  for (int i = 0; i < 10'000; ++i) all += admitted(*rate, line("a", std::to_string(i)), 2, second);
  CHECK(all >= 900);
  CHECK(all <= 10'000);
  CHECK(admitted(*rate, line("late"), 2, 1000 * second) >= 1);
}

} // namespace coppice::base::log
