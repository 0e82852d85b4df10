// SPDX-License-Identifier: MIT
// What a peer may send over TLS, but this program's own ends do not: messages cut into records at any place,
// records without data, key changes in the middle. And the contents of this program's ClientHello.
#include <doctest/doctest.h>
#include <mbedtls/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heard_log.hpp"
#include "net/tls/mbedtls_context.hpp"
#include "net/tls/tls_session.hpp"
#include "net/tls_pair.hpp"

// Declared in the library's internal ssl_misc.h.
extern "C" int mbedtls_ssl_write_record(mbedtls_ssl_context* ssl, int force_flush);

namespace coppice::net {
namespace {

using namespace std::string_literals;

// A client of TLS 1.3 that writes what it is told to. Its bytes go through the plain stream `to.client`.
class foreign_client {
 public:
  explicit foreign_client(tls_pair& to) : to_(to) {
    mbedtls_ssl_config_defaults(config_.get(), MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config_.get(), kernel_random, nullptr);
    mbedtls_ssl_conf_authmode(config_.get(), MBEDTLS_SSL_VERIFY_NONE);
    REQUIRE(mbedtls_ssl_setup(ssl_.get(), config_.get()) == 0);
    mbedtls_ssl_set_bio(
        ssl_.get(), this,
        [](void* self, const unsigned char* bytes, std::size_t size) {
          static_cast<foreign_client*>(self)->to_.client.write(base::bytes_span(bytes, size));
          return static_cast<int>(size);
        },
        [](void* self, unsigned char* into, std::size_t size) {
          return static_cast<foreign_client*>(self)->give(into, size);
        },
        nullptr);
  }

