// SPDX-License-Identifier: MIT
// Tests of short requests, or of one message, whose work grows with what the node has: the work is done in
// turns, between which other processes run. Everything runs on one worker, so that the test can count the
// turns.
#include <array>
#include <coppice/etf/writer.hpp>
#include <set>
#include <vector>

#include "runtime/find_processes.hpp"
#include "runtime/messages/block.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/observer/observer.hpp"
#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;
using runtime::process_status;
using services::portions;

namespace gen = coppice::behaviours::gen;

namespace {

constexpr std::size_t many = 3 * runtime::usual_turn_reductions;

// Counts, in turns of its own, how often a process is interrupted until its work is done.
struct interruptions {
  explicit interruptions(runtime::system& of, bool until_stopped = false)
      : host(of), looker(of), endless(until_stopped) {}
  void stop() { endless = false; }
  // To be called in a turn, after the request has been sent to the process.
  void watch(const runtime::pid& who) {
    looker.start([this, who](process&) { look(who); });
  }
  std::size_t count() const {
    REQUIRE(eventually([&] { return done.load(); }));
    return seen;
  }

 private:
  void look(const runtime::pid& who) {
    std::vector<runtime::process_summary> found;
    runtime::some_processes(host, who.id, 1, found);
    const process_status is = found.at(0).status;
    if (is == process_status::parked) ++seen;
    if (is == process_status::waiting && !endless)
      done = true;
    else
      watch(who);
  }

  runtime::system& host;
  actor looker;
  std::atomic<bool> endless;
  std::atomic<std::size_t> seen = 0;
  std::atomic<bool> done = false;
};

// How often a service is interrupted while it handles the request that `send` makes.
template <class Send>
std::size_t interrupted(runtime::system& host, const actor& by, std::string_view service, Send send) {
  interruptions seen(host);
  const auto who = host.whereis(service);
  REQUIRE(who);
  by.settle();
  by.run([&](process& self) {
    send(self);
    seen.watch(*who);
    return 0;
  });
  return seen.count();
}

void send_call(process& self, std::string_view to, const message& request) {
  const auto ref = self.monitor(destination::named(std::string(to)), true);
  self.send(destination::named(std::string(to)), gen::call_message(self, ref, request.bytes()));
}

// {call, erlang, nodes, [], user}
message rpc_nodes() {
  message_writer out;
  out.tuple(5);
  out.atom("call");
  out.atom("erlang");
  out.atom("nodes");
  out.nil();
  out.atom("user");
  return out.take();
}

message number_pair(std::string_view what, std::size_t i) {
  message_writer out;
  out.tuple(2);
  out.atom(what);
  out.unsigned_integer(i);
  return out.take();
}

// {join_local, Group, Pid}
void join(process& self, etf::bytes group) {
  message_writer out;
  out.tuple(3);
  out.atom("join_local");
  out.raw(group);
  runtime::write(out, self.self(), self.host().nodes());
  REQUIRE(gen::call(self, destination::named("pg"), out.view(), self.now() + 20 * base::nanos_per_second));
}

} // namespace

TEST_CASE("a long term of small ones is read in parts, between which others run") {
  runtime::testing::node one(1);
  const actor worker(one.host);
  interruptions seen(one.host);
  etf::vector_writer all(1 << 20);
  all.list(static_cast<std::uint32_t>(10 * many));
  for (std::size_t i = 0; i < 10 * many; ++i) all.tuple(0);
  all.nil();
  all.atom("behind");
  const std::vector<std::uint8_t> made = all.take();
  worker.run([&](process& self) {
    seen.watch(worker.id());
    portions work(self);
    etf::cursor at{etf::bytes(made)};
    etf::bytes read;
    CHECK(services::read_long_term(at, read, work));
    CHECK(read.size() == made.size() - at.rest().size());
    CHECK(at.read_atom_is("behind"));
    return 0;
  });
  CHECK(seen.count() >= 10 * many / runtime::usual_turn_reductions);
}

