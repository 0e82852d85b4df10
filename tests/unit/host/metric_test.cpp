// SPDX-License-Identifier: MIT
// Tests of counting: what each operation does to each kind of metric, and to a metric that is not shown.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "host/boundary/host.hpp"
#include "metrics/board.hpp"
#include "scripted.hpp"

namespace coppice::host {
namespace {

constexpr std::array bounds{0.0, 1.0};
constexpr double infinite = std::numeric_limits<double>::infinity();

// The handle in the form in which plugins have it.
coppice_metric* handle_of(metrics::series* of) {
  return reinterpret_cast<coppice_metric*>(of);
}

} // namespace

TEST_CASE("an operation of another kind of metric does nothing") {
  struct row {
    metrics::kind kind;
    std::int64_t after_add, after_negative_add, after_set;
  };
  const row rows[] = {
      {metrics::kind::counter, 5, 5, 5},
      {metrics::kind::gauge, 5, 3, 9},
      {metrics::kind::histogram, 0, 0, 0},
  };
  const coppice_metric_api& api = *metric_interface();
  for (const row& each : rows) {
    CAPTURE(static_cast<int>(each.kind));
    const bool is_histogram = each.kind == metrics::kind::histogram;
    metrics::series one(each.kind, is_histogram ? std::span(bounds) : std::span<const double>());
    api.add(handle_of(&one), 5);
    CHECK(one.value() == each.after_add);
    api.add(handle_of(&one), -2);
    CHECK(one.value() == each.after_negative_add);
    api.set(handle_of(&one), 9);
    CHECK(one.value() == each.after_set);
    api.observe(handle_of(&one), 0.5);
    CHECK(one.value() == each.after_set);
    CHECK(one.sum() == (is_histogram ? 0.5 : 0));
    if (is_histogram) CHECK(one.in_bucket(1) == 1);
  }
}

TEST_CASE("a histogram takes infinities, and its sum is never NaN") {
  metrics::series one(metrics::kind::histogram, bounds);
  for (const double value : {std::nan(""), 1.0, infinite, -infinite, std::nan("")}) one.observe(value);
  CHECK(one.in_bucket(0) == 1);
  CHECK(one.in_bucket(1) == 1);
  CHECK(one.in_bucket(2) == 1);
  CHECK(one.sum() == infinite);
}

TEST_CASE("what is counted where nobody sees it goes nowhere") {
  const coppice_metric_api& api = *metric_interface();
  metrics::series* const unseen = metrics::plugin_series::unseen();
  for (coppice_metric* each : {handle_of(unseen), static_cast<coppice_metric*>(nullptr)}) {
    api.add(each, 5);
    api.set(each, 5);
    api.observe(each, 5);
  }
  CHECK(unseen->value() == 0);
  CHECK(unseen->sum() == 0);
}

TEST_CASE("an actor's metrics are its plugin's on the node's board, asked for where it may look") {
  metrics::board board;
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
      CHECK(api.get(self, &spoilt) == handle_of(metrics::plugin_series::unseen()));
    };
    refused([](auto& it) { it.size = COPPICE_METRIC_OPTIONS_LEAST - 1; });
    refused([](auto& it) { it.kind = 3; });
    refused([](auto& it) { it.kind = -1; });
    refused([](auto& it) { it.name = {nullptr, 3}; });
    refused([](auto& it) { it.help = {nullptr, 3}; });
    refused([](auto& it) { it.labels = nullptr; });
    refused([](auto& it) { it.label_count = metrics::plugin_series::most_labels + 1; });
    refused([](auto& it) { it.bounds = nullptr; });
    refused([](auto& it) { it.bound_count = 0; }); // the default bounds, which differ
    CHECK(api.get(self, nullptr) == handle_of(metrics::plugin_series::unseen()));
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  CHECK(board.of_plugins().refused() == 10);
  const auto all = board.of_plugins().families();
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "test_wait");
  CHECK(all[0].help == "Waits");
  REQUIRE(all[0].series.size() == 1);
  CHECK(all[0].series[0].labels == metrics::plugin_series::labels{{"table", "a"}});
  CHECK(all[0].series[0].at_or_below == std::vector<std::uint64_t>{0, 1, 1});
}

TEST_CASE("without a board, or an actor in its turn, nobody sees the metric") {
  test::stage set;
  coppice_metric_options options{};
  options.size = sizeof options;
  options.name = coppice_text("n");
  test::play.init = [&](coppice_actor* self) {
    CHECK(metric_interface()->get(self, &options) == handle_of(metrics::plugin_series::unseen()));
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  CHECK(metric_interface()->get(nullptr, &options) == handle_of(metrics::plugin_series::unseen()));
}

} // namespace coppice::host