  void connect() {
    to_.client_tls = false;
    to_.server_settings.verify_peer = false;
    to_.connect();
    REQUIRE(to_.until([&] {
      in_ += std::exchange(to_.at_client.received, {});
      mbedtls_ssl_handshake(ssl_.get());
      return mbedtls_ssl_is_handshake_over(ssl_.get()) != 0 && to_.server &&
             !to_.server.tls_version().empty();
    }));
  }
  void write(std::string_view text) {
    mbedtls_ssl_write(ssl_.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  void change_keys() {
    mbedtls_ssl_context& ssl = *ssl_.get();
    constexpr unsigned char key_update[] = {24, 0, 0, 1, 0};
    ssl.MBEDTLS_PRIVATE(out_msgtype) = MBEDTLS_SSL_MSG_HANDSHAKE;
    std::copy(std::begin(key_update), std::end(key_update), ssl.MBEDTLS_PRIVATE(out_msg));
    ssl.MBEDTLS_PRIVATE(out_msglen) = sizeof key_update;
    REQUIRE(mbedtls_ssl_write_record(&ssl, 1) == 0);
  }
  // The result code of mbedtls_ssl_read().
  int read() {
    in_ += std::exchange(to_.at_client.received, {});
    unsigned char space[64];
    return mbedtls_ssl_read(ssl_.get(), space, sizeof space);
  }
  std::uint8_t alert() { return ssl_.get()->MBEDTLS_PRIVATE(in_msg)[1]; }

 private:
  int give(unsigned char* into, std::size_t size) {
    if (in_.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    const std::size_t count = in_.copy(reinterpret_cast<char*>(into), size);
    in_.erase(0, count);
    return static_cast<int>(count);
  }

  tls_pair& to_;
  std::string in_;
  owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free> config_;
  owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> ssl_;
};

std::size_t number(std::string_view at, std::size_t bytes) {
  std::size_t out = 0;
  for (const char c : at.substr(0, bytes)) out = out * 256 + static_cast<unsigned char>(c);
  return out;
}

std::string client_hello_of(const tls_settings& settings, const std::string& host) {
  tls_session one(context(tls_role::client, settings), host);
  while (one.output().bytes() == 0) REQUIRE(one.step());
  std::string wire(one.output().bytes(), ' ');
  one.output().copy_to({reinterpret_cast<std::uint8_t*>(wire.data()), wire.size()});
  return wire;
}

// The extensions of a ClientHello, by their numbers.
std::map<std::size_t, std::string> extensions_of(std::string_view hello) {
  std::map<std::size_t, std::string> out;
  hello.remove_prefix(5 + 4 + 2 + 32);
  hello.remove_prefix(1 + number(hello, 1));
  hello.remove_prefix(2 + number(hello, 2));
  hello.remove_prefix(1 + number(hello, 1));
  hello.remove_prefix(2);
  while (!hello.empty()) {
    const std::size_t length = number(hello.substr(2), 2);
    out[number(hello, 2)] = hello.substr(4, length);
    hello.remove_prefix(4 + length);
  }
  return out;
}

constexpr std::size_t server_name = 0, signature_algorithms = 13;

} // namespace

TEST_CASE("what came whole before a record that cannot be read is delivered, and then the end") {
  tls_pair both;
  both.secure();
  // What the handler writes when it is told must not lead to calls after on_closed, either. The recorder
  // checks that.
  both.at_server.after_data = [&] { both.server.write("an answer"); };
  both.client.write("last words");
  both.client.flush();
  const std::string junk = "\x17\x03\x03\0\x20"s + std::string(32, 'j');
  REQUIRE(::write(both.client.descriptor(), junk.data(), junk.size()) == static_cast<ssize_t>(junk.size()));
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.received == "last words");
  CHECK(both.at_server.closed->text.find("damaged") != std::string::npos);
}

TEST_CASE("records without data are no end, together or one by one, and a bound holds for them in a row") {
  tls_pair both;
  foreign_client one(both);
  one.connect();
  for (int rounds = 0; rounds < 3; ++rounds) {
    for (int i = 0; i < 30; ++i) one.write("");
    one.write("behind ");
  }
  REQUIRE(both.until([&] { return both.at_server.received == "behind behind behind "; }));
  for (int i = 0; i < 6; ++i) {
    one.write("");
    const std::uint64_t before = both.server.bytes_read();
    REQUIRE(both.until([&] { return both.server.bytes_read() > before; }));
  }
  one.write("alone");
  REQUIRE(both.until([&] { return both.at_server.received == "behind behind behind alone"; }));
  CHECK_FALSE(both.at_server.ended);
  for (int i = 0; i < 40; ++i) one.write("");
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->text == "TLS: the peer sends records without data, and nothing else");
}

TEST_CASE("a peer that changes its keys is told by an alert, and the log says why its connection ends") {
  tls_pair both;
  test::heard_log log;
  foreign_client one(both);
  one.connect();
  one.write("before");
  one.change_keys();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.received == "before");
  CHECK(both.at_server.closed->text.find("changes its keys (KeyUpdate)") != std::string::npos);
  both.server.close_when_written();
  bool alerted = false;
  REQUIRE(both.until([&] { return alerted = alerted || one.read() == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE; }));
  CHECK(one.alert() == MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
  CHECK(log.count("KeyUpdate") == 1);
}

TEST_CASE("a ClientHello in several records is served, wherever they are cut") {
  for (const std::size_t most : {20, 43, 44, 50, 64, 80, 300}) {
    CAPTURE(most);
    tls_pair both;
    const std::string whole = client_hello_of(both.client_settings, "127.0.0.1").substr(5);
    both.client_tls = false;
    both.connect();
    std::string wire;
    for (std::size_t at = 0; at < whole.size(); at += most) {
      const std::string part = whole.substr(at, most);
      wire += "\x16\x03\x01"s + static_cast<char>(part.size() >> 8) + static_cast<char>(part.size()) + part;
    }
    both.client.write(wire);
    // The answer is a ServerHello.
    REQUIRE(both.until([&] { return both.at_client.received.size() > 11; }));
    CHECK(both.at_client.received.substr(0, 3) == "\x16\x03\x03");
    CHECK(both.at_client.received[5] == 2);
  }
}

TEST_CASE("nothing behind a ClientHello's first record is taken for its ciphers") {
  const std::string head("\x01\x00\x00\x4c\x03\x03", 6);
  const std::string message = head + std::string(32, 'r') + "\0\0\x04\x13\x02\x13\x03"s;
  const auto look = [&](std::size_t first, std::size_t seen) {
    const std::string record = "\x16\x03\x01\0"s + static_cast<char>(first) + message.substr(0, first);
    const std::string next = "\x16\x03\x01\0"s + static_cast<char>(message.size() - first);
    const std::string wire = record + (first < message.size() ? next + message.substr(first) : "");
    return look_at_client_hello(base::as_bytes(wire).first(std::min(seen, wire.size())));
  };
  CHECK(look(message.size(), SIZE_MAX) == client_hello::fastest_cipher);
  for (std::size_t first = 0; first < message.size(); ++first) {
    CAPTURE(first);
    CHECK(look(first, SIZE_MAX) == client_hello::other);
    CHECK(look(first, 5 + first) == client_hello::other);
    CHECK(look(first, 4 + first) == client_hello::incomplete);
  }
}

TEST_CASE("a client names the host it asks for, and no address") {
  const tls_settings settings = our_authority().settings();
  CHECK(extensions_of(client_hello_of(settings, "www.example.org")).at(server_name).find("www.example.org") !=
        std::string::npos);
  CHECK(extensions_of(client_hello_of(settings, "127.0.0.1")).count(server_name) == 0);
  CHECK(extensions_of(client_hello_of(settings, "::1")).count(server_name) == 0);
  CHECK(extensions_of(client_hello_of(settings, "")).count(server_name) == 0);
}

TEST_CASE("an address is compared with those the certificate is for") {
  const auto refused = [](const std::string& host, const std::vector<std::string>& names) {
    tls_pair both;
    both.host = host;
    both.server_settings = our_authority().settings(names);
    both.connect();
    REQUIRE(both.until([&] { return both.at_client.connected || both.at_client.closed; }));
    return both.at_client.closed ? both.at_client.closed->text : "";
  };
  CHECK(refused("127.0.0.1", {"127.0.0.1"}).empty());
  CHECK(refused("::1", {"127.0.0.1", "::1"}).empty());
  CHECK(refused("0:0::1", {"::1"}).empty());
  CHECK(refused("127.0.0.2", {"127.0.0.1"}).find("wanted is 127.0.0.2") != std::string::npos);
  CHECK(refused("::2", {"127.0.0.1", "::1"}).find("wanted is ::2") != std::string::npos);
  CHECK(refused("127.0.0.1", {"www.example.org"}).find("it is for DNS:www.example.org") != std::string::npos);
}

TEST_CASE(
    "a client that speaks TLS 1.2 offers PKCS#1 signatures before PSS, and others as the library does") {
  tls_settings settings = our_authority().settings();
  const auto places = [&] {
    const std::string all = extensions_of(client_hello_of(settings, "x")).at(signature_algorithms);
    std::vector<std::size_t> out;
    for (std::size_t at = 2; at < all.size(); at += 2)
      out.push_back(number(std::string_view(all).substr(at), 2));
    const auto place = [&out](std::size_t of) { return std::ranges::find(out, of) - out.begin(); };
    return std::pair(place(0x0401), place(0x0804)); // rsa_pkcs1_sha256, rsa_pss_rsae_sha256
  };
  const auto alone = places();
  CHECK(alone.first > alone.second);
  settings.allow_tls_1_2 = true;
  const auto with_old = places();
  CHECK(with_old.first < with_old.second);
}

TEST_CASE("of several certificates those that can be read are, and the others are named with a reason") {
  const std::string good = our_authority().ca.certificate;
  std::string bad = good;
  const std::size_t middle = bad.find('\n') + 60;
  bad.replace(middle, 4, "AAAA");
  const auto read = read_certificates("text before\n" + good + bad + "between\n" + good);
  REQUIRE(read);
  CHECK(read->usable == good + good);
  REQUIRE(read->unusable.size() == 1);
  CHECK(read->unusable[0].starts_with("part 2 of 3: "));
  CHECK(read->unusable[0].size() > std::string("part 2 of 3: ").size());
  const auto none = read_certificates(bad);
  REQUIRE_FALSE(none);
  CHECK(none.error().text.starts_with("part 1 of 1: "));
  CHECK(read_certificates("nonsense").error().text == "there is no certificate in it");
  // A certificate chain has to be readable as a whole.
  tls_settings settings = our_authority().settings();
  settings.certificate += bad;
  const auto made = tls_context::make(tls_role::server, settings);
  REQUIRE_FALSE(made);
  CHECK(made.error().text.starts_with("certificate: part 2 of 2: "));
}

} // namespace coppice::net
