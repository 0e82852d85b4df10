// SPDX-License-Identifier: MIT
// Processes that a process of this node spawns at other nodes: at Coppice nodes, and at peers that answer
// late, never, or cannot spawn.
#include "dist/spawn.hpp"

#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "dist/unpacker.hpp"
#include "peer_reader.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::is_atom;
using runtime::message;
using runtime::process;
using runtime::reference;
using runtime::remote_spawn;
using failure = runtime::await_error::kind;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr std::uint8_t no_arguments[] = {static_cast<std::uint8_t>(etf::tag::nil)};

base::nanos soon(base::nanos from_now) {
  return base::mono_now() + from_now;
}
base::nanos patient() {
  return soon(std::chrono::nanoseconds(patience).count());
}

remote_spawn of(std::uint32_t node, bool link = false, bool monitor = false) {
  return {.node = node,
          .module = "m",
          .function = "f",
          .arguments = no_arguments,
          .link = link,
          .monitor = monitor};
}

// The atom that the answer is. Empty: it is no atom.
std::string word_in(const process::awaited& answer) {
  std::string_view word;
  if (answer) etf::cursor(answer->bytes()).read_atom(word);
  return std::string(word);
}

runtime::pid pid_in(const message& m, runtime::system& host) {
  etf::cursor at(m.bytes());
  const auto found = runtime::read_pid(at, host.nodes());
  REQUIRE(found);
  return *found;
}

// The tag and the last element of a tuple, such as {'DOWN', _, _, _, Reason} or {'EXIT', _, Reason}.
std::string told(const message& m) {
  etf::cursor at(m.bytes());
  std::string_view tag;
  std::string_view reason;
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity) || !at.read_atom(tag)) {
    at.read_atom(tag);
    return std::string(tag);
  }
  const message last = reason_of(m);
  etf::cursor(last.bytes()).read_atom(reason);
  return std::string(tag) + " " + std::string(reason);
}

// A node that grants each request: the new process sends `hello` to the requester and ends.
struct granting_node {
  granting_node(epmd_server& epmd, const char* name) : node(epmd, name) {
    node.router.set_spawn_handler([this](const spawn_request& request) {
      runtime::spawn_options options;
      options.worker = node.host.current_worker();
      options.group_leader = request.group_leader;
      arity = request.arity;
      const auto made =
          node.host.spawn(options, runtime::testing::script({}, [whom = request.from](process& self) {
                            self.send(whom, atom("hello"));
                            return runtime::stop(atom("done"));
                          }));
      return expected<runtime::pid, std::string>(*made);
    });
  }
  cluster_node node;
  std::atomic<std::uint32_t> arity{99};
};

// A peer made of plain bytes. It reads spawn requests and answers them as the test says.
struct spawning_peer {
  static constexpr std::uint64_t flags = flag::offered & ~(flag::dist_hdr_atom_cache | flag::fragments);

  explicit spawning_peer(const cluster_node& to, std::uint64_t with = flags) : socket(to.port) {
    REQUIRE(socket.shake_hands(name_x, name_a, with));
  }

  // The next control message. What it borrows is valid until the next call.
  control_message next() {
    const auto& frame = sent.next_frame();
    REQUIRE(frame.size() > 2);
    REQUIRE(frame[0] == 112);
    const etf::bytes terms = etf::bytes(frame).subspan(2);
    etf::cursor at(terms);
    REQUIRE(at.skip());
    const auto decoded = decode_control(terms.first(at.offset()));
    REQUIRE(decoded);
    return *decoded;
  }
  void answer(const control_message& request, bool granted, std::uint64_t reply_flags = 0) {
    etf::vector_writer result;
    granted ? result.pid({name_x, 50, 0, 77}) : result.atom("system_limit");
    control_message reply;
    reply.what = op::spawn_reply;
    reply.ref = request.ref;
    reply.to = request.from;
    reply.flags = reply_flags;
    reply.reason = result.view();
    etf::vector_writer out;
    out.raw(std::vector<std::uint8_t>{0, 0, 0, 0, 112, 131});
    encode_control(out, reply);
    out.patch32(0, static_cast<std::uint32_t>(out.size() - 4));
    const auto view = out.view();
    socket.send({view.begin(), view.end()});
  }

