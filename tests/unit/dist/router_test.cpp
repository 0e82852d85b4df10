// SPDX-License-Identifier: MIT
// Coppice nodes among each other: signals in both directions, connections on demand, and the ends of
// connections.
#include "dist/router.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::destination;
using runtime::is_atom;
using runtime::message;
using runtime::process;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";

// A node with these options connects at once or not at all, so no test depends on a time.
options patient() {
  options made;
  made.yield_time = made.connect_timeout = 2 * patience;
  return made;
}

// Listens, and sends nothing to a node that connects.
class silent_listener {
 public:
  silent_listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), length) == 0);
    REQUIRE(::listen(fd_.get(), 16) == 0);
    REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &length) == 0);
    port_ = ntohs(at.sin_port);
  }
  std::uint16_t port() const { return port_; }
  bool has_more(std::chrono::milliseconds within = {}) const { return comes_in(fd_.get(), within); }
  base::unique_fd accept() const {
    REQUIRE(has_more(patience));
    return base::unique_fd(::accept(fd_.get(), nullptr, nullptr));
  }

 private:
  base::unique_fd fd_;
  std::uint16_t port_ = 0;
};

} // namespace

TEST_CASE("messages reach names, pids and aliases on another node, in the order sent") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  const auto alias = there.run([](process& self) { return self.make_alias(); });
  constexpr int count = 3000;
  here.start([&](process& self) {
    auto as_seen = alias;
    as_seen.node = a.index(b);
    for (int i = 0; i < count; i += 3) {
      self.send(a.see(b, "there"), number(i)); // the first one opens the connection
      self.send(a.see(b, there.id()), number(i + 1));
      self.send(destination::alias(as_seen), number(i + 2));
    }
  });
  for (int i = 0; i < count; ++i) CHECK(value_of(there.next()) == i);
  CHECK(a.connected(b));
  CHECK(a.peer(name_b).outgoing);
  CHECK(eventually([&] { return b.peer(name_a).messages_in == count; }));
  CHECK_FALSE(b.peer(name_a).outgoing);
  CHECK(a.router.nodes(runtime::remote_router::which::visible) == std::vector<std::string>{name_b});
}

TEST_CASE("messages of any length arrive as they were, whatever comes with them in a read") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  std::vector<std::size_t> lengths;
  for (const std::size_t around : {4096, 32 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024})
    for (const std::size_t off : {0, 40, 80, 120}) lengths.push_back(around + off - 60);
  std::vector<message> sent;
  for (std::size_t i = 0; i < 5 * lengths.size(); ++i) {
    std::string text(lengths[i * 7 % lengths.size()], static_cast<char>('a' + i % 26));
    runtime::message_writer out(text.size() + 8);
    out.binary(text);
    sent.push_back(out.take());
    sent.push_back(number(static_cast<std::int64_t>(i)));
  }
  here.start([&](process& self) {
    for (const auto& each : sent) self.send(a.see(b, "there"), each);
  });
  for (const auto& each : sent) CHECK(there.next() == each);
}

TEST_CASE("a sender's messages keep their order among calls, large ones and those of others") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there"});
  constexpr int senders = 6;
  constexpr int each = 2000;
  std::vector<std::unique_ptr<actor>> all;
  for (int s = 0; s < senders; ++s) {
    all.push_back(std::make_unique<actor>(a.host));
    all.back()->start([&, s](process& self) {
      for (int i = 0; i < each; ++i) {
        if (i % 500 == 250) {
          runtime::message_writer out(std::size_t{300} << 10);
          out.tuple(2);
          out.integer(s * each + i);
          out.binary(std::string(std::size_t{300} << 10, 'x'));
          self.send(a.see(b, "there"), out.take());
        } else {
          self.send(i % 2 == 0 ? a.see(b, "there") : destination(a.see(b, there.id())), number(s * each + i));
        }
      }
    });
  }
  std::vector<int> next(senders, 0);
  bool in_order = true;
  for (int i = 0; i < senders * each; ++i) {
    const auto m = there.next();
    etf::cursor at(m.bytes());
    std::uint32_t arity = 0;
    std::int64_t value = 0;
    at.read_tuple(arity);
    REQUIRE(at.read_integer(value));
    in_order = in_order && value % each == next[static_cast<std::size_t>(value / each)]++;
  }
  CHECK(in_order);
}

