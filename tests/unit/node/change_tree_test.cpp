// SPDX-License-Identifier: MIT
// Tests of plans on running supervisors: a supervisor that ends between two orders, a supervisor that never
// answers, and the report about a tree that differs from what was applied.
#include "node/changes/change_tree.hpp"

#include <doctest/doctest.h>

#include "../behaviours/children.hpp"
#include "../behaviours/test_host.hpp"
#include "heard_log.hpp"
#include "held_clock.hpp"
#include "node/changes/tree_check.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::test;
using behaviours::application_order;
using behaviours::child_spec;
using behaviours::supervisor_order;
using behaviours::supervisor_spec;
using kind = supervisor_order::kind;
using strings = std::vector<std::string>;

namespace {

std::shared_ptr<supervisor_spec> supervisor_of(const std::string& name, std::vector<child_spec> children) {
  auto out = std::make_shared<supervisor_spec>();
  out->name = name;
  out->intensity = 10;
  for (child_spec& one : children) out->children.push_back(std::make_shared<child_spec>(std::move(one)));
  return out;
}

child_spec nested(const std::string& id, std::shared_ptr<const supervisor_spec> what) {
  child_spec out;
  out.id = runtime::message::atom(id);
  out.supervisor = std::move(what);
  out.shutdown = behaviours::shutdown_limit::infinity();
  return out;
}

// The application `app` with an inner supervisor `inner`, whose child is c.
struct tree_of_two {
  tree_of_two() {
    started = host.supervise(*whole).first;
    REQUIRE(started);
    board.running("app", started);
    host.book.take(1);
  }
  node::change_ground ground() {
    return {host.orders, host.tree, runtime::destination::named("nobody"),
            [this](std::string_view path) -> base::result<runtime::pid> {
              if (before_look) before_look(std::string(path));
              const auto found = host.system.whereis(path == "app" ? "app" : "inner");
              if (!found) return base::fail(base::errc::not_found, "not running");
              return *found;
            }};
  }
  node::tree_outcome change(const node::change_plan& plan) {
    const auto on = ground();
    return host.run([&](runtime::process& self) { return node::change_tree(self, on, plan); });
  }
  void kill_inner() {
    const auto was = host.system.whereis("inner").value();
    host.system.exit(was, runtime::reasons::kill());
    (void)runtime::system::current_process()->blocking_run([&] {
      while (host.system.whereis("inner").value_or(was) == was) std::this_thread::yield();
    });
  }
  strings inner_children() {
    strings out;
    const auto all = children_of(host, runtime::destination::named("inner"));
    if (!all) return {"no supervisor"};
    for (const auto& one : *all) out.push_back(one.id);
    return out;
  }

  test_host host;
  std::shared_ptr<supervisor_spec> inner = supervisor_of("inner", {actor("c")});
  std::shared_ptr<supervisor_spec> whole = supervisor_of("app", {nested("inner", inner)});
  std::vector<behaviours::application_spec> applications{
      {"app", behaviours::application_type::temporary, {}, 0, {}, whole}};
  behaviours::application_board board{applications};
  runtime::pid started;
  std::function<void(const std::string&)> before_look;
};

node::change_step add_step(const std::shared_ptr<const child_spec>& child) {
  const auto found = std::make_shared<behaviours::found_child>();
  return {"start app/inner/" + text(child->id), "app/inner",
          supervisor_order{kind::add, child, {}, {}, {}, found},
          supervisor_order{kind::restore, child, {}, {}, {}, found}};
}

node::change_step update_step(child_spec now, child_spec before) {
  return {"update app/inner", "app",
          supervisor_order{kind::update, std::make_shared<child_spec>(std::move(now))},
          supervisor_order{kind::update, std::make_shared<child_spec>(std::move(before))}};
}

} // namespace

TEST_CASE(
    "a supervisor that was started anew between two orders has the change taken back, for another try") {
  tree_of_two of;
  const auto d = std::make_shared<const child_spec>(actor("d"));
  const auto e = std::make_shared<const child_spec>(actor("e"));
  auto after = std::make_shared<supervisor_spec>(*of.inner);
  after->children.push_back(d);
  after->children.push_back(e);
  const auto plan = [&] {
    node::change_plan out;
    out.steps = {add_step(d), add_step(e), update_step(nested("inner", after), nested("inner", of.inner))};
    return out;
  };
  // The supervisor is looked up before it is told to add `d`, twice before it is told to add `e`, and once
  // after its parent was told the new specification. It is killed at one of these, so it has lost `d`, or
  // both new children.
  for (const int at : {2, 3, 4}) {
    CAPTURE(at);
    int looks = 0;
    of.before_look = [&](const std::string& path) {
      if (path == "app/inner" && ++looks == at) of.kill_inner();
    };
    const node::tree_outcome did = of.change(plan());
    of.before_look = nullptr;
    REQUIRE_FALSE(did.result);
    CHECK(did.replaced);
    CHECK(did.result.error().text.starts_with("app/inner was started anew meanwhile"));
    test::look_until([&] { return of.inner_children() == strings{"c"}; }); // it may still be starting
    const node::tree_outcome again = of.change(plan());
    CHECK(again.result);
    CHECK_FALSE(again.replaced);
    CHECK(of.inner_children() == strings{"c", "d", "e"});
    // Undoes the change.
    for (const auto& each : {d, e}) {
      node::change_plan undo;
      undo.steps = {{"stop", "app/inner", supervisor_order{kind::remove, each}, std::nullopt}};
      CHECK(of.change(undo).result);
    }
    node::change_plan undo;
    undo.steps = {update_step(nested("inner", of.inner), nested("inner", of.inner))};
    CHECK(of.change(undo).result);
  }
}

