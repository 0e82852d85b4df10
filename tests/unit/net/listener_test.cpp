// SPDX-License-Identifier: MIT
// Changes to a listener while it runs, which connections it closes at once, and listening on sockets that
// systemd passes.
#include "net/listening/listener.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/listening/listening_socket.hpp"
#include "net/loop_until.hpp"
#include "net/stream_recorder.hpp"
#include "net/without_rights.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

using test::recorder;

const base::socket_address local = *base::socket_address::parse("127.0.0.1", 0);

// A listener whose connections stay until the test drops them, and clients of it.
struct listened {
  explicit listened(const listen_options& options = {}) {
    listening = listener::tcp(loop.raw(), local, {0, 0}, options, taker()).value();
  }
  listener::accept_fn taker() {
    return [this](accepted_socket socket) {
      accepted.push_back(stream::adopt(loop.raw(), std::move(socket)).value());
      accepted.back().start(quiet);
      if (when_accepted) when_accepted();
    };
  }
  recorder& connect() {
    handlers.push_back(std::make_unique<recorder>());
    clients.push_back(stream::connect(loop.raw(), listening.address(), {}, *handlers.back()).value());
    return *handlers.back();
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }

  base::uv::loop loop = base::uv::loop::make().value();
  recorder quiet;
  std::function<void()> when_accepted;
  listener listening;
  std::vector<stream> accepted;
  std::vector<std::unique_ptr<recorder>> handlers;
  std::vector<stream> clients;
};

int option(int fd, int level, int which) {
  int value = -1;
  socklen_t length = sizeof value;
  REQUIRE(getsockopt(fd, level, which, &value, &length) == 0);
  return value;
}

base::unique_fd listening_socket_of(int family) {
  base::unique_fd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage any{};
  any.ss_family = static_cast<sa_family_t>(family);
  const socklen_t length = family == AF_UNIX ? sizeof(sa_family_t) : sizeof(sockaddr_in6);
  const int off = 0;
  if (family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), length) != 0) return {};
  REQUIRE(listen(fd.get(), 8) == 0);
  return fd;
}

std::vector<passed_socket> passed(std::string name, base::unique_fd fd) {
  std::vector<passed_socket> out;
  out.push_back({std::move(name), std::move(fd)});
  return out;
}

} // namespace

TEST_CASE(
    "a suspended listener lets connections wait, keeps those it has, and takes the others when resumed") {
  listened test;
  const recorder& first = test.connect();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
  test.listening.suspend();
  CHECK(test.listening.suspended());
  const recorder& second = test.connect();
  REQUIRE(test.until([&] { return second.connected; })); // the kernel accepts it
  test.accepted[0].write("still here");
  REQUIRE(test.until([&] { return first.received == "still here"; }));
  CHECK(test.accepted.size() == 1);
  CHECK_FALSE(test.listening.saturated());
  test.listening.resume();
  test.listening.resume();
  CHECK_FALSE(test.listening.suspended());
  REQUIRE(test.until([&] { return test.accepted.size() == 2; }));
  CHECK(test.listening.counts().accepted == 2);
}

TEST_CASE("a listener may be suspended by whom it accepts") {
  listened test;
  test.when_accepted = [&] { test.listening.suspend(); };
  const recorder& first = test.connect();
  const recorder& second = test.connect();
  REQUIRE(test.until([&] { return first.connected && second.connected; }));
  for (int i = 0; i < 10; ++i) test.loop.turn(false);
  CHECK(test.accepted.size() == 1);
  test.listening.resume();
  REQUIRE(test.until([&] { return test.accepted.size() == 2; }));
}

TEST_CASE("a listener at its bound that is suspended and resumed is at its bound") {
  listen_options options;
  options.max_connections = 1;
  listened test(options);
  test.connect();
  test.connect();
  REQUIRE(test.until([&] { return test.listening.saturated(); }));
  test.listening.suspend();
  test.listening.resume();
  REQUIRE(test.until([&] { return test.listening.saturated(); }));
  CHECK(test.accepted.size() == 1);
  test.accepted.clear();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
}

