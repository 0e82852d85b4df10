// SPDX-License-Identifier: MIT
// Tests that services do not act as this node because another node asks. The test walks the tables of
// requests that each service takes from peers: whatever process a request names, no process here gets a
// message that seems to come from this node.
#include <atomic>
#include <map>
#include <memory>

#include "runtime/on_behalf.hpp"
#include "services/global/name_server.hpp"
#include "services/io/user.hpp"
#include "services/net_kernel.hpp"
#include "services/pg/scope.hpp"
#include "services/rpc/rex.hpp"
#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using behaviours::peer_request;
using runtime::destination;
using runtime::is_atom;
using runtime::message;
using runtime::message_writer;
using runtime::pid;
using runtime::process;
using form = behaviours::gen::request::kind;

namespace {

// A process that counts its messages, by whether they seem to come from this node.
struct witness {
  witness(runtime::system& host, std::string name) {
    who = *host.spawn({.name = std::move(name)}, runtime::testing::script([this](process& self, message m) {
                        if (etf::cursor(m.bytes()).read_atom_is("settled"))
                          ++settled;
                        else if (self.origin().here() && !self.origin().notice)
                          ++own;
                        else
                          ++others;
                        return runtime::carry_on();
                      }));
  }
  std::atomic<int> own{0};
  std::atomic<int> others{0};
  std::atomic<int> settled{0};
  pid who;
};

// The request in the envelope of its form. `from`: the process that the envelope names as the caller.
message in_form(node_and_peer& on, form of, const pid& from, bool with_pid, etf::bytes request) {
  message_writer out;
  switch (of) {
    case form::call:
      out.tuple(3);
      out.atom("$gen_call");
      out.tuple(2);
      on.write_pid(out, from);
      out.atom("$gen_cast"); // a tag with which an answer would be a cast
      out.raw(request);
      return out.take();
    case form::cast:
      out.tuple(2);
      out.atom("$gen_cast");
      out.raw(request);
      return out.take();
    default:
      break;
  }
  if (!with_pid) {
    out.raw(request);
    return out.take();
  }
  out.tuple(2);
  on.write_pid(out, from);
  out.raw(request);
  return out.take();
}

message request_of(const peer_request& row, std::uint32_t arity, etf::bytes filling) {
  message_writer out;
  if (arity == 0) return message::atom(row.what);
  out.tuple(arity);
  if (row.what == behaviours::answer_to_alias) {
    out.list(1);
    out.atom("alias");
    out.raw(filling);
  } else {
    out.atom(row.what);
  }
  for (std::uint32_t i = 1; i < arity; ++i) out.raw(filling);
  return out.take();
}

// {Pid, Request} with the pid `from`.
message plain(node_and_peer& on, const pid& from, const message& request) {
  message_writer out;
  out.tuple(2);
  on.write_pid(out, from);
  out.raw(request.bytes());
  return out.take();
}

message sbcast(std::string_view name, const message& payload) {
  message_writer out;
  out.tuple(3);
  out.atom("sbcast");
  out.atom(name);
  out.raw(payload.bytes());
  return out.take();
}

// Whether the calls of rpc that run in processes of their own have ended.
bool rpc_is_done(runtime::system& host) {
  for (const auto& one : host.processes())
    if (one.label == "rpc" || one.label == "no shell") return false;
  return true;
}

// Waits until the service has handled everything that was sent to it before.
void settle(const actor& asker, const std::string& name) {
  const bool answered = asker.run([&](process& self) {
    const auto ref = self.monitor(destination::named(name), true);
    message_writer out;
    out.tuple(3);
    out.atom("system");
    out.tuple(2);
    runtime::write(out, self.self(), self.host().nodes());
    out.list(1);
    out.atom("alias");
    runtime::write(out, ref, self.host().nodes());
    out.atom("get_state");
    self.send(destination::named(name), out.take());
    return self.await(ref, self.now() + 20 * base::nanos_per_second).has_value();
  });
  CHECK(answered);
}

message terminate_request(node_and_peer& on) {
  message_writer out;
  out.tuple(3);
  out.atom("system");
  out.tuple(2);
  on.write_pid(out, on.peer);
  out.atom("tag");
  out.tuple(2);
  out.atom("terminate");
  out.atom("bye");
  return out.take();
}

} // namespace

