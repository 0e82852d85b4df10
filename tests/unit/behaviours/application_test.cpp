// SPDX-License-Identifier: MIT
// Tests of applications over running supervisors: the order in which they start and stop, and what the end
// of an application of each type does to the node.
#include "behaviours/application/controller.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "held_clock.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::actor;
using test::term;
using test::test_host;
using lines = std::vector<std::string>;

namespace {

// An application `name`: one actor of the same name under a supervisor.
application_spec application(const std::string& name, application_type type = application_type::permanent,
                             std::vector<std::string> depends_on = {}) {
  auto top = std::make_shared<supervisor_spec>();
  top->name = name + "_sup";
  top->intensity = 0;
  top->children.push_back(std::make_shared<child_spec>(actor(name)));
  application_spec out;
  out.name = name;
  out.type = type;
  out.depends_on = std::move(depends_on);
  out.top = top;
  return out;
}

// A host with an application controller, whose events are written into the host's book.
struct controlled {
  explicit controlled(std::vector<application_spec> applications, std::map<std::string, int> failures = {},
                      std::function<void(runtime::process&, const std::string&)> on_start = {})
      : board(applications) {
    host.book.failures = std::move(failures);
    host.book.on_start = std::move(on_start);
    application_events events;
    events.all_started = [this](const std::vector<std::string>& failed) {
      std::string line = "all started";
      for (const std::string& name : failed) line += " but " + name;
      host.book.write(line);
    };
    events.node_must_stop = [this](const std::string& name) { host.book.write("node must stop: " + name); };
    events.gone = [this] { host.book.write("gone"); };
    runtime::spawn_options options;
    options.name = application_controller::registered_name;
    const auto pid = host.system.spawn(
        std::move(options),
        std::make_unique<application_controller>(std::move(applications),
                                                 supervision{&host.factory, &host.tree, &host.orders, {}},
                                                 board, std::move(events)));
    REQUIRE(pid.has_value());
    controller = *pid;
  }
  void stop() { host.system.notify(controller, application_controller::stop_message()); }

  std::string states() const {
    std::string out;
    for (const application_row& row : board.rows()) {
      out += (out.empty() ? "" : " ") + row.name + "=" + std::string(text(row.state));
    }
    return out;
  }

  application_board board; // outlives the host's processes
  test_host host;
  runtime::pid controller;
};

void end(test_host& host, const char* name, const char* reason) {
  host.system.send(runtime::destination::named(name), term(std::string("{exit, ") + reason + "}"));
}

} // namespace

TEST_CASE("applications start in order and stop in reverse") {
  controlled node({application("a"), application("b", application_type::permanent, {"a"})});
  test_host& host = node.host;
  CHECK(host.book.take(3) == lines{"start a", "start b", "all started"});
  CHECK(node.states() == "a=running b=running");
  CHECK(host.call(runtime::destination::named("application_controller"), "which_applications")
            .starts_with("[{b,\"b\",\""));
  node.stop();
  CHECK(host.book.take(3) == lines{"stop b shutdown", "stop a shutdown", "gone"});
  CHECK(node.states() == "a=stopped b=stopped");
}

TEST_CASE("what an application's end does to the node, by type and reason") {
  // A supervisor that gives up ends with shutdown. Only the end after max_runtime counts as normal.
  struct row {
    application_type type;
    bool stops_node;
  };
  for (const row& each : {row{application_type::permanent, true}, row{application_type::transient, true},
                          row{application_type::temporary, false}}) {
    CAPTURE(text(each.type));
    controlled node({application("a", each.type), application("b")});
    test_host& host = node.host;
    host.book.take(3);
    end(host, "a", "boom");
    if (each.stops_node) {
      CHECK(host.book.take(2) == lines{"stop a boom", "node must stop: a"});
    } else {
      CHECK(host.book.take(1) == lines{"stop a boom"});
      host.end_of(*host.system.whereis("a_sup"));
    }
    node.stop();
    CHECK(host.book.take(2) == lines{"stop b shutdown", "gone"});
  }
}

