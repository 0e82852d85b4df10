// SPDX-License-Identifier: MIT
// Tests of the services between nodes of ours: the requests that OTP nodes make to each other, rpc in its
// forms, and global's mesh.
#include "services/services.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <optional>

#include "behaviours/gen/gen.hpp"
#include "dist/hex.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "services/io/user.hpp"
#include "services/observer/listing_line.hpp"
#include "services/observer/observer.hpp"
#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using runtime::destination;
using runtime::is_atom;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace gen = coppice::behaviours::gen;

namespace {

// {call, M, F, Args, user}
message rpc_call(std::string_view module, std::string_view function,
                 const std::vector<std::string>& atoms = {}) {
  message_writer out;
  out.tuple(5);
  out.atom("call");
  out.atom(module);
  out.atom(function);
  out.list(static_cast<std::uint32_t>(atoms.size()));
  for (const auto& atom : atoms) out.atom(atom);
  out.nil();
  out.atom("user");
  return out.take();
}

} // namespace

TEST_CASE("net_kernel says yes to who asks, and spawns nothing") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  const actor here(a.host);
  message_writer auth;
  auth.tuple(2);
  auth.atom("is_auth");
  auth.atom("a@127.0.0.1");
  CHECK(is_atom(ask(here, a.see(b, "net_kernel"), auth.take()), "yes"));
  message_writer spawn;
  spawn.tuple(5);
  spawn.atom("spawn");
  spawn.atom("m");
  spawn.atom("f");
  spawn.nil();
  spawn.atom("x");
  const auto refused = ask(here, a.see(b, "net_kernel"), spawn.take());
  etf::cursor at(refused.bytes());
  CHECK((at.read_tuple_of(2) && at.read_atom_is("error") && at.read_atom_is("not_allowed")));
}

TEST_CASE("rex runs allowed functions and answers undef to the rest") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  const actor here(a.host);
  CHECK(is_atom(ask(here, a.see(b, "rex"), rpc_call("erlang", "node")), "b@127.0.0.1"));
  CHECK(atoms_in(ask(here, a.see(b, "rex"), rpc_call("erlang", "nodes"))) ==
        std::vector<std::string>{"a@127.0.0.1"});
  const auto refused = ask(here, a.see(b, "rex"), rpc_call("os", "cmd", {"id"}));
  etf::cursor at(refused.bytes());
  CHECK((at.read_tuple_of(2) && at.read_atom_is("badrpc") && at.read_tuple_of(2) && at.read_atom_is("EXIT") &&
         at.read_tuple_of(2) && at.read_atom_is("undef")));
}

TEST_CASE("rpc allows what it is told to and no more") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1", {.rpc = {"erlang:node"}});
  const actor here(a.host);
  CHECK(is_atom(ask(here, destination::named("rex"), rpc_call("erlang", "node")), "a@127.0.0.1"));
  CHECK_FALSE(is_atom(ask(here, destination::named("rex"), rpc_call("erlang", "is_alive")), "true"));
}

TEST_CASE("an allow entry of a form that is not there is refused at start") {
  runtime::system host;
  dist::router router(host, {});
  services::services made(host, router, {.rpc = {"observers"}});
  const auto started = made.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code == base::errc::invalid);
  CHECK(started.error().text.find("none of info") != std::string::npos);
}

TEST_CASE("rex says it has erpc, and a C node's plain call is answered {rex, Value}") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  const actor here(a.host);
  here.run([&](process& self) {
    message_writer features;
    features.tuple(2);
    runtime::write(features, self.self(), self.host().nodes());
    features.atom("features_request");
    self.send(a.see(b, "rex"), features.take());
    message_writer plain;
    plain.tuple(2);
    runtime::write(plain, self.self(), self.host().nodes());
    plain.raw(rpc_call("erlang", "node").bytes());
    self.send(a.see(b, "rex"), plain.take());
    return 0;
  });
  auto m = here.next();
  etf::cursor features(m.bytes());
  CHECK((features.read_tuple_of(3) && features.read_atom_is("features_reply") &&
         features.read_atom_is("b@127.0.0.1")));
  m = here.next();
  etf::cursor value(m.bytes());
  CHECK((value.read_tuple_of(2) && value.read_atom_is("rex") && value.read_atom_is("b@127.0.0.1")));
}