  raw_peer socket;
  peer_reader sent{socket};
};

} // namespace

TEST_CASE("the answer to a spawn comes before what the new process sends, and before its end") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  granting_node b(epmd, name_b);
  const actor here(a.host, {.trap_exit = true});
  const auto index = a.index(b.node);
  for (int i = 0; i < 200; ++i) {
    const auto made = here.run([&](process& self) {
      const auto ref = self.spawn_at(of(index, true, true));
      CHECK(self.await(ref, patient()));
      self.send(self.self(), atom("answered"));
      return ref;
    });
    CHECK(made);
    std::vector<std::string> all;
    for (int n = 0; n < 4; ++n) all.push_back(told(here.next()));
    // The answer is awaited, not received. The exit and the 'DOWN' arrive in any order.
    std::erase(all, "answered");
    REQUIRE(all.size() == 3);
    CHECK(all[0] == "hello");
    std::sort(all.begin() + 1, all.end());
    CHECK(all[1] == "DOWN done");
    CHECK(all[2] == "EXIT done");
  }
  CHECK(b.arity == 0);
  CHECK(a.host.info(here.id())->links.empty());
  CHECK(a.host.info(here.id())->monitors.empty());
}

TEST_CASE("without link and monitor a spawned process ends unheard, a monitor alone is ended by demonitor") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  runtime::pid last;
  b.router.set_spawn_handler([&](const spawn_request& request) {
    runtime::spawn_options options;
    options.worker = b.host.current_worker();
    last = *b.host.spawn(options, runtime::testing::script({}));
    CHECK(request.group_leader);
    return expected<runtime::pid, std::string>(last);
  });
  const actor here(a.host);
  const auto index = a.index(b);
  const auto made = here.run([&](process& self) {
    const auto answer = self.await(self.spawn_at(of(index)), patient());
    REQUIRE(answer);
    return pid_in(*answer, a.host);
  });
  CHECK(made == a.see(b, last));
  here.run([&](process& self) {
    self.exit(made, atom("kill"));
    return 0;
  });
  CHECK(eventually([&] { return !b.host.alive(last); }));
  here.run([&](process& self) {
    const auto ref = self.spawn_at(of(index, false, true));
    REQUIRE(self.await(ref, patient()));
    CHECK(eventually([&] { return b.host.info(last)->monitored_by.size() == 1; }));
    CHECK(self.demonitor(ref));
    return 0;
  });
  CHECK(eventually([&] { return b.host.info(last)->monitored_by.empty(); }));
  here.settle();
  CHECK(here.waiting() == 0);
}

TEST_CASE("large arguments arrive whole, and other options as they are given") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  std::size_t size = 0;
  b.router.set_spawn_handler([&](const spawn_request& request) {
    size = request.arguments.size();
    return expected<runtime::pid, std::string>(unexpected<std::string>("notsup"));
  });
  etf::vector_writer arguments;
  arguments.list(1);
  arguments.binary(std::string(1'000'000, 'x'));
  arguments.nil();
  etf::vector_writer options;
  options.list(1);
  options.tuple(2);
  options.atom("priority");
  options.atom("high");
  options.nil();
  etf::vector_writer unknown;
  unknown.list(1);
  unknown.atom("shoe_size");
  unknown.nil();
  const actor here(a.host);
  here.run([&](process& self) {
    auto what = of(a.index(b), true);
    what.arity = 1;
    what.arguments = arguments.view();
    what.options = options.view();
    CHECK(word_in(self.await(self.spawn_at(what), patient())) == "not_allowed");
    CHECK(size == arguments.size());
    what.options = unknown.view();
    CHECK(word_in(self.await(self.spawn_at(what), patient())) == "badopt");
    return 0;
  });
}

