// SPDX-License-Identifier: MIT
// Handling of data that takes more than one turn of the loop. Between the turns, the loop reads its sockets.
#include "dist/read_pacer.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"
#include "net/stream/stream.hpp"
#include "net/stream_recorder.hpp"

using namespace coppice;

TEST_CASE("a turn of the loop handles one part of what was read, and its sockets are looked at") {
  base::uv::loop loop = base::uv::loop::make().value();
  test::recorder at_client;
  test::recorder at_server;
  net::stream server;
  auto listening = net::listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                                      [&](net::accepted_socket socket) {
                                        server = net::stream::adopt(loop.raw(), std::move(socket)).value();
                                        server.start(at_server);
                                      })
                       .value();
  net::stream client = net::stream::connect(loop.raw(), listening.address(), {}, at_client).value();
  REQUIRE(test::loop_until(loop, [&] { return at_client.connected && server; }));

  constexpr int parts = 1000;
  dist::unfinished_messages all(std::size_t{1} << 30);
  const dist::unfinished_messages::share held(all, [] {});
  std::unique_ptr<dist::read_pacer> pacer;
  int handled = 0;
  pacer = std::make_unique<dist::read_pacer>(loop.raw(), server, "x@h", held, [&] {
    if (++handled < parts)
      pacer->hold();
    else
      pacer->after_read(0);
  });
  pacer->hold();
  for (int turn = 1; turn <= 5; ++turn) {
    loop.turn(false);
    CHECK(handled == turn);
  }
  // Another socket of the same loop gets its bytes while there is work for hundreds of turns.
  server.write("to the bystander");
  REQUIRE(test::loop_until(loop, [&] { return !at_client.received.empty(); }));
  CHECK(handled < parts);
  CHECK(server.paused());
  REQUIRE(test::loop_until(loop, [&] { return handled == parts && !server.paused(); }));
  pacer->close();
}
