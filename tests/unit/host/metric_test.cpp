// SPDX-License-Identifier: MIT
// Counting: what each operation does to each kind of metric, and to one that nobody sees.
#include "host/metric.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "host/host.hpp"
#include "host/metric_board.hpp"

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

} // namespace coppice::host