TEST_CASE("a name that a child of the former supervisor still has is waited for, in the time of the order") {
  for (const bool ends : {true, false}) {
    CAPTURE(ends);
    tree_of_two of;
    std::promise<void> trying, ended;
    auto go_on = ended.get_future().share();
    std::atomic<bool> first{true};
    of.host.book.on_start = [&](runtime::process& self, const std::string& id) {
      if (id != "d" || !first.exchange(false)) return;
      trying.set_value();
      (void)self.blocking_run([go_on] { go_on.wait(); });
    };
    const auto d = std::make_shared<const child_spec>(actor("d"));
    node::change_plan plan;
    plan.steps = {add_step(d)};
    plan.steps[0].patience = ends ? 60 * base::nanos_per_second : 0;
    auto begun = std::async(std::launch::async, [&] { return of.change(plan); });
    trying.get_future().wait(); // inner is starting d
    heard_log log;
    const auto inner = of.host.system.whereis("inner").value();
    of.host.system.exit(inner, runtime::reasons::kill());
    CHECK(begun.get().replaced);
    test::look_until([&] { return of.host.system.whereis("inner").value_or(inner) != inner; });
    auto again = std::async(std::launch::async, [&] { return of.change(plan); });
    test::look_until([&] {
      return again.wait_for(std::chrono::seconds(0)) == std::future_status::ready ||
             log.count("waits for the end of a former process") > 0;
    });
    if (ends) ended.set_value();
    const node::tree_outcome did = again.get();
    const bool is_done = did.result.has_value();
    CHECK(is_done == ends);
    if (ends) {
      CHECK(of.inner_children() == strings{"c", "d"});
    } else {
      CHECK(did.result.error().text.find("already_started") != std::string::npos);
      ended.set_value();
    }
  }
}

TEST_CASE(
    "a supervisor that does not answer in time is named with its child, and what was done is taken back") {
  tree_of_two of;
  std::promise<void> trying, ended;
  auto go_on = ended.get_future().share();
  std::atomic<bool> first{true};
  of.host.book.on_start = [&](runtime::process& self, const std::string& id) {
    if (id != "c" || !first.exchange(false)) return;
    trying.set_value();
    (void)self.blocking_run([go_on] { go_on.wait(); });
  };
  of.host.system.send(runtime::destination::named("c"), term("{exit, crashed}"));
  trying.get_future().wait(); // inner is starting c, and stays there
  const auto d = std::make_shared<const child_spec>(actor("d"));
  const auto above = std::make_shared<behaviours::found_child>();
  const auto x = std::make_shared<const child_spec>(actor("x"));
  node::change_plan plan;
  plan.steps = {{"start app/x", "app", supervisor_order{kind::add, x, {}, {}, {}, above},
                 supervisor_order{kind::restore, x, {}, {}, {}, above}},
                add_step(d)};
  for (auto& one : plan.steps) one.patience = 0;
  const node::tree_outcome did = of.change(plan);
  REQUIRE_FALSE(did.result);
  CHECK_FALSE(did.replaced);
  CHECK(did.result.error().text.find("app/inner has not answered in 2 s, as app/inner/c takes") !=
        std::string::npos);
  CHECK_FALSE(of.host.system.whereis("x"));
  ended.set_value();
  CHECK(of.inner_children() == strings{"c"});
}

TEST_CASE("a tree is compared with what was applied: children, kinds, names, flags") {
  tree_of_two of;
  const auto differences = [&] { return node::tree_differences(of.host.tree, of.board, of.applications); };
  CHECK(differences().empty());
  // A child that was stopped, or added at run time, is no difference.
  CHECK(of.host.call(runtime::destination::named("inner"), "{terminate_child, c}") == "ok");
  CHECK(of.host
            .call(runtime::destination::named("inner"),
                  "{start_child, #{id => more, start => {coppice, start_link, [scribe, #{}]}}}")
            .starts_with("{ok,"));
  CHECK(differences().empty());
  auto inner = std::make_shared<supervisor_spec>(*of.inner);
  auto whole = std::make_shared<supervisor_spec>(*of.whole);
  inner->children.push_back(std::make_shared<child_spec>(actor("d")));
  child_spec changed = *of.whole->children[0];
  changed.supervisor = inner;
  behaviours::child_list children;
  children.push_back(std::make_shared<child_spec>(changed));
  whole->children = children;
  of.applications[0].top = whole;
  CHECK(differences() == strings{"app/inner has another specification than the configuration"});
  whole->children = of.whole->children;
  whole->intensity = 3;
  CHECK(differences() == strings{"app has other flags than the configuration"});
  whole->intensity = of.whole->intensity;
  whole->children.push_back(std::make_shared<child_spec>(actor("z")));
  CHECK(differences() == strings{"app has no child z"});
  of.applications.push_back({"other", behaviours::application_type::temporary, {}, 0, {}, whole});
  CHECK(differences().back() == "the node has no application other");
}