TEST_CASE("erpc's spawn request is answered before its result, which is the exit reason") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  raw_peer x(a.port);
  REQUIRE(x.shake_hands("x@127.0.0.1", "a@127.0.0.1"));
  const etf::pid caller{"x@127.0.0.1", 1, 0, 77};
  const auto request = [&](std::string_view module, std::uint32_t id, std::string_view option) {
    dist::control_message c;
    c.what = dist::op::spawn_request;
    c.ref = {"x@127.0.0.1", 77, 1, {id}};
    c.from = dist::address::of(caller);
    c.leader = caller;
    c.module = module;
    c.function = "execute_call";
    c.arity = 4;
    etf::vector_writer options;
    options.list(1);
    options.atom(option);
    options.nil();
    c.options = options.view();
    etf::vector_writer out;
    out.raw(dist::from_hex("00000000834400"));
    dist::encode_control(out, c);
    out.list(4);
    out.atom("tag");
    out.atom("erlang");
    out.atom("node");
    out.nil();
    out.nil();
    out.patch32(0, static_cast<std::uint32_t>(out.size() - 4));
    x.send(out.take());
  };
  request("erpc", 1, "monitor");
  request("m", 2, "monitor");
  request("erpc", 3, "shoe_size");
  dist::unpacker in({});
  std::vector<std::uint8_t> received;
  std::vector<dist::op> order;
  std::vector<std::string> refusals;
  while (order.size() < 4) {
    REQUIRE(x.receive(received));
    std::span<const std::uint8_t> rest(received);
    for (;;) {
      const auto whole = dist::next_frame(rest, 1 << 20);
      REQUIRE(whole);
      if (!*whole) break;
      if ((*whole)->empty()) continue;
      const auto taken = in.take(**whole);
      REQUIRE(taken);
      const auto& got = (*taken)->control;
      if (got.what != dist::op::spawn_reply && got.what != dist::op::payload_monitor_p_exit) continue;
      order.push_back(got.what);
      std::string_view word;
      if (got.what == dist::op::spawn_reply && etf::cursor(got.reason).read_atom(word))
        refusals.emplace_back(word);
      if (got.what == dist::op::payload_monitor_p_exit) {
        etf::cursor at((*taken)->payload.bytes());
        CHECK((at.read_tuple_of(3) && at.read_atom_is("tag") && at.read_atom_is("return") &&
               at.read_atom_is("a@127.0.0.1")));
        CHECK(got.ref.words[0] == 1);
      }
    }
    received.assign(rest.begin(), rest.end());
  }
  CHECK(order.front() == dist::op::spawn_reply);
  CHECK(refusals == std::vector<std::string>{"notsup", "badopt"});
}

TEST_CASE("user takes what is printed and answers in the protocol") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  const actor here(a.host);
  const auto request = [&](auto write) {
    here.run([&](process& self) {
      message_writer out;
      out.tuple(4);
      out.atom("io_request");
      runtime::write(out, self.self(), self.host().nodes());
      out.atom("tag");
      write(out);
      self.send(destination::named("user"), out.take());
      return 0;
    });
    const auto m = here.next();
    etf::cursor at(m.bytes());
    REQUIRE((at.read_tuple_of(3) && at.read_atom_is("io_reply") && at.read_atom_is("tag")));
    std::string_view word;
    return at.read_atom(word) ? std::string(word) : std::string("error");
  };
  CHECK(request([](etf::writer& out) {
          out.tuple(3);
          out.atom("put_chars");
          out.atom("unicode");
          out.binary("hello\n");
        }) == "ok");
  CHECK(request([](etf::writer& out) {
          out.tuple(3);
          out.atom("get_line");
          out.atom("unicode");
          out.string("> ");
        }) == "eof");
  CHECK(request([](etf::writer& out) { out.atom("nonsense"); }) == "error");
  const auto nested = [&](int levels, const char* innermost) {
    return request([=](etf::writer& out) {
      for (int i = 0; i < levels; ++i) {
        out.tuple(2);
        out.atom("requests");
        out.list(2);
        out.tuple(3);
        out.atom("put_chars");
        out.atom("unicode");
        out.binary("line\n");
      }
      out.tuple(2);
      out.atom(innermost);
      out.binary("line\n");
      for (int i = 0; i < levels; ++i) out.nil();
    });
  };
  CHECK(nested(1, "put_chars") == "ok");
  CHECK(nested(3, "get_line") == "eof");
  CHECK(nested(3, "no_such") == "error");
  CHECK(nested(8, "put_chars") == "ok");
  CHECK(nested(4900, "put_chars") == "error");
  // More requests than a turn handles, and then another message: both are answered, in order.
  here.run([&](process& self) {
    for (const int lines : {1000, 1}) {
      message_writer out;
      out.tuple(4);
      out.atom("io_request");
      runtime::write(out, self.self(), self.host().nodes());
      out.integer(lines);
      out.tuple(2);
      out.atom("requests");
      out.list(static_cast<std::uint32_t>(lines));
      for (int i = 0; i < lines; ++i) {
        out.tuple(2);
        out.atom("put_chars");
        out.binary("");
      }
      out.nil();
      self.send(destination::named("user"), out.take());
    }
    return 0;
  });
  for (const int lines : {1000, 1}) {
    const auto m = here.next();
    etf::cursor at(m.bytes());
    std::int64_t tag = 0;
    CHECK((at.read_tuple_of(3) && at.read_atom_is("io_reply") && at.read_integer(tag) &&
           at.read_atom_is("ok")));
    CHECK(tag == lines);
  }
  CHECK(request([](etf::writer& out) {
          constexpr std::uint32_t many = 10'000'000; // a request has five elements at most
          out.tuple(many + 1);
          out.atom("put_chars");
          for (std::uint32_t i = 0; i < many; ++i) out.nil();
        }) == "error");
}

