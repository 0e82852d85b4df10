// SPDX-License-Identifier: MIT
// Tests which overload is reported, and when.
#include "node/environment/overload_watch.hpp"

#include <doctest/doctest.h>

using namespace coppice;
using node::overload_ledger;

namespace {

constexpr base::nanos second = base::nanos_per_second;

} // namespace

TEST_CASE("a place is told of at once, then at most once a minute, with what has come since") {
  overload_ledger book;
  const auto news = [&](base::nanos now, std::uint64_t total) {
    book.begin(now);
    const std::uint64_t out = book.news("shop", total);
    book.end();
    return out;
  };
  CHECK(news(1 * second, 0) == 0);
  CHECK(news(2 * second, 5) == 5);
  CHECK(news(4 * second, 5) == 0);
  CHECK_FALSE(book.holds_back());
  CHECK(news(6 * second, 7) == 0);
  CHECK(book.holds_back());
  CHECK(news(61 * second, 9) == 0);
  CHECK(news(62 * second, 9) == 4);
  CHECK_FALSE(book.holds_back());
  CHECK(news(200 * second, 9) == 0);
  CHECK(news(201 * second, 3) == 3); // the count starts anew
}

TEST_CASE("places do not delay each other, and what is too much for one look follows with the next") {
  overload_ledger book;
  std::size_t told = 0;
  for (int look = 0; look < 3; ++look) {
    book.begin(look * second);
    for (int i = 0; i < 25; ++i) told += book.news(std::to_string(i), 1);
    book.end();
    CHECK(told == (look == 0 ? 10 : look == 1 ? 20 : 25));
    CHECK(book.holds_back() == (look < 2));
  }
}

TEST_CASE("a place that is no more is forgotten") {
  overload_ledger book;
  book.begin(second);
  CHECK(book.news("shop", 4) == 4);
  book.end();
  book.begin(2 * second);
  book.end();
  book.begin(3 * second);
  CHECK(book.news("shop", 4) == 4);
}