TEST_CASE("the bound can be raised and lowered, and nobody is dropped for it") {
  listen_options options;
  options.limit = std::make_shared<connection_limit>(1);
  listened test(options);
  const auto set = [&](std::size_t most) {
    options.limit->set_most(most);
    test.listening.look_again();
  };
  for (int i = 0; i < 3; ++i) test.connect();
  REQUIRE(test.until([&] { return test.listening.saturated(); }));
  set(2);
  REQUIRE(test.until([&] { return test.accepted.size() == 2 && test.listening.saturated(); }));
  set(100);
  REQUIRE(test.until([&] { return test.accepted.size() == 3; }));
  set(1);
  test.connect();
  REQUIRE(test.until([&] { return test.listening.saturated(); }));
  CHECK(test.listening.connections() == 3);
  for (const auto& each : test.handlers) CHECK_FALSE(each->closed);
}

TEST_CASE("a listener that sheds closes who comes above its bound, and counts them") {
  listen_options options;
  options.max_connections = 1;
  options.shed = true;
  listened test(options);
  const recorder& kept = test.connect();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
  const recorder& shed = test.connect();
  const recorder& another = test.connect();
  REQUIRE(test.until([&] { return shed.closed && another.closed; }));
  CHECK(test.listening.counts().shed == 2);
  CHECK(test.listening.counts().accepted == 1);
  CHECK_FALSE(kept.closed);
  CHECK_FALSE(test.listening.saturated());
  test.accepted.clear();
  REQUIRE(test.until([&] { return test.listening.connections() == 0; }));
  test.connect();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
}

TEST_CASE("who is not allowed is closed at once and counted; the list may change") {
  listen_options options;
  options.access = base::access_list::parse({}, {"127.0.0.0/8"}).value();
  listened test(options);
  const recorder& first = test.connect();
  REQUIRE(test.until([&] { return first.closed.has_value(); }));
  CHECK(test.accepted.empty());
  CHECK(test.listening.counts().refused == 1);
  test.listening.set_access(base::access_list::parse({"127.0.0.1"}, {}).value());
  const recorder& second = test.connect();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
  CHECK_FALSE(second.closed);
  CHECK(test.listening.counts().refused == 1);
}

TEST_CASE("one who is not allowed takes no place of those who are") {
  listen_options options;
  options.max_connections = 1;
  options.shed = true;
  options.access = base::access_list::parse({"10.0.0.0/8"}, {}).value();
  listened test(options);
  for (int i = 0; i < 3; ++i) test.connect();
  REQUIRE(test.until([&] { return test.listening.counts().refused == 3; }));
  CHECK(test.listening.connections() == 0);
  CHECK(test.listening.counts().shed == 0);
}

TEST_CASE("small writes leave at once unless they are told to wait, and silence may be probed") {
  listened test;
  test.connect();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
  stream& under_test = test.accepted[0];
  const int fd = under_test.descriptor();
  CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
  under_test.set_nodelay(false);
  CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 0);
  CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
  under_test.set_keepalive(std::chrono::seconds(60));
  CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 60);
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 15);
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 4);
  under_test.set_keepalive(std::chrono::hours(100));
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 32767);
  under_test.set_keepalive(std::chrono::seconds(0));
  CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
}

TEST_CASE("a socket that was passed under a name is listened on, whatever its address") {
  auto fd = listening_socket_of(AF_INET);
  REQUIRE(fd);
  socket_store store(passed("web", std::move(fd)), {});
  listened test;
  test.listening = listener::named(test.loop.raw(), store, "web", {}, test.taker()).value();
  const recorder& client = test.connect();
  REQUIRE(test.until([&] { return client.connected && test.accepted.size() == 1; }));
  CHECK(test.accepted[0].peer_address()->is_loopback());
  const auto again = listener::named(test.loop.raw(), store, "web", {}, nullptr);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == base::errc::not_found);
  CHECK(again.error().text ==
        "listen on the socket web: none was passed under this name, or it is in use already: its socket unit "
        "needs FileDescriptorName=web and Service= this service, and is to be started before the service "
        "(systemctl start web.socket, if that is its name)");
  store.close_rest();
  test.listening = {};
  test.listening = listener::named(test.loop.raw(), store, "web", {}, test.taker()).value();
  const recorder& later = test.connect();
  REQUIRE(test.until([&] { return later.connected && test.accepted.size() == 2; }));
}