TEST_CASE("a peer's message that a node is gone does not switch off what sys of that node has switched on") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1"), b(epmd, "b@127.0.0.1");
  const actor far(a.host);
  const destination user = a.see(b, "user");
  // Asks user of b for {debug, {statistics, What}}.
  const auto statistics = [&](const char* what) {
    far.run([&](process& self) {
      message_writer out;
      out.tuple(3);
      out.atom("system");
      out.tuple(2);
      runtime::write(out, self.self(), self.host().nodes());
      out.atom("asked");
      out.tuple(2);
      out.atom("debug");
      out.tuple(2);
      out.atom("statistics");
      out.atom(what);
      self.send(user, out.take());
    });
    return etf::print(far.next().bytes());
  };
  CHECK(statistics("true") == "{asked,ok}");
  far.run([&](process& self) {
    message_writer out;
    out.tuple(2);
    out.atom("nodedown");
    out.atom("a@127.0.0.1");
    self.send(user, out.take());
  });
  const std::string seen = statistics("get");
  CHECK(seen.starts_with("{asked,{ok,[{start_time,"));
  CHECK(seen.find("{messages_in,1}") != std::string::npos); // the message was handled as any other
}

TEST_CASE("so many messages to user wait behind a long one, of another node fewer, and more are refused") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1"), b(epmd, "b@127.0.0.1");
  const actor here(a.host), far(b.host);
  const auto request = [](process& self, std::uint32_t lines) {
    message_writer out;
    out.tuple(4);
    out.atom("io_request");
    runtime::write(out, self.self(), self.host().nodes());
    out.atom("tag");
    out.tuple(2);
    out.atom("requests");
    out.list(lines);
    for (std::uint32_t i = 0; i < lines; ++i) {
      out.tuple(2);
      out.atom("put_chars");
      out.binary("");
    }
    out.nil();
    return out.take();
  };
  // The number of answers that are ok, and the number of errors.
  const auto answers = [](const actor& to, std::size_t count) {
    std::pair<std::size_t, std::size_t> got;
    for (; count > 0; --count) {
      const auto m = to.next();
      etf::cursor at(m.bytes());
      REQUIRE((at.read_tuple_of(3) && at.read_atom_is("io_reply") && at.skip()));
      ++(at.read_atom_is("ok") ? got.first : got.second);
    }
    return got;
  };
  // The messages come while `user` is suspended. It then takes all of them before it goes on with the first,
  // which has more requests than a turn handles.
  const auto order = [&](const char* what) {
    here.run([&](process& self) {
      message_writer out;
      out.tuple(3);
      out.atom("system");
      out.tuple(2);
      runtime::write(out, self.self(), self.host().nodes());
      out.atom("order");
      out.atom(what);
      self.send(destination::named("user"), out.take());
    });
    here.next();
  };
  constexpr std::size_t beyond = 50;
  const auto flood = [&](const actor& by, const destination& user, std::size_t count) {
    by.run([&](process& self) {
      self.send(user, request(self, 10 * services::user::requests_a_turn));
      for (std::size_t i = 1; i < count; ++i) self.send(user, request(self, 1));
    });
  };
  const auto of_a_node = static_cast<std::size_t>(services::user::most_of_a_node);
  order("suspend");
  flood(far, b.see(a, "user"), of_a_node + beyond);
  ask(far, b.see(a, "rex"), rpc_call("erlang", "node")); // answered after all of them have arrived
  order("resume");
  CHECK(answers(far, of_a_node + beyond) == std::pair(of_a_node, beyond));
  order("suspend");
  flood(here, destination::named("user"), services::user::most_waiting + beyond);
  order("resume");
  CHECK(answers(here, services::user::most_waiting + beyond) ==
        std::pair(services::user::most_waiting, beyond));
}

