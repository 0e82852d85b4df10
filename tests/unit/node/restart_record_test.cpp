// SPDX-License-Identifier: MIT
// Tests how restarts after failures are counted, and how long each of them waits.
#include "node/environment/restart_record.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace coppice::node {
namespace {

constexpr base::nanos second = base::nanos_per_second;

} // namespace

TEST_CASE("the first restart does not wait, those that follow wait longer each, and half a minute at most") {
  CHECK(wait_before(0) == 0);
  CHECK(wait_before(1) == 0);
  CHECK(wait_before(2) == second / 4);
  for (std::uint64_t n = 2; n < 100; ++n) CHECK(wait_before(n + 1) >= wait_before(n));
  CHECK(wait_before(100) == 30 * second);
  CHECK(wait_before(~std::uint64_t{0}) == 30 * second);
}

TEST_CASE("failures in a row are those that follow each other soon; all are counted until an end by hand") {
  const test::temporary_folder folder;
  const std::string file = folder.path() + "/node.restarts";
  restart_record record(file);
  base::nanos now = 1000 * second;
  CHECK(record.begin(now).restarts == 0);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const auto lives = restart_record(file).begin(now += 31 * second); // a second after the longest wait
    CHECK(lives.restarts == n);
    CHECK(lives.in_a_row == n);
  }
  const auto later = record.begin(now += 200 * second);
  CHECK(later.restarts == 21);
  CHECK(later.in_a_row == 1);
  record.end();
  CHECK(record.begin(now + second).restarts == 0);
}

TEST_CASE("a file that is no record counts as none") {
  const test::temporary_folder folder;
  const std::string file = folder.path() + "/node.restarts";
  std::ofstream(file) << "what is this";
  CHECK(restart_record(file).begin(second).restarts == 0);
  CHECK(restart_record(file).begin(second).restarts == 1);
  CHECK(restart_record(folder.path() + "/nowhere/file").begin(second).restarts == 0);
}

} // namespace coppice::node
