// SPDX-License-Identifier: MIT
// Tests the hello-world plugins of the author's pages (plugin-api/README.md, packaging/doc/plugins): they
// are cut out of the pages, built and called.
#include <doctest/doctest.h>

#include "garden.hpp"

using namespace coppice;

TEST_CASE("the hello worlds of the author's pages load and answer") {
  test::workshop shop;
  shop.put("hello", "hello");
  shop.put("hello_c", "hello_c");
  test::garden grounds(shop);
  CHECK(grounds.grow("hello") == "ok");
  CHECK(grounds.grow("hello_c") == "ok");
  CHECK(grounds.call("hello", "{hello, <<\"you\">>}") == "<<\"hello, you\">>");
  CHECK(grounds.call("hello", "{hello, 7}") == "!exit {bad_call,{hello,7}}");
  CHECK(grounds.call("hello_c", "hello") == "world");
}