TEST_CASE("what is asked for in a list is told once, however long the list is") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1", {.rpc = {"observer"}});
  const actor here(a.host);
  const auto asked = [&](std::string_view module, std::string_view function, auto write,
                         std::uint32_t arity) {
    message_writer out;
    out.tuple(5);
    out.atom("call");
    out.atom(module);
    out.atom(function);
    out.list(arity);
    write(out);
    out.nil();
    out.atom("user");
    const auto answer = ask(here, a.see(b, "rex"), out.take());
    return etf::cursor(answer.bytes()).peek() == etf::kind::list;
  };
  const auto types = [](std::uint32_t count) {
    return [count](etf::writer& out) {
      out.list(count);
      for (std::uint32_t i = 0; i < count; ++i) out.atom("total");
      out.nil();
    };
  };
  CHECK(asked("erlang", "memory", types(2), 1));
  CHECK_FALSE(asked("erlang", "memory", types(100'000), 1));
  const auto where = ask(here, a.see(b, "rex"), rpc_call("erlang", "whereis", {"rex"}));
  const auto items = [&](std::uint32_t count) {
    return [&, count](etf::writer& out) {
      out.raw(where.bytes());
      out.list(count);
      for (std::uint32_t i = 0; i < count; ++i) out.atom("links");
      out.nil();
    };
  };
  CHECK(asked("erlang", "process_info", items(1), 2));
  CHECK_FALSE(asked("erlang", "process_info", items(2), 2));
}

TEST_CASE("all processes are looked at in parts, between which others run") {
  runtime::system_options options;
  options.workers = 1;
  runtime::system host(options);
  REQUIRE(host.start());
  constexpr std::size_t many = 2 * services::observer::at_once;
  for (std::size_t i = 0; i < many; ++i)
    REQUIRE(host.spawn(
        {}, runtime::testing::script([](process&, runtime::message) { return runtime::carry_on(); })));
  const actor here(host), other(host);
  std::atomic<bool> ran = false;
  here.run([&](process& self) {
    other.start([&](process&) { ran = true; });
    CHECK(services::observer::pids(self).size() == many + 2);
    CHECK(ran);
    return 0;
  });
  CHECK(host.stop());
}

TEST_CASE(
    "one list of all processes is made at a time for each node, and one that waits when another is done") {
  runtime::system host(runtime::system_options{});
  REQUIRE(host.start());
  constexpr std::uint32_t node = 1, another = 2;
  const actor first(host), last(host), killed(host);
  std::promise<void> tried;
  std::atomic<int> began = 0;
  first.run([&](process& self) {
    std::optional<services::listing> held(std::in_place, self, node);
    CHECK(held->may_begin());
    CHECK(services::listing(self, another).may_begin());
    killed.start([&](process& waits) { began += services::listing(waits, node).may_begin() ? 1 : 0; });
    last.start([&](process& waits) {
      began += services::listing(waits, node).may_begin() ? 1 : 0;
      tried.set_value();
    });
    host.exit(killed.id(), runtime::reasons::kill());
    CHECK(began == 0);
    held.reset();
    return 0;
  });
  tried.get_future().wait();
  CHECK(began == 1);
  CHECK(host.stop());
}

TEST_CASE("a node has few of appmon's processes here, and there is room again when one has ended") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1", {.rpc = {"observer"}});
  const auto start_for = [&](const actor& client) {
    message_writer out;
    out.tuple(5);
    for (const auto* word : {"call", "appmon_info", "start_link2"}) out.atom(word);
    out.list(3);
    for (int i = 0; i < 2; ++i) runtime::write(out, client.id(), a.host.nodes());
    out.nil();
    out.nil();
    out.atom("user");
    const auto made = ask(client, a.see(b, "rex"), out.take());
    etf::cursor at(made.bytes());
    std::string_view word;
    return at.read_tuple_of(2) && at.read_atom(word) ? std::string(word) : "?";
  };
  const actor one(a.host);
  std::optional<actor> other(a.host);
  REQUIRE(start_for(*other) == "ok");
  std::size_t made = 1;
  for (; start_for(one) == "ok"; ++made) REQUIRE(made < 1000);
  CHECK(made == 16);
  other->stop(atom("done"));
  CHECK(eventually([&] { return start_for(one) == "ok"; }));
  CHECK(start_for(one) == "error");
}

TEST_CASE("a block_call holds up its node's other calls until it has ended") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  const actor here(a.host);
  message_writer out;
  out.tuple(5);
  out.atom("block_call");
  out.atom("erlang");
  out.atom("node");
  out.nil();
  out.atom("user");
  const auto body = out.take();
  for (int i = 0; i < 3; ++i) {
    CHECK(is_atom(ask(here, a.see(b, "rex"), body), "b@127.0.0.1"));
    CHECK(is_atom(ask(here, a.see(b, "rex"), rpc_call("erlang", "node")), "b@127.0.0.1"));
  }
}

