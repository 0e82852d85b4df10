// SPDX-License-Identifier: MIT
// TLS between two streams of this program over loopback: it behaves as a plain stream does, and a peer that
// must not connect gets a clear error.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"
#include "net/stream/stream.hpp"
#include "net/stream_recorder.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"
#include "net/tls/tls_pacer.hpp"
#include "net/tls/tls_session.hpp"
#include "net/tls/tls_words.hpp"
#include "net/tls_pair.hpp"

namespace coppice::net {
namespace {

using test::loop_until;
using test::recorder;

void count_release(void* context) {
  ++*static_cast<int*>(context);
}

} // namespace

TEST_CASE("both ends verified speak TLS 1.3") {
  tls_pair both;
  both.secure();
  CHECK(both.client.tls_version() == "1.3");
  CHECK(both.server.tls_version() == "1.3");
}

TEST_CASE("what one end writes under TLS the other reads, in order, sizes from nothing to many records") {
  tls_pair both;
  both.connect();
  both.client.write("before the handshake ");
  int released = 0;
  const std::string large(3'000'000, 'x');
  both.client.write_owned(base::as_bytes(large), count_release, &released);
  std::string small;
  for (int i = 0; i < 5000; ++i) {
    small += std::to_string(i);
    both.client.write(std::to_string(i));
  }
  const std::string all = "before the handshake " + large + small;
  REQUIRE(both.until([&] { return both.at_server.received.size() == all.size(); }));
  CHECK(both.at_server.received == all);
  CHECK(released == 1);
  REQUIRE(both.until([&] { return both.client.bytes_queued() == 0; }));
  CHECK(both.client.bytes_written() > all.size());
  CHECK(both.at_client.drained >= 1);
}

TEST_CASE("both ends under TLS write more than the sockets hold at once") {
  tls_pair both;
  both.secure();
  const std::string a(3'000'000, 'a');
  const std::string b(3'000'000, 'b');
  both.client.write(a);
  both.server.write(b);
  REQUIRE(both.until(
      [&] { return both.at_server.received.size() + both.at_client.received.size() == 6'000'000; }));
  CHECK(both.at_server.received == a);
  CHECK(both.at_client.received == b);
}

TEST_CASE("a paused stream delivers nothing of what TLS holds, and all of it once resumed") {
  tls_pair both;
  both.secure();
  both.at_server.after_data = [&] { both.server.pause(); };
  const std::string much(1'000'000, 'x');
  both.client.write(much);
  REQUIRE(both.until([&] { return both.server.paused(); }));
  const std::size_t first = both.at_server.received.size();
  for (int i = 0; i < 20; ++i) both.loop.turn(false);
  CHECK(both.at_server.received.size() == first);
  both.at_server.after_data = nullptr;
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.received.size() == much.size(); }));
}

TEST_CASE("under TLS, too, what is written ahead passes all that waits behind a mark, and cuts nothing") {
  constexpr std::size_t block = write_queue::mark_distance;
  constexpr std::size_t blocks = 256;
  tls_pair both;
  both.secure();
  both.client.set_unsent_limit(block);
  both.server.pause();
  for (std::size_t i = 0; i < blocks; ++i) {
    both.client.mark();
    both.client.write(std::string(block, static_cast<char>('a' + i % 26)));
  }
  both.client.flush();
  both.loop.turn(false);
  const auto room = both.client.write_ahead(5);
  REQUIRE(room.size() == 5);
  std::memcpy(room.data(), "AHEAD", 5);
  CHECK(both.client.bytes_ahead() == 5);
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.received.size() == blocks * block + 5; }));
  CHECK(both.client.bytes_ahead() == 0);
  const std::size_t at = both.at_server.received.find("AHEAD");
  CHECK(at % block == 0);
  CHECK(at < blocks * block / 2);
}

TEST_CASE("an end under TLS reaches the peer after the data, and the peer may go on writing") {
  tls_pair both;
  both.at_server.keep_after_end = true;
  both.secure();
  both.client.write("last words");
  both.client.end();
  REQUIRE(both.until([&] { return both.at_server.ended; }));
  CHECK(both.at_server.received == "last words");
  both.server.write("answer");
  REQUIRE(both.until([&] { return both.at_client.received == "answer"; }));
}

