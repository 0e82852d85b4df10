// SPDX-License-Identifier: MIT
// Connecting by name: which of several addresses is taken, how failures are reported, and TLS on the address
// that answered. Sockets of the test refuse, or never answer.
#include "net/stream/dialer.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "net/tls_pair.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

using namespace std::chrono_literals;
using addresses = std::vector<base::socket_address>;

base::socket_address bound_to(int fd) {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &length) == 0);
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length).value();
}

base::unique_fd bound_socket() {
  base::unique_fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto any = base::socket_address::parse("127.0.0.1", 0).value();
  REQUIRE(bind(fd.get(), any.raw(), any.raw_length()) == 0);
  return fd;
}

// Bound but not listening, so a connection is refused.
struct refusing {
  base::unique_fd fd = bound_socket();
  base::socket_address at = bound_to(fd.get());
};

// Its backlog is full, so the kernel drops further connection requests.
struct silent {
  silent() {
    REQUIRE(listen(fd.get(), 0) == 0);
    for (int i = 0; i < 2; ++i) {
      waiting.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      static_cast<void>(connect(waiting.back().get(), at.raw(), at.raw_length()));
    }
  }
  base::unique_fd fd = bound_socket();
  base::socket_address at = bound_to(fd.get());
  std::vector<base::unique_fd> waiting;
};

struct dialing {
  dialing() {
    listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                              [this](accepted_socket socket) {
                                ++accepted;
                                server = stream::adopt(loop.raw(), std::move(socket), server_tls).value();
                                server.start(at_server);
                              })
                    .value();
    options.attempt_delay = 10ms;
  }
  dialer::done_fn take() {
    return [this](base::result<stream> made) {
      ++told;
      if (!made) {
        failed = std::move(made.error());
        return;
      }
      client = std::move(*made);
      client.set_handler(at_client);
    };
  }
  void among(const addresses& all, const std::string& host = "node.example") {
    under_test = dialer::start_among(loop.raw(), all, {host, 0, ""}, options, take()).value();
    CHECK(told == 0);
    REQUIRE(until([&] { return told > 0; }));
    CHECK(told == 1);
  }
  void to(const dial_target& target) {
    under_test = dialer::start(loop.raw(), target, options, take()).value();
    CHECK(told == 0);
    REQUIRE(until([&] { return told > 0; }));
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }
  // Data passes in both directions.
  void check_it_works() {
    REQUIRE_FALSE(failed);
    REQUIRE(client);
    client.write("to the server");
    REQUIRE(until([&] { return at_server.received == "to the server"; }));
    server.write("to the client");
    REQUIRE(until([&] { return at_client.received == "to the client"; }));
  }

  base::uv::loop loop = base::uv::loop::make().value();
  tls_pacer pacer{loop.raw()};
  dial_options options;
  tls_options server_tls;
  test::recorder at_client;
  test::recorder at_server;
  listener listening;
  dialer under_test;
  stream client;
  stream server;
  int accepted = 0;
  int told = 0;
  std::optional<base::error> failed;
};

} // namespace

TEST_CASE("a name is looked up and connected to") {
  dialing test;
  test.to({"localhost", test.listening.address().port(), ""});
  test.check_it_works();
}

TEST_CASE("a numeric address is connected to") {
  dialing test;
  test.to({"127.0.0.1", test.listening.address().port(), ""});
  test.check_it_works();
  CHECK(test.client.peer_address()->to_string() == test.listening.address().to_string());
}

TEST_CASE("a Unix-domain socket is connected to, or said why not") {
  dialing test;
  const test::temporary_folder folder;
  SUBCASE("somebody listens") {
    test.listening =
        listener::unix_socket(test.loop.raw(), {folder.file("socket")}, {}, [&](accepted_socket socket) {
          test.server = stream::adopt(test.loop.raw(), std::move(socket)).value();
          test.server.start(test.at_server);
        }).value();
    test.to({"", 0, folder.file("socket")});
    test.check_it_works();
  }
  SUBCASE("nobody does") {
    test.to({"", 0, folder.file("nobody")});
    REQUIRE(test.failed);
    CHECK(test.failed->text == "connect to " + folder.file("nobody") + ": no such file or directory");
  }
}

