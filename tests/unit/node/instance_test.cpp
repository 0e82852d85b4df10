// SPDX-License-Identifier: MIT
// Tests of whole nodes from YAML, with the bundled plugins: they start, answer, report their state, and stop
// in order. Each node has its own folder and ports, and none has an EPMD.
#include "node/instance/instance.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <coppice/etf/text.hpp>
#include <cstdlib>
#include <functional>
#include <future>
#include <optional>

#include "base/log.hpp"
#include "behaviours/pool/pool.hpp"
#include "behaviours/streams/tcp_listener.hpp"
#include "held_clock.hpp"
#include "node/instance/banner.hpp"
#include "node/instance/operations.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "node/shown/event_tail.hpp"
#include "places.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/system.hpp"
#include "spec/load.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using namespace std::chrono_literals;
using test::temporary_folder;

namespace {

// A node with `applications` (YAML, indented as a list). False: it did not start.
class running {
 public:
  explicit running(const std::string& applications, const std::string& more = {}) {
    setenv("COPPICE_PLUGIN_HOST", PLUGIN_HOST_PROGRAM, 1);
    base::log::set_level(base::log::level::error);
    const std::string text = fmt::format(
        "node: {{ name: unit@127.0.0.1, cookie: {{ file: cookie }}, data: data, workers: 2, log: {{ level: "
        "error }} }}\n"
        "epmd: {{ mode: off }}\n"
        "distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 20000-60000 }} ] }}\n"
        "plugins: {{ path: [ {} ] }}\n{}applications:\n{}",
        PLUGIN_FOLDER, more, applications);
    spec::outcome loaded = spec::load_text(text, "unit.yaml", place_.path());
    REQUIRE_MESSAGE(loaded.spec.has_value(), spec::render(loaded.diagnostics));
    auto started = node::instance::start(std::move(*loaded.spec), [this] { ending_.set_value(); });
    if (started) {
      node_ = std::move(*started);
    } else {
      why_not = started.error().text;
    }
  }
  explicit operator bool() const { return node_ != nullptr; }
  node::instance* operator->() { return node_.get(); }
  node::instance& operator*() { return *node_; }

  // The outcome of when_ready as text. "ready": success.
  std::string ready() {
    const auto told = std::make_shared<std::promise<std::string>>();
    auto answer = told->get_future();
    node_->when_ready(
        [told](const base::status& outcome) { told->set_value(outcome ? "ready" : outcome.error().text); });
    return answer.wait_for(10s) == std::future_status::ready ? answer.get() : "never told";
  }
  bool ends() { return ending_.get_future().wait_for(10s) == std::future_status::ready; }

  std::string call(std::string_view target, std::string_view request) {
    const auto to = node_->snapshots().resolve(target);
    const auto term = node_->snapshots().parse(request);
    if (!to) return to.error().text;
    REQUIRE(term.has_value());
    const auto told = std::make_shared<std::promise<std::string>>();
    auto answer = told->get_future();
    node_->requests().call(
        *to, *term, 5 * base::nanos_per_second, [told](const behaviours::gen::call_result& result) {
          told->set_value(result ? etf::print(result->bytes())
                                 : fmt::format("error {}", static_cast<int>(result.error().what)));
        });
    return answer.wait_for(10s) == std::future_status::ready ? answer.get() : "never told";
  }

  // The report of the engine that has this name, after the change.
  std::string engine(std::string_view name, runtime::message change = {}) {
    const auto told = std::make_shared<std::promise<std::string>>();
    auto answer = told->get_future();
    node_->requests().engine_of(node_->snapshots().info(name)->summary.pid, std::move(change),
                                5 * base::nanos_per_second,
                                [told](const base::result<runtime::message>& report) {
                                  told->set_value(report ? etf::print(report->bytes()) : report.error().text);
                                });
    return answer.wait_for(10s) == std::future_status::ready ? answer.get() : "never told";
  }
  // "restarted", or why not.
  std::string restart(std::string_view path) {
    const auto told = std::make_shared<std::promise<std::string>>();
    auto answer = told->get_future();
    node_->operations().restart(path, 5 * base::nanos_per_second, [told](const base::status& done) {
      told->set_value(done ? "restarted" : done.error().text);
    });
    return answer.wait_for(10s) == std::future_status::ready ? answer.get() : "never told";
  }

