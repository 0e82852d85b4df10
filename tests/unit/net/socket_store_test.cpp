// SPDX-License-Identifier: MIT
// The socket store, with a service manager of the test's own, and listeners that go on with the sockets that
// it passes.
#include "net/listening/socket_store.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "net/datagram/datagram_socket.hpp"
#include "net/listening/listener.hpp"
#include "net/listening/listening_socket.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

// What the store said. A barrier counts as answered at once, since its descriptor is not kept.
struct manager {
  std::vector<std::string> said;
  socket_store::tell_fn ear() {
    return [this](std::string_view lines, int) {
      said.emplace_back(lines);
      return true;
    };
  }
};

const base::socket_address any_port = *base::socket_address::parse("127.0.0.1", 0);

std::uint16_t port_of(int fd) {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &length) == 0);
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length)->port();
}

passed_socket passed(std::string name, const base::socket_address& at = any_port) {
  auto made = open_tcp(at, {at.port(), at.port()}, 1, {});
  REQUIRE(made);
  return {std::move(name), std::move(made->fd)};
}

// A UDP socket.
passed_socket passed_datagrams(std::string name) {
  auto made = datagram_socket::bind(any_port, {});
  REQUIRE(made);
  return {std::move(name), std::move(*made)};
}

std::vector<passed_socket> all(passed_socket one) {
  std::vector<passed_socket> out;
  out.push_back(std::move(one));
  return out;
}

passed_socket passed_unix(const std::string& path, mode_t mode) {
  auto made = open_unix({path, mode, {}}, 1, {});
  REQUIRE(made);
  return {"control", std::move(made->fd)};
}

} // namespace

TEST_CASE("what is opened is kept, and not any more once its listener has gone; after the end it stays") {
  manager of;
  socket_store store({}, of.ear());
  { auto gone = open_tcp(any_port, {}, 1, {&store, "dist"}).value(); }
  CHECK(of.said == std::vector<std::string>{"FDSTORE=1\nFDNAME=dist", "FDSTOREREMOVE=1\nFDNAME=dist"});
  of.said.clear();
  auto first = open_tcp(any_port, {}, 1, {&store, "dist"}).value();
  {
    auto second = open_tcp(any_port, {}, 1, {&store, "dist"}).value();
    of.said.clear();
  }
  CHECK(of.said == std::vector<std::string>{"FDSTOREREMOVE=1\nFDNAME=dist", "FDSTORE=1\nFDNAME=dist"});
  CHECK_FALSE(first.place.stays());
  store.end();
  CHECK(first.place.stays());
  of.said.clear();
  first.place = {};
  CHECK(of.said.empty());
}

TEST_CASE("a socket that was passed is taken by name, address and port, the lowest port first, and once") {
  std::vector<passed_socket> some;
  for (int i = 0; i < 2; ++i) some.push_back(passed("dist"));
  std::vector<std::uint16_t> ports{port_of(some[0].fd.get()), port_of(some[1].fd.get())};
  std::sort(ports.begin(), ports.end());
  manager of;
  socket_store store(std::move(some), of.ear());
  CHECK_FALSE(store.take_tcp("http", any_port, {}));
  CHECK_FALSE(store.take_tcp("dist", *base::socket_address::parse("127.0.0.2", 0), {}));
  CHECK_FALSE(store.take_tcp("dist", any_port, {1, 1}));
  const auto first = store.take_tcp("dist", any_port, {1, 65535});
  const auto second = store.take_tcp("dist", any_port, {});
  REQUIRE(first);
  REQUIRE(second);
  CHECK(port_of(first->fd.get()) == ports[0]);
  CHECK(port_of(second->fd.get()) == ports[1]);
  CHECK_FALSE(store.take_tcp("dist", any_port, {}));
  CHECK(of.said.empty());
  // The manager still has the socket, so a Unix-domain socket's file would not be removed at the end.
  store.end();
  CHECK(first->place.stays());
}

TEST_CASE("one descriptor of two for one socket is closed in silence") {
  std::vector<passed_socket> some;
  some.push_back(passed("dist"));
  some.push_back({"dist", base::unique_fd(dup(some[0].fd.get()))});
  manager of;
  socket_store store(std::move(some), of.ear());
  const auto taken = store.take_tcp("dist", any_port, {});
  CHECK(taken);
  store.close_rest();
  CHECK(of.said.empty());
}

TEST_CASE("what holds the port of another listener makes way for it") {
  // Another program may have the port on another address. Then other ports are tried.
  for (int tries = 10; tries > 0; --tries) {
    auto one = passed("http");
    base::socket_address everywhere = *base::socket_address::parse("0.0.0.0", port_of(one.fd.get()));
    manager of;
    socket_store store(all(std::move(one)), of.ear());
    CHECK_FALSE(open_tcp(everywhere, {everywhere.port(), everywhere.port()}, 1, {}));
    const auto made = open_tcp(everywhere, {everywhere.port(), everywhere.port()}, 1, {&store, "dist"});
    if (!made && tries > 1) continue;
    CHECK(made);
    CHECK(of.said ==
          std::vector<std::string>{"FDSTOREREMOVE=1\nFDNAME=http", "BARRIER=1", "FDSTORE=1\nFDNAME=dist"});
    break;
  }
}

