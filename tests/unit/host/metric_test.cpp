// SPDX-License-Identifier: MIT
// Counting: what each operation does to each kind of metric, and to one that nobody sees.
#include "host/interfaces/metric.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "host/boundary/host.hpp"
#include "host/interfaces/metric_board.hpp"
#include "scripted.hpp"

namespace coppice::host {
namespace {

constexpr std::array bounds{0.0, 1.0};
constexpr double infinite = std::numeric_limits<double>::infinity();

} // namespace

TEST_CASE("an operation of another kind of metric does nothing") {
  struct row {
    metric_kind kind;
    std::int64_t after_add, after_negative_add, after_set;
  };
  const row rows[] = {
      {metric_kind::counter, 5, 5, 5},
      {metric_kind::gauge, 5, 3, 9},
      {metric_kind::histogram, 0, 0, 0},
  };
  const coppice_metric_api& api = *metric_interface();
  for (const row& each : rows) {
    CAPTURE(static_cast<int>(each.kind));
    const bool is_histogram = each.kind == metric_kind::histogram;
    coppice_metric one(each.kind, is_histogram ? std::span(bounds) : std::span<const double>());
    api.add(&one, 5);
    CHECK(one.value() == each.after_add);
    api.add(&one, -2);
    CHECK(one.value() == each.after_negative_add);
    api.set(&one, 9);
    CHECK(one.value() == each.after_set);
    api.observe(&one, 0.5);
    CHECK(one.value() == each.after_set);
    CHECK(one.sum() == (is_histogram ? 0.5 : 0));
    if (is_histogram) CHECK(one.in_bucket(1) == 1);
  }
}

TEST_CASE("a histogram takes infinities, and its sum is never NaN") {
  coppice_metric one(metric_kind::histogram, bounds);
  for (const double value : {std::nan(""), 1.0, infinite, -infinite, std::nan("")}) one.observe(value);
  CHECK(one.in_bucket(0) == 1);
  CHECK(one.in_bucket(1) == 1);
  CHECK(one.in_bucket(2) == 1);
  CHECK(one.sum() == infinite);
}

TEST_CASE("what is counted where nobody sees it goes nowhere") {
  const coppice_metric_api& api = *metric_interface();
  coppice_metric* const unseen = metric_board::unseen();
  for (coppice_metric* each : {unseen, static_cast<coppice_metric*>(nullptr)}) {
    api.add(each, 5);
    api.set(each, 5);
    api.observe(each, 5);
  }
  CHECK(unseen->value() == 0);
  CHECK(unseen->sum() == 0);
}

TEST_CASE("an actor's metrics are its plugin's on the node's board, asked for where it may look") {
  metric_board board;
  test::stage set;
  set.plan().image.get()->keep_metrics_in(&board);
  coppice_metric* first = nullptr;
  const std::array labels{coppice_metric_label{coppice_text("table"), coppice_text("a")}};
  coppice_metric_options options{};
  options.size = COPPICE_METRIC_OPTIONS_LEAST;
  options.kind = COPPICE_METRIC_HISTOGRAM;
  options.name = coppice_text("wait");
  options.help = coppice_text("Waits");
  options.labels = labels.data();
  options.label_count = labels.size();
  options.bounds = bounds.data();
  options.bound_count = bounds.size();
  const coppice_metric_api& api = *metric_interface();
  test::play.create = [&](coppice_actor* self) {
    first = api.get(self, &options);
    api.observe(first, 0.5);
    return COPPICE_OK;
  };
  test::play.init = [&](coppice_actor* self) {
    CHECK(api.get(self, &options) == first);
    const auto refused = [&](auto spoil) {
      coppice_metric_options spoilt = options;
      spoil(spoilt);
      CHECK(api.get(self, &spoilt) == metric_board::unseen());
    };
    refused([](auto& it) { it.size = COPPICE_METRIC_OPTIONS_LEAST - 1; });
    refused([](auto& it) { it.kind = 3; });
    refused([](auto& it) { it.kind = -1; });
    refused([](auto& it) { it.name = {nullptr, 3}; });
    refused([](auto& it) { it.help = {nullptr, 3}; });
    refused([](auto& it) { it.labels = nullptr; });
    refused([](auto& it) { it.label_count = metric_board::most_labels + 1; });
    refused([](auto& it) { it.bounds = nullptr; });
    refused([](auto& it) { it.bound_count = 0; }); // those by default: others
    CHECK(api.get(self, nullptr) == metric_board::unseen());
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  CHECK(board.refused() == 10);
  const auto all = board.families();
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "test_wait");
  CHECK(all[0].help == "Waits");
  REQUIRE(all[0].series.size() == 1);
  CHECK(all[0].series[0].labels == metric_board::labels{{"table", "a"}});
  CHECK(all[0].series[0].at_or_below == std::vector<std::uint64_t>{0, 1, 1});
}

TEST_CASE("without a board, or an actor in its turn, nobody sees the metric") {
  test::stage set;
  coppice_metric_options options{};
  options.size = sizeof options;
  options.name = coppice_text("n");
  test::play.init = [&](coppice_actor* self) {
    CHECK(metric_interface()->get(self, &options) == metric_board::unseen());
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  CHECK(metric_interface()->get(nullptr, &options) == metric_board::unseen());
}

} // namespace coppice::host