TEST_CASE("connections that are lost and come back change no sender's order and double nothing") {
  constexpr int senders = 4;
  constexpr std::int64_t each = 1'000'000'000;
  std::signal(SIGPIPE, SIG_IGN); // as in coppiced
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  std::atomic<bool> enough{false};
  // How many messages each sender may send, so that it does not get far ahead of a slow receiver.
  std::atomic<std::int64_t> wanted{0};
  std::atomic<int> ended{0};
  const auto send_away = [&](cluster_node& from, cluster_node& to, int s) {
    auto made = std::make_unique<actor>(from.host);
    made->start([&, s](process& self) {
      const auto whom = from.see(to, "there");
      for (std::int64_t i = 0; !enough; ++i) {
        while (i >= wanted && !enough) (void)self.await(self.make_ack(), self.now() + base::nanos_per_ms);
        self.send(whom, number(s * each + i));
        if (i % 16 == 0) self.yield();
      }
      ++ended;
    });
    return made;
  };
  struct side {
    explicit side(cluster_node& on) : receiver(on.host, {.name = "there"}) {}
    const actor receiver;
    std::vector<std::int64_t> next = std::vector<std::int64_t>(senders, 0);
    bool in_order = true;
    void take(const message& m) {
      const std::int64_t value = value_of(m);
      auto& expected = next[static_cast<std::size_t>(value / each)];
      in_order = in_order && value % each >= expected;
      expected = value % each + 1;
    }
    // Takes what has arrived so far. More arrives all the time.
    void take_all() {
      for (std::size_t left = receiver.waiting(); left > 0; --left) take(receiver.next());
    }
  };
  side at_a(a), at_b(b);
  std::vector<std::unique_ptr<actor>> all;
  for (int s = 0; s < senders; ++s) {
    all.push_back(send_away(a, b, s));
    all.push_back(send_away(b, a, s));
  }
  for (int round = 0; round < 40; ++round) {
    // A lost connection loses what it carried, so more may have to be sent until something arrives.
    REQUIRE(eventually([&] {
      wanted += 256;
      return at_a.receiver.waiting() > 0 && at_b.receiver.waiting() > 0;
    }));
    at_a.take_all();
    at_b.take_all();
    if (round % 2 == 0)
      (void)a.router.disconnect(a.index(b));
    else
      (void)b.router.disconnect(b.index(a));
  }
  enough = true;
  REQUIRE(eventually([&] { return ended == 2 * senders; }));
  at_a.take_all();
  at_b.take_all();
  CHECK(at_a.in_order);
  CHECK(at_b.in_order);
}

TEST_CASE("a large message arrives whole, fragmented on the way") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  runtime::message_writer out;
  std::string big(3'000'000, 'x');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 31);
  out.binary(big);
  const auto sent = out.take();
  here.start([&](process& self) {
    self.send(a.see(b, "there"), sent);
    self.send(a.see(b, "there"), number(1));
  });
  CHECK(there.next() == sent);
  CHECK(value_of(there.next()) == 1);
}

TEST_CASE("monitors and links work across nodes, and say noproc of who is not there") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor one(b.host, {.name = "one"});
  const actor two(b.host);
  const actor here(a.host, {.trap_exit = true});
  here.run([&](process& self) {
    self.monitor(a.see(b, "nobody"));
    return 0;
  });
  CHECK(is_atom(reason_of(here.next()), "noproc"));
  here.run([&](process& self) {
    self.link({a.index(b), b.host.creation(), 4000, 0});
    return 0;
  });
  CHECK(is_atom(reason_of(here.next()), "noproc"));
  here.run([&](process& self) {
    self.monitor(a.see(b, "one"));
    self.monitor(a.see(b, one.id()));
    self.link(a.see(b, two.id()));
    return 0;
  });
  CHECK(eventually([&] { return b.host.info(one.id())->monitored_by.size() == 2; }));
  CHECK(eventually([&] { return b.host.info(two.id())->links.size() == 1; }));
  one.stop(atom("tired"));
  CHECK(is_atom(reason_of(here.next()), "tired"));
  CHECK(is_atom(reason_of(here.next()), "tired"));
  two.stop(atom("done"));
  CHECK(is_atom(reason_of(here.next()), "done"));
  CHECK(eventually([&] { return a.peer(name_b).monitors == 0; }));
}