TEST_CASE("a connection cut without TLS's own end is an end all the same") {
  tls_pair both;
  both.secure();
  both.client.close();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->code == base::errc::closed);
}

TEST_CASE("a peer without TLS at a TLS port is told apart, in words") {
  tls_pair both;
  both.client_tls = false;
  both.connect();
  both.client.write(std::string("\0\x15N\0\0 hello", 11));
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->text.find("the peer opened without it") != std::string::npos);
}

TEST_CASE("a TLS client at a port without TLS ends with words when the port closes") {
  tls_pair both;
  both.server_tls = false;
  both.at_server.after_data = [&] { both.server.close(); };
  both.connect();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK_FALSE(both.at_client.connected);
  CHECK(both.at_client.closed->code == base::errc::refused);
  CHECK(both.at_client.closed->text.find("tls: off") != std::string::npos);
}

TEST_CASE("a TLS client that is answered in another protocol says so") {
  tls_pair both;
  both.server_tls = false;
  both.at_server.after_data = [&] { both.server.write("HTTP/1.1 400 Bad Request\r\n\r\n"); };
  both.connect();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.closed->text.find("answers without TLS") != std::string::npos);
}

TEST_CASE("a certificate of a stranger, for another host or none at all is refused with the reason") {
  tls_pair both;
  std::string client_says;
  std::string server_says;
  SUBCASE("server of another authority") {
    both.server_settings = authority().settings();
    client_says = "no authority (ca) known here signed it (its issuer: CN=Coppice CA ";
    server_says = "the peer refuses: unknown_ca (48): it does not know the authority";
  }
  SUBCASE("server for another host") {
    both.host = "elsewhere.example";
    client_says = "it is for IP:127.0.0.1, DNS:127.0.0.1, and wanted is elsewhere.example";
    server_says = "the peer refuses: bad_certificate (42)";
  }
  SUBCASE("client of another authority") {
    auto strange = authority().settings();
    strange.authorities = both.server_settings.authorities;
    both.client_settings = strange;
    client_says = "the peer refuses: unknown_ca (48): it does not know the authority";
    server_says = "no authority (ca) known here signed it";
  }
  SUBCASE("client without one") {
    both.client_settings.certificate.clear();
    both.client_settings.key.clear();
    client_says = "it wants a certificate and we have none";
    server_says = "shows no certificate";
  }
  SUBCASE("server whose certificate has expired") {
    both.server_settings = our_authority().settings({"127.0.0.1"}, -10 * one_day);
    client_says = "it expired on 2";
    server_says = "the peer refuses: certificate_expired (45): our certificate has expired";
  }
  SUBCASE("client whose certificate has expired") {
    both.client_settings = our_authority().settings({"127.0.0.1"}, -10 * one_day);
    client_says = "the peer refuses: certificate_expired (45): our certificate has expired";
    server_says = "it expired on 2";
  }
  SUBCASE("client whose certificate is not valid yet") {
    both.client_settings = our_authority().settings({"127.0.0.1"}, 10 * one_day);
    client_says = "the peer refuses: certificate_unknown (46)";
    server_says = "a clock may be wrong";
  }
  both.connect();
  both.at_server.after_data = [] { FAIL("an unverified peer's data was delivered"); };
  REQUIRE(both.until([&] { return both.both_closed(); }));
  INFO(both.at_client.closed->text, " / ", both.at_server.closed->text);
  CHECK(both.at_client.closed->text.find(client_says) != std::string::npos);
  CHECK(both.at_server.closed->text.find(server_says) != std::string::npos);
}

TEST_CASE("an alert is told by its name, its number and what it means") {
  CHECK(alert_words(70) == "protocol_version (70): no TLS version in common");
  CHECK(alert_words(20) == "bad_record_mac (20)");
  CHECK(alert_words(200) == "alert 200");
}

