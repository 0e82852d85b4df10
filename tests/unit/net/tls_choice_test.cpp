// SPDX-License-Identifier: MIT
// What the two ends of a TLS connection choose and learn of each other: the protocol, the certificate for the
// requested host, the client's certificate, the oldest version that is allowed; and that no renegotiation
// changes them.
#include <doctest/doctest.h>
#include <mbedtls/ssl.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/tls/mbedtls_context.hpp"
#include "net/tls/tls_context.hpp"
#include "net/tls_pair.hpp"

namespace coppice::net {
namespace {

using names = std::vector<std::string>;

// A server with a certificate for 127.0.0.1 and others for names. Clients verify it for the host that they
// ask for.
struct named_server : tls_pair {
  explicit named_server(const std::string& asked) {
    host = asked;
    for (const char* name : {"www.example.org", "*.example.org", "Mail.Example.NET"}) {
      std::string certified = name[0] == '*' ? "any.example.org" : name;
      auto settings = our_authority().settings({certified, "*.example.org"});
      if (name[0] == 'M') settings.verify_peer = false;
      server_settings.by_name[name] = net::context(tls_role::server, settings);
    }
  }
};

// A ClientHello of TLS 1.2, which has no list of versions.
std::string old_client_hello() {
  using namespace std::string_literals;
  const std::string body = "\x03\x03"s + std::string(32, 'r') + "\0\0\x04\xc0\x2b\xcc\xa9\x01\0"s +
                           "\0\x16\0\x0a\0\x04\0\x02\0\x17\0\x0b\0\x02\x01\0\0\x0d\0\x04\0\x02\x04\x03"s;
  const std::string message = "\x01\0\0"s + static_cast<char>(body.size()) + body;
  return "\x16\x03\x01\0"s + static_cast<char>(message.size()) + message;
}

} // namespace

TEST_CASE("the server's first protocol that the client offers is spoken") {
  tls_pair both;
  both.server_settings.protocols = {"h3", "second", "first"};
  both.client_settings.protocols = {"first", "second"};
  both.secure();
  CHECK(both.client.alpn() == "second");
  CHECK(both.server.alpn() == "second");
}

TEST_CASE("no protocol is spoken of where one end has no list") {
  tls_pair both;
  SUBCASE("the client") {
    both.server_settings.protocols = {"first"};
  }
  SUBCASE("the server") {
    both.client_settings.protocols = {"first"};
  }
  both.secure();
  CHECK(both.client.alpn().empty());
  CHECK(both.server.alpn().empty());
}

TEST_CASE("a client that offers other protocols only is refused, and both ends say why") {
  tls_pair both;
  both.server_settings.protocols = {"first"};
  both.client_settings.protocols = {"other"};
  both.connect();
  REQUIRE(both.until([&] { return both.both_closed(); }));
  CHECK(both.at_server.closed->text ==
        "TLS handshake: the peer offers none of the protocols (alpn) that are spoken here");
  CHECK(both.at_client.closed->text ==
        "TLS handshake: the peer refuses: no_application_protocol (120): it speaks none of the protocols "
        "(alpn) we offer");
}

TEST_CASE("a server shows the certificate of the host that is asked for") {
  for (const char* asked : {"www.example.org", "other.example.org", "mail.example.net", "127.0.0.1"}) {
    CAPTURE(asked);
    named_server both(asked); // the client verifies the host
    both.secure();
    CHECK(both.client.peer_certificate());
  }
}

TEST_CASE("a star stands for one label, and the server's own certificate is shown for hosts without a name") {
  for (const char* asked : {"a.b.example.org", "example.org", "www.example.com"}) {
    CAPTURE(asked);
    named_server both(asked);
    both.connect();
    REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
    CHECK(both.at_client.closed->text.find("it is for IP:127.0.0.1") != std::string::npos);
  }
}

TEST_CASE("whether clients are verified goes with the name they ask for") {
  named_server stranger("mail.example.net");
  stranger.client_settings.certificate.clear();
  stranger.client_settings.key.clear();
  stranger.secure();
  CHECK_FALSE(stranger.server.peer_certificate());

  named_server refused("www.example.org");
  refused.client_settings.certificate.clear();
  refused.client_settings.key.clear();
  refused.connect();
  REQUIRE(refused.until([&] { return refused.both_closed(); }));
  CHECK(refused.at_server.closed->text.find("shows no certificate") != std::string::npos);
}

TEST_CASE("a verified client's certificate can be looked at: its bytes, subject and fingerprint") {
  tls_pair both;
  both.secure();
  const auto seen = both.server.peer_certificate();
  REQUIRE(seen);
  // It is a SEQUENCE whose length takes two bytes.
  REQUIRE(seen->der.size() > 4);
  CHECK(seen->der[0] == 0x30);
  CHECK(seen->der.size() == std::size_t{seen->der[2]} * 256 + seen->der[3] + 4);
  CHECK(seen->subject.find("CN=") == 0);
  const auto shown = both.client.peer_certificate();
  REQUIRE(shown);
  CHECK(shown->sha256 != seen->sha256); // each end has its own certificate
  CHECK(both.server.peer_certificate()->sha256 == seen->sha256);
}

TEST_CASE("there is no certificate before the handshake's end, without TLS, or of a client that shows none") {
  tls_pair both;
  both.server_settings.verify_peer = false;
  both.connect();
  CHECK_FALSE(both.client.peer_certificate());
  CHECK(both.client.alpn().empty());
  REQUIRE(both.until([&] { return both.at_client.connected && both.server && !both.server.securing(); }));
  CHECK(both.client.peer_certificate());
  CHECK_FALSE(both.server.peer_certificate());
  tls_pair plain;
  plain.client_tls = plain.server_tls = false;
  plain.connect();
  REQUIRE(plain.until([&] { return plain.at_client.connected && plain.server; }));
  CHECK_FALSE(plain.client.peer_certificate());
  CHECK_FALSE(plain.server.peer_certificate());
}

TEST_CASE("TLS 1.2 is refused unless it is allowed") {
  tls_pair both;
  both.client_tls = false;
  SUBCASE("refused, by an alert that says so") {
    both.connect();
    both.client.write(old_client_hello());
    REQUIRE(both.until([&] { return both.at_server.closed && !both.at_client.received.empty(); }));
    CHECK(both.at_server.closed->text.find("no version of TLS that is allowed here") != std::string::npos);
    CHECK(both.at_client.received == "\x15\x03\x03" + std::string("\0\x02\x02\x46", 4));
  }
  SUBCASE("allowed") {
    both.server_settings.allow_tls_1_2 = true;
    both.connect();
    both.client.write(old_client_hello());
    REQUIRE(both.until([&] { return both.at_client.received.size() > 11; }));
    CHECK(both.at_client.received[0] == 0x16);
    CHECK(both.at_client.received.substr(9, 2) == "\x03\x03");
    CHECK_FALSE(both.at_server.closed);
  }
}

namespace {

// A client of TLS 1.2 that asks for renegotiation, however often it was refused. Its bytes go to `out`.
class insistent {
 public:
  explicit insistent(std::function<void(std::string_view)> out) : out_(std::move(out)) {
    mbedtls_ssl_config_defaults(config_.get(), MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config_.get(), kernel_random, nullptr);
    mbedtls_ssl_conf_authmode(config_.get(), MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_max_tls_version(config_.get(), MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_renegotiation(config_.get(), MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    REQUIRE(mbedtls_ssl_setup(ssl_.get(), config_.get()) == 0);
    mbedtls_ssl_set_bio(
        ssl_.get(), this,
        [](void* self, const unsigned char* bytes, std::size_t size) {
          static_cast<insistent*>(self)->out_({reinterpret_cast<const char*>(bytes), size});
          return static_cast<int>(size);
        },
        [](void* self, unsigned char* to, std::size_t size) {
          return static_cast<insistent*>(self)->give(to, size);
        },
        nullptr);
  }

  // Continues its handshake. Whether the handshake is over.
  bool go_on(std::string& come) {
    in_ = std::exchange(come, {});
    mbedtls_ssl_handshake(ssl_.get());
    return mbedtls_ssl_is_handshake_over(ssl_.get()) != 0;
  }
  // Asks again, as if the handshake that it asked for before had ended.
  void ask_again() {
    constexpr int done = 2; // MBEDTLS_SSL_RENEGOTIATION_DONE of its ssl_misc.h
    mbedtls_ssl_context& ssl = *ssl_.get();
    ssl.MBEDTLS_PRIVATE(state) = MBEDTLS_SSL_HANDSHAKE_OVER;
    ssl.MBEDTLS_PRIVATE(renego_status) = done;
    mbedtls_ssl_renegotiate(&ssl);
  }

 private:
  int give(unsigned char* to, std::size_t size) {
    if (in_.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    const std::size_t count = in_.copy(reinterpret_cast<char*>(to), size);
    in_.erase(0, count);
    return static_cast<int>(count);
  }

  std::function<void(std::string_view)> out_;
  std::string in_;
  owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free> config_;
  owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> ssl_;
};

} // namespace

TEST_CASE(
    "who asks for another handshake is told at once that there is none, and closed when he does not stop") {
  tls_pair both;
  both.client_tls = false;
  both.server_settings.allow_tls_1_2 = true;
  both.server_settings.verify_peer = false;
  both.connect();
  insistent one([&](std::string_view bytes) { both.client.write(base::as_bytes(bytes)); });
  REQUIRE(both.until([&] { return one.go_on(both.at_client.received); }));
  REQUIRE(both.until([&] { return both.server && both.server.tls_version() == "1.2"; }));
  both.at_client.received.clear();
  one.ask_again();
  REQUIRE(both.until([&] { return !both.at_client.received.empty(); }));
  CHECK(both.at_client.received.substr(0, 3) == "\x15\x03\x03"); // an alert
  CHECK(both.server.bytes_queued() == 0);
  CHECK_FALSE(both.at_server.closed);
  for (int times = 0; times < 100 && !both.at_server.closed; ++times) {
    one.ask_again();
    both.loop.turn(false);
  }
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->text == "TLS: the peer asks for another handshake, again and again");
}

TEST_CASE("protocols and names that cannot be are refused in words") {
  const auto says = [](tls_role role, const tls_settings& with) {
    const auto made = tls_context::make(role, with);
    REQUIRE_FALSE(made);
    return made.error().text;
  };
  auto wrong = our_authority().settings();
  wrong.protocols = {""};
  CHECK(says(tls_role::client, wrong) == "alpn: '': the name of a protocol has 1 to 255 bytes");
  wrong.protocols = {std::string(256, 'x')};
  CHECK(says(tls_role::client, wrong).find("1 to 255 bytes") != std::string::npos);
  wrong.protocols.clear();
  const auto other = context(tls_role::server, our_authority().settings());
  for (const char* name : {"", "*", "*.", "*.*.example.org", "www.*.org", "a..b", ".a", "a b", "a/b"}) {
    CAPTURE(name);
    wrong.by_name = {{name, other}};
    CHECK(says(tls_role::server, wrong).find("is no host, nor one as *.example.org") != std::string::npos);
  }
  wrong.by_name = {{"a.example", other}};
  CHECK(says(tls_role::client, wrong) == "sni: only servers choose by name, among servers");
  wrong.by_name = {{"a.example", context(tls_role::client, our_authority().settings())}};
  CHECK(says(tls_role::server, wrong) == "sni: only servers choose by name, among servers");
}

} // namespace coppice::net
