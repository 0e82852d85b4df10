// SPDX-License-Identifier: MIT
// The node's own HTTP pages when an exception is thrown while a page is made.
#include "control/http.hpp"

#include <doctest/doctest.h>

#include <new>

#include "heard_log.hpp"

using namespace coppice;

TEST_CASE("a page that throws while it is made is answered 500, and the log knows what it threw") {
  struct unheard_of {};
  test::heard_log log;
  const auto memory = control::contained_page([]() -> net::http_response { throw std::bad_alloc(); });
  const auto unknown = control::contained_page([]() -> net::http_response { throw unheard_of(); });
  CHECK(memory.status == 500);
  CHECK(unknown.status == 500);
  CHECK_FALSE(unknown.body.empty());
  CHECK(log.count("a page of the node's HTTP server let an exception out: ") == 2);
  CHECK(control::contained_page([] { return net::http_response{204, "", ""}; }).status == 204);
}