TEST_CASE("unlink and demonitor are honoured on the other side") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.trap_exit = true});
  const actor here(a.host);
  here.run([&](process& self) {
    const auto ref = self.monitor(a.see(b, there.id()));
    self.link(a.see(b, there.id()));
    self.unlink(a.see(b, there.id()));
    self.demonitor(ref);
    self.send(a.see(b, there.id()), atom("now"));
    return 0;
  });
  CHECK(is_atom(there.next(), "now"));
  CHECK(b.host.info(there.id())->links.empty());
  CHECK(b.host.info(there.id())->monitored_by.empty());
  here.stop(atom("gone"));
  CHECK(eventually([&] { return !here.alive(); }));
  there.settle();
  CHECK(there.waiting() == 0);
}

TEST_CASE("an answered call leaves no monitor on the other side") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host);
  const actor here(a.host);
  auto asked = std::make_shared<std::promise<runtime::reference>>();
  auto answered = std::make_shared<std::promise<bool>>();
  here.start([&, asked, answered](process& self) {
    const auto ref = self.monitor(a.see(b, there.id()), true);
    self.send(a.see(b, there.id()), atom("question"));
    asked->set_value(ref);
    answered->set_value(self.await(ref, INT64_MAX).has_value());
  });
  CHECK(is_atom(there.next(), "question"));
  REQUIRE(eventually([&] { return b.peer(name_a).monitors == 1; }));
  auto as_seen = asked->get_future().get();
  as_seen.node = b.index(a);
  there.run([&](process& self) {
    self.send(destination::alias(as_seen), atom("answer"));
    return 0;
  });
  CHECK(answered->get_future().get());
  CHECK(eventually([&] { return b.peer(name_a).monitors == 0; }));
  CHECK(eventually([&] { return b.host.info(there.id())->monitored_by.empty(); }));
}

TEST_CASE("exit/2 kills across nodes") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor there(b.host);
  a.host.exit(a.see(b, there.id()), atom("kill"));
  CHECK(eventually([&] { return !there.alive(); }));
}

TEST_CASE("the loss of a node is noconnection to links and monitors, nodedown to who asked") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  auto b = std::make_unique<cluster_node>(epmd, name_b);
  const actor here(a.host, {.trap_exit = true});
  auto there = std::make_unique<actor>(b->host);
  here.run([&](process& self) {
    self.monitor(a.see(*b, there->id()));
    self.link(a.see(*b, there->id()));
    return 0;
  });
  a.router.monitor_node(here.id(), a.index(*b), true);
  there->run([&](process& self) {
    self.monitor(b->see(a, here.id()));
    return 0;
  });
  CHECK(eventually([&] { return a.host.info(here.id())->monitored_by.size() == 1; }));
  there.reset();
  b.reset();
  int noconnection = 0;
  int nodedown = 0;
  for (int i = 0; i < 3; ++i) {
    const auto m = here.next();
    etf::cursor at(m.bytes());
    if (at.read_tuple_of(2) && at.read_atom_is("nodedown")) {
      CHECK(at.read_atom_is(name_b));
      ++nodedown;
    } else {
      noconnection += is_atom(reason_of(m), "noconnection");
    }
  }
  CHECK(noconnection == 2);
  CHECK(nodedown == 1);
  CHECK(eventually([&] { return a.host.info(here.id())->monitored_by.empty(); }));
  CHECK(a.peer(name_b).state == peer_state::down);
  CHECK_FALSE(a.peer(name_b).last_error.empty());
}

TEST_CASE("a node that nobody knows is noconnection, with the reason in words") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor here(a.host, {.trap_exit = true});
  const auto nowhere = *a.host.nodes().intern("nowhere@127.0.0.1");
  const auto ref = here.run([&](process& self) {
    self.monitor(destination::remote("x", nowhere));
    self.link({nowhere, 5, 1, 0});
    self.send(destination::remote("x", nowhere), atom("lost"));
    return self.make_alias();
  });
  CHECK(is_atom(reason_of(here.next()), "noconnection"));
  CHECK(is_atom(reason_of(here.next()), "noconnection"));
  CHECK(a.peer("nowhere@127.0.0.1").last_error.find("knows no node") != std::string::npos);
  CHECK(eventually([&] { return a.router.unreachable() == 1; }));
  a.router.connect(nowhere, ref);
  const auto answer = here.next();
  etf::cursor at(answer.bytes());
  bool connected = true;
  CHECK((at.read_tuple_of(2) && at.skip() && at.read_bool(connected)));
  CHECK_FALSE(connected);
}