TEST_CASE("a long term is read as it is skipped at once, whatever is in it, and not when it is cut") {
  const std::vector<std::uint8_t> long_binary(70'000);
  const auto check_one = [&](auto write) {
    etf::vector_writer out(1 << 17);
    out.tuple(2);
    out.binary(etf::bytes(long_binary));
    write(out);
    out.integer(7); // after the term
    const std::vector<std::uint8_t> made = out.take();
    portions work;
    etf::cursor at{etf::bytes(made)}, plain = at;
    etf::bytes read, skipped;
    REQUIRE(plain.read_term(skipped));
    CHECK(services::read_long_term(at, read, work));
    CHECK(read.size() == skipped.size());
    CHECK(read.data() == skipped.data());
    etf::cursor cut(etf::bytes(made).first(skipped.size() - 1));
    CHECK_FALSE(services::read_long_term(cut, read, work));
    CHECK(cut.offset() == 0);
  };
  check_one([](etf::writer& out) { out.nil(); });
  check_one([](etf::writer& out) { out.string("a text"); });
  check_one([](etf::writer& out) {
    out.map(2);
    for (int i = 0; i < 2; ++i) {
      out.integer(i);
      out.list(1);
      out.tuple(0);
      out.nil();
    }
  });
  check_one([](etf::writer& out) { // an improper list
    out.list(1);
    out.integer(1);
    out.atom("tail");
  });
  check_one([](etf::writer& out) { // heads of 0 elements
    static constexpr std::array<std::uint8_t, 12> heads{'l', 0, 0, 0, 0, 'l', 0, 0, 0, 0, 'a', 1};
    out.raw(etf::bytes(heads));
  });
}

TEST_CASE("a short term that is read at once counts by its bytes, as each term in it is looked at") {
  etf::vector_writer out;
  out.list(1000);
  for (int i = 0; i < 1000; ++i) out.integer(i % 200);
  out.nil();
  portions work;
  etf::cursor at{out.view()};
  etf::bytes read;
  CHECK(services::read_long_term(at, read, work));
  CHECK(work.steps() >= out.size() / portions::read_bytes_a_step);
}

TEST_CASE("work that counts what it looks at is interrupted for each budget of a turn") {
  runtime::testing::node one(1);
  const actor worker(one.host);
  interruptions seen(one.host);
  worker.run([&](process& self) {
    seen.watch(worker.id());
    portions work(self);
    for (std::size_t i = 0; i < many; ++i) work.add();
    CHECK(work.steps() == many);
    work.add(many * portions::bytes_a_step);
    return 0;
  });
  CHECK(seen.count() >= many / runtime::usual_turn_reductions + 1);
}

TEST_CASE("names and nodes are listed in parts, between which others run") {
  node_and_peer on({}, 1);
  const auto answers = services::functions::make(on.a.router, {"info"}, {}, {});
  REQUIRE(answers);
  for (std::size_t i = 0; i < many; ++i)
    REQUIRE(on.a.host.spawn({.name = "p" + std::to_string(i)}, runtime::testing::script({})));
  const auto* registered = answers->find("erlang", "registered", 0);
  REQUIRE(registered != nullptr);
  const actor here(on.a.host);
  interruptions seen(on.a.host);
  message_writer none;
  none.nil();
  const auto arguments = none.take();
  const auto names = here.run([&](process& self) {
    seen.watch(here.id());
    return atoms_in((*registered)(self, arguments.bytes()).value);
  });
  CHECK(names.size() >= many);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  CHECK(seen.count() >= many / runtime::usual_turn_reductions);
}

TEST_CASE("nodes that were heard of are looked at in parts, whether they are connected or not") {
  constexpr int heard_of = 2000;
  node_and_peer on({}, 1);
  const auto answers = services::functions::make(on.a.router, {"info"}, {}, {});
  REQUIRE(answers);
  for (int i = 0; i < heard_of; ++i)
    REQUIRE(on.a.host.nodes().intern("n" + std::to_string(i) + "@127.0.0.1"));
  const auto* nodes = answers->find("erlang", "nodes", 0);
  REQUIRE(nodes != nullptr);
  const actor here(on.a.host);
  interruptions seen(on.a.host);
  message_writer none;
  none.nil();
  const auto arguments = none.take();
  const auto connected = here.run([&](process& self) {
    seen.watch(here.id());
    return atoms_in((*nodes)(self, arguments.bytes()).value);
  });
  CHECK(connected.empty());
  CHECK(seen.count() >= 3); // 512 nodes at a time
}

TEST_CASE("observer's rows of processes are written in parts, between which others run") {
  node_and_peer on({}, 1);
  for (std::size_t i = 0; i < many; ++i) REQUIRE(on.a.host.spawn({}, runtime::testing::script({})));
  const actor here(on.a.host), client(on.a.host);
  message_writer list;
  list.list(1);
  on.write_pid(list, client.id());
  list.nil();
  dist::spawn_request asked;
  asked.from = client.id();
  asked.module = "observer_backend";
  asked.function = "procs_info";
  asked.arguments = list.take();
  bool tells = false;
  auto place = services::running_calls().begin(0, tells);
  REQUIRE(place);
  const auto work = services::observer_process(on.a.router, asked, std::move(*place));
  REQUIRE(work != nullptr);
  interruptions seen(on.a.host);
  here.run([&](process& self) {
    seen.watch(here.id());
    static_cast<void>(work->receive(self, message::atom("go")));
    return 0;
  });
  // Two interruptions between three parts of 4,096 processes, and two within the 10,000 rows of the first
  // message.
  CHECK(seen.count() >= 4);
  std::size_t rows = 0;
  while (rows < many) {
    const message told = client.next();
    etf::cursor at(told.bytes());
    std::uint32_t count = 0;
    REQUIRE((at.read_tuple_of(3) && at.read_atom_is("procs_info") && at.skip() && at.read_list(count)));
    rows += count;
  }
}

TEST_CASE("the names of global are listed, sent and taken in turns") {
  node_and_peer on({}, 1);
  const actor here(on.a.host);
  const auto name_of = [&](std::size_t i) {
    message_writer out;
    out.tuple(4);
    out.atom("register");
    out.unsigned_integer(i);
    on.write_pid(out, here.id());
    out.atom("none");
    return out.take();
  };
  here.run([&](process& self) {
    for (std::size_t i = 0; i < many; ++i)
      REQUIRE(gen::call(self, destination::named("global_name_server"), name_of(i).bytes(),
                        self.now() + 20 * base::nanos_per_second));
    return 0;
  });
  const auto listed = interrupted(on.a.host, here, "global_name_server", [](process& self) {
    send_call(self, "global_name_server", message::atom("registered_names"));
  });
  CHECK(listed >= many / runtime::usual_turn_reductions);
  // {new_nodes, Node, Ops, Known, Nodes, Extra}
  message_writer ops;
  ops.tuple(2);
  ops.atom("$gen_cast");
  ops.tuple(6);
  ops.atom("new_nodes");
  ops.atom("x@127.0.0.1");
  ops.list(static_cast<std::uint32_t>(many));
  for (std::size_t i = 0; i < many; ++i) ops.raw(number_pair("delete", i).bytes());
  ops.nil();
  for (int i = 0; i < 3; ++i) ops.nil();
  const auto said = ops.take();
  const auto taken = interrupted(on.a.host, here, "global_name_server",
                                 [&](process&) { on.deliver("global_name_server", said); });
  CHECK(taken >= many / runtime::usual_turn_reductions);
}

TEST_CASE("groups of pg are listed, said to other nodes and taken from them in turns") {
  node_and_peer on({.pg = {"pg"}}, 1);
  const actor here(on.a.host);
  here.run([&](process& self) {
    for (std::size_t i = 0; i < many; ++i) join(self, number_pair("group", i).bytes());
    return 0;
  });
  constexpr std::size_t turns = many / runtime::usual_turn_reductions;
  for (const std::string_view what : {"which_groups", "which_local_groups", "monitor"}) {
    CAPTURE(what);
    const auto seen = interrupted(on.a.host, here, "pg",
                                  [&](process& self) { send_call(self, "pg", message::atom(what)); });
    CHECK(seen >= turns);
  }
  message_writer discover;
  discover.tuple(2);
  discover.atom("discover");
  on.write_pid(discover, on.peer);
  const auto asked = discover.take();
  CHECK(interrupted(on.a.host, here, "pg", [&](process&) { on.deliver("pg", asked); }) >= turns);
}

TEST_CASE("the groups of a node that comes are taken in turns") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1", {.pg = {"pg"}}, 1);
  whole_node b(epmd, "b@127.0.0.1", {.pg = {"pg"}});
  const actor here(a.host), there(b.host);
  there.run([&](process& self) {
    for (std::size_t i = 0; i < many; ++i) join(self, number_pair("group", i).bytes());
    return 0;
  });
  interruptions seen(a.host, true);
  seen.watch(*a.host.whereis("pg"));
  REQUIRE(atoms_in(ask(here, a.see(b, "rex"), rpc_nodes())) == std::vector<std::string>{"a@127.0.0.1"});
  message_writer question;
  question.tuple(2);
  question.atom("get_members");
  question.raw(number_pair("group", many - 1).bytes());
  const auto members = question.take();
  REQUIRE(eventually([&] {
    const auto answer = ask(here, destination::named("pg"), members);
    return etf::cursor(answer.bytes()).peek() == etf::kind::list;
  }));
  seen.stop();
  CHECK(seen.count() >= many / runtime::usual_turn_reductions);
}