TEST_CASE("three nodes come into step: all names everywhere, sync answers, and a loss is forgotten") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  auto c = std::make_unique<whole_node>(epmd, "c@127.0.0.1");
  const actor in_a(a.host);
  const actor in_b(b.host);
  a.router.connect(*a.host.nodes().intern("b@127.0.0.1"), {});
  b.router.connect(*b.host.nodes().intern("c@127.0.0.1"), {});
  const auto synced = [](const actor& asker) {
    return atoms_in(ask(asker, destination::named("global_name_server"), message::atom("get_synced")));
  };
  CHECK(eventually([&] { return synced(in_a).size() == 2 && synced(in_b).size() == 2; }));
  CHECK(a.router.nodes(runtime::remote_router::which::visible) ==
        std::vector<std::string>{"b@127.0.0.1", "c@127.0.0.1"});

  message_writer sync;
  sync.tuple(2);
  sync.atom("sync");
  sync.list(2);
  sync.atom("b@127.0.0.1");
  sync.atom("c@127.0.0.1");
  sync.nil();
  CHECK(is_atom(ask(in_a, destination::named("global_name_server"), sync.take()), "ok"));

  c.reset();
  CHECK(eventually([&] { return synced(in_a) == std::vector<std::string>{"b@127.0.0.1"}; }));
  CHECK(eventually([&] { return synced(in_b) == std::vector<std::string>{"a@127.0.0.1"}; }));
  CHECK(a.router.nodes(runtime::remote_router::which::visible) == std::vector<std::string>{"b@127.0.0.1"});
}

namespace {

// {register_name, Name, Pid}
message register_name(process& self, std::string_view name, const runtime::pid& pid) {
  message_writer out;
  out.tuple(3);
  out.atom("register_name");
  out.atom(name);
  runtime::write(out, pid, self.host().nodes());
  return out.take();
}

// {set_lock, {global, [Self]}}
message set_lock(process& self) {
  message_writer out;
  out.tuple(2);
  out.atom("set_lock");
  out.tuple(2);
  out.atom("global");
  out.list(1);
  runtime::write(out, self.self(), self.host().nodes());
  out.nil();
  return out.take();
}

// {call, global, resolve_it, [fun global:random_exit_name/3, Name, First, Second], user}
message resolve_it(process& self, std::string_view name, const runtime::pid& first,
                   const runtime::pid& second) {
  message_writer out;
  out.tuple(5);
  out.atom("call");
  out.atom("global");
  out.atom("resolve_it");
  out.list(4);
  out.exported_fun("global", "random_exit_name", 3);
  out.atom(name);
  runtime::write(out, first, self.host().nodes());
  runtime::write(out, second, self.host().nodes());
  out.nil();
  out.atom("user");
  return out.take();
}

} // namespace