TEST_CASE("connecting by hand answers true, also when connected already, and disconnect ends it") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor here(a.host);
  const auto ref = here.run([](process& self) { return self.make_alias(); });
  for (int i = 0; i < 2; ++i) {
    a.router.connect(a.index(b), ref);
    const auto answer = here.next();
    etf::cursor at(answer.bytes());
    bool connected = false;
    CHECK((at.read_tuple_of(2) && at.skip() && at.read_bool(connected)));
    CHECK(connected);
  }
  CHECK(a.router.disconnect(a.index(b)));
  CHECK(eventually([&] { return !a.connected(b) && !b.connected(a); }));
  CHECK(a.router.disconnect(a.index(b)).error().code == base::errc::not_found);
}

TEST_CASE("with connect never nothing is opened on our own, but others may come") {
  epmd_server epmd;
  options never;
  never.connect = false;
  cluster_node a(epmd, name_a, never);
  cluster_node b(epmd, name_b);
  const actor here(a.host);
  const actor there(b.host, {.name = "there"});
  here.run([&](process& self) {
    self.monitor(a.see(b, "there"));
    return 0;
  });
  CHECK(is_atom(reason_of(here.next()), "noconnection"));
  there.run([&](process& self) {
    self.send(b.see(a, here.id()), atom("hello"));
    return 0;
  });
  CHECK(is_atom(here.next(), "hello"));
  here.run([&](process& self) {
    self.send(a.see(b, "there"), atom("back"));
    return 0;
  });
  CHECK(is_atom(there.next(), "back"));
}

TEST_CASE("another cookie is refused on both sides in words; a route's cookie lets in both ways") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  options other;
  other.cookie = "sesame";
  {
    cluster_node b(epmd, name_b, other);
    const actor here(a.host);
    here.run([&](process& self) {
      self.monitor(a.see(b, "x"));
      return 0;
    });
    CHECK(is_atom(reason_of(here.next()), "noconnection"));
    CHECK(a.peer(name_b).last_error.find("cookie") != std::string::npos);
  }
  other.routes.push_back({name_a, "", 0, "secret"});
  cluster_node b(epmd, name_b, other);
  const actor here(a.host, {.name = "here"});
  const actor there(b.host);
  there.run([&](process& self) {
    self.send(b.see(a, "here"), atom("hello"));
    return 0;
  });
  CHECK(is_atom(here.next(), "hello"));
}

TEST_CASE("two nodes that connect to each other at once end up with one connection and lose nothing") {
  for (int round = 0; round < 10; ++round) {
    epmd_server epmd;
    cluster_node a(epmd, name_a);
    cluster_node b(epmd, name_b);
    const actor in_a(a.host, {.name = "x"});
    const actor in_b(b.host, {.name = "x"});
    const auto burst = [](cluster_node& from, cluster_node& to) {
      return [&](process& self) {
        for (int i = 0; i < 50; ++i) self.send(from.see(to, "x"), number(i));
      };
    };
    in_a.start(burst(a, b));
    in_b.start(burst(b, a));
    for (int i = 0; i < 50; ++i) {
      CHECK(value_of(in_a.next()) == i);
      CHECK(value_of(in_b.next()) == i);
    }
    CHECK(a.connected(b));
    CHECK(b.connected(a));
    CHECK(a.peer(name_b).outgoing != b.peer(name_a).outgoing);
  }
}

TEST_CASE("a node that is being let in is not connected to a second time") {
  epmd_server epmd;
  cluster_node a(epmd, name_a, patient());
  const actor here(a.host, {.trap_exit = true});
  raw_peer x(a.port);
  REQUIRE(x.begin("x@127.0.0.1", name_a));
  const auto to = destination::remote("y", *a.host.nodes().intern("x@127.0.0.1"));
  here.run([&](process& self) { return self.monitor(to); });
  CHECK(eventually([&] { return a.peer("x@127.0.0.1").state == peer_state::connecting; }));
  REQUIRE(x.finish());
  // This is the monitor, on the only connection.
  CHECK(eventually([&] { return a.peer("x@127.0.0.1").messages_out == 1; }));
  CHECK(a.peer("x@127.0.0.1").state == peer_state::connected);
  CHECK_FALSE(a.peer("x@127.0.0.1").outgoing);
  here.settle();
  CHECK(here.waiting() == 0);
}