TEST_CASE("no request that a service takes from peers has a process here hear the node's own voice") {
  node_and_peer on({.pg = {"pg"}});
  const std::map<std::string, std::unique_ptr<behaviours::native_server>> services = [&] {
    std::map<std::string, std::unique_ptr<behaviours::native_server>> made;
    made["rex"] = std::make_unique<coppice::services::rex>(nullptr);
    made["user"] = std::make_unique<coppice::services::user>();
    made["net_kernel"] = std::make_unique<coppice::services::net_kernel>();
    made["pg"] = std::make_unique<coppice::services::pg_scope>("pg", true, on.a.router,
                                                               coppice::services::peer_bounds());
    made["global_name_server"] = std::make_unique<coppice::services::global_name_server>(
        on.a.router, coppice::services::peer_bounds());
    return made;
  }();
  witness there(on.a.host, "witness");
  const auto filling = [&](auto write) {
    message_writer out;
    write(out);
    return out.take();
  };
  const std::vector<message> fillings{
      filling([&](etf::writer& out) { on.write_pid(out, there.who); }),
      filling([](etf::writer& out) { out.atom("witness"); }),
      filling([](etf::writer& out) { out.nil(); }),
      filling([&](etf::writer& out) {
        out.list(1);
        on.write_pid(out, there.who);
        out.nil();
      }),
      filling([&](etf::writer& out) { // a From
        out.tuple(2);
        on.write_pid(out, there.who);
        out.atom("$gen_cast");
      }),
  };
  std::map<std::string, pid> before;
  for (const auto& [name, server] : services) before[name] = *on.a.host.whereis(name);
  int rows = 0;
  for (const auto& service : services) {
    const auto& name = service.first;
    const auto& server = service.second;
    const auto table = server->from_peers();
    REQUIRE_MESSAGE(table, name);
    CHECK_FALSE(table->empty());
    for (const peer_request& row : *table) {
      ++rows;
      CHECK_FALSE(row.what.empty());
      CHECK(row.least <= row.most);
      for (const message& one : fillings) {
        const auto request = request_of(row, row.most, one.bytes());
        CHECK(behaviours::find_request(*table, row.form, request.bytes()) != nullptr);
        for (const pid& from : {on.peer, there.who})
          for (const bool with_pid : {false, true})
            on.deliver(name, in_form(on, row.form, from, with_pid, request.bytes()));
      }
    }
  }
  CHECK(rows > 40);
  // All requests have been handled, and also the calls that run in processes of their own.
  const actor here(on.a.host);
  for (const auto& service : services) {
    const auto& name = service.first;
    CAPTURE(name);
    settle(here, name);
    CHECK(on.a.host.whereis(name) == before[name]);
  }
  CHECK(eventually([&] { return rpc_is_done(on.a.host); }));
  on.a.host.send(there.who, message::atom("settled"));
  CHECK(eventually([&] { return there.settled == 1; }));
  CHECK(there.own == 0);
}

TEST_CASE("a request that is not in a service's table is not taken from a peer") {
  node_and_peer on({.pg = {"pg"}});
  const actor here(on.a.host);
  const auto call = [&](const std::string& name, auto write) {
    message_writer request;
    write(request);
    on.deliver(name, in_form(on, form::call, on.peer, false, request.view()));
  };
  call("pg", [&](etf::writer& out) {
    out.tuple(3);
    out.atom("join_local");
    out.atom("group");
    on.write_pid(out, here.id());
  });
  call("global_name_server", [&](etf::writer& out) {
    out.tuple(3);
    out.atom("register_name");
    out.atom("a_name");
    on.write_pid(out, here.id());
  });
  CHECK(atoms_in(ask(here, destination::named("pg"), message::atom("which_groups"))).empty());
  CHECK(atoms_in(ask(here, destination::named("global_name_server"), message::atom("registered_names")))
            .empty());
}

