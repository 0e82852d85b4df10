// SPDX-License-Identifier: MIT
// Peers that read less than is sent to them: their senders rest, other processes are not affected, and other
// messages overtake very large ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <set>

#include "dist/large_messages.hpp"
#include "peer_reader.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::is_atom;
using runtime::message;
using runtime::process;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";

message binary_of(std::size_t size) {
  runtime::message_writer out;
  out.binary(std::string(size, 'x'));
  return out.take();
}

runtime::destination at_x(cluster_node& from, const char* name = "y") {
  return runtime::destination::remote(name, *from.host.nodes().intern(name_x));
}

// Together, more than a socket's buffers hold.
constexpr int many = 400;
constexpr std::size_t much = 100'000;

// Sends all messages to x. `sent`: how many were sent so far.
void flood(const actor& sender, cluster_node& from, std::atomic<int>& sent) {
  sender.start([&from, &sent, m = binary_of(much)](process& self) {
    for (; sent < many && !self.exiting(); ++sent) self.send(at_x(from), m);
  });
}

// Whether senders to x rest. They rest until half of the bytes that may wait have been sent; while x does not
// read, more than that stays.
bool is_busy(cluster_node& with_x, std::size_t limit) {
  return with_x.router.busy(*with_x.host.nodes().intern(name_x)) && with_x.peer(name_x).queued > limit / 2;
}

} // namespace

TEST_CASE(
    "senders to a node that does not read rest, others do not notice, and nothing is lost when it reads") {
  epmd_server epmd;
  options small;
  small.busy_limit = 256 * 1024;
  cluster_node a(epmd, name_a, small);
  cluster_node b(epmd, "b@127.0.0.1");
  const actor there(b.host, {.name = "there"});
  const actor sender(a.host);
  const actor other(a.host);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  std::atomic<int> sent{0};
  flood(sender, a, sent);
  CHECK(eventually([&] { return is_busy(a, small.busy_limit); }));
  for (int i = 0; i < 100; ++i) {
    other.run([&](process& self) {
      self.send(a.see(b, "there"), number(i));
      return 0;
    });
    CHECK(value_of(there.next()) == i);
  }
  CHECK(sent < many);
  CHECK(a.peer(name_x).last_error.empty());
  CHECK(a.peer(name_x).queued < small.busy_limit + 2 * much);
  peer_reader all(x);
  for (int i = 0; i < many; ++i) REQUIRE(all.next().payload.size() == much + 5);
  CHECK(eventually([&] { return sent == many; }));
  CHECK(a.peer(name_x).state == peer_state::connected);
}

TEST_CASE("senders that rest go on when the node is lost, and can be killed meanwhile") {
  epmd_server epmd;
  options small;
  small.busy_limit = 256 * 1024;
  cluster_node a(epmd, name_a, small);
  const actor sender(a.host);
  const actor victim(a.host);
  std::atomic<int> sent{0};
  std::atomic<int> sent_by_victim{0};
  {
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(name_x, name_a));
    flood(sender, a, sent);
    flood(victim, a, sent_by_victim);
    CHECK(eventually([&] { return is_busy(a, small.busy_limit); }));
    a.host.exit(victim.id(), atom("kill"));
    CHECK(eventually([&] { return !victim.alive(); }));
    CHECK(sent < many);
  }
  CHECK(eventually([&] { return sent == many; }));
}

// If each answer waited, it would wait for a second, and all together would take longer than `patience`.
TEST_CASE("who answers a node that does not read waits for it once, and nothing is lost when it reads") {
  for (const std::size_t size : {std::size_t{20'000}, std::size_t{2} << 20}) {
    CAPTURE(size);
    epmd_server epmd;
    options small;
    small.busy_limit = 256 * 1024;
    cluster_node a(epmd, name_a, small);
    const actor server(a.host);
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(name_x, name_a));
    const int answers = static_cast<int>((std::size_t{40} << 20) / size);
    std::atomic<int> sent{0};
    server.start([&, m = binary_of(size)](process& self) {
      for (; sent < answers && !self.exiting(); ++sent) self.send_unbounded(at_x(a), m);
    });
    CHECK(eventually([&] { return sent == answers; }));
    CHECK(a.peer(name_x).queued > small.busy_limit);
    peer_reader all(x);
    for (int i = 0; i < answers; ++i) REQUIRE(all.next().payload.size() == size + 5);
    CHECK(a.peer(name_x).state == peer_state::connected);
    CHECK(a.peer(name_x).dropped == 0);
  }
}

TEST_CASE("what others send passes a very large message, what its sender sends does not") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor sender(a.host);
  const actor other(a.host);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  constexpr std::size_t size = std::size_t{32} << 20;
  sender.start([&](process& self) {
    self.send(at_x(a), binary_of(size));
    self.send(at_x(a, "after"), atom("after"));
  });
  CHECK(eventually([&] { return a.peer(name_x).queued > size / 2; }));
  other.run([&](process& self) {
    self.send(at_x(a, "other"), atom("other"));
    return 0;
  });
  peer_reader all(x);
  CHECK(is_atom(all.next().payload, "other"));
  CHECK(all.next().payload.size() == size + 5);
  CHECK(is_atom(all.next().payload, "after"));
}

