// SPDX-License-Identifier: MIT
// Signals that open no connection, and senders that do not wait for room in the queue for another node.
#include <doctest/doctest.h>

#include <atomic>
#include <csignal>

#include "cluster.hpp"
#include "runtime/held.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::is_atom;
using runtime::message;
using runtime::process;
using runtime::send_status;
using runtime::sending;
using runtime::testing::in_turn;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr sending no_connect{.connects = false};
constexpr sending no_wait{.waits = false};

message binary_of(std::size_t size) {
  runtime::message_writer out;
  out.binary(std::string(size, 'x'));
  return out.take();
}

} // namespace

TEST_CASE("what opens no connection goes over one that there is, and else is told") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there", .trap_exit = true});
  const actor here(a.host);
  const auto to_name = a.see(b, "there");
  const auto to_pid = a.see(b, there.id());
  in_turn(here, [&](process& self) {
    self.trap_exit(true);
    CHECK(self.send(to_name, atom("m"), no_connect) == send_status::nodedown);
    CHECK(self.send(to_pid, atom("m"), no_connect) == send_status::nodedown);
    CHECK(self.exit(to_pid, atom("r"), no_connect) == send_status::nodedown);
    CHECK(self.link(to_pid, no_connect) == send_status::nodedown);
    CHECK_FALSE(self.monitor(to_name, {.how = no_connect}));
  });
  CHECK(a.router.peers().empty()); // no process asked for one
  CHECK(a.host.info(here.id())->links.empty());
  CHECK(a.host.info(here.id())->monitors.empty());

  in_turn(here, [&](process& self) { self.send(to_name, atom("connects")); });
  CHECK(is_atom(there.next(), "connects"));
  const auto ref = here.run([&](process& self) {
    CHECK(self.send(to_pid, atom("m"), no_connect) == send_status::ok);
    CHECK(self.exit(to_pid, atom("r"), no_connect) == send_status::ok);
    CHECK(self.link(to_pid, no_connect) == send_status::ok);
    return self.monitor(to_pid, {.how = no_connect});
  });
  CHECK(ref);
  CHECK(is_atom(there.next(), "m"));
  CHECK(is_atom(reason_of(there.next()), "r"));
  REQUIRE(eventually([&] { // these signals follow the messages that it has received
    const auto seen = b.host.info(there.id());
    return seen->links.size() == 1 && seen->monitored_by.size() == 1;
  }));
  there.stop(atom("why"));
  for (int i = 0; i < 2; ++i) CHECK(is_atom(reason_of(here.next()), "why"));
}

// The connection is lost after the sender has looked, before the router looks.
TEST_CASE("what opens no connection, and finds none when its turn comes, is answered as a loss is") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor here(a.host);
  const auto ref = here.run([](process& self) { return self.make_ack(); });
  for (const auto kind : {runtime::signal_kind::message, runtime::signal_kind::monitor}) {
    auto what = runtime::make_signal(kind, here.id(), ref, atom("m"));
    what->flags = runtime::signal::no_connect;
    a.router.route(a.see(b, "there"), std::move(what));
  }
  const auto end = here.run([&](process& self) { return self.await(ref); });
  REQUIRE_FALSE(end);
  CHECK(is_atom(end.error().reason, "noconnection"));
  CHECK(a.router.unreachable() == 1);
  CHECK(a.peer(name_b).state == peer_state::down);
  CHECK(a.peer(name_b).last_error.empty());
}

// As from a process that ends just after a connection was lost, before it is told.
TEST_CASE("what ends a relation opens no connection: the relation ended with the one that was") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor here(a.host);
  const actor there(b.host);
  const auto to = a.see(b, there.id());
  using runtime::signal_kind;
  for (const auto kind : {signal_kind::exit, signal_kind::unlink, signal_kind::unlink_ack,
                          signal_kind::demonitor, signal_kind::down}) {
    a.router.route(to, runtime::make_signal(kind, here.id(), {}, atom("r")));
    CHECK(a.peer(name_b).state == peer_state::down);
  }
  // Such a signal does go if another process is connecting already, after what was sent before.
  here.run([&](process& self) {
    const auto ref = self.monitor(to);
    return self.demonitor(ref);
  });
  CHECK(eventually([&] { return a.peer(name_b).state == peer_state::connected; }));
  here.run([&](process& self) { return self.send(to, atom("m")); });
  CHECK(is_atom(there.next(), "m"));
  CHECK(b.host.info(there.id())->monitored_by.empty());
}

TEST_CASE("who does not wait hears of a busy node at once, and of none that is not") {
  std::signal(SIGPIPE, SIG_IGN); // as in coppiced
  epmd_server epmd;
  options small;
  small.busy_limit = 256 * 1024;
  cluster_node a(epmd, name_a, small);
  const actor sender(a.host);
  const actor other(a.host);
  std::atomic<bool> over{false};
  {
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(name_x, name_a));
    const auto to = runtime::destination::remote("y", *a.host.nodes().intern(name_x));
    CHECK(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
    CHECK(other.run([&](process& self) { return self.send(to, atom("m"), no_wait); }) == send_status::ok);
    sender.start([&, to, m = binary_of(100'000)](process& self) {
      while (!over) self.send(to, m);
    });
    CHECK(eventually([&] { return a.router.busy(to.node()); }));
    // The kernel may take more of what waits, until its buffers are full as well.
    const auto refused = [&](const message& m) {
      return other.run([&](process& self) { return self.send(to, m, no_wait); }) == send_status::full;
    };
    CHECK(eventually([&] { return refused(atom("m")); }));
    CHECK(eventually([&] { return refused(binary_of(4 << 20)); }));
    over = true;
  }
  sender.settle();
}

TEST_CASE("who does not wait goes on when a large message is on its way") {
  std::signal(SIGPIPE, SIG_IGN); // as in coppiced
  epmd_server epmd;
  options patient;
  patient.busy_limit = std::size_t{256} << 20;
  cluster_node a(epmd, name_a, patient);
  const actor sender(a.host);
  raw_peer x(a.port); // reads nothing
  REQUIRE(x.shake_hands(name_x, name_a));
  const auto to = runtime::destination::remote("y", *a.host.nodes().intern(name_x));
  CHECK(sender.run([&](process& self) { return self.send(to, binary_of(32 << 20), no_wait); }) ==
        send_status::ok);
  CHECK(eventually([&] { return a.peer(name_x).queued > 0; }));
}

TEST_CASE("a timer that repeats sends to another node each time") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  here.run([&](process& self) {
    return self.start_timer(self.now(), a.see(b, "there"), atom("tick"), base::nanos_per_ms);
  });
  for (int i = 0; i < 3; ++i) CHECK(is_atom(there.next(), "tick"));
}