TEST_CASE("a name that would be read as more lines is not said") {
  manager of;
  socket_store store(all(passed("a\nREADY=1")), of.ear());
  store.close_rest();
  CHECK(of.said.empty());
}

TEST_CASE("a Unix-domain socket goes on while its path leads to it, and is made anew where it does not") {
  const test::temporary_folder folder;
  const std::string path = folder.file("control");
  struct stat before {};
  struct stat after {};
  {
    socket_store store(all(passed_unix(path, 0600)), {});
    REQUIRE(stat(path.c_str(), &before) == 0);
    const auto again = open_unix({path, 0660, {}}, 1, {&store, "control"}).value();
    REQUIRE(stat(path.c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK((after.st_mode & 0777) == 0660);
    CHECK_FALSE(again.made);
  }
  REQUIRE(unlink(path.c_str()) == 0);
  socket_store store(all(passed_unix(path, 0600)), {});
  REQUIRE(rename(path.c_str(), folder.file("elsewhere").c_str()) == 0);
  const auto made = open_unix({path, 0600, {}}, 1, {&store, "control"});
  REQUIRE(made);
  CHECK(made->made);
}

TEST_CASE("a Unix-domain socket of somebody else's is refused while it is open to more than is configured") {
  if (geteuid() != 0) {
    std::puts("SKIP a socket of somebody else's: making one needs root");
    return;
  }
  constexpr uid_t nobody = 65534;
  const test::temporary_folder folder;
  REQUIRE(chmod(folder.path().c_str(), 0755) == 0);
  for (const mode_t mode : {0666, 0660}) {
    const std::string path = folder.file(std::to_string(mode));
    passed_socket root_owned = passed_unix(path, mode);
    REQUIRE(chown(path.c_str(), 0, nobody) == 0);
    const pid_t child = fork();
    if (child == 0) {
      const bool changed = setgid(nobody) == 0 && setuid(nobody) == 0;
      socket_store store(all(std::move(root_owned)), {});
      const auto made = open_unix({path, 0660, gid_t{nobody}}, 1, {&store, "control"});
      const bool right = mode == 0660 ? made.has_value() : !made && made.error().code == base::errc::refused;
      _exit(changed && right ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}

TEST_CASE("a UDP socket that was kept is gone on with at its address alone, and makes way for another") {
  std::vector<passed_socket> some;
  some.push_back(passed_datagrams(std::string(sockets_of_actors)));
  some.push_back(passed_datagrams(std::string(sockets_of_actors)));
  const std::uint16_t first = port_of(some[0].fd.get());
  const std::uint16_t second = port_of(some[1].fd.get());
  manager of;
  socket_store store(std::move(some), of.ear());
  const auto here = *base::socket_address::parse("127.0.0.1", first);
  CHECK_FALSE(store.take_datagrams(sockets_of_actors, *base::socket_address::parse("127.0.0.2", first)));
  CHECK_FALSE(store.take_datagrams("dns", here));
  const auto found = store.take_datagrams(sockets_of_actors, here);
  REQUIRE(found);
  CHECK(port_of(found->fd.get()) == first);
  CHECK_FALSE(store.take_datagrams(sockets_of_actors, here));
  const auto wide = *base::socket_address::parse("0.0.0.0", second);
  CHECK_FALSE(store.make_way(wide));
  REQUIRE_FALSE(datagram_socket::bind(wide, {}));
  CHECK(store.make_way(wide, socket_store::kind::datagrams));
  CHECK(datagram_socket::bind(wide, {}));
}

TEST_CASE("a UDP socket that was passed is shared by name, and again when its share was given back") {
  std::vector<passed_socket> some;
  some.push_back(passed_datagrams("dns"));
  const std::uint16_t port = port_of(some[0].fd.get());
  some.push_back(passed("web"));
  some.push_back(passed_datagrams("connected"));
  const auto peer = passed_datagrams("peer");
  const auto there = *base::socket_address::parse("127.0.0.1", port_of(peer.fd.get()));
  REQUIRE(connect(some[2].fd.get(), there.raw(), there.raw_length()) == 0);
  socket_store store(std::move(some), {});
  {
    auto share = store.share_datagrams("dns");
    REQUIRE(share);
    CHECK(port_of(share->fd.get()) == port);
    CHECK(store.share_datagrams("dns").error().code == base::errc::not_found);
    share->place = {};
    CHECK(store.share_datagrams("dns"));
  }
  CHECK(store.share_datagrams("dns"));
  const auto stream = store.share_datagrams("web");
  REQUIRE_FALSE(stream);
  CHECK(stream.error().text.ends_with("it takes no datagrams"));
  const auto connected = store.share_datagrams("connected");
  REQUIRE_FALSE(connected);
  CHECK(connected.error().text.ends_with("it is of UDP, and unbound or connected"));
  CHECK_FALSE(store.take_connection("connected", there));
  const auto datagrams = store.share_named("dns");
  REQUIRE_FALSE(datagrams);
  CHECK(datagrams.error().text.ends_with("it does not listen"));
}

} // namespace coppice::net
