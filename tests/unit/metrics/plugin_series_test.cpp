// SPDX-License-Identifier: MIT
// Tests of metrics by plugin, kind, name and labels: which are the same, which are refused, and that no
// metric
// ever moves in memory.
#include "metrics/plugin_series.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <thread>

#include "heard_log.hpp"

namespace coppice::metrics {
namespace {

using wanted = plugin_series::wanted;

wanted a_counter(std::string_view name, plugin_series::labels of = {}) {
  return {kind::counter, name, {}, std::move(of), {}};
}
wanted histogram(std::string_view name, std::vector<double> bounds, plugin_series::labels of = {}) {
  return {kind::histogram, name, {}, std::move(of), std::move(bounds)};
}

} // namespace

TEST_CASE("the same plugin, name and labels are the same metric, whatever the labels' order") {
  plugin_series board;
  series* const one = board.get("kv", {kind::counter, "gets", "Reads", {{"a", "1"}, {"b", "2"}}, {}});
  CHECK(board.get("kv", {kind::counter, "gets", "Said otherwise", {{"b", "2"}, {"a", "1"}}, {}}) == one);
  CHECK(board.get("kv", a_counter("gets", {{"a", "1"}, {"b", "3"}})) != one);
  CHECK(board.get("kv", a_counter("gets")) != one);
  CHECK(board.get("other", a_counter("gets", {{"a", "1"}, {"b", "2"}})) != one);
  one->add(7);
  const auto all = board.families();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "kv_gets");
  CHECK(all[0].help == "Reads");
  REQUIRE(all[0].series.size() == 3);
  CHECK(all[0].series[1].labels == plugin_series::labels{{"a", "1"}, {"b", "2"}});
  CHECK(all[0].series[1].value == 7);
  CHECK(all[1].name == "other_gets");
  CHECK(board.refused() == 0);
}

TEST_CASE("a histogram has buckets by its bounds, which all of its series share") {
  plugin_series board;
  series* const one = board.get("p", histogram("h", {-1, 0.5, 2}, {{"l", "a"}}));
  CHECK(board.get("p", histogram("h", {-1, 0.5, 2}, {{"l", "a"}})) == one);
  CHECK(board.get("p", histogram("h", {-1, 0.5, 2}, {{"l", "b"}})) != one);
  for (const double value : {-3.0, -1.0, 0.5, 0.50001, 2.0, 7.0, 8.0}) one->observe(value);
  const auto all = board.families();
  REQUIRE(all.size() == 1);
  CHECK(all[0].what == kind::histogram);
  CHECK(all[0].bounds == std::vector<double>{-1, 0.5, 2});
  REQUIRE(all[0].series.size() == 2);
  CHECK(all[0].series[0].at_or_below == std::vector<std::uint64_t>{2, 3, 5, 7});
  CHECK(all[0].series[0].sum == doctest::Approx(14.00001));
  CHECK(all[0].series[1].at_or_below == std::vector<std::uint64_t>{0, 0, 0, 0});
}

TEST_CASE("a histogram without bounds has those from a millisecond to ten seconds") {
  plugin_series board;
  board.get("p", histogram("h", {}));
  const auto bounds = board.families().at(0).bounds;
  CHECK(bounds.size() == 13);
  CHECK(bounds.front() == 0.001);
  CHECK(bounds.back() == 10);
  CHECK(board.get("p", histogram("h", bounds)) == board.get("p", histogram("h", {})));
}

TEST_CASE("what is malformed gets a metric that nobody sees") {
  const double infinite = std::numeric_limits<double>::infinity();
  plugin_series board;
  const plugin_series::labels many(9, {"a", "b"});
  std::vector<double> too_many;
  for (std::size_t i = 0; i <= plugin_series::most_bounds; ++i) too_many.push_back(static_cast<double>(i));
  const std::string long_name(65, 'a');
  const std::string long_help(129, 'h');
  const std::vector<wanted> all{
      a_counter(""),
      a_counter("Upper"),
      a_counter("1st"),
      a_counter("a-b"),
      a_counter(long_name),
      {kind::counter, "n", "two\nlines", {}, {}},
      {kind::counter, "n", long_help, {}, {}},
      a_counter("n", {{"Label", "v"}}),
      a_counter("n", {{"l", std::string(129, 'v')}}),
      a_counter("n", {{"l", "v"}, {"l", "w"}}),
      a_counter("n", many),
      histogram("n", too_many),
      histogram("n", {1, 1}),
      histogram("n", {2, 1}),
      histogram("n", {1, infinite}),
      histogram("n", {-infinite, 1}),
      histogram("n", {std::nan("")}),
      histogram("n", {1}, {{"le", "1"}}),
  };
  for (const wanted& each : all) CHECK(board.get("p", each) == plugin_series::unseen());
  CHECK(board.refused() == all.size());
  CHECK(board.families().empty());
}

