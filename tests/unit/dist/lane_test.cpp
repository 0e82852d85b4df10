// SPDX-License-Identifier: MIT
// Messages in a connection's lane overtake whole messages that wait for a peer that does not read. They cut
// none of them, and their number is limited.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>

#include "dist/handshake_message.hpp"
#include "dist/outbound.hpp"
#include "peer_reader.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using handshake_message::capability::short_forms;
using runtime::is_atom;
using runtime::message;
using runtime::process;
using runtime::send_status;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr std::uint32_t as_erlang = 0; // capabilities of an Erlang node

// {Size, Number, Binary}
message numbered(std::size_t size, int number) {
  runtime::message_writer out;
  out.tuple(3);
  out.integer(static_cast<std::int64_t>(size));
  out.integer(number);
  out.binary(std::string(size, 'x'));
  return out.take();
}

// A process that never waits for another node, like the node's own processes.
runtime::spawn_options never_waits(int worker = -1) {
  runtime::spawn_options out;
  out.of_node = true;
  out.worker = worker;
  return out;
}

// Node a, and x, which is connected and reads only if the test does.
struct with_x {
  explicit with_x(std::uint32_t capabilities) : a(epmd, name_a), x(a.port) {
    REQUIRE(x.shake_hands(name_x, name_a, flag::offered, capabilities));
    REQUIRE(eventually([this] { return a.peer(name_x).state == peer_state::connected; }));
  }
  runtime::destination at_x(const char* name) {
    return runtime::destination::remote(name, *a.host.nodes().intern(name_x));
  }
  std::size_t queued() const { return a.peer(name_x).queued; }
  std::uint64_t dropped() const { return a.peer(name_x).dropped; }
  // `by`, which never waits, sends the messages `first` to `end` - 1.
  void send(const actor& by, std::size_t size, int first, int end) {
    by.run([&](process& self) {
      for (int i = first; i < end; ++i) self.send_unbounded(at_x("y"), numbered(size, i));
      return 0;
    });
  }
  // `by` sends messages until more than `until` bytes wait for x, however many the kernel takes.
  void fill(const actor& by, std::size_t until) {
    constexpr int at_once = 100;
    for (int first = 0; queued() <= until; first += at_once) {
      REQUIRE(first < 10'000);
      send(by, 20'000, first, first + at_once);
    }
  }
  send_status send_ahead(const actor& by, const message& m) {
    return by.run([&](process& self) { return self.send_ahead(at_x("lane"), m); });
  }

  epmd_server epmd;
  cluster_node a;
  raw_peer x;
};

// How many unsent bytes the kernel may hold of the node's connection to this peer. 0: no limit.
int unsent_limit(const raw_peer& towards) {
  const auto port_of = [](int (&name_of)(int, sockaddr*, socklen_t*), int fd) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    return name_of(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 && name.sin_family == AF_INET
               ? name.sin_port
               : in_port_t{0};
  };
  const in_port_t wanted = port_of(::getsockname, towards.fd());
  int limit = -1;
  for (const auto& open : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(open.path().filename());
    socklen_t size = sizeof limit;
    if (port_of(::getpeername, fd) == wanted)
      REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &limit, &size) == 0);
  }
  REQUIRE(limit >= 0);
  return limit;
}

constexpr std::size_t much = std::size_t{6} << 20; // more than may wait for a node that is not busy

} // namespace

