// SPDX-License-Identifier: MIT
// Tests of the queue of changes of a node: changes have their turns in the order in which they were
// requested, whatever happens to the others.
#include "node/shown/change_line.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace coppice;
using node::change_line;

namespace {

struct line {
  std::string told;    // the names of the changes whose turn came
  std::string changed; // a sign for each notice: + there are changes, - there are none
  change_line it{[this](bool any) { changed += any ? "+" : "-"; }};

  base::result<change_line::place> enter(char name, std::string_view kind = {}) {
    return it.enter(
        {std::string(1, name), "test"}, [this, name] { told += name; }, kind);
  }
  std::string rows() const {
    std::string out;
    for (const node::change_row& one : it.rows()) out += one.what;
    return out;
  }
};

} // namespace

TEST_CASE("the first one has its turn at once, each other one when those before it are gone") {
  line of;
  auto a = of.enter('a'), b = of.enter('b'), c = of.enter('c'), d = of.enter('d');
  REQUIRE((a && b && c && d));
  CHECK(of.rows() == "abcd");
  CHECK(a->has_turn());
  CHECK_FALSE(b->has_turn());
  *c = {}; // c gives its place up
  CHECK(of.told == "");
  *a = {};
  CHECK(of.told == "b");
  CHECK(b->has_turn());
  CHECK(of.changed == "+");
  *b = {};
  CHECK(of.told == "bd");
  *d = {};
  CHECK(of.told == "bd");
  CHECK(of.changed == "+-");
  CHECK(of.rows() == "");
  CHECK(of.enter('e')->has_turn());
}

TEST_CASE("eight may wait, of one kind one; the one that runs does not count") {
  line of;
  auto first = of.enter('a', "same");
  std::vector<change_line::place> waiting;
  auto same = of.enter('b', "same");
  REQUIRE(same);
  CHECK(of.enter('c', "same").error().code == base::errc::exists);
  while (waiting.size() + 1 < change_line::most_waiting) {
    auto taken = of.enter('x');
    REQUIRE(taken);
    waiting.push_back(std::move(*taken));
  }
  CHECK(of.enter('y').error().code == base::errc::limit);
  *first = {};
  CHECK(same->has_turn());
  CHECK(of.enter('z', "same"));
}

TEST_CASE("of many threads one at a time has its turn") {
  change_line of{{}};
  std::atomic<int> inside{0}, done{0};
  std::vector<std::jthread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const auto turn = std::make_shared<std::atomic<bool>>(false);
        auto mine = of.enter({"x", "test"}, [turn] { *turn = true, turn->notify_all(); });
        REQUIRE(mine);
        if (!mine->has_turn()) turn->wait(false);
        CHECK(mine->has_turn());
        CHECK(++inside == 1);
        --inside;
        ++done;
        *mine = {};
      }
    });
  all.clear();
  CHECK(done == 2000);
}