TEST_CASE("who claims to be a node and proves nothing keeps it away for a moment only") {
  epmd_server epmd;
  options quick;
  quick.yield_time = std::chrono::milliseconds(50);
  quick.handshake_timeout = 2 * patience;
  cluster_node a(epmd, name_a, quick);
  cluster_node b(epmd, name_b);
  raw_peer impostor(a.port);
  REQUIRE(impostor.begin(name_b, name_a));
  const actor in_b(b.host, {.name = "x"});
  const actor here(a.host);
  here.run([&](process& self) { return self.send(a.see(b, "x"), number(1)); });
  CHECK(value_of(in_b.next()) == 1);
  CHECK(a.peer(name_b).outgoing);
}

TEST_CASE("a node that always says it connects to us itself, and does not, is given up in time") {
  epmd_server epmd;
  options quick;
  quick.yield_time = std::chrono::milliseconds(20);
  quick.connect_timeout = std::chrono::milliseconds(500);
  cluster_node a(epmd, name_a, quick);
  const base::unique_fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr*>(&at), length) == 0);
  REQUIRE(::listen(listening.get(), 16) == 0);
  REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&at), &length) == 0);
  epmd.add("x@127.0.0.1", ntohs(at.sin_port));
  int refused = 0;
  std::thread refusing([&] {
    for (;;) {
      const base::unique_fd one(::accept(listening.get(), nullptr, nullptr));
      if (!one) return;
      char opening[256];
      if (::recv(one.get(), opening, sizeof opening, 0) <= 0) continue;
      ::send(one.get(), "\0\4snok", 6, MSG_NOSIGNAL);
      ++refused;
    }
  });
  const actor here(a.host, {.trap_exit = true});
  const auto to = destination::remote("y", *a.host.nodes().intern("x@127.0.0.1"));
  here.run([&](process& self) { return self.monitor(to); });
  CHECK(is_atom(reason_of(here.next()), "noconnection"));
  ::shutdown(listening.get(), SHUT_RDWR);
  refusing.join();
  CHECK(refused > 0);
  CHECK(a.peer("x@127.0.0.1").state == peer_state::down);
}

TEST_CASE("what yields to a node being let in begins when that fails") {
  epmd_server epmd;
  cluster_node a(epmd, name_a, patient());
  const actor here(a.host, {.trap_exit = true});
  {
    raw_peer x(a.port);
    REQUIRE(x.begin("x@127.0.0.1", name_a));
    const auto to = destination::remote("y", *a.host.nodes().intern("x@127.0.0.1"));
    here.run([&](process& self) { return self.monitor(to); });
    CHECK(eventually([&] { return a.peer("x@127.0.0.1").state == peer_state::connecting; }));
    here.settle();
    CHECK(here.waiting() == 0);
  }
  CHECK(is_atom(reason_of(here.next()), "noconnection"));
  CHECK(a.peer("x@127.0.0.1").last_error.find("knows no node") != std::string::npos);
}

TEST_CASE("what is sent while a connection begins comes after what has waited for it") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor there(a.host, {.name = "there"});
  runtime::system_options named;
  named.node_name = name_b;
  named.workers = 1;
  runtime::system host(named);
  options chosen;
  chosen.cookie = "secret";
  chosen.epmd_port = epmd.port();
  router b(host, chosen);
  host.set_router(&b);
  runtime::pid sender;
  const auto to = [&] { return destination::remote("there", *host.nodes().intern(name_a)); };
  b.on_node_up([&](const peer_info&) {
    auto second = runtime::make_signal(runtime::signal_kind::message, sender, number(2));
    second->flags = runtime::signal::no_connect;
    b.route(to(), std::move(second));
  });
  REQUIRE(host.start());
  REQUIRE(b.listen({}));
  const actor here(host);
  sender = here.id();
  here.run([&](process& self) { return self.send(to(), number(1)); });
  CHECK(value_of(there.next()) == 1);
  CHECK(value_of(there.next()) == 2);
  here.run([&](process& self) { return self.send(to(), number(3)); });
  CHECK(value_of(there.next()) == 3);
  b.stop();
  CHECK(host.stop(std::chrono::nanoseconds(patience).count()));
}