  std::string why_not;

 private:
  temporary_folder place_;
  std::promise<void> ending_;
  std::unique_ptr<node::instance> node_;
};

const char* const kv_application =
    "  - name: shop\n"
    "    type: permanent\n"
    "    env: { greeting: moin }\n"
    "    supervisor:\n"
    "      name: shop_sup\n"
    "      intensity: 0\n"
    "      children:\n"
    "        - { id: kv, actor: kv, name: kv, args: { max_entries: 10 } }\n"
    "        - id: inner\n"
    "          supervisor:\n"
    "            children:\n"
    "              - { id: greeter, actor: greeter, name: greeter }\n"
    "              - { id: probe, actor: probe, name: probe }\n";

} // namespace

TEST_CASE("a node comes up from YAML, answers calls, shows its tree and stops in order") {
  running node(kv_application);
  REQUIRE_MESSAGE(node, node.why_not);
  CHECK(node.ready() == "ready");
  CHECK(node->ready());
  CHECK(node.call("kv", "{put, a, 1}") == "ok");
  CHECK(node.call("kv", "{get, a}") == "{ok,1}");
  CHECK(node.call("kv@unit@127.0.0.1", "size") == "1");
  CHECK(node.call("greeter", "{hello, <<\"you\">>}") == "{ok,<<\"moin, you\">>}");
  CHECK(node.call("nobody", "x") ==
        fmt::format("error {}", static_cast<int>(behaviours::gen::call_error::kind::noproc)));

  const auto status = node->snapshots().status();
  CHECK(status.state == node::node_state::running);
  CHECK(status.plugins == 3);
  REQUIRE(status.listening.size() == 1);
  CHECK(status.listening[0].starts_with("127.0.0.1:"));
  REQUIRE(status.applications.size() == 1);
  CHECK(status.applications[0].state == "running");

  const auto tree = node->snapshots().tree();
  REQUIRE(tree.has_value());
  REQUIRE(tree->size() == 1);
  const auto& top = tree->front().top;
  CHECK(top.name == "shop_sup");
  REQUIRE(top.children.size() == 2);
  CHECK(top.children[0].plugin == "kv");
  CHECK(top.children[0].behaviour == "server");
  REQUIRE(top.children[1].children.size() == 2);
  CHECK_FALSE(node->snapshots().tree("absent").has_value());

  const auto info = node->snapshots().info("kv");
  REQUIRE(info.has_value());
  CHECK(info->summary.label == "shop/kv");
  CHECK(node->snapshots().info(node->snapshots().text_of(info->summary.pid)).has_value());
  CHECK_FALSE(node->snapshots().info("nobody").has_value());

  const std::string text = node::banner(*node, "coppice", "");
  CHECK(text.find("coppice call shop_sup which_children") != std::string::npos);
  CHECK(text.find("gen_server:call({shop_sup,'unit@127.0.0.1'}, which_children)") != std::string::npos);
  const char* const path = std::getenv("PATH");
  const std::string before = path != nullptr ? path : "";
  setenv("PATH", "/nowhere", 1);
  CHECK(node::banner(*node, "coppice", "").find("apt install erlang-base") != std::string::npos);
  setenv("PATH", before.c_str(), 1);
  CHECK(node->stop());
  CHECK(node->why() == node::instance::ending::none);
}

TEST_CASE(
    "every engine reports its kind in one way, and a change of one that it refuses is told with its reason") {
  running node(
      "  - name: shop\n"
      "    supervisor:\n"
      "      name: shop_sup\n"
      "      children:\n"
      "        - { id: kv, actor: kv, name: kv }\n"
      "        - { id: many, name: many, pool: { actor: kv, size: 2 } }\n"
      "        - { id: gate, name: gate, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: echo } "
      "}\n"
      "        - { id: alarms, name: alarms, event_manager: { intensity: 3 } }\n");
  REQUIRE_MESSAGE(node, node.why_not);
  REQUIRE(node.ready() == "ready");
  for (const auto& [name, kind] :
       {std::pair("shop_sup", "supervisor"), std::pair("kv", "server"), std::pair("many", "pool"),
        std::pair("gate", "tcp"), std::pair("alarms", "event_manager")}) {
    const std::string told = node.engine(name);
    CHECK_MESSAGE(told.starts_with(fmt::format("#{{kind => {}", kind)), told);
    CHECK(node->snapshots().runs_engine(*node->snapshots().info(name)));
  }
  CHECK_FALSE(node->snapshots().runs_engine(*node->snapshots().info("net_kernel")));
  CHECK(node.engine("many", behaviours::pool::resize_request(3)).find("size => 3,") != std::string::npos);
  CHECK(node.engine("many", behaviours::pool::resize_request(0)) == "badarg");
  CHECK(node.engine("gate", behaviours::tcp_listener::suspend_request()).find("suspended => true") !=
        std::string::npos);
}