TEST_CASE("without verification a certificate nobody vouches for is taken") {
  tls_pair both;
  both.server_settings = authority().settings();
  both.server_settings.verify_peer = false;
  both.client_settings = {};
  both.host.clear();
  both.secure();
  CHECK(both.client.tls_version() == "1.3");
}

TEST_CASE("garbage behind a TLS record's first byte ends the handshake") {
  tls_pair both;
  both.client_tls = false;
  both.connect();
  both.client.write(std::string("\x16\x03\x01\x00\x40", 5) + std::string(64, '\xff'));
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->text.find("TLS handshake") != std::string::npos);
}

TEST_CASE("a peer that says nothing is given up after the handshake's time") {
  tls_pair both;
  both.client_tls = false;
  both.timeout = std::chrono::milliseconds(50);
  both.connect();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->code == base::errc::timeout);
}

TEST_CASE("a server that never answers is given up after the connect's time") {
  tls_pair both;
  both.server_tls = false;
  both.timeout = std::chrono::milliseconds(50);
  both.connect();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.closed->code == base::errc::timeout);
  CHECK(both.at_client.closed->text.find("TLS handshake") != std::string::npos);
}

TEST_CASE("bytes damaged on the way end an established stream, and none of them are delivered") {
  tls_pair both;
  tls_session client(context(tls_role::client, both.client_settings), both.host);
  tls_session server(context(tls_role::server, both.server_settings), "");
  const auto carry = [](tls_session& from, tls_session& to) {
    std::string wire(from.output().bytes(), ' ');
    from.output().copy_to({reinterpret_cast<std::uint8_t*>(wire.data()), wire.size()});
    from.output().advance(wire.size());
    to.feed(base::as_bytes(wire));
    while (to.unused_input() > 0 && !to.established()) REQUIRE(to.step());
  };
  while (!client.established() || !server.established()) {
    while (client.step().value() == tls_session::progress::more_steps) {
    }
    carry(client, server);
    while (server.step().value() == tls_session::progress::more_steps) {
    }
    carry(server, client);
  }
  write_queue plain;
  plain.append(base::as_bytes("secret"));
  REQUIRE(client.seal(plain));
  const auto sealed = [&] {
    std::vector<std::uint8_t> wire(client.output().bytes());
    client.output().copy_to(wire);
    client.output().advance(wire.size());
    return wire;
  };
  std::array<std::uint8_t, 64> into{};
  auto wire = sealed();
  server.feed(wire);
  REQUIRE(server.open(into).value() == 6);
  plain.append(base::as_bytes("secret"));
  REQUIRE(client.seal(plain));
  wire = sealed();
  wire.back() ^= 1;
  server.feed(wire);
  const auto got = server.open(into);
  REQUIRE_FALSE(got);
  CHECK(got.error().text.find("damaged") != std::string::npos);
  CHECK(server.output().bytes() > 0); // the alert
}

TEST_CASE("a handshake that has not ended holds less than 64 KiB") {
  tls_pair both;
  both.client_tls = false;
  both.server_settings.verify_peer = false;
  both.connect();
  REQUIRE(both.until([&] { return static_cast<bool>(both.server); }));
  const auto before = mallinfo2().uordblks;
  // The beginning of a ClientHello: enough for the server to allocate its side and to wait for the rest.
  std::string hello("\x16\x03\x01\x10\x00\x01\x00\x0f\xfc\x03\x03", 11);
  hello += std::string(32, 'r') + std::string(1, '\0') + std::string("\x00\x02\x13\x01", 4);
  both.client.write(hello + std::string(2000, '\0'));
  REQUIRE(both.until([&] { return both.server.bytes_read() >= hello.size() + 2000; }));
  for (int i = 0; i < 20; ++i) both.loop.turn(false);
  CHECK_FALSE(both.at_server.closed);
  CHECK(mallinfo2().uordblks - before < 64 * 1024);
}