TEST_CASE("a name is of one kind and has the bounds it had first") {
  plugin_series board;
  board.get("p", a_counter("n"));
  board.get("p", histogram("h", {1, 2}));
  CHECK(board.get("p", {kind::gauge, "n", {}, {}, {}}) == plugin_series::unseen());
  CHECK(board.get("p", histogram("n", {1})) == plugin_series::unseen());
  CHECK(board.get("p", histogram("h", {1, 3})) == plugin_series::unseen());
  CHECK(board.get("p", histogram("h", {1, 3}, {{"l", "a"}})) == plugin_series::unseen());
  CHECK(board.get("p", a_counter("h")) == plugin_series::unseen());
  CHECK(board.refused() == 5);
  REQUIRE(board.families().size() == 2);
  CHECK(board.families()[1].what == kind::counter);
}

TEST_CASE("each metric that is refused is logged by its name and with its reason, and once") {
  test::heard_log heard;
  plugin_series board;
  board.get("p", a_counter("n"));
  for (int i = 0; i < 3; ++i) {
    board.get("p", a_counter("Wrong name"));
    board.get("p", a_counter("n", {{"Who", "a"}}));
    board.get("p", {kind::gauge, "n", {}, {}, {}});
    board.get("q", a_counter("Wrong name"));
  }
  CHECK(heard.count("p: the metric 'Wrong name' is not shown: a name has 1 to 64 characters") == 1);
  CHECK(heard.count("p: the metric n is not shown: it has more than 8 labels") == 1);
  CHECK(heard.count("p: the metric n is not shown: it is a metric of another kind") == 1);
  CHECK(heard.count("q: the metric 'Wrong name' is not shown") == 1);
  CHECK(heard.count("is not shown") == 4);
}

TEST_CASE("a plugin that makes up names is cut short in the log, and every refusal counted") {
  test::heard_log heard;
  plugin_series board;
  const std::size_t many = plugin_series::most_told + 100;
  for (std::size_t i = 0; i < many; ++i) board.get("p", a_counter("Wrong" + std::to_string(i)));
  CHECK(heard.count("p: the metric 'Wrong") == std::ptrdiff_t{plugin_series::most_told});
  CHECK(heard.count("p: further metrics are not shown, and only counted") == 1);
  CHECK(board.refused() == many);
}

TEST_CASE("no two metrics are shown under one name") {
  plugin_series board;
  board.get("p", histogram("h", {1}));
  board.get("p", a_counter("c"));
  board.get("p", {kind::gauge, "g_sum", {}, {}, {}});
  for (const char* each : {"h_bucket", "h_sum", "h_count", "c_total"})
    CHECK(board.get("p", {kind::gauge, each, {}, {}, {}}) == plugin_series::unseen());
  CHECK(board.get("p", histogram("g", {1})) == plugin_series::unseen());
  CHECK(board.get("p", {kind::gauge, "h_total", {}, {}, {}}) != plugin_series::unseen());
  CHECK(board.get("q", {kind::gauge, "h_sum", {}, {}, {}}) != plugin_series::unseen());
  CHECK(board.refused() == 5);
}

TEST_CASE("the number of series is bounded, and those there are stay where they are") {
  plugin_series board;
  series* const first = board.get("p", a_counter("n", {{"l", "0"}}));
  for (std::size_t i = 1; i < plugin_series::most_series; ++i)
    board.get("p", a_counter("n", {{"l", std::to_string(i)}}));
  CHECK(board.refused() == 0);
  CHECK(board.get("p", a_counter("n", {{"l", "beyond"}})) == plugin_series::unseen());
  CHECK(board.get("q", a_counter("other")) == plugin_series::unseen());
  CHECK(board.refused() == 2);
  CHECK(board.get("p", a_counter("n", {{"l", "0"}})) == first);
  REQUIRE(board.families().size() == 1);
  CHECK(board.families()[0].series.size() == plugin_series::most_series);
}

TEST_CASE("a histogram counts as a series for each of its bounds, and two") {
  plugin_series board;
  for (std::size_t i = 0; i < plugin_series::most_series - 4; ++i)
    board.get("p", a_counter("n", {{"l", std::to_string(i)}}));
  CHECK(board.get("p", histogram("h", {1, 2, 3})) == plugin_series::unseen());
  CHECK(board.get("p", histogram("h", {1, 2})) != plugin_series::unseen());
  CHECK(board.get("p", a_counter("n", {{"l", "beyond"}})) == plugin_series::unseen());
}

TEST_CASE("threads count in one metric while it is read, and nothing is lost") {
  plugin_series board;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      series* const count = board.get("p", a_counter("a"));
      series* const time = board.get("p", histogram("b", {1, 2}));
      for (int n = 0; n < 10'000; ++n) {
        count->add(1);
        time->observe(n % 4);
      }
    });
  }
  std::int64_t seen = 0;
  std::uint64_t observed = 0;
  while (seen < 40'000 || observed < 40'000) {
    const auto all = board.families();
    if (all.size() < 2) continue;
    CHECK(all[0].series[0].value >= seen);
    seen = all[0].series[0].value;
    CHECK(all[1].series[0].at_or_below.back() >= observed);
    observed = all[1].series[0].at_or_below.back();
  }
  for (auto& one : threads) one.join();
  const plugin_series::shown_series last = board.families()[1].series[0];
  CHECK(last.at_or_below == std::vector<std::uint64_t>{20'000, 30'000, 40'000});
  CHECK(last.sum == 60'000);
}

} // namespace coppice::metrics
