// SPDX-License-Identifier: MIT
// One connection to the control socket: what can still happen after it was released.
#include "control/session.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>

#include "net/admission/admission_limit.hpp"
#include "net/loop_until.hpp"
#include "net/stream_recorder.hpp"

using namespace coppice;
using namespace std::chrono_literals;

TEST_CASE("a request that is too large is refused once, though its time is over in the same moment") {
  constexpr auto patience = 500ms;
  base::uv::loop loop = base::uv::loop::make().value();
  net::admission_limit admission({.name = "test", .patience = patience});
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const auto adopt = [&](int fd, net::admission_limit::place place) {
    net::accepted_socket socket;
    socket.fd = base::unique_fd(fd);
    socket.is_tcp = false;
    socket.place = std::move(place);
    return net::stream::adopt(loop.raw(), std::move(socket)).value();
  };
  test::recorder at_client;
  net::stream client = adopt(ends[0], {});
  client.start(at_client);
  int gone = 0;
  const auto ask = [](api::request, std::uint64_t) { return control::pending(); };
  control::session session(loop.raw(), adopt(ends[1], admission.enter("x")), {}, ask, [&] { ++gone; });
  bool over = false; // set by a timer that is due after the session's
  base::uv::timer behind(loop.raw(), [&] { over = true; });
  behind.start(patience + 1ms);
  client.write(std::string(api::max_request_bytes + 1, 'x'));
  // It is destroyed later than it reports its end, as in a server.
  REQUIRE(test::loop_until(loop, [&] { return gone != 0 && over; }));
  CHECK(gone == 1);
  CHECK(at_client.received.find("\"request\"") != std::string::npos);
}