TEST_CASE("a listener that starts while the node is drained accepts nobody until that is undone") {
  running node(
      "  - name: net\n"
      "    supervisor:\n"
      "      children:\n"
      "        - { id: gate, name: gate, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: echo } "
      "}\n");
  REQUIRE_MESSAGE(node, node.why_not);
  REQUIRE(node.ready() == "ready");
  const auto is_suspended = [&] {
    return node.engine("gate").find("suspended => true") != std::string::npos;
  };
  CHECK_FALSE(is_suspended());
  node->operations().set_draining(true);
  REQUIRE(node.restart("net/gate") == "restarted");
  CHECK(is_suspended());
  CHECK(node->snapshots().status().off.size() == 1);
  node->operations().set_draining(false);
  REQUIRE(node.restart("net/gate") == "restarted");
  CHECK_FALSE(is_suspended());
}

TEST_CASE("an operator who follows an event is told nothing of it by another node") {
  running node(kv_application, "events: [ { name: notes, open: true } ]\n");
  REQUIRE_MESSAGE(node, node.why_not);
  const auto opened = node->tails().open("notes", "", {});
  REQUIRE(opened);
  const auto tail = node->tails().find(*opened);
  REQUIRE(tail);
  runtime::pid its;
  for (const auto& one : node->runtime().processes())
    if (one.is.behaviour == "event_tail") its = one.pid;
  REQUIRE(its);
  const runtime::pid peer{*node->runtime().nodes().intern("x@127.0.0.1"), 77, 40, 0};
  for (const char* made_up :
       {"{event, notes, 9, 0, false}", "{event_gap, notes, 1, 9}", "{event_end, notes, normal}"}) {
    auto from_peer =
        runtime::make_signal(runtime::signal_kind::message, peer, *node->snapshots().parse(made_up));
    from_peer->flags = runtime::signal::remote;
    node->runtime().deliver(runtime::destination(its), std::move(from_peer));
  }
  const auto channel = node->events().find_open("notes");
  REQUIRE(channel);
  const auto payload = *node->snapshots().parse("real");
  REQUIRE((*channel)->publish(payload.bytes()) == behaviours::event_channel::outcome::published);
  const auto has_line = std::make_shared<std::promise<void>>();
  tail->when_line(0, [has_line] { has_line->set_value(); });
  REQUIRE(has_line->get_future().wait_for(10s) == std::future_status::ready);
  const auto page = tail->read(0, 10);
  REQUIRE(page.lines.size() == 1);
  CHECK(etf::print(page.lines[0].term.bytes()) == "real");
  CHECK_FALSE(page.ended);
}

TEST_CASE("the end of a permanent application asks for the node's stop") {
  running node(kv_application);
  REQUIRE_MESSAGE(node, node.why_not);
  REQUIRE(node.ready() == "ready");
  const auto pid = node->snapshots().info("kv")->summary.pid;
  node->runtime().exit(pid, runtime::message::atom("kill"));
  CHECK(node.ends());
  CHECK(node->why() == node::instance::ending::application);
  CHECK(node->stop());
}

