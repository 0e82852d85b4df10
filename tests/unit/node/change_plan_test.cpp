// SPDX-License-Identifier: MIT
// Tests of the order of a change's steps: children that exchange sockets or names all stop before any of
// them starts, and no other child stops earlier than it has to.
#include "node/changes/change_plan.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

#include "node/assembly/assemble.hpp"
#include "node/changes/held_for_others.hpp"
#include "places.hpp"
#include "spec/load.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using test::temporary_folder;
using strings = std::vector<std::string>;

namespace {

// `children`: the children of the application `shop`, one a line.
spec::node_spec read(const temporary_folder& place, const strings& children) {
  setenv("COPPICE_PLUGIN_HOST", PLUGIN_HOST_PROGRAM, 1);
  const std::string text = fmt::format(
      "node: {{ name: unit@127.0.0.1, cookie: {{ file: cookie }}, data: data }}\n"
      "plugins: {{ path: [ {} ] }}\napplications:\n  - name: shop\n    supervisor:\n      children:\n"
      "        - {}\n",
      PLUGIN_FOLDER, fmt::join(children, "\n        - "));
  spec::outcome loaded = spec::load_text(text, "unit.yaml", place.path());
  REQUIRE_MESSAGE(loaded.spec.has_value(), spec::render(loaded.diagnostics));
  return std::move(*loaded.spec);
}

// The steps in order, and the steps that would take them back.
struct steps {
  strings forth;
  strings back;
};
steps between(const strings& before, const strings& after) {
  const temporary_folder place;
  const spec::node_spec from = read(place, before), to = read(place, after);
  const spec::difference difference = spec::diff(from, to);
  const auto running = node::applications(from);
  const node::change_plan made = node::plan(difference, to, running, {});
  steps out;
  for (const node::change_step& one : made.steps) {
    if (one.forth && one.what.find(' ') != std::string::npos && one.what.find("shop/") != std::string::npos)
      out.forth.push_back(one.what);
  }
  for (auto one = made.steps.rbegin(); one != made.steps.rend(); ++one) {
    const auto* const order = one->back ? std::get_if<behaviours::supervisor_order>(&*one->back) : nullptr;
    if (order == nullptr || order->child == nullptr) continue;
    using kind = behaviours::supervisor_order::kind;
    const bool pauses = order->what == kind::pause;
    out.back.push_back(fmt::format("{} {}",
                                   pauses                         ? "stop"
                                   : order->what == kind::restore ? "restore"
                                                                  : "other",
                                   one->what.substr(one->what.find("shop"))));
  }
  return out;
}

std::string udp(const std::string& id, int port, const std::string& address = "127.0.0.1") {
  return fmt::format(
      "{{ id: {0}, udp: {{ listen: [ {{ address: \"{2}\", port: {1} }} ], actor: \"echo:datagrams\" }} }}",
      id, port, address);
}
std::string tcp(const std::string& id, int port, const std::string& = {}) {
  return fmt::format("{{ id: {0}, tcp: {{ listen: [ {{ address: 127.0.0.1, port: {1} }} ], actor: echo }} }}",
                     id, port);
}
std::string kv(const std::string& id, const std::string& name) {
  return fmt::format("{{ id: {}, actor: kv, name: {} }}", id, name);
}

} // namespace

TEST_CASE("children that exchange ports stop both before one of them starts, and so when it is taken back") {
  std::string (*const makers[])(const std::string&, int, const std::string&) = {udp, tcp};
  for (const auto made : makers) {
    const std::string any = "127.0.0.1";
    const steps of = between({made("a", 7001, any), kv("k", "k"), made("b", 7002, any)},
                             {made("a", 7002, any), kv("k", "k"), made("b", 7001, any)});
    CHECK(of.forth == strings{"stop shop/b", "stop shop/a", "restart shop/a", "restart shop/b"});
    CHECK(of.back == strings{"stop shop/b", "stop shop/a", "restore shop/a", "restore shop/b"});
  }
}

TEST_CASE("a port that moves to an earlier child, or to a new one, is free when that starts") {
  CHECK(between({udp("a", 7001), udp("b", 7002)}, {udp("a", 7002), udp("b", 7003)}).forth ==
        strings{"stop shop/b", "restart shop/a", "restart shop/b"});
  CHECK(between({udp("b", 7002)}, {udp("new", 7002), udp("b", 7003)}).forth ==
        strings{"stop shop/b", "start shop/new", "restart shop/b"});
  // A wildcard address needs the port as a single address does.
  CHECK(between({udp("a", 7001), udp("b", 7002)}, {udp("a", 7002, "0.0.0.0"), udp("b", 7003)}).forth ==
        strings{"stop shop/b", "restart shop/a", "restart shop/b"});
}

TEST_CASE("names that children exchange are free as ports are") {
  CHECK(between({kv("a", "x"), kv("b", "y")}, {kv("a", "y"), kv("b", "x")}).forth ==
        strings{"stop shop/b", "stop shop/a", "restart shop/a", "restart shop/b"});
}

TEST_CASE("what keeps its port, or gives it to nobody, is restarted in its turn; TCP and UDP are two") {
  CHECK(between({udp("a", 7001), udp("b", 7002)}, {udp("a", 7003), udp("b", 7002)}).forth ==
        strings{"restart shop/a"});
  CHECK(between({udp("a", 7001)}, {udp("a", 7001, "0.0.0.0")}).forth == strings{"restart shop/a"});
  CHECK(between({udp("a", 7001), tcp("b", 7002)}, {udp("a", 7002), tcp("b", 7001)}).forth ==
        strings{"restart shop/a", "restart shop/b"});
}

TEST_CASE("a whole supervisor that is restarted stops early where it has what another child is to have") {
  const std::string inner = "{{ id: in, supervisor: {{ strategy: {}, children: [ {} ] }} }}";
  const std::string before = fmt::format(fmt::runtime(inner), "one_for_one", udp("c", 7002));
  const std::string after = fmt::format(fmt::runtime(inner), "one_for_one", udp("c", 7003));
  CHECK(between({udp("a", 7001), before}, {udp("a", 7002), after}).forth ==
        strings{"stop shop/in/c", "restart shop/a", "restart shop/in/c", "update shop/in"});
}
