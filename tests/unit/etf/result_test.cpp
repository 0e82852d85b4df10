// SPDX-License-Identifier: MIT
// A value, or the reason why there is none: which of the two it holds, and that it constructs, moves and
// destroys exactly that one.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <type_traits>

#include <coppice/etf/result.hpp>

using coppice::expected;
using coppice::unexpected;

namespace {

// Counts its living objects.
struct counted {
  explicit counted(int& living) : count(&living) { ++*count; }
  counted(const counted& other) : count(other.count) { ++*count; }
  counted(counted&& other) noexcept : count(other.count) { ++*count; }
  counted& operator=(const counted&) = delete;
  ~counted() { --*count; }
  int* count;
};

expected<int, std::string> half(int whole) {
  if (whole % 2 != 0) return unexpected<std::string>("odd");
  return whole / 2;
}

} // namespace

TEST_CASE("a value is had by *, -> and value, a reason by error") {
  CHECK(half(4));
  CHECK(*half(4) == 2);
  CHECK(half(4).value() == 2);
  CHECK_FALSE(half(3).has_value());
  CHECK(half(3).error() == "odd");
  const expected<std::string, int> text("abc");
  CHECK(text->size() == 3);
}

TEST_CASE("value throws where there is a reason") {
  CHECK_THROWS_AS(half(3).value(), coppice::no_value);
  const expected<void, int> failed = unexpected(1);
  CHECK_THROWS_AS(failed.value(), coppice::no_value);
}

TEST_CASE("value_or stands in for a value that is missing") {
  CHECK(half(4).value_or(7) == 2);
  CHECK(half(3).value_or(7) == 7);
}

TEST_CASE("a reason becomes that of another type of value") {
  const auto failed = half(3);
  const expected<std::unique_ptr<int>, std::string> handed_on = unexpected(failed.error());
  CHECK(handed_on.error() == "odd");
}

TEST_CASE("what it is made of is made once, and ended once") {
  int values = 0, reasons = 0;
  using both = expected<counted, std::shared_ptr<counted>>;
  {
    both one(std::in_place, values);
    CHECK(values == 1);
    both other(coppice::unexpect, std::make_shared<counted>(reasons));
    CHECK(reasons == 1);
    both copy = one;
    CHECK(values == 2);
    one = other;
    CHECK(values == 1);
    CHECK(reasons == 1);
    CHECK_FALSE(one);
    one = std::move(copy);
    CHECK(one);
    CHECK(values == 2); // the moved-from object still holds one
    other = both(std::in_place, values);
    CHECK(values == 3);
    CHECK(reasons == 0);
    other = *&other;
    CHECK(values == 3);
  }
  CHECK(values == 0);
  CHECK(reasons == 0);
}

TEST_CASE("it is copied only where its value is") {
  static_assert(std::is_copy_constructible_v<expected<std::string, int>>);
  static_assert(!std::is_copy_constructible_v<expected<std::unique_ptr<int>, int>>);
  static_assert(std::is_nothrow_move_constructible_v<expected<std::unique_ptr<int>, std::string>>);
  expected<std::unique_ptr<int>, int> one = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = *std::move(one);
  CHECK(*taken == 5);
}

TEST_CASE("of nothing it is done, or the reason why not") {
  const expected<void, std::string> done;
  CHECK(done);
  expected<void, std::string> failed = unexpected<std::string>("full");
  CHECK_FALSE(failed);
  CHECK(failed.error() == "full");
  failed = done;
  CHECK(failed);
}