TEST_CASE("what an application's actors have started outside of its tree ends with the application") {
  // A process that starts as many others, each one by the one before.
  class chain final : public runtime::behaviour {
   public:
    chain(std::string name, int more) : name_(std::move(name)), more_(more) {}
    runtime::outcome init(runtime::process& self) override {
      self.trap_exit(true);
      runtime::spawn_options options;
      options.name = name_ + std::to_string(more_);
      if (more_ > 0)
        CHECK(self.spawn(std::move(options), std::make_unique<chain>(name_, more_ - 1)).has_value());
      return runtime::carry_on();
    }
    runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
    void describe(runtime::description& out) const override { out.behaviour = "chain"; }

   private:
    std::string name_;
    int more_;
  };
  // An actor that fails starts its own before it does.
  const auto starts = [](runtime::process& self, const std::string& id) {
    CHECK(self.spawn({}, std::make_unique<chain>(id, 2)).has_value());
  };
  const auto await_start = [](test_host& host, const std::string& name) {
    test::look_until([&] { return host.system.whereis(name).has_value(); });
    return host.system.whereis(name).value_or(runtime::pid());
  };
  {
    controlled node({application("a", application_type::temporary), application("b")}, {}, starts);
    test_host& host = node.host;
    CHECK(host.book.take(3) == lines{"start a", "start b", "all started"});
    const runtime::pid of_a = await_start(host, "a1");
    const runtime::pid of_b = await_start(host, "b1");
    end(host, "a", "boom");
    test::look_until([&] { return node.states() == "a=stopped b=running"; });
    CHECK_FALSE(host.system.alive(of_a));
    CHECK(host.system.alive(of_b));
    for (const char* name : {"a1", "a2"}) CHECK_FALSE(host.system.whereis(name).has_value());
    node.stop();
    CHECK(host.book.take(3) == lines{"stop a boom", "stop b shutdown", "gone"});
    for (const char* name : {"b1", "b2"}) CHECK_FALSE(host.system.whereis(name).has_value());
  }
  controlled fails({application("c", application_type::temporary)}, {{"c", 1}}, starts);
  CHECK(fails.host.book.take(2) == lines{"fail c", "all started but c"});
  for (const char* name : {"c1", "c2"}) CHECK_FALSE(fails.host.system.whereis(name).has_value());
}

TEST_CASE("an application whose max_runtime is over ends normally") {
  for (const bool permanent : {true, false}) {
    application_spec brief =
        application("brief", permanent ? application_type::permanent : application_type::transient);
    brief.max_runtime = base::nanos_per_ms;
    controlled node({brief});
    const auto seen = node.host.book.take(permanent ? 4 : 3);
    CHECK(std::find(seen.begin(), seen.end(), "stop brief shutdown") != seen.end());
    CHECK((std::find(seen.begin(), seen.end(), "node must stop: brief") != seen.end()) == permanent);
  }
}

TEST_CASE("a notice that max_runtime is over does not count once the limit has been raised or taken away") {
  for (const base::nanos limit : {3600 * base::nanos_per_second, base::nanos{0}}) {
    application_spec lasting = application("a");
    lasting.max_runtime = limit;
    controlled node({lasting});
    test_host& host = node.host;
    CHECK(host.book.take(2) == lines{"start a", "all started"});
    const runtime::pid master = host.system.info("a_sup")->parent;
    host.system.notify(master, runtime::message::atom("max_runtime"));
    test::look_until([&] {
      const auto now = host.system.info(master);
      return !now || (now->summary.messages == 0 && now->summary.status == runtime::process_status::waiting);
    });
    CHECK(node.states() == "a=running");
    node.stop();
    CHECK(host.book.take(2) == lines{"stop a shutdown", "gone"});
  }
}

TEST_CASE("a permanent application that does not start takes the node down") {
  controlled node({application("a"), application("b"), application("c")}, {{"b", 1}});
  test_host& host = node.host;
  CHECK(host.book.take(3) == lines{"start a", "fail b", "node must stop: b"});
  CHECK(node.states() == "a=running b=failed c=waiting");
  node.stop();
  CHECK(host.book.take(2) == lines{"stop a shutdown", "gone"});
}

TEST_CASE("a temporary application that does not start is left out, with those that need it") {
  controlled node({application("a", application_type::temporary),
                   application("b", application_type::temporary, {"a"}), application("c")},
                  {{"a", 1}});
  test_host& host = node.host;
  CHECK(host.book.take(3) == lines{"fail a", "start c", "all started but a but b"});
  CHECK(node.states() == "a=failed b=failed c=running");
}