TEST_CASE("when an address refuses the next one is tried at once") {
  dialing test;
  test.options.attempt_delay = 1h;
  const refusing a;
  const refusing b;
  test.among({a.at, b.at, test.listening.address()});
  test.check_it_works();
}

TEST_CASE("when an address does not answer the next one is tried beside it, and the others are ended") {
  dialing test;
  const silent a;
  const silent b;
  test.among({a.at, b.at, test.listening.address()});
  test.check_it_works();
  CHECK(test.accepted == 1);
}

TEST_CASE("what fails later than another attempt begins does not end that") {
  dialing test;
  const silent a;
  const refusing b;
  test.among({a.at, b.at, test.listening.address()});
  test.check_it_works();
}

TEST_CASE("when all addresses refuse it is told how many were tried and what the last one said") {
  dialing test;
  const refusing a;
  const refusing b;
  test.among({a.at, b.at});
  REQUIRE(test.failed);
  CHECK(test.failed->text == "connect to node.example:0: 2 addresses were tried, the last: connect to " +
                                 b.at.to_string() + ": connection refused");
}

TEST_CASE("one address that refuses is named once") {
  dialing test;
  const refusing a;
  test.to({"127.0.0.1", a.at.port(), ""});
  REQUIRE(test.failed);
  CHECK(test.failed->text == "connect to " + a.at.to_string() + ": connection refused");
}

TEST_CASE("one deadline holds for all attempts") {
  dialing test;
  test.options.timeout = 60ms;
  const silent a;
  const refusing b;
  test.among({a.at, b.at});
  REQUIRE(test.failed);
  CHECK(test.failed->code == base::errc::timeout);
  CHECK(test.failed->text ==
        "connect to node.example:0: 2 addresses were tried, the last: no answer within 60 "
        "ms; before: connect to " +
            b.at.to_string() + ": connection refused");
}

TEST_CASE("a name that nobody has is told as such") {
  dialing test;
  test.to({"no-such-host.invalid", 80, ""});
  REQUIRE(test.failed);
  // The rest of the text is what the system's resolver says, or that it does not answer.
  CHECK(test.failed->text.find("connect to no-such-host.invalid:80: ") == 0);
}

TEST_CASE("nothing to connect to is refused at once") {
  dialing test;
  CHECK_FALSE(dialer::start(test.loop.raw(), {}, test.options, test.take()));
  CHECK_FALSE(dialer::start_among(test.loop.raw(), {}, {"x", 1, ""}, test.options, test.take()));
}

TEST_CASE("addresses of another family than the one to connect from are left out") {
  dialing test;
  const refusing a;
  test.options.from = base::socket_address::parse("::1", 0).value();
  test.among({a.at});
  REQUIRE(test.failed);
  CHECK(test.failed->text == "connect to node.example:0: it has no address of the family to connect from");
}

TEST_CASE("a connection is made from the address that is asked for") {
  dialing test;
  test.options.from = base::socket_address::parse("127.0.0.5", 0).value();
  test.among({test.listening.address()});
  test.check_it_works();
  CHECK(test.server.peer_address()->host() == "127.0.0.5");
}