TEST_CASE("what rex is asked to broadcast comes from the node that asked") {
  node_and_peer on;
  witness there(on.a.host, "witness");
  const auto user = on.a.host.whereis("user");
  for (const char* name : {"user", "net_kernel", "global_name_server"})
    on.deliver("rex", plain(on, on.peer, sbcast(name, terminate_request(on))));
  on.deliver("rex", plain(on, on.peer, sbcast("witness", message::atom("hello"))));
  // A request in the name of a process that is not the peer's has no effect.
  on.deliver("rex", plain(on, there.who, sbcast("witness", message::atom("hello"))));
  CHECK(eventually([&] { return there.others == 1; }));
  const actor here(on.a.host);
  CHECK(is_atom(ask(here, destination::named("net_kernel"),
                    [] {
                      message_writer out;
                      out.tuple(2);
                      out.atom("is_auth");
                      out.atom("x");
                      return out.take();
                    }()),
                "yes"));
  CHECK(atoms_in(ask(here, destination::named("global_name_server"), message::atom("get_known"))).empty());
  CHECK(on.a.host.whereis("user") == user);
  CHECK(there.own == 0);
  CHECK(there.others == 1);
}

TEST_CASE("an actor's answer to a peer's call goes to nobody whom the peer chooses") {
  node_and_peer on;
  witness there(on.a.host, "witness");
  for (const char* what : {"$gen_call", "system"}) {
    message_writer out;
    out.tuple(3);
    out.atom(what);
    out.tuple(2);
    on.write_pid(out, there.who);
    out.atom("$gen_cast");
    out.atom("get_state");
    on.deliver("net_kernel", out.take());
  }
  const actor here(on.a.host);
  CHECK(is_atom(ask(here, destination::named("net_kernel"),
                    [] {
                      message_writer out;
                      out.tuple(2);
                      out.atom("is_auth");
                      out.atom("x");
                      return out.take();
                    }()),
                "yes"));
  on.a.host.send(there.who, message::atom("settled"));
  CHECK(eventually([&] { return there.settled == 1; }));
  CHECK(there.own + there.others == 0);
}

TEST_CASE("pg's functions ask no process but the scopes that are configured") {
  node_and_peer on({.pg = {"pg"}});
  witness there(on.a.host, "witness");
  const actor here(on.a.host);
  for (const char* function : {"which_groups", "which_local_groups"}) {
    message_writer out;
    out.tuple(5);
    out.atom("call");
    out.atom("pg");
    out.atom(function);
    out.list(1);
    out.atom("witness");
    out.nil();
    out.atom("user");
    CHECK(atoms_in(ask(here, destination::named("rex"), out.take())).empty());
  }
  on.a.host.send(there.who, message::atom("settled"));
  CHECK(eventually([&] { return there.settled == 1; }));
  CHECK(there.own == 0);
}

TEST_CASE("a call of rpc whose process is killed is answered, and holds up no other one") {
  node_and_peer on;
  const actor here(on.a.host);
  const actor silent(on.a.host, {.name = "application_controller"});
  for (const char* what : {"block_call", "call"}) {
    CAPTURE(what);
    here.start([&here, what](process& self) {
      message_writer out;
      out.tuple(5);
      out.atom(what);
      out.atom("application");
      out.atom("which_applications");
      out.nil();
      out.atom("user");
      const auto answer = behaviours::gen::call(self, destination::named("rex"), out.view(),
                                                self.now() + 20 * base::nanos_per_second);
      self.send(here.id(), answer ? *answer : message::atom("no_answer"));
    });
    silent.next(); // the call waits for this process
    for (const auto& one : on.a.host.processes())
      if (one.label == "rpc") on.a.host.exit(one.pid, message::atom("kill"));
    const auto answer = here.next();
    etf::cursor at(answer.bytes());
    CHECK((at.read_tuple_of(2) && at.read_atom_is("badrpc") && at.read_tuple_of(2) &&
           at.read_atom_is("EXIT") && at.read_atom_is("killed")));
  }
}
