// SPDX-License-Identifier: MIT
// Tests of the exact text of families and samples, in both formats.
#include "metrics/exposition.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace coppice::metrics {
namespace {

using format = exposition::format;

} // namespace

TEST_CASE("a family is written with its help, its type and its samples") {
  exposition to(format::prometheus);
  to.family(kind::counter, "things", "What there was");
  to.sample({{"a", "x"}, {"b", "y"}}, 7);
  to.gauge("size_bytes", "How large", 0);
  to.family(kind::gauge, "time_seconds", "How long");
  to.seconds({}, 1'234'500'000);
  CHECK(to.take() ==
        "# HELP coppice_things_total What there was\n"
        "# TYPE coppice_things_total counter\n"
        "coppice_things_total{a=\"x\",b=\"y\"} 7\n"
        "# HELP coppice_size_bytes How large\n"
        "# TYPE coppice_size_bytes gauge\n"
        "coppice_size_bytes 0\n"
        "# HELP coppice_time_seconds How long\n"
        "# TYPE coppice_time_seconds gauge\n"
        "coppice_time_seconds 1.234\n");
}

TEST_CASE("OpenMetrics names a counter's family without _total, and ends") {
  exposition to(format::openmetrics);
  to.counter("things", "What there was", 7);
  CHECK(to.take() ==
        "# HELP coppice_things What there was\n"
        "# TYPE coppice_things counter\n"
        "coppice_things_total 7\n"
        "# EOF\n");
}

TEST_CASE("a histogram has a sample for each bound and for all, their sum and their number") {
  exposition to(format::prometheus);
  to.family(kind::histogram, "h", "What");
  to.histogram({}, {-1, 1e-05, 0.1, 10, 1e16}, {1, 2, 3, 5, 8, 13}, 0.1 + 0.2);
  CHECK(to.take() ==
        "# HELP coppice_h What\n"
        "# TYPE coppice_h histogram\n"
        "coppice_h_bucket{le=\"-1\"} 1\n"
        "coppice_h_bucket{le=\"1e-05\"} 2\n"
        "coppice_h_bucket{le=\"0.1\"} 3\n"
        "coppice_h_bucket{le=\"10\"} 5\n"
        "coppice_h_bucket{le=\"1e+16\"} 8\n"
        "coppice_h_bucket{le=\"+Inf\"} 13\n"
        "coppice_h_sum 0.30000000000000004\n"
        "coppice_h_count 13\n");
}

TEST_CASE("OpenMetrics has bounds that are whole numbers with a point, and a sum that only goes up") {
  exposition to(format::openmetrics);
  to.family(kind::histogram, "h", "What");
  to.histogram({{"l", "v"}}, {1, 2.5}, {1, 2, 3}, std::numeric_limits<double>::infinity());
  to.histogram({{"l", "w"}}, {-1}, {1, 2}, -3);
  CHECK(to.take() ==
        "# HELP coppice_h What\n"
        "# TYPE coppice_h histogram\n"
        "coppice_h_bucket{l=\"v\",le=\"1.0\"} 1\n"
        "coppice_h_bucket{l=\"v\",le=\"2.5\"} 2\n"
        "coppice_h_bucket{l=\"v\",le=\"+Inf\"} 3\n"
        "coppice_h_sum{l=\"v\"} +Inf\n"
        "coppice_h_count{l=\"v\"} 3\n"
        "coppice_h_bucket{l=\"w\",le=\"-1.0\"} 1\n"
        "coppice_h_bucket{l=\"w\",le=\"+Inf\"} 2\n"
        "# EOF\n");
}

TEST_CASE("what a label says is escaped and UTF-8") {
  exposition to(format::prometheus);
  to.family(kind::gauge, "g", "h");
  to.sample({{"l", "a\"b\\c\nd\xff\xc3\xa4\xc3"}}, 1);
  CHECK(to.take().ends_with("coppice_g{l=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\"} 1\n"));
}

TEST_CASE("the format is the one the scraper names") {
  const std::string prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
  const std::string any = "*/*";
  CHECK(exposition::chosen(&prometheus) == format::openmetrics);
  CHECK(exposition::chosen(&any) == format::prometheus);
  CHECK(exposition::chosen(nullptr) == format::prometheus);
}

} // namespace coppice::metrics