TEST_CASE("a node that cannot be reached, one without a way to spawn, and a system without others say so") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  spawning_peer x(a, spawning_peer::flags & ~flag::spawn);
  REQUIRE(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  const actor here(a.host);
  here.run([&](process& self) {
    const auto nowhere = *a.host.nodes().intern("nowhere@127.0.0.1");
    const auto answer = self.await(self.spawn_at(of(nowhere, true, true)), patient());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().what == failure::down);
    CHECK(is_atom(answer.error().reason, "noconnection"));
    const auto refused = self.await(self.spawn_at(of(*a.host.nodes().intern(name_x))), patient());
    CHECK(word_in(refused) == "notsup");
    return 0;
  });
  runtime::testing::node alone;
  const actor lonely(alone.host);
  lonely.run([&](process& self) {
    const auto nowhere = *alone.host.nodes().intern("nowhere@127.0.0.1");
    const auto answer = self.await(self.spawn_at(of(nowhere)), patient());
    CHECK_FALSE(answer);
    return 0;
  });
}

TEST_CASE("a request carries one reference for answer and monitor, and the node's own word is passed on") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  spawning_peer x(a);
  const actor here(a.host, {.trap_exit = true});
  const auto node = *a.host.nodes().intern(name_x);
  here.start([&](process& self) {
    const auto refused = self.await(self.spawn_at(of(node, true, true)), patient());
    CHECK(word_in(refused) == "system_limit");
    const auto ref = self.spawn_at(of(node, true, true));
    REQUIRE(self.await(ref, patient()));
    CHECK(self.demonitor(ref));
    self.send(self.self(), atom("made"));
  });
  x.answer(x.next(), false);
  const auto request = x.next();
  CHECK(request.what == op::spawn_request);
  CHECK(request.module == "m");
  CHECK(request.arity == 0);
  etf::cursor options(request.options);
  std::uint32_t count = 0;
  CHECK(options.read_list(count));
  CHECK(count == 2);
  const auto asked = request.ref.words;
  x.answer(request, true, spawn_reply_flag::link | spawn_reply_flag::monitor);
  const auto ended = x.next();
  CHECK(ended.what == op::demonitor_p);
  CHECK(ended.ref.words == asked);
  CHECK(told(here.next()) == "made");
  CHECK(a.host.info(here.id())->links.size() == 1);
}

TEST_CASE("a spawn that was not answered in time is undone when it is; one whose node is lost is down") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  std::optional<spawning_peer> x(std::in_place, a);
  const actor here(a.host);
  const auto node = *a.host.nodes().intern(name_x);
  here.start([&](process& self) {
    const auto late = self.await(self.spawn_at(of(node, true)), soon(50 * base::nanos_per_ms));
    CHECK((!late && late.error().what == failure::timeout));
    self.send(self.self(), atom("late"));
    const auto lost = self.await(self.spawn_at(of(node)), patient());
    CHECK((!lost && lost.error().what == failure::down));
    self.send(self.self(), atom("lost"));
  });
  const auto request = x->next();
  const auto ref = request.ref;
  const auto from = request.from;
  CHECK(x->next().what == op::spawn_request); // the second request; the caller has given up the first
  control_message first;
  first.ref = ref;
  first.ref.node = name_a;
  first.from = from;
  first.from.pid.node = name_a;
  x->answer(first, true, spawn_reply_flag::link);
  const auto killed = x->next();
  CHECK(killed.what == op::payload_exit2);
  CHECK(killed.to.pid.id == 50);
  x.reset();
  CHECK(told(here.next()) == "late");
  CHECK(told(here.next()) == "lost");
}

TEST_CASE("what was spawned for a process that has ended meanwhile hears of its end") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  spawning_peer x(a);
  const actor here(a.host);
  const actor killer(a.host);
  const auto node = *a.host.nodes().intern(name_x);
  here.start([&](process& self) { CHECK_FALSE(self.await(self.spawn_at(of(node, true, true)), patient())); });
  const auto request = x.next();
  killer.run([&](process& self) {
    self.exit(here.id(), atom("kill"));
    return 0;
  });
  REQUIRE(eventually([&] { return !here.alive(); }));
  x.answer(request, true, spawn_reply_flag::link | spawn_reply_flag::monitor);
  const auto ended = x.next();
  CHECK(ended.what == op::payload_exit);
  CHECK(ended.to.pid.id == 50);
  CHECK(x.next().what == op::demonitor_p);
}
