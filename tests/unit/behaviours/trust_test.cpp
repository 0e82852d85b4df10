// SPDX-License-Identifier: MIT
// Tests that messages which only the daemon may send count only as notices: the same terms from peers, and
// from processes of this node that are not part of the daemon, change nothing. Also tests what peers may ask
// of supervisors.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "behaviours/application/controller.hpp"
#include "behaviours/application/master.hpp"
#include "behaviours/gen/config_change.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::actor;
using test::term;
using test::test_host;
using lines = std::vector<std::string>;

namespace {

const auto sup = runtime::destination::named("sup");

supervisor_spec with(std::vector<child_spec> children, strategy how = strategy::one_for_one) {
  supervisor_spec out;
  out.name = "sup";
  out.strategy = how;
  out.intensity = 3;
  for (child_spec& one : children) out.children.push_back(std::make_shared<child_spec>(std::move(one)));
  return out;
}

// Sends `m` as a peer, and as a process of this node.
void send_both(test_host& host, const runtime::destination& to, const runtime::message& m) {
  host.system.deliver(to, test_host::from_peer(m));
  host.run([&](runtime::process& self) { return self.send(to, m); });
}

runtime::message exit_of(test_host& host, const runtime::pid& whom) {
  return runtime::exit_message(whom, term("boom"), host.system.nodes());
}

} // namespace