TEST_CASE("TLS is begun on the address that answered, for the host that was asked for") {
  dialing test;
  const silent a;
  auto settings = our_authority().settings({"node.example"});
  test.server_tls = {context(tls_role::server, settings), &test.pacer, "", 7s};
  test.options.tls = {context(tls_role::client, settings), &test.pacer, "", 7s};
  SUBCASE("which its certificate is for") {
    test.among({a.at, test.listening.address()});
    test.check_it_works();
    CHECK(test.client.tls_version() == "1.3");
    CHECK(test.accepted == 1);
  }
  SUBCASE("which its certificate is not for") {
    test.among({a.at, test.listening.address()}, "other.example");
    REQUIRE(test.failed);
    CHECK(test.failed->text.find("connect to other.example:0: TLS handshake: ") == 0);
    CHECK(test.failed->text.find("wanted is other.example") != std::string::npos);
    REQUIRE(test.until([&] { return test.at_server.closed.has_value(); }));
    CHECK(test.at_server.closed->text.find("bad_certificate") != std::string::npos);
  }
  SUBCASE("unless TLS is to verify another one") {
    test.options.tls.host = "node.example";
    test.among({test.listening.address()}, "other.example");
    test.check_it_works();
  }
}

TEST_CASE("the deadline holds for TLS too") {
  dialing test;
  test.options.timeout = 60ms;
  test.options.tls = {context(tls_role::client, our_authority().settings()), &test.pacer, "", 7s};
  test.among({test.listening.address()}); // it speaks no TLS
  REQUIRE(test.failed);
  CHECK(test.failed->code == base::errc::timeout);
  CHECK(test.failed->text == "connect to node.example:0: no end of the TLS handshake within 60 ms");
}

TEST_CASE("nothing is heard of a dialer that is destroyed, whatever it was doing") {
  dialing test;
  const silent a;
  dial_target target{"localhost", test.listening.address().port(), ""};
  SUBCASE("looking up") {
    test.under_test = dialer::start(test.loop.raw(), target, test.options, test.take()).value();
  }
  SUBCASE("connecting") {
    test.under_test = dialer::start_among(test.loop.raw(), {a.at, test.listening.address()}, target,
                                          test.options, test.take())
                          .value();
    test.loop.turn(true);
  }
  SUBCASE("securing") {
    test.options.tls = {context(tls_role::client, our_authority().settings()), &test.pacer, "", 7s};
    test.under_test =
        dialer::start_among(test.loop.raw(), {test.listening.address()}, target, test.options, test.take())
            .value();
    REQUIRE(test.until([&] { return !test.at_server.received.empty(); }));
  }
  test.under_test = {};
  bool over = false;
  base::uv::timer later(test.loop, [&] { over = true; });
  later.start(50ms);
  REQUIRE(test.until([&] { return over; }));
  CHECK(test.told == 0);
}

TEST_CASE("a dialer may be destroyed by what it tells") {
  for (const bool works : {true, false}) {
    dialing test;
    const refusing a;
    const auto done = test.take();
    test.under_test = dialer::start_among(test.loop.raw(), {works ? test.listening.address() : a.at},
                                          {"x", 1, ""}, test.options,
                                          [&](base::result<stream> made) {
                                            done(std::move(made));
                                            test.under_test = {};
                                          })
                          .value();
    REQUIRE(test.until([&] { return test.told > 0; }));
    if (works) test.check_it_works();
  }
}

TEST_CASE("the families take turns, the first one's first, each in its own order") {
  const auto address = [](const char* text) { return base::socket_address::parse(text, 1).value(); };
  const auto order = [&](std::vector<const char*> of) {
    addresses all;
    for (const char* one : of) all.push_back(address(one));
    std::string out;
    for (const auto& one : interleaved(all)) out += one.host() + " ";
    return out;
  };
  CHECK(order({}).empty());
  CHECK(order({"::1", "::2", "::3", "1.1.1.1", "2.2.2.2"}) == "::1 1.1.1.1 ::2 2.2.2.2 ::3 ");
  CHECK(order({"1.1.1.1", "2.2.2.2", "::1"}) == "1.1.1.1 ::1 2.2.2.2 ");
  CHECK(order({"1.1.1.1", "2.2.2.2"}) == "1.1.1.1 2.2.2.2 ");
}

} // namespace coppice::net