TEST_CASE(
    "a message of the lane passes whole messages that wait, cuts none, and all others keep their order") {
  // Frames that the sender makes, copied frames, borrowed frames, some fragments, and very large messages.
  const std::map<std::size_t, int> counts = {{800, 4000}, {20'000, 400}, {150'000, 60}, {600'000, 10}};
  constexpr int rounds = 10;
  with_x one(short_forms);
  // At most one of the carriers is on the connection's thread.
  const actor carriers[] = {actor(one.a.host, never_waits(0)), actor(one.a.host, never_waits(1))};
  std::map<std::size_t, actor> senders;
  for (const auto& [size, count] : counts) senders.emplace(size, actor(one.a.host, never_waits()));
  for (int round = 0; round < rounds; ++round)
    for (const auto& [size, count] : counts)
      one.send(senders.at(size), size, count / rounds * round, count / rounds * (round + 1));
  REQUIRE(eventually([&] { return one.queued() > 3 * much; }));
  std::size_t sent_ahead = 0;
  for (const actor& carrier : carriers) {
    CHECK(one.send_ahead(carrier, atom("ahead")) == send_status::ok);
    ++sent_ahead;
  }
  peer_reader reader(one.x, short_forms);
  std::map<std::size_t, int> next;
  std::size_t ahead = 0;
  std::size_t read = 0; // bytes of the messages outside of the lane
  for (int all = 0; next != counts || ahead != sent_ahead;) {
    const auto got = reader.next();
    if (is_atom(got.payload, "ahead")) {
      if (++ahead <= std::size(carriers)) CHECK(read < much); // without a lane it would be all of them
      continue;
    }
    etf::cursor at(got.payload.bytes());
    std::int64_t size = 0;
    std::int64_t number = 0;
    REQUIRE(at.read_tuple_of(3));
    REQUIRE(at.read_integer(size));
    REQUIRE(at.read_integer(number));
    REQUIRE(number == next[static_cast<std::size_t>(size)]++);
    read += got.payload.size();
    if (++all % 100 != 0) continue;
    CHECK(one.send_ahead(carriers[sent_ahead % 2], atom("ahead")) == send_status::ok);
    ++sent_ahead;
  }
  CHECK(one.dropped() == 0);
}

TEST_CASE("what waits in the lane of a peer that does not read is bounded") {
  constexpr std::size_t size = 100'000;
  constexpr std::uint64_t sent = 40; // by each carrier
  constexpr std::uint64_t taken = outbound::most_ahead / size;
  constexpr std::uint64_t in_kernel = 4; // the kernel's buffers may not be full yet
  with_x one(short_forms);
  const actor carriers[] = {actor(one.a.host, never_waits(0)), actor(one.a.host, never_waits(1))};
  one.fill(carriers[0], much);
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < sent; ++i)
    for (const actor& carrier : carriers)
      if (one.send_ahead(carrier, numbered(size, 0)) != send_status::ok) ++refused;
  CHECK(eventually([&] { return one.dropped() + refused >= 2 * sent - taken - in_kernel; }));
  CHECK(one.dropped() + refused <= 2 * sent - taken);
  CHECK(one.a.peer(name_x).state == peer_state::connected);
}

TEST_CASE(
    "to a node without short forms a message of the lane goes like others, and is lost while it is busy") {
  with_x one(as_erlang);
  const actor carrier(one.a.host, never_waits());
  CHECK(one.send_ahead(carrier, atom("first")) == send_status::ok);
  peer_reader reader(one.x);
  CHECK(is_atom(reader.next().payload, "first"));
  one.fill(carrier, much);
  CHECK(one.send_ahead(carrier, atom("second")) == send_status::ok);
  CHECK(eventually([&] { return one.dropped() == 1; }));
  CHECK(one.a.peer(name_x).state == peer_state::connected);
}

TEST_CASE("where messages of the lane are expected, the kernel takes little of any connection") {
  with_x one(short_forms);
  CHECK(unsent_limit(one.x) == 0);
  const actor member(one.a.host);
  member.run([&](process& self) {
    self.host().router()->expect_ahead();
    return 0;
  });
  CHECK(eventually([&] { return unsent_limit(one.x) > 0; })); // the connection existed before
  raw_peer later(one.a.port);
  REQUIRE(later.shake_hands("y@127.0.0.1", name_a, flag::offered, short_forms));
  REQUIRE(eventually([&] { return one.a.peer("y@127.0.0.1").state == peer_state::connected; }));
  CHECK(eventually([&] { return unsent_limit(later) > 0; }));
}

TEST_CASE("a message of the lane connects nothing") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor carrier(a.host);
  const auto to = runtime::destination::remote("lane", *a.host.nodes().intern(name_x));
  CHECK(carrier.run([&](process& self) { return self.send_ahead(to, atom("beat")); }) ==
        send_status::nodedown);
  CHECK(a.router.peers().empty());
}