TEST_CASE("calls that waited for a block_call are begun in turns") {
  constexpr int casts = 3000, begun_in_a_turn = 200;
  node_and_peer on({}, 1);
  const auto request = [](std::string_view how, std::string_view module, std::string_view function) {
    message_writer out;
    out.tuple(5);
    for (const std::string_view word : {how, module, function}) out.atom(word);
    out.nil();
    out.atom("user");
    return out.take();
  };
  const actor here(on.a.host);
  const actor silent(on.a.host, {.name = "application_controller"});
  here.run([&](process& self) {
    send_call(self, "rex", request("block_call", "application", "which_applications"));
    return 0;
  });
  silent.next(); // the call waits for this process
  message_writer cast;
  cast.tuple(2);
  cast.atom("$gen_cast");
  cast.raw(request("cast", "erlang", "node").bytes());
  const auto later = cast.take();
  here.run([&](process& self) {
    for (int i = 0; i < casts; ++i) self.send(destination::named("rex"), later);
    return 0;
  });
  interruptions seen(on.a.host, true);
  seen.watch(*on.a.host.whereis("rex"));
  for (const auto& one : on.a.host.processes())
    if (one.label == "rpc") on.a.host.exit(one.pid, message::atom("kill"));
  CHECK(runtime::is_atom(ask(here, destination::named("rex"), request("call", "erlang", "node")),
                         "a@127.0.0.1"));
  seen.stop();
  CHECK(seen.count() >= casts / begun_in_a_turn);
}

