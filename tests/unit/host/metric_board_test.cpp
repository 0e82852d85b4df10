// SPDX-License-Identifier: MIT
// Cells by plugin, name and labels: which are the same, which are refused, and that none ever moves.
#include "host/metric_board.hpp"

#include <doctest/doctest.h>

#include <set>
#include <thread>

namespace coppice::host {

TEST_CASE("the same plugin, name and labels have the same cell, whatever the labels' order") {
  metric_board board;
  std::int64_t* const one = board.cell("kv", true, "gets", "Reads", {{"a", "1"}, {"b", "2"}});
  CHECK(board.cell("kv", true, "gets", "Said otherwise", {{"b", "2"}, {"a", "1"}}) == one);
  CHECK(board.cell("kv", true, "gets", "", {{"a", "1"}, {"b", "3"}}) != one);
  CHECK(board.cell("kv", true, "gets", "", {}) != one);
  CHECK(board.cell("other", true, "gets", "", {{"a", "1"}, {"b", "2"}}) != one);
  *one = 7;
  const auto all = board.families();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "kv_gets");
  CHECK(all[0].help == "Reads");
  REQUIRE(all[0].series.size() == 3);
  CHECK(all[0].series[1].labels == metric_board::labels{{"a", "1"}, {"b", "2"}});
  CHECK(all[0].series[1].value == 7);
  CHECK(all[1].name == "other_gets");
  CHECK(board.refused() == 0);
}

TEST_CASE("what is malformed has a cell that nobody sees") {
  metric_board board;
  const std::string_view name = "n";
  const metric_board::labels many(9, {"a", "b"});
  std::set<std::int64_t*> cells{
      board.cell("p", true, "", "", {}),
      board.cell("p", true, "Upper", "", {}),
      board.cell("p", true, "1st", "", {}),
      board.cell("p", true, "a-b", "", {}),
      board.cell("p", true, std::string(65, 'a'), "", {}),
      board.cell("p", true, name, "two\nlines", {}),
      board.cell("p", true, name, std::string(129, 'h'), {}),
      board.cell("p", true, name, "", {{"Label", "v"}}),
      board.cell("p", true, name, "", {{"l", std::string(129, 'v')}}),
      board.cell("p", true, name, "", {{"l", "v"}, {"l", "w"}}),
      board.cell("p", true, name, "", many),
  };
  CHECK(cells.size() == 1);
  CHECK(*cells.begin() != nullptr);
  CHECK(board.refused() == 11);
  CHECK(board.families().empty());
}

TEST_CASE("a name is of one kind") {
  metric_board board;
  std::int64_t* const counter = board.cell("p", true, "n", "", {});
  CHECK(board.cell("p", false, "n", "", {}) != counter);
  CHECK(board.refused() == 1);
  REQUIRE(board.families().size() == 1);
  CHECK(board.families()[0].is_counter);
}

TEST_CASE("the number of series is bounded, and those there are stay where they are") {
  metric_board board;
  std::int64_t* const first = board.cell("p", true, "n", "", {{"l", "0"}});
  for (std::size_t i = 1; i < metric_board::most_series; ++i)
    board.cell("p", true, "n", "", {{"l", std::to_string(i)}});
  CHECK(board.refused() == 0);
  std::int64_t* const beyond = board.cell("p", true, "n", "", {{"l", "beyond"}});
  CHECK(board.cell("q", true, "other", "", {}) == beyond);
  CHECK(board.refused() == 2);
  CHECK(board.cell("p", true, "n", "", {{"l", "0"}}) == first);
  REQUIRE(board.families().size() == 1);
  CHECK(board.families()[0].series.size() == metric_board::most_series);
}

TEST_CASE("threads count in one cell while it is read, and nothing is lost") {
  metric_board board;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      std::int64_t* const cell = board.cell("p", true, "n", "", {});
      for (int n = 0; n < 10'000; ++n) __atomic_fetch_add(cell, 1, __ATOMIC_RELAXED);
    });
  }
  std::int64_t seen = 0;
  while (seen < 40'000) {
    const auto all = board.families();
    if (all.empty()) continue;
    CHECK(all[0].series[0].value >= seen);
    seen = all[0].series[0].value;
  }
  for (auto& one : threads) one.join();
  CHECK(seen == 40'000);
}

} // namespace coppice::host