TEST_CASE("global:resolve_it kills nobody but for a name that the asker resolves, held by one of the two") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  const actor holder(a.host);
  const actor bystander(a.host);
  const actor here(b.host);
  const auto seen = [&](const actor& of) {
    return runtime::pid{*b.host.nodes().intern("a@127.0.0.1"), a.host.creation(), of.id().id, of.id().serial};
  };
  const auto asks = [&](const actor& asker, const destination& to, auto request) {
    return asker.run([&](process& self) {
      const auto body = request(self);
      const auto answer = gen::call(self, to, body.bytes(), self.now() + 20 * base::nanos_per_second);
      return answer ? *answer : message::atom("no_answer");
    });
  };
  const auto resolves = [&](std::string_view name, const actor& other) {
    const auto answer = asks(here, b.see(a, "rex"),
                             [&](process& self) { return resolve_it(self, name, here.id(), seen(other)); });
    return etf::cursor(answer.bytes()).peek() == etf::kind::pid;
  };
  CHECK(is_atom(asks(holder, destination::named("global_name_server"),
                     [&](process& self) { return register_name(self, "the_name", holder.id()); }),
                "yes"));
  CHECK_FALSE(resolves("the_name", holder)); // no process holds the lock
  CHECK(is_atom(asks(here, b.see(a, "global_name_server"), set_lock), "true"));
  CHECK_FALSE(resolves("the_name", bystander));
  CHECK_FALSE(resolves("another_name", holder));
  CHECK(holder.alive());
  CHECK(bystander.alive());
  CHECK(here.alive());
  // The intended use: of the two processes, the one on the node whose name sorts last is killed.
  const actor asker(b.host);
  const auto answer = asks(asker, b.see(a, "rex"), [&](process& self) {
    return resolve_it(self, "the_name", here.id(), seen(holder));
  });
  CHECK(etf::cursor(answer.bytes()).peek() == etf::kind::pid);
  CHECK(eventually([&] { return !here.alive(); }));
  CHECK(holder.alive());
}

namespace {

// {register, Name, Pid, fun m:f/3}
message register_with_foreign_method(process& self, const runtime::pid& pid) {
  message_writer out;
  out.tuple(4);
  out.atom("register");
  out.atom("foo");
  runtime::write(out, pid, self.host().nodes());
  out.exported_fun("m", "f", 3);
  return out.take();
}

message asks_whereis(std::string_view name) {
  message_writer out;
  out.tuple(2);
  out.atom("whereis_name");
  out.atom(name);
  return out.take();
}

} // namespace

// c has no services, but an actor that is registered as rex and answers late.
TEST_CASE("while another node is asked which of two processes keeps its name, global serves everybody") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  cluster_node c(epmd, "c@127.0.0.1");
  const actor in_a(a.host);
  const actor in_b(b.host);
  const actor slow(c.host, {.name = "rex"});
  const destination global = destination::named("global_name_server");
  const runtime::pid first{*a.host.nodes().intern("c@127.0.0.1"), c.host.creation(), slow.id().id,
                           slow.id().serial};
  const auto registers = [&](const actor& asker, const runtime::pid& pid) {
    return asker.run([&](process& self) {
      const auto body = register_with_foreign_method(self, pid);
      const auto answer = gen::call(self, global, body.bytes(), self.now() + 20 * base::nanos_per_second);
      return answer && is_atom(*answer, "yes");
    });
  };
  CHECK(registers(in_a, first));
  CHECK(registers(in_b, in_b.id()));
  a.router.connect(*a.host.nodes().intern("b@127.0.0.1"), {});

  message question;
  std::string_view what;
  do {
    question = slow.next();
    etf::cursor at(question.bytes());
    what = {};
    if (at.read_tuple_of(3)) at.read_atom(what);
  } while (what != "$gen_call");
  // rex has been asked and does not answer yet. Other requests are answered meanwhile.
  CHECK(is_atom(ask(in_a, global, asks_whereis("bar")), "undefined"));
  CHECK(etf::cursor(ask(in_a, global, asks_whereis("foo")).bytes()).peek() == etf::kind::pid);
  CHECK(atoms_in(ask(in_a, global, message::atom("get_synced"))).empty());

  // rex answers that neither process stays.
  slow.run([&](process& self) {
    etf::cursor at(question.bytes());
    etf::bytes from;
    at.read_tuple_of(3);
    at.skip();
    at.read_term(from);
    gen::reply(self, from, message::atom("none"));
    return 0;
  });
  CHECK(eventually([&] { return is_atom(ask(in_a, global, asks_whereis("foo")), "undefined"); }));
  CHECK(eventually([&] { return is_atom(ask(in_b, global, asks_whereis("foo")), "undefined"); }));
  CHECK(eventually([&] { return atoms_in(ask(in_a, global, message::atom("get_synced"))).size() == 1; }));
}