TEST_CASE("watches of pg and lost connections that global is told of count as memory in use") {
  constexpr std::size_t watches = 200, losses = 1000;
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1", {.pg = {"pg"}});
  const actor here(a.host);
  const destination pg = a.see(b, "pg"), global = a.see(b, "global_name_server");
  const auto in_use = [] { return static_cast<std::int64_t>(runtime::block_memory::in_use()); };
  // The memory of a message is free once a later request has been answered.
  const auto settled = [&] {
    ask(here, pg, message::atom("which_groups"));
    ask(here, global, message::atom("get_synced"));
    return in_use();
  };
  const auto before = settled();
  const std::string large(10'000, 'x');
  here.run([&](process& self) {
    for (std::size_t i = 0; i < watches; ++i) {
      message_writer out;
      out.tuple(2);
      out.atom("monitor");
      out.tuple(2);
      out.unsigned_integer(i);
      out.binary(large);
      self.send(pg, gen::call_message(self, self.monitor(pg, true), out.take().bytes()));
    }
    return 0;
  });
  const auto watched = settled();
  CHECK(watched - before >= static_cast<std::int64_t>(watches * large.size()));
  const std::string lost(200, 'n');
  here.run([&](process& self) {
    for (std::size_t i = 0; i < losses; ++i) {
      message_writer out;
      out.tuple(5);
      out.atom("lost_connection");
      out.atom("x@127.0.0.1");
      out.integer(77);
      out.unsigned_integer(i + 1);
      out.atom(lost + std::to_string(i));
      self.send(global, out.take());
    }
    return 0;
  });
  CHECK(settled() - watched >= static_cast<std::int64_t>(losses * lost.size()));
}

TEST_CASE("what a node keeps for a peer is given back when the peer has left") {
  constexpr std::size_t kept = 200;
  epmd_server epmd;
  whole_node b(epmd, "b@127.0.0.1", {.pg = {"pg"}});
  const actor there(b.host);
  const auto settled = [&] {
    ask(there, destination::named("pg"), message::atom("which_groups"));
    ask(there, destination::named("global_name_server"), message::atom("get_synced"));
    return static_cast<std::int64_t>(runtime::block_memory::in_use());
  };
  const auto before = settled();
  const std::string large(10'000, 'x');
  std::int64_t full = 0;
  {
    whole_node a(epmd, "a@127.0.0.1");
    const actor here(a.host);
    const destination pg = a.see(b, "pg"), global = a.see(b, "global_name_server");
    message_writer lock; // without the lock no names are taken
    lock.tuple(2);
    lock.atom("set_lock");
    lock.tuple(2);
    lock.atom("global");
    lock.atom("here");
    ask(here, global, lock.take());
    const auto write_name = [&](message_writer& out, std::size_t i) {
      out.tuple(2);
      out.unsigned_integer(i);
      out.binary(large);
    };
    for (std::size_t i = 0; i < kept; ++i) {
      message_writer watched;
      watched.tuple(2);
      watched.atom("monitor");
      write_name(watched, i);
      ask(here, pg, watched.take());
      message_writer named;
      named.tuple(4);
      named.atom("register");
      write_name(named, i);
      runtime::write(named, here.id(), a.host.nodes());
      named.atom("none");
      ask(here, global, named.take());
    }
    full = settled();
    CHECK(full - before >= static_cast<std::int64_t>(2 * kept * large.size()));
  }
  // Free blocks of the pools count as memory in use, so only a part of the difference is certain.
  CHECK(eventually([&] { return full - settled() >= static_cast<std::int64_t>(kept * large.size()); }));
}
