// SPDX-License-Identifier: MIT
// Peers that are wrong, slow, silent or hostile: each connection is ended in time, with the reason in words,
// and the node goes on.
#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include "base/bytes.hpp"
#include "base/sanitizer.hpp"
#include "cluster.hpp"
#include "held_clock.hpp"
#include "hex.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::is_atom;
using runtime::process;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";

std::vector<std::uint8_t> framed(const std::vector<std::uint8_t>& body) {
  std::vector<std::uint8_t> out(4);
  base::store_be32(out.data(), static_cast<std::uint32_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

} // namespace

TEST_CASE("garbage before and after the handshake ends that connection alone") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  for (const char* bad : {"474554202f20485454502f312e310d0a0d0a", "ffffffffffff", "000000000000", "000178"}) {
    raw_peer x(a.port);
    x.send(from_hex(bad));
    CHECK(x.closed_by_node());
  }
  for (const char* bad : {"ffffffff", "0000000347455420", "0000000483440161", "00000006834400680163",
                          "00000004834400"
                          "6a",
                          "00000012"
                          "8346"
                          "0000000000000001"
                          "0000000000000001"}) {
    CAPTURE(bad);
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(name_x, name_a));
    x.send(from_hex(bad));
    CHECK(x.closed_by_node());
    CHECK(eventually([&] { return a.peer(name_x).state == peer_state::down; }));
    CHECK_FALSE(a.peer(name_x).last_error.empty());
  }
  raw_peer good(a.port);
  CHECK(good.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
}

TEST_CASE("a peer that stalls in the handshake is closed in time, and others get in meanwhile") {
  epmd_server epmd;
  options quick;
  quick.handshake_timeout = std::chrono::milliseconds(150);
  quick.handshakes = 8;
  cluster_node a(epmd, name_a, quick);
  raw_peer silent(a.port);
  raw_peer half(a.port);
  half.send(from_hex("001a4e00"));
  raw_peer good(a.port);
  CHECK(good.shake_hands(name_x, name_a));
  CHECK(silent.closed_by_node());
  CHECK(half.closed_by_node());
}

TEST_CASE("of more handshakes at once than there are places the one silent for longest goes") {
  epmd_server epmd;
  options few;
  few.handshakes = 2;
  few.handshake_timeout = 2 * patience;
  cluster_node a(epmd, name_a, few);
  const raw_peer one(a.port);
  const raw_peer two(a.port);
  const raw_peer three(a.port);
  CHECK(one.closed_by_node());
}

TEST_CASE("a peer that has said its name and proved nothing takes at most 4 KiB" *
          doctest::skip(base::sanitized)) {
  epmd_server epmd;
  options open;
  open.handshakes = 700;
  cluster_node a(epmd, name_a, open);
  raw_peer first(a.port); // causes the allocations made only once; its own memory stays allocated meanwhile
  REQUIRE(first.begin("first@127.0.0.1", name_a));
  constexpr std::size_t count = 600;
  constexpr std::size_t at_this_end = sizeof(raw_peer) + 512;
  constexpr std::size_t made_once = 128 << 10; // by threads that did nothing for `first`
  std::vector<std::unique_ptr<raw_peer>> strangers;
  strangers.reserve(count);
  const auto in_use = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const auto before = in_use();
  for (std::size_t i = 0; i < count; ++i) {
    strangers.push_back(std::make_unique<raw_peer>(a.port));
    REQUIRE(strangers.back()->begin("n" + std::to_string(i) + "@127.0.0.1", name_a));
  }
  // The read buffers of the last connections are freed after they were read.
  const auto allowed = before + made_once + count * (4096 + at_this_end);
  CHECK_MESSAGE(eventually([&] { return in_use() <= allowed; }),
                in_use() << " of " << allowed << ", " << before << " before");
}

TEST_CASE("a thousand nodes connect and each is answered") {
  epmd_server epmd;
  options open;
  open.connections = 1200;
  open.handshakes = 64;
  cluster_node a(epmd, name_a, open);
  const actor there(a.host, {.name = "there"});
  std::vector<std::unique_ptr<raw_peer>> all;
  for (int i = 0; i < 1000; ++i) {
    const auto name = "n" + std::to_string(i) + "@127.0.0.1";
    all.push_back(std::make_unique<raw_peer>(a.port));
    REQUIRE(all.back()->shake_hands(name, name_a));
  }
  CHECK(eventually([&] { return a.router.nodes(runtime::remote_router::which::visible).size() == 1000; }));
  const actor here(a.host);
  here.start([&](process& self) {
    for (int i = 0; i < 1000; ++i) {
      const auto node = a.host.nodes().intern("n" + std::to_string(i) + "@127.0.0.1");
      self.send(runtime::destination::remote("y", *node), number(i));
    }
  });
  for (auto& one : all) {
    std::vector<std::uint8_t> got;
    REQUIRE(one->receive(got));
    CHECK(got.size() > 8);
  }
  all.clear();
  CHECK(eventually([&] { return a.router.nodes(runtime::remote_router::which::visible).empty(); }));
}

TEST_CASE("a flood of strangers costs the established nothing, and passes") {
  epmd_server epmd;
  options quick;
  quick.handshake_timeout = std::chrono::milliseconds(300);
  quick.handshakes = 16;
  quick.connections = 400;
  cluster_node a(epmd, name_a, quick);
  cluster_node b(epmd, "b@127.0.0.1");
  const actor there(a.host, {.name = "there"});
  const actor here(b.host);
  const auto reaches = [&](int i) {
    here.run([&](process& self) {
      self.send(b.see(a, "there"), number(i));
      return 0;
    });
    CHECK(value_of(there.next()) == i);
  };
  reaches(0);
  std::vector<std::unique_ptr<raw_peer>> flood;
  for (int i = 1; i <= 300; ++i) {
    flood.push_back(std::make_unique<raw_peer>(a.port));
    if (i % 50 == 0) reaches(i);
  }
  CHECK(eventually([&] {
    raw_peer good(a.port);
    return good.begin(name_x, name_a) && good.finish();
  }));
}