TEST_CASE("listeners hear of a node before its first message and after its loss") {
  epmd_server epmd;
  std::vector<std::string> events;
  std::mutex lock;
  const auto note = [&](const std::string& what) {
    const std::lock_guard guard(lock);
    events.push_back(what);
  };
  cluster_node a(epmd, name_a);
  runtime::system_options named;
  named.node_name = name_b;
  named.workers = 1;
  runtime::system host(named);
  options chosen;
  chosen.cookie = "secret";
  chosen.epmd_port = epmd.port();
  router b(host, chosen);
  host.set_router(&b);
  b.on_node_up([&](const peer_info& p) { note("up " + p.name); });
  b.on_node_down([&](const peer_info& p, const std::string&) { note("down " + p.name); });
  REQUIRE(host.start());
  REQUIRE(b.listen({}));
  const actor there(host);
  there.run([&](process& self) {
    self.monitor(destination::remote("x", *host.nodes().intern(name_a)));
    return 0;
  });
  CHECK(is_atom(reason_of(there.next()), "noproc"));
  a.stop();
  CHECK(eventually([&] {
    const std::lock_guard guard(lock);
    return events.size() == 2;
  }));
  CHECK(events == std::vector<std::string>{"up a@127.0.0.1", "down a@127.0.0.1"});
  b.stop();
  CHECK(host.stop());
}

TEST_CASE("a listener that disconnects the node it hears of ends that connection, and what waited for it") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  runtime::system_options named;
  named.node_name = name_b;
  named.workers = 1;
  runtime::system host(named);
  options chosen;
  chosen.cookie = "secret";
  chosen.epmd_port = epmd.port();
  router b(host, chosen);
  host.set_router(&b);
  std::atomic<int> refused{0};
  b.on_node_up([&](const peer_info& p) {
    CHECK(b.disconnect(*host.nodes().find(p.name)));
    ++refused;
  });
  REQUIRE(host.start());
  REQUIRE(b.listen({}));
  const actor here(host);
  for (int i = 1; i <= 3; ++i) {
    here.run([&](process& self) {
      self.monitor(destination::remote("x", *host.nodes().intern(name_a)));
      return 0;
    });
    CHECK(is_atom(reason_of(here.next()), "noconnection"));
    CHECK(refused == i);
    CHECK(b.peers().front().state == peer_state::down);
  }
  b.stop();
  CHECK(host.stop());
}

TEST_CASE("names that are made up take nobody's place, and a pid that is out of date is nobody's") {
  epmd_server epmd;
  cluster_node a(epmd, name_a, {}, {8, 2});
  cluster_node b(epmd, name_b);
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  int made_up = 0;
  // The node tries to connect to each of them in vain, and the monitor fires.
  const auto mention = [&](int count) {
    here.run([&](process& self) {
      for (int i = 0; i < count; ++i) {
        const auto index = a.host.nodes().intern("x" + std::to_string(made_up++) + "@127.0.0.1");
        REQUIRE(index);
        self.monitor(destination::remote("nobody", *index));
      }
      return 0;
    });
    for (int i = 0; i < count; ++i) CHECK(here.next().size() > 0);
  };
  const auto reached = [&](std::int64_t value) {
    here.start([&, value](process& self) { self.send(a.see(b, "there"), number(value)); });
    return value_of(there.next()) == value;
  };
  REQUIRE(reached(1));
  const auto connected = a.see(b, there.id());
  for (int i = 0; i < 4; ++i) mention(6);
  CHECK(a.see(b, there.id()) == connected);
  CHECK(reached(2));
  CHECK(a.router.peers().size() <= 10);

  REQUIRE(a.router.disconnect(connected.node));
  REQUIRE(eventually([&] { return !a.connected(b); }));
  for (int i = 0; i < 4; ++i) mention(6);
  CHECK_FALSE(a.host.nodes().find(name_b).has_value());
  const auto ref = here.run([&](process& self) { return self.monitor(connected); });
  runtime::message_writer down;
  down.tuple(5);
  down.atom("DOWN");
  runtime::write(down, ref, a.host.nodes());
  down.atom("process");
  runtime::write(down, connected, a.host.nodes());
  down.atom("noconnection");
  CHECK(here.next() == down.take());
  CHECK_FALSE(a.router.connected(connected.node));
  CHECK(reached(3));
  CHECK(a.see(b, there.id()) != connected);
}

