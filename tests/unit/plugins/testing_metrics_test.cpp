// SPDX-License-Identifier: MIT
// Tests of coppice/testing.hpp: metrics of actors are read by name and labels, and the kit reports metrics
// that
// a node would not show.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

using lines = std::vector<std::string>;

TEST_CASE("counters and gauges are read by name and labels, of all actors of a program") {
  const plugin gaugers = fixture("gauger");
  const auto things_before = metric("things");
  actor one(gaugers);
  actor other(gaugers);
  one.call("{add, 3}"_erl);
  other.call("{add, 4}"_erl);
  CHECK(metric("things") == things_before + 7);
  one.call("{level, 9}"_erl);
  other.call("{level, -2}"_erl);
  CHECK(metric("level", {{"of", "water"}}) == -2);
  CHECK(metric("level") == 0);
  CHECK(metric("nothing") == 0);
  CHECK(one.did.complaints.empty());
}

TEST_CASE("a histogram has the count, the sum, and how many were at or below each bound") {
  const plugin gaugers = fixture("gauger");
  const observations before = histogram("took");
  actor one(gaugers);
  for (const char* seconds : {"0.25", "0.5", "1.0", "4.0"})
    one.call(erl("{took, " + std::string(seconds) + "}"));
  const observations after = histogram("took");
  CHECK(after.count - before.count == 4);
  CHECK(after.sum - before.sum == 5.75);
  REQUIRE(after.buckets.size() == 2);
  CHECK(after.buckets[0] == std::pair(0.5, 2 + (before.buckets.empty() ? 0 : before.buckets[0].second)));
  CHECK(after.buckets[1] == std::pair(2.0, 3 + (before.buckets.empty() ? 0 : before.buckets[1].second)));
  const observations usual = histogram("waited");
  REQUIRE(!usual.buckets.empty());
  CHECK(usual.buckets.front().first == 0.001);
  CHECK(usual.buckets.back().first == 10);
  CHECK(usual.buckets.back().second == usual.count);
  CHECK(histogram("nothing").count == 0);
  CHECK_THROWS_AS(metric("took"), failure);
  CHECK_THROWS_AS(histogram("things"), failure);
}

TEST_CASE("what a kind does not take changes nothing and is told") {
  const plugin gaugers = fixture("gauger");
  actor one(gaugers);
  const auto things = metric("things");
  const auto took = histogram("took").count;
  one.call("misuse"_erl);
  CHECK(metric("things") == things);
  CHECK(histogram("took").count == took);
  const std::string api = "coppice.metric/draft-1's ";
  CHECK(one.did.complaints == lines{api + "add was called for a counter with less than 0",
                                    api + "set was called for a metric of another kind",
                                    api + "add was called for a metric of another kind",
                                    api + "observe was called with no number"});
}

TEST_CASE("a metric that a node would show nobody is told") {
  const plugin gaugers = fixture("gauger");
  actor one(gaugers);
  one.call("malformed"_erl);
  const auto hidden = [](const std::string& name, const std::string& why) {
    return "the metric " + name + " is not shown: " + why;
  };
  const std::string malformed = "its kind, name, help, labels or bounds are malformed";
  const std::string taken = "it is a metric of another kind or with other bounds already";
  const std::string same_name = "another metric is shown under a name of it";
  CHECK(one.did.complaints == lines{hidden("'Things'", malformed), hidden("seven", malformed),
                                    hidden("things", taken), hidden("falling", malformed),
                                    hidden("took", taken), hidden("things_total", same_name),
                                    hidden("helped", malformed), hidden("labelled", malformed)});
}