TEST_CASE("many handshakes at once take turns and all end") {
  constexpr std::size_t many = 24;
  base::uv::loop loop = base::uv::loop::make().value();
  tls_pacer pacer(loop.raw());
  const tls_options server{context(tls_role::server, our_authority().settings()), &pacer, "", {}};
  std::vector<std::unique_ptr<recorder>> handlers;
  std::vector<stream> streams;
  auto listening =
      listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                    [&](accepted_socket socket) {
                      auto options = server;
                      options.timeout = std::chrono::seconds(20);
                      handlers.push_back(std::make_unique<recorder>());
                      streams.push_back(stream::adopt(loop.raw(), std::move(socket), options).value());
                      streams.back().start(*handlers.back());
                    })
          .value();
  std::vector<recorder> clients(many);
  std::vector<stream> connected;
  connect_options options{std::chrono::seconds(20), std::nullopt, {}};
  options.tls = {context(tls_role::client, our_authority().settings()), &pacer, "127.0.0.1", {}};
  for (auto& each : clients) {
    connected.push_back(stream::connect(loop.raw(), listening.address(), options, each).value());
  }
  REQUIRE(loop_until(
      loop, [&] { return std::all_of(clients.begin(), clients.end(), [](auto& c) { return c.connected; }); },
      std::chrono::seconds(30)));
}

TEST_CASE("a stream destroyed in the middle of its handshake is forgotten") {
  tls_pair both;
  both.connect();
  REQUIRE(both.until([&] { return static_cast<bool>(both.server); }));
  both.client.close();
  both.server.close();
  for (int i = 0; i < 10; ++i) both.loop.turn(false);
  CHECK_FALSE(both.at_client.connected);
}

TEST_CASE("a stream whose handshake is over does not need its pacer any more") {
  tls_pair both;
  both.secure();
  both.pacer.reset(); // the address sanitizer reports any further use of it
  both.client.write("last words");
  both.client.close_when_written();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.received == "last words");
}

TEST_CASE("a context says what is wrong with its files") {
  const auto good = our_authority().settings();
  const auto says = [](tls_settings with, const char* what, tls_role role = tls_role::server) {
    const auto made = tls_context::make(role, with);
    REQUIRE_FALSE(made);
    INFO(made.error().text);
    CHECK(made.error().text.find(what) != std::string::npos);
  };
  auto wrong = good;
  wrong.certificate = "nonsense";
  says(wrong, "certificate: ");
  wrong = good;
  wrong.key = "nonsense";
  says(wrong, "key: ");
  wrong = good;
  wrong.key = our_authority().settings().key;
  says(wrong, "the key is not this certificate's");
  wrong = good;
  wrong.authorities = "nonsense";
  says(wrong, "ca: ");
  wrong = good;
  wrong.authorities.clear();
  says(wrong, "(ca) must be given");
  says({}, "a listener needs a certificate");
}

TEST_CASE("a ClientHello is looked at without trusting its lengths") {
  std::string hello("\x16\x03\x01\x00\x50\x01\x00\x00\x4c\x03\x03", 11);
  hello += std::string(32, 'r') + std::string(1, '\0');
  const auto look = [](const std::string& bytes) { return look_at_client_hello(base::as_bytes(bytes)); };
  CHECK(look("") == client_hello::incomplete);
  CHECK(look("GET / HTTP/1.1") == client_hello::no_tls);
  CHECK(look(std::string("\0\x15N", 3)) == client_hello::no_tls);
  CHECK(look(hello) == client_hello::incomplete);
  CHECK(look(hello + std::string("\x00\x04\x13\x02\x13\x03", 6)) == client_hello::fastest_cipher);
  CHECK(look(hello + std::string("\x00\x04\x13\x02\x13\x01", 6)) == client_hello::other);
  CHECK(look(hello + std::string("\x00\x00", 2)) == client_hello::other);
  CHECK(look(hello + std::string("\xff\xff\x13\x02", 4)) == client_hello::incomplete);
  std::string odd = hello + std::string("\x00\x03\x13\x02\x13", 5);
  CHECK(look(odd) == client_hello::other);
  odd = hello;
  odd[43] = '\xff';
  CHECK(look(odd) == client_hello::incomplete);
}

} // namespace coppice::net