TEST_CASE("a peer silent for the tick time is down; one that ticks stays" *
          doctest::skip(!coppice::test::can_hold_clock())) {
  std::optional<epmd_server> epmd;
  std::optional<cluster_node> a, b;
  coppice::test::held_clock clock; // destroyed first, so time goes on before the nodes end
  epmd.emplace();
  options short_ticks;
  short_ticks.ticktime = std::chrono::seconds(8);
  a.emplace(*epmd, name_a, short_ticks);
  b.emplace(*epmd, "b@127.0.0.1", short_ticks);
  const actor here(a->host);
  raw_peer silent(a->port);
  REQUIRE(silent.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return a->peer(name_x).state == peer_state::connected; }));
  here.run([&](process& self) {
    self.send(a->see(*b, "x"), atom("hello"));
    return 0;
  });
  CHECK(eventually([&] { return a->connected(*b); }));
  const auto quarter = short_ticks.ticktime / 4;
  clock.advance(quarter); // in this quarter there was something to send
  for (int i = 0; i < 8; ++i) {
    const auto heard = a->peer("b@127.0.0.1").bytes_in;
    clock.advance(quarter);
    REQUIRE(eventually([&] { return a->peer("b@127.0.0.1").bytes_in > heard; }));
  }
  REQUIRE(eventually([&] { return a->peer(name_x).state == peer_state::down; }));
  CHECK(silent.closed_by_node());
  CHECK(a->peer(name_x).last_error.find("net_ticktime") != std::string::npos);
  CHECK(a->connected(*b));
}

TEST_CASE("a peer that ticks and takes nothing of what waits for it is down after the tick time") {
  epmd_server epmd;
  options quick;
  quick.ticktime = std::chrono::milliseconds(1500);
  cluster_node a(epmd, name_a, quick);
  const actor here(a.host);
  raw_peer deaf(a.port);
  REQUIRE(deaf.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  here.start([&](process& self) {
    runtime::message_writer out;
    out.binary(std::string(1 << 20, 'x'));
    const auto m = out.take();
    const auto to = runtime::destination::remote("x", *a.host.nodes().intern(name_x));
    // They open no new connection, so the peer's state stays `down` after its end.
    for (int i = 0; i < 64; ++i) self.send(to, m, {.connects = false});
  });
  CHECK(eventually([&] {
    const std::array<std::uint8_t, 4> tick{};
    // The connection may have been closed just before.
    (void)::send(deaf.fd(), tick.data(), tick.size(), MSG_NOSIGNAL);
    return a.peer(name_x).state == peer_state::down;
  }));
  CHECK(a.peer(name_x).last_error.find("took none of") != std::string::npos);
}

TEST_CASE("a peer that does not read is given up when too much waits for it") {
  epmd_server epmd;
  options small;
  small.queue_limit = 1 << 20;
  cluster_node a(epmd, name_a, small);
  const actor here(a.host);
  raw_peer deaf(a.port);
  REQUIRE(deaf.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  runtime::message_writer out;
  out.binary(std::string(100'000, 'x'));
  const auto m = out.take();
  const auto to = runtime::destination::remote("x", *a.host.nodes().intern(name_x));
  CHECK(eventually([&] {
    here.run([&](process& self) {
      self.send(to, m);
      return 0;
    });
    return a.peer(name_x).last_error.find("does not read") != std::string::npos;
  }));
}

TEST_CASE("a node that comes back before its loss was noticed takes its place") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  raw_peer first(a.port);
  REQUIRE(first.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  raw_peer second(a.port);
  REQUIRE(second.shake_hands(name_x, name_a));
  CHECK(first.closed_by_node());
  CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  // {2, '', <there>}, hello
  const actor there(a.host, {.name = "there"});
  etf::vector_writer reg_send;
  control_message c;
  c.what = op::reg_send;
  c.from = address::of(etf::pid{name_x, 1, 0, 77});
  c.to = address::of(std::string_view("there"));
  reg_send.raw(from_hex("834400"));
  encode_control(reg_send, c);
  reg_send.atom("hello");
  second.send(framed(reg_send.take()));
  CHECK(is_atom(there.next(), "hello"));
}

TEST_CASE("signals that claim to come from a third node, or go to one, are dropped") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor there(a.host, {.name = "there", .trap_exit = true});
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  const etf::pid target{name_a, there.id().id, there.id().serial, a.host.creation()};
  const etf::pid stranger{"stranger@127.0.0.1", 1, 0, 5};
  const auto send = [&](op what, const etf::pid& from, const etf::pid& to) {
    etf::vector_writer out;
    control_message c;
    c.what = what;
    c.from = address::of(from);
    c.to = address::of(to);
    c.id = 1;
    out.raw(from_hex("834400"));
    encode_control(out, c);
    if (has_payload(what)) out.atom("hello");
    x.send(framed(out.take()));
  };
  send(op::link, stranger, target);
  send(op::link, {name_x, 1, 0, 77}, stranger);
  send(op::send_sender, {name_x, 1, 0, 77}, target);
  CHECK(is_atom(there.next(), "hello"));
  CHECK(a.host.info(there.id())->links.empty());
  CHECK(eventually([&] { return a.peer(name_x).dropped == 2; }));
}
