// SPDX-License-Identifier: MIT
// Plain streams that go on with TLS, as client and as server, while data is written and read.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "net/tls_pair.hpp"

namespace coppice::net {
namespace {

struct upgraded final : net::stream_handler {
  void on_connected() override { ++connected; }
  void on_secured() override {
    ++secured;
    if (when_secured) when_secured();
  }
  void on_data(base::bytes_span bytes) override {
    received.append(base::as_text(bytes));
    if (after_data) after_data();
  }
  void on_drained() override { ++drained; }
  void on_closed(base::error why) override { closed = std::move(why); }

  int connected = 0;
  int secured = 0;
  int drained = 0;
  std::string received;
  std::optional<base::error> closed;
  std::function<void()> after_data;
  std::function<void()> when_secured;
};

// A connection whose ends are open and plain.
struct plain_pair {
  plain_pair() {
    listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                              [this](accepted_socket socket) {
                                server = stream::adopt(loop.raw(), std::move(socket)).value();
                                server.start(at_server);
                              })
                    .value();
    client = stream::connect(loop.raw(), listening.address(), {}, at_client).value();
    REQUIRE(until([&] { return at_client.connected == 1 && server; }));
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }

  tls_options options(tls_role role) {
    return {context(role, our_authority().settings()), &pacer, role == tls_role::client ? "127.0.0.1" : "",
            timeout};
  }
  void secure_client() { client.start_tls(options(tls_role::client)); }
  void secure_server(base::bytes_span first = {}) { server.start_tls(options(tls_role::server), first); }

  base::uv::loop loop = base::uv::loop::make().value();
  tls_pacer pacer{loop.raw()};
  std::chrono::milliseconds timeout{7000};
  upgraded at_client;
  upgraded at_server;
  listener listening;
  stream client;
  stream server;
};

} // namespace

TEST_CASE("a plain stream goes on with TLS as both ends agreed, each told once") {
  plain_pair both;
  both.at_server.after_data = [&] {
    if (both.at_server.received != "STARTTLS\r\n") return;
    both.server.write("go ahead\r\n");
    both.secure_server();
    both.server.write("welcome under TLS");
  };
  both.at_client.after_data = [&] {
    if (both.at_client.received != "go ahead\r\n") return;
    both.secure_client();
    both.client.write("and me");
  };
  both.client.write("STARTTLS\r\n");
  REQUIRE(both.until([&] {
    return both.at_client.received == "go ahead\r\nwelcome under TLS" &&
           both.at_server.received == "STARTTLS\r\nand me";
  }));
  CHECK(both.at_client.secured == 1);
  CHECK(both.at_server.secured == 1);
  CHECK(both.at_client.connected == 1);
  CHECK(both.client.tls_version() == "1.3");
  CHECK(both.server.peer_certificate()); // the server verifies its clients
  CHECK(both.client.bytes_queued() == 0);
}

TEST_CASE("what was written before leaves as it is, however much, and what is written after is sealed") {
  plain_pair both;
  const std::string much(6'000'000, 'p');
  const std::string more(3'000'000, 's');
  both.server.write(much);
  both.server.flush(); // the socket takes only a part of it
  REQUIRE(both.server.bytes_queued() > 0);
  both.secure_server();
  both.server.write(more);
  both.at_client.after_data = [&] {
    if (both.at_client.received.size() == much.size()) both.secure_client();
  };
  REQUIRE(both.until([&] { return both.at_client.received.size() == much.size() + more.size(); }));
  CHECK(both.at_client.received == much + more);
  CHECK(both.at_client.secured == 1);
  REQUIRE(both.until([&] { return both.server.bytes_queued() == 0; }));
  CHECK(both.at_server.drained >= 1);
  CHECK(both.server.bytes_written() > much.size() + more.size());
}

TEST_CASE("bytes that were read already and belong to TLS are given to it, in any cut") {
  for (const std::size_t cut : {std::size_t{1}, std::size_t{50}, std::size_t{100'000}}) {
    CAPTURE(cut);
    plain_pair both;
    bool begun = false;
    both.at_server.after_data = [&] {
      constexpr std::size_t header = 7;
      if (begun || both.at_server.received.size() < header + std::min<std::size_t>(cut, 100)) return;
      begun = true;
      const std::string first = both.at_server.received.substr(header);
      both.at_server.received.clear();
      both.secure_server(base::as_bytes(first));
    };
    both.client.write("PREFIX\n");
    both.secure_client();
    both.client.write("behind");
    REQUIRE(both.until([&] { return both.at_server.received == "behind"; }));
    CHECK(both.at_server.secured == 1);
  }
}

TEST_CASE("a handshake that fails ends the stream in words, and tells no success") {
  plain_pair both;
  std::string says;
  SUBCASE("the peer goes on without TLS") {
    both.secure_server();
    both.client.write("still plain");
    says = "the peer opened without it";
  }
  SUBCASE("the peer goes away") {
    both.secure_server();
    both.client.close();
    says = "the peer closed the connection before its end";
  }
  SUBCASE("the peer says nothing") {
    both.timeout = std::chrono::milliseconds(50);
    both.secure_server();
    says = "TLS handshake: no end of it within 50 ms";
  }
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->text.find(says) != std::string::npos);
  CHECK(both.at_server.secured == 0);
  CHECK(both.at_server.received.empty());
}

TEST_CASE("a client's handshake has its time too") {
  plain_pair both;
  both.timeout = std::chrono::milliseconds(50);
  both.secure_client();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.closed->code == base::errc::timeout);
}

TEST_CASE("TLS is not started twice, before the connection, behind the end, or without a context") {
  plain_pair both;
  SUBCASE("twice") {
    both.secure_client();
    both.secure_client();
  }
  SUBCASE("behind the end") {
    both.client.end();
    both.secure_client();
  }
  SUBCASE("without a context") {
    both.client.start_tls({});
  }
  SUBCASE("before the connection") {
    both.client = stream::connect(both.loop.raw(), both.listening.address(), {}, both.at_client).value();
    both.secure_client();
  }
  CHECK_FALSE(both.at_client.closed); // the handler is never told inside the call
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.closed->code == base::errc::invalid);
}

TEST_CASE("a handler may destroy its stream when it hears of the handshake's end") {
  plain_pair both;
  both.at_server.when_secured = [&] { both.server.close(); };
  both.secure_server();
  both.secure_client();
  both.client.write("nobody reads this");
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_server.received.empty());
}

TEST_CASE("a stream that is paused while it secures itself delivers nothing until it is resumed") {
  plain_pair both;
  both.server.pause();
  both.secure_server();
  both.secure_client();
  both.client.write("later");
  REQUIRE(both.until([&] { return both.at_server.secured == 1 && both.at_client.secured == 1; }));
  for (int i = 0; i < 20; ++i) both.loop.turn(false);
  CHECK(both.at_server.received.empty());
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.received == "later"; }));
}

} // namespace coppice::net
