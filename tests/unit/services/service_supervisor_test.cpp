// SPDX-License-Identifier: MIT
// Tests of services that end: each is started again under its name and works again, in the cluster too. What
// cannot go on is reported.
#include "services/service_supervisor.hpp"

#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using runtime::destination;
using runtime::message;
using runtime::message_writer;

namespace {

// Kills the process of that name and waits for its successor.
runtime::pid replace(runtime::system& host, std::string_view name) {
  const auto former = host.whereis(name);
  REQUIRE(former);
  host.exit(*former, message::atom("kill"));
  std::optional<runtime::pid> now;
  REQUIRE(eventually([&] { return (now = host.whereis(name)) && *now != *former; }));
  return *now;
}

std::optional<runtime::pid> find_supervisor(runtime::system& host) {
  for (const auto& each : host.processes())
    if (each.label == services::service_supervisor::label) return each.pid;
  return std::nullopt;
}

message about_group(std::string_view what, std::string_view group, runtime::system& host,
                    const std::optional<runtime::pid>& who = {}) {
  message_writer out;
  out.tuple(who ? 3 : 2);
  out.atom(what);
  out.atom(group);
  if (who) runtime::write(out, *who, host.nodes());
  return out.take();
}

message to_register(std::string_view name, const runtime::pid& who, runtime::system& host) {
  message_writer out;
  out.tuple(3);
  out.atom("register_name");
  out.atom(name);
  runtime::write(out, who, host.nodes());
  return out.take();
}

} // namespace

TEST_CASE("each service that is killed is started anew under its name, and answers") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1", {.pg = {"pg"}});
  const actor here(a.host);
  for (const char* name : {"user", "net_kernel", "rex", "pg", "global_name_server"}) {
    CAPTURE(name);
    replace(a.host, name);
  }
  CHECK(atoms_in(ask(here, destination::named("pg"), message::atom("which_groups"))).empty());
  CHECK(atoms_in(ask(here, destination::named("global_name_server"), message::atom("get_synced"))).empty());
  CHECK_FALSE(a.gone);
}

TEST_CASE("what is spawned after user was killed has the new one for its group leader") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  const runtime::pid leader = replace(a.host, "user");
  const auto led_by = [&] {
    const actor fresh(a.host);
    return fresh.run([](runtime::process& self) { return self.group_leader(); });
  };
  CHECK(eventually([&] { return led_by() == leader; }));
}

TEST_CASE("a scope of pg that is started anew learns what other nodes have, and they what it has") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1", {.pg = {"pg"}});
  whole_node b(epmd, "b@127.0.0.1", {.pg = {"pg"}});
  const actor in_a(a.host);
  const actor in_b(b.host);
  const auto join = [](whole_node& at, const actor& who) {
    const auto joined = ask(who, destination::named("pg"), about_group("join_local", "g", at.host, who.id()));
    return runtime::is_atom(joined, "ok");
  };
  const auto members = [](whole_node& at, const actor& asker) {
    const message all = ask(asker, destination::named("pg"), about_group("get_members", "g", at.host));
    etf::cursor list(all.bytes());
    std::uint32_t count = 0;
    return list.read_list(count) ? count : 0;
  };
  REQUIRE(join(b, in_b));
  a.router.connect(*a.host.nodes().intern("b@127.0.0.1"), {});
  REQUIRE(eventually([&] { return members(a, in_a) == 1; }));
  replace(a.host, "pg");
  CHECK(eventually([&] { return members(a, in_a) == 1; }));
  REQUIRE(join(a, in_a));
  CHECK(eventually([&] { return members(b, in_b) == 2; }));
}

TEST_CASE("a global_name_server that is started anew learns the names of others again") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  whole_node b(epmd, "b@127.0.0.1");
  const actor in_a(a.host);
  const actor in_b(b.host);
  const destination global = destination::named("global_name_server");
  const auto names = [&](const actor& asker) {
    return atoms_in(ask(asker, global, message::atom("registered_names")));
  };
  a.router.connect(*a.host.nodes().intern("b@127.0.0.1"), {});
  CHECK(runtime::is_atom(ask(in_b, global, to_register("mine", in_b.id(), b.host)), "yes"));
  REQUIRE(eventually([&] { return names(in_a) == std::vector<std::string>{"mine"}; }));
  replace(a.host, "global_name_server");
  CHECK(eventually([&] { return a.router.nodes(runtime::remote_router::which::visible).empty(); }));
  a.router.connect(*a.host.nodes().intern("b@127.0.0.1"), {});
  CHECK(eventually([&] { return names(in_a) == std::vector<std::string>{"mine"}; }));
}

TEST_CASE("services that end again and again, and a supervisor that is killed, are told of") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1");
  for (int i = 0; i < 5; ++i) replace(a.host, "rex");
  CHECK_FALSE(a.gone);
  a.host.exit(*a.host.whereis("rex"), message::atom("kill"));
  CHECK(eventually([&] { return a.gone.load(); }));
  CHECK(eventually([&] { return !a.host.whereis("user"); }));

  whole_node b(epmd, "b@127.0.0.1");
  b.host.exit(*find_supervisor(b.host), message::atom("kill"));
  CHECK(eventually([&] { return b.gone.load(); }));
}

TEST_CASE("no exit from another node reaches a service, be it sent or of a link") {
  epmd_server epmd;
  whole_node a(epmd, "a@127.0.0.1", {.pg = {"pg"}});
  whole_node b(epmd, "b@127.0.0.1");
  const actor in_b(b.host);
  for (const char* name : {"user", "net_kernel", "rex", "pg", "global_name_server"}) {
    CAPTURE(name);
    const auto before = a.host.whereis(name);
    REQUIRE(before);
    const runtime::pid seen{*b.host.nodes().intern("a@127.0.0.1"), a.host.creation(), before->id,
                            before->serial};
    // The service gets both exits before it is called.
    const bool answered = in_b.run([&](runtime::process& self) {
      const auto linked = self.spawn({}, runtime::testing::script([](runtime::process& child, message to) {
                                       etf::cursor at(to.bytes());
                                       child.link(*runtime::read_pid(at, child.host().nodes()));
                                       return runtime::stop(message::atom("boom"));
                                     }));
      const runtime::reference ended = self.monitor(*linked);
      message_writer whom;
      runtime::write(whom, seen, self.host().nodes());
      self.send(*linked, whom.take());
      (void)self.await(ended, self.now() + 20 * base::nanos_per_second);
      self.exit(seen, message::atom("kill"));
      self.exit(seen, message::atom("shutdown"));
      const auto answer = behaviours::gen::call(self, seen, message::atom("anything").bytes(),
                                                self.now() + 20 * base::nanos_per_second);
      return answer.has_value();
    });
    CHECK(answered);
    CHECK(a.host.whereis(name) == before);
  }
}

TEST_CASE("a service whose name is taken is named by the start that fails") {
  epmd_server epmd;
  runtime::system host({.node_name = "a@127.0.0.1"});
  dist::router router(host, {});
  services::services made(host, router, {});
  REQUIRE(host.start());
  runtime::spawn_options options;
  options.name = "rex";
  const actor squatter(host, std::move(options));
  const auto started = made.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().text.find("rex") != std::string::npos);
  CHECK(host.stop(std::chrono::nanoseconds(patience).count()));
}