TEST_CASE("sockets of names that are wanted stay when the rest is closed") {
  auto fd = listening_socket_of(AF_INET);
  REQUIRE(fd);
  socket_store store(passed("web", std::move(fd)), {});
  store.close_rest({"web"});
  listened test;
  CHECK(listener::named(test.loop.raw(), store, "web", {}, test.taker()));
  store.close_rest();
  CHECK_FALSE(listener::named(test.loop.raw(), store, "web", {}, test.taker()));
}

TEST_CASE("a passed socket for both families is taken by its name, and IPv4 comes through it") {
  auto fd = listening_socket_of(AF_INET6);
  if (!fd) {
    std::puts("SKIP a passed socket for both families: there is no IPv6 here");
    return;
  }
  socket_store store(passed("web", std::move(fd)), {});
  listened test;
  listen_options options;
  options.access = base::access_list::parse({"127.0.0.1"}, {}).value();
  test.listening = listener::named(test.loop.raw(), store, "web", options, test.taker()).value();
  const auto v4 = base::socket_address::parse("127.0.0.1", test.listening.address().port()).value();
  recorder client;
  const auto connected = stream::connect(test.loop.raw(), v4, {}, client).value();
  REQUIRE(test.until([&] { return test.accepted.size() == 1; }));
}

TEST_CASE("a passed Unix-domain socket is taken by its name, and its file stays") {
  const test::temporary_folder folder;
  const std::string path = folder.file("web.sock");
  auto made = open_unix({path, 0600, {}}, 8, {});
  REQUIRE(made);
  socket_store store(passed("web", std::move(made->fd)), {});
  listened test;
  test.listening = listener::named(test.loop.raw(), store, "web", {}, test.taker()).value();
  recorder client;
  auto connected = stream::connect_unix(test.loop.raw(), path, client).value();
  REQUIRE(test.until([&] { return client.connected && test.accepted.size() == 1; }));
  CHECK(test.accepted[0].peer_uid().value() == geteuid());
  test.listening = {};
  CHECK(access(path.c_str(), F_OK) == 0);
}

TEST_CASE(
    "a user who may not give a Unix-domain socket to its group gets an error, or the mode for that case") {
  constexpr gid_t theirs = 65533; // the child process is not in this group
  const test::temporary_folder folder;
  REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
  const std::string path = folder.file("control.sock");
  test::check_without_rights([&] {
    const auto refused = open_unix({path, 0660, theirs, std::nullopt}, 8, {});
    if (refused || refused.error().text.find("Operation not permitted") == std::string::npos) return false;
    if (access(path.c_str(), F_OK) == 0) return false;
    const auto made = open_unix({path, 0660, theirs, 0600}, 8, {});
    struct stat info {};
    return made && stat(path.c_str(), &info) == 0 && (info.st_mode & 0777) == 0600 &&
           info.st_gid == getegid();
  });
}

TEST_CASE("what was passed under a name and does not listen is told so") {
  listened test;
  base::unique_fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  socket_store store(passed("web", std::move(fd)), {});
  const auto refused = listener::named(test.loop.raw(), store, "web", {}, nullptr);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::errc::invalid);
  CHECK(refused.error().text ==
        "listen on the socket web: what was passed under this name is of no use: it is of UDP, and unbound "
        "or connected");
}

TEST_CASE("who may not have a port below 1024 is told of the socket unit") {
  test::check_without_rights([] {
    const auto made = open_tcp(local, {81, 81}, 1, {});
    return !made && made.error().text.find("listen on { socket: NAME }") != std::string::npos &&
           made.error().text.find("ListenStream= and FileDescriptorName=NAME") != std::string::npos;
  });
}

} // namespace coppice::net