TEST_CASE("a call whose tag is longer than a tag may be is no call, and is not read whole") {
  test_host host;
  const auto with_tag = [&](std::size_t bytes) {
    runtime::message_writer out(bytes + 256);
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    runtime::write(out, runtime::pid{0, host.system.creation(), 1, 1}, host.system.nodes());
    out.binary(std::string(bytes, 'x'));
    out.atom("count_children");
    return out.take();
  };
  CHECK(gen::parse(with_tag(1000)).what == gen::request::kind::call);
  CHECK(gen::parse(with_tag(20'000)).what == gen::request::kind::info);
}

TEST_CASE("a child's exit that somebody sends as a message restarts nothing") {
  test_host host;
  const auto pid = host.supervise(with({actor("a")})).first;
  REQUIRE(pid);
  CHECK(host.book.take(1) == lines{"start a"});
  const auto a = *host.system.whereis("a");
  for (int i = 0; i < 5; ++i) send_both(host, sup, exit_of(host, a));
  send_both(host, sup, term("{'$gen_cast', {try_again_restart, a}}"));
  send_both(host, sup, term("{'$gen_cast', {backoff_over, a}}"));
  CHECK(host.call(sup, "count_children") == "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
  CHECK(host.system.whereis("a") == a);
  CHECK(host.book.lines().empty());
}

TEST_CASE(
    "a parent's exit and a change of configuration that somebody sends as messages do nothing to a child") {
  test_host host;
  const auto pid = host.supervise(with({actor("a")})).first;
  const auto a = runtime::destination::named("a");
  const auto there = host.system.whereis("a");
  send_both(host, a, exit_of(host, pid));
  CHECK(host.system_request(a, "{'$coppice_config_change', #{}, #{}}") ==
        "{error,{unknown_system_msg,{'$coppice_config_change',#{},#{}}}}");
  CHECK(host.call(a, "id") == "a");
  CHECK(host.system.whereis("a") == there);
  const auto changed = host.run([&](runtime::process& self) { return change_config(self, *there, {}, {}); });
  CHECK(test::text(changed) == "unhandled");
}

TEST_CASE("the words that stop applications and end their time stop nothing when somebody sends them") {
  application_spec spec;
  spec.name = "one";
  auto top = std::make_shared<supervisor_spec>(with({actor("a")}));
  spec.top = top;
  application_board board({spec});
  test_host host;
  application_events events;
  events.all_started = [&](const auto&) { host.book.write("all started"); };
  events.gone = [&] { host.book.write("gone"); };
  runtime::spawn_options options;
  options.name = application_controller::registered_name;
  const auto controller = host.system.spawn(
      std::move(options), std::make_unique<application_controller>(
                              std::vector{spec}, supervision{&host.factory, &host.tree, &host.orders, {}},
                              board, std::move(events)));
  REQUIRE(controller);
  CHECK(host.book.take(2) == lines{"start a", "all started"});
  const auto master = host.system.info(*host.system.whereis("sup"))->parent;
  send_both(host, *controller, application_controller::stop_message());
  send_both(host, *controller, exit_of(host, master));
  send_both(host, master, term("max_runtime"));
  send_both(host, master, application_master::max_runtime_message(1));
  send_both(host, master, exit_of(host, *host.system.whereis("sup")));
  CHECK(host.call(runtime::destination::named("a"), "id") == "a");
  CHECK(host.call(*controller, "which_applications").starts_with("[{one,"));
  CHECK(host.system_request(master, "get_state").starts_with("{ok,"));
  CHECK(host.call_of_peer(*controller, "{stop_application, one}") == "{error,bad_request}");
  CHECK(host.call_of_peer(*controller, "{start_application, one}") == "{error,bad_request}");
  CHECK(host.call_of_peer(*controller, "{get_all_env, one}") == "{error,bad_request}");
  CHECK(host.call_of_peer(*controller, "which_applications").starts_with("[{one,"));
  CHECK(host.call(*controller, "{get_all_env, one}") == "#{}");
  CHECK(host.book.lines().empty());
  host.system.notify(*controller, application_controller::stop_message());
  CHECK(host.book.take(2) == lines{"stop a shutdown", "gone"});
}

TEST_CASE("a peer is told no arguments of children, at whatever depth; this node's processes are") {
  test_host host;
  child_spec plain = actor("a");
  plain.args = term("#{password => <<\"secret\">>}");
  child_spec inside = actor("deep");
  inside.args = term("#{password => <<\"secret\">>}");
  child_spec nested;
  nested.id = runtime::message::atom("in");
  nested.supervisor = std::make_shared<supervisor_spec>(with({std::move(inside)}));
  std::const_pointer_cast<supervisor_spec>(nested.supervisor)->name = "";
  REQUIRE(host.supervise(with({std::move(plain), std::move(nested)})).first);
  for (const char* request : {"{get_childspec, a}", "{get_childspec, in}"}) {
    CAPTURE(request);
    const std::string told = host.call_of_peer(sup, request);
    CHECK(told.starts_with("{ok,"));
    CHECK(told.find("secret") == std::string::npos);
    CHECK(told.find("#{}") != std::string::npos);
    CHECK(host.call(sup, request).find("secret") != std::string::npos);
  }
}

TEST_CASE("a peer changes nothing at a supervisor that distribution.allow.supervise does not name") {
  test_host host;
  const auto pid = host.supervise(with({actor("a")})).first;
  REQUIRE(pid);
  CHECK(host.book.take(1) == lines{"start a"});
  for (const char* request :
       {"{terminate_child, a}", "{restart_child, a}", "{delete_child, a}", "{'$coppice_restart_child', a}",
        "{'$coppice_order', 1}", "{start_child, #{id => b, start => {coppice, start_link, [scribe]}}}"}) {
    CAPTURE(request);
    CHECK(host.call_of_peer(sup, request) == "{error,not_allowed}");
  }
  CHECK(host.call_of_peer(sup, "count_children") == "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
  CHECK(host.call_of_peer(sup, "{get_childspec, a}").starts_with("{ok,"));
  CHECK(host.book.lines().empty());
  CHECK(host.call(sup, "{terminate_child, a}") == "ok");
}

TEST_CASE("a peer changes the children of a supervisor it may, with actors that it may have spawned") {
  test_host host;
  host.rights = {{"scribe"}, {"sup"}};
  const auto pid = host.supervise(with({actor("a")})).first;
  REQUIRE(pid);
  CHECK(host.call_of_peer(sup, "{terminate_child, a}") == "ok");
  CHECK(host.call_of_peer(sup, "{restart_child, a}").starts_with("{ok,"));
  CHECK(host.call_of_peer(sup, "{terminate_child, a}") == "ok");
  CHECK(host.call_of_peer(sup, "{delete_child, a}") == "ok");
  CHECK(host.call_of_peer(sup, "{'$coppice_restart_child', a}") == "{error,not_allowed}");
  const std::string of = "{start_child, #{id => n, start => {coppice, start_link, [";
  CHECK(host.call_of_peer(sup, of + "scribe]}}}").starts_with("{ok,<"));
  CHECK(host.call_of_peer(sup, "{start_child, #{id => m, start => {coppice, start_link, [stubborn]}}}")
            .starts_with("{error,{not_allowed,{child,undefined,m,"));
}

TEST_CASE("a peer starts a supervisor only if it may have all that is in it spawned") {
  test_host host;
  host.rights = {{"scribe"}, {"sup"}};
  REQUIRE(host.supervise(with({actor("a")})).first);
  const auto with_child = [](std::string_view id, std::string_view actor) {
    return fmt::format(
        "{{start_child, #{{id => {}, type => supervisor, start => {{coppice, start_link, [supervisor, "
        "{{#{{}}, [#{{id => deep, type => supervisor, start => {{coppice, start_link, [supervisor, "
        "{{#{{}}, [#{{id => x, start => {{coppice, start_link, [{}]}}}}]}}]}}}}]}}]}}}}}}",
        id, actor);
  };
  CHECK(host.call_of_peer(sup, with_child("m", "stubborn"))
            .starts_with("{error,{not_allowed,{child,undefined,m,"));
  CHECK(host.call_of_peer(sup, with_child("n", "scribe")).starts_with("{ok,<"));
  CHECK(host.call(sup, with_child("m", "stubborn")).starts_with("{ok,<"));
}

TEST_CASE("a peer starts a child of a template only if it may have the actor spawned") {
  for (const bool may : {true, false}) {
    CAPTURE(may);
    test_host host;
    host.rights = {may ? std::vector<std::string>{"scribe"} : std::vector<std::string>{}, {"sup"}};
    child_spec each = actor("worker");
    each.name = "";
    REQUIRE(host.supervise(with({each}, strategy::simple_one_for_one)).first);
    const auto answer = host.call_of_peer(sup, "{start_child, []}");
    CHECK(answer.starts_with(may ? "{ok,<" : "{error,not_allowed}"));
  }
}

TEST_CASE(
    "sys of another node reads the node's own servers, and suspends and ends only what it may supervise") {
  for (const bool may : {true, false}) {
    CAPTURE(may);
    test_host host;
    if (may) host.rights = {{}, {"sup"}};
    const auto pid = host.supervise(with({actor("a")})).first;
    const std::string expected = may ? "ok" : "{error,not_allowed}";
    CHECK(host.system_request_of_peer(sup, "get_state").starts_with("{ok,"));
    CHECK(host.system_request_of_peer(sup, "suspend") == expected);
    CHECK(host.system_request_of_peer(sup, "resume") == expected);
    const auto a = runtime::destination::named("a");
    CHECK(host.system_request_of_peer(a, "suspend") == "{error,not_allowed}");
    CHECK(host.system_request_of_peer(sup, "{terminate, shutdown}") == expected);
    if (may) {
      CHECK(host.end_of(pid) != "?");
    } else {
      CHECK(host.call(sup, "count_children").starts_with("[{specs,1}"));
    }
  }
}

TEST_CASE("actors that others may have spawned are named whole, or by their plugin") {
  const peer_rights rights({"kv", "shop:cart"}, {"sup"});
  CHECK(rights.may_spawn("kv:kv"));
  CHECK(rights.may_spawn("kv"));
  CHECK(rights.may_spawn("shop:cart"));
  CHECK_FALSE(rights.may_spawn("shop"));
  CHECK_FALSE(rights.may_spawn("kv:other"));
  CHECK(rights.may_supervise("sup"));
  CHECK_FALSE(rights.may_supervise(""));
  CHECK_FALSE(peer_rights().may_spawn("kv"));
}