TEST_CASE("a node ends with its application controller, and with the supervisor of its services") {
  const auto ends_without = [](const std::function<runtime::pid(node::instance&)>& what) {
    running node(kv_application);
    REQUIRE_MESSAGE(node, node.why_not);
    REQUIRE(node.ready() == "ready");
    node->runtime().exit(what(*node), runtime::message::atom("kill"));
    CHECK(node.ends());
    CHECK(node->why() == node::instance::ending::service);
    CHECK(node->stop());
  };
  ends_without([](node::instance& node) { return *node.runtime().whereis("application_controller"); });
  ends_without([](node::instance& node) {
    for (const auto& each : node.runtime().processes())
      if (each.label == "services") return each.pid;
    FAIL("no supervisor of services");
    return runtime::pid{};
  });
}

TEST_CASE("a node that was stopped is not ready any more") {
  running node(kv_application);
  REQUIRE_MESSAGE(node, node.why_not);
  CHECK(node.ready() == "ready");
  CHECK(node->stop());
  CHECK_FALSE(node->ready());
  CHECK(node.ready() == "the node stops");
}

TEST_CASE("a stop kills what does not stop in time, also when its worker is stuck in it") {
  running node(
      "  - name: stuck\n"
      "    type: temporary\n"
      "    supervisor: { children: [ { id: probe, actor: probe, name: probe, shutdown: 1h } ] }\n");
  REQUIRE_MESSAGE(node, node.why_not);
  REQUIRE(node.ready() == "ready");
  REQUIRE(node->requests()
              .send(*node->snapshots().resolve("probe"),
                    *node->snapshots().parse("{'$gen_call', {<0.1.0>, t}, {spin, 500}}"))
              .has_value());
  node->hurry();
  CHECK(node->stop());
}

TEST_CASE("a request to stop is passed on to the node's owner") {
  running node(kv_application);
  REQUIRE_MESSAGE(node, node.why_not);
  node->request_stop();
  CHECK(node.ends());
  CHECK(node->why() == node::instance::ending::asked);
}

TEST_CASE("a child comes back when its back-off of an hour is over, and not before" *
          doctest::skip(!test::can_hold_clock())) {
  auto clock = std::make_optional<test::held_clock>();
  running node(
      "  - name: patient\n"
      "    type: permanent\n"
      "    supervisor:\n"
      "      children:\n"
      "        - { id: kv, actor: kv, name: kv, backoff: { first: 1h, max: 1h, jitter: 0 } }\n");
  REQUIRE_MESSAGE(node, node.why_not);
  REQUIRE(node.ready() == "ready");
  const auto named = [&node] { return node->runtime().whereis("kv"); };
  const auto first = named();
  REQUIRE(first);
  node->runtime().exit(*first, runtime::reasons::kill());
  test::look_until([&] { return !named(); });
  std::chrono::minutes passed{0};
  for (; !named(); passed += 1min) { // its supervisor may hear of the end after the name is free
    clock->advance(1min);
    test::pause(2ms);
  }
  CHECK(passed >= 1h);
  CHECK(named() != first);
  clock.reset(); // a node stops in real time
}

TEST_CASE("a call ends with its time-out when the clock is moved, however little real time has passed" *
          doctest::skip(!test::can_hold_clock())) {
  auto clock = std::make_optional<test::held_clock>();
  running node(
      "  - name: slow\n"
      "    type: permanent\n"
      "    supervisor: { children: [ { id: probe, actor: probe, name: probe } ] }\n");
  REQUIRE_MESSAGE(node, node.why_not);
  REQUIRE(node.ready() == "ready");
  std::promise<std::string> told;
  const auto request = *node->snapshots().parse("{sleep, 7200000}");
  node->requests().call(
      *node->snapshots().resolve("probe"), request, 3600 * base::nanos_per_second,
      [&told](const behaviours::gen::call_result& result) {
        told.set_value(result ? etf::print(result->bytes())
                              : fmt::format("error {}", static_cast<int>(result.error().what)));
      });
  auto answer = told.get_future();
  const auto probe = *node->runtime().whereis("probe"); // the call runs once it is parked
  test::look_until(
      [&] { return node->runtime().info(probe)->summary.status == runtime::process_status::parked; });
  clock->advance(59min);
  test::pause(5ms);
  CHECK(answer.wait_for(0ms) != std::future_status::ready);
  clock->advance(2min);
  CHECK(answer.get() ==
        fmt::format("error {}", static_cast<int>(behaviours::gen::call_error::kind::timeout)));
  clock->advance(2h); // the time that the actor sleeps
  clock.reset();
}