TEST_CASE("a monitor that waits behind large messages ends with the connection") {
  std::signal(SIGPIPE, SIG_IGN); // as in coppiced
  epmd_server epmd;
  options patient;
  patient.busy_limit = std::size_t{256} << 20; // so that the sender does not rest
  cluster_node a(epmd, name_a, patient);
  const actor sender(a.host);
  constexpr std::size_t size = 900'000; // small enough that the sender does not wait for it
  constexpr std::size_t count = 40;
  std::atomic<bool> watches{false};
  {
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(name_x, name_a));
    sender.start([&](process& self) {
      for (std::size_t i = 0; i < count; ++i) self.send(at_x(a), binary_of(size));
      self.monitor(at_x(a));
      watches = true;
    });
    CHECK(eventually([&] { return watches && a.peer(name_x).queued > count * size / 2; }));
  }
  const auto down = sender.next();
  etf::cursor at(down.bytes());
  REQUIRE(at.read_tuple_of(5));
  CHECK(at.read_atom_is("DOWN"));
  CHECK(is_atom(reason_of(down), "noconnection"));
}

TEST_CASE("several large messages go side by side, each sender's in order") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, "b@127.0.0.1");
  const actor there(b.host, {.name = "there"});
  const actor one(a.host);
  const actor two(a.host);
  constexpr std::size_t size = std::size_t{4} << 20;
  const auto alternate = [&](int base) {
    return [&a, &b, base](process& self) {
      for (int i = 0; i < 5; ++i) {
        self.send(a.see(b, "there"), number(base + 2 * i));
        self.send(a.see(b, "there"), binary_of(size + static_cast<std::size_t>(base + 2 * i + 1)));
      }
    };
  };
  one.start(alternate(0));
  two.start(alternate(1000));
  int next[2] = {0, 1000};
  for (int i = 0; i < 20; ++i) {
    const auto m = there.next();
    const int value = m.size() > size ? static_cast<int>(m.size() - size - 5) : static_cast<int>(value_of(m));
    CHECK(value == next[value / 1000]++);
  }
}

TEST_CASE("one message longer than all that may wait still goes through") {
  epmd_server epmd;
  options small;
  small.busy_limit = 64 * 1024;
  small.queue_limit = 4 << 20;
  cluster_node a(epmd, name_a, small);
  cluster_node b(epmd, "b@127.0.0.1");
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  here.start([&](process& self) {
    for (int i = 0; i < 3; ++i) self.send(a.see(b, "there"), binary_of(std::size_t{8} << 20));
  });
  for (int i = 0; i < 3; ++i) CHECK(there.next().size() == (std::size_t{8} << 20) + 5);
  CHECK(a.connected(b));
}

// If all were sent at once, each would keep its beginning at the receiver, and receivers limit that.
TEST_CASE("of very many large messages some are under way at once, and all arrive in each sender's order") {
  epmd_server epmd;
  options patient;
  patient.busy_limit = std::size_t{1} << 30;
  cluster_node a(epmd, name_a, patient);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  constexpr std::uint32_t senders = 400;
  const auto payload = binary_of(300'000);
  on_worker(a.host, 0, [&] {
    for (std::uint32_t i = 1; i <= senders; ++i) {
      const runtime::pid from{0, a.host.creation(), i, 999};
      a.router.route(at_x(a), runtime::make_signal(runtime::signal_kind::message, from, payload));
      a.router.route(at_x(a, "after"), runtime::make_signal(runtime::signal_kind::message, from, number(i)));
    }
  });
  peer_reader all(x);
  std::set<std::uint64_t> unfinished;
  std::size_t most = 0;
  std::size_t after = 0;
  std::size_t large = 0;
  while (after < senders) {
    const auto f = parse_frame(all.next_frame());
    REQUIRE(f);
    if (f->kind == frame_kind::first_fragment) unfinished.insert(f->sequence);
    most = std::max(most, unfinished.size());
    if (f->kind == frame_kind::header) ++after;
    const bool fragment = f->kind != frame_kind::header;
    if (fragment && f->fragment == 1) large += unfinished.erase(f->sequence);
    REQUIRE(large >= after); // each small message comes after its sender's large one
  }
  CHECK(large == senders);
  CHECK(most <= large_messages::most_under_way);
  CHECK(a.peer(name_x).dropped == 0);
}