TEST_CASE("nodes that were never connected wait for each other's attempts, those that were do not") {
  epmd_server epmd;
  options few;
  few.attempts = 1;
  cluster_node a(epmd, name_a, few);
  cluster_node known(epmd, name_b);
  const actor here(a.host), there(known.host, {.name = "there"});
  here.run([&](process& self) { self.send(a.see(known, "there"), number(1)); });
  CHECK(value_of(there.next()) == 1);
  (void)a.router.disconnect(a.index(known));
  const silent_listener silent;
  for (const char* name : {"x@127.0.0.1", "y@127.0.0.1", "z@127.0.0.1"}) epmd.add(name, silent.port());
  const auto wants = [&](const char* name) {
    here.run(
        [&](process& self) { self.monitor(destination::remote("nobody", *a.host.nodes().intern(name))); });
    CHECK(eventually([&] { return a.peer(name).state == peer_state::connecting; }));
  };
  wants("x@127.0.0.1");
  base::unique_fd first = silent.accept();
  wants("y@127.0.0.1");
  wants("z@127.0.0.1");
  here.run([&](process& self) { self.send(a.see(known, "there"), number(2)); });
  CHECK(value_of(there.next()) == 2);
  CHECK_FALSE(silent.has_more());
  first.reset();
  for (int left = 2; left > 0; --left) {
    CHECK(is_atom(reason_of(here.next()), "noconnection"));
    const base::unique_fd next = silent.accept();
    CHECK_FALSE(silent.has_more());
  }
  CHECK(is_atom(reason_of(here.next()), "noconnection"));
}

TEST_CASE("nodes that only services want wait for each other, and no process waits for them") {
  epmd_server epmd;
  options few;
  few.attempts = 1;
  cluster_node a(epmd, name_a, few);
  const actor here(a.host), service(a.host, {.of_node = true});
  const silent_listener silent;
  const char* names[] = {"x@127.0.0.1", "y@127.0.0.1", "z@127.0.0.1"};
  for (const char* name : names) epmd.add(name, silent.port());
  const auto wants = [&](const actor& who, const char* name) {
    who.run(
        [&](process& self) { self.monitor(destination::remote("nobody", *a.host.nodes().intern(name))); });
    CHECK(eventually([&] { return a.peer(name).state == peer_state::connecting; }));
  };
  wants(service, names[0]);
  const base::unique_fd first = silent.accept();
  wants(service, names[1]);
  wants(here, names[2]); // a node that a process wants has a place of its own
  const base::unique_fd second = silent.accept();
  CHECK_FALSE(silent.has_more());
}

TEST_CASE("nodes that one peer has named leave places for those that another one names") {
  epmd_server epmd;
  options few;
  few.attempts = 2;
  cluster_node a(epmd, name_a, few);
  const actor service(a.host, {.of_node = true});
  const silent_listener silent;
  const char* names[] = {"x@127.0.0.1", "y@127.0.0.1", "z@127.0.0.1"};
  for (const char* name : names) epmd.add(name, silent.port());
  constexpr std::uint32_t one_peer = 7, another = 8;
  const auto wants = [&](const char* name, std::uint32_t named_by) {
    service.run([&](process& self) {
      const auto index = *a.host.nodes().intern(name);
      a.router.brought_up(index, named_by);
      self.monitor(destination::remote("nobody", index));
    });
    CHECK(eventually([&] { return a.peer(name).state == peer_state::connecting; }));
  };
  wants(names[0], one_peer);
  base::unique_fd first = silent.accept();
  wants(names[1], one_peer);
  CHECK_FALSE(silent.has_more()); // although there are two places
  wants(names[2], another);
  const base::unique_fd second = silent.accept();
  CHECK_FALSE(silent.has_more());
  first.reset();
  const base::unique_fd third = silent.accept();
}
