// SPDX-License-Identifier: MIT
// The nesting depth of JSON texts: what counts as nesting, and what only looks like it.
#include "base/json_depth.hpp"

#include <doctest/doctest.h>

#include <string>

using coppice::base::nests_deeper;

TEST_CASE("objects and lists nest, one behind the other do not, and brackets in texts are text") {
  struct sample {
    const char* json;
    std::size_t depth;
  };
  for (const sample& one : {sample{"1", 0}, sample{"[]", 1}, sample{"[[],{},[]]", 2},
                            sample{R"({"a":[{"b":1}],"c":{}})", 3}, sample{R"(["[[[[{{{{"])", 1},
                            sample{R"(["\"[[[["])", 1}, sample{R"(["\\",[]])", 2}, sample{"]]]}[", 1}}) {
    CAPTURE(one.json);
    CHECK_FALSE(nests_deeper(one.json, one.depth));
    if (one.depth != 0) CHECK(nests_deeper(one.json, one.depth - 1));
  }
  CHECK(nests_deeper(std::string(100'000, '['), 99'999));
  CHECK_FALSE(nests_deeper(std::string(100'000, '['), 100'000));
}
