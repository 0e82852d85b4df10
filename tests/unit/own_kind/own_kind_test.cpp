// SPDX-License-Identifier: MIT
// rooms: node
// Tests that a kind of child can be added by one folder and a line in the list of kinds: a whole node reads
// its key, checks it, prints it, starts the child, applies one change while it runs and another by a
// restart, and shows its counter and its report.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <coppice/etf/text.hpp>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "code_lines.hpp"
#include "metrics/board.hpp"
#include "node/instance/apply.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/operations.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "spec/load.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

namespace {

class tallying {
 public:
  explicit tallying(const std::string& tally) {
    base::log::set_level(base::log::level::error);
    ::chmod(place_.write("cookie", "a_cookie_of_20_bytes").c_str(), 0600);
    write(tally);
    spec::outcome loaded = spec::load({file_});
    REQUIRE_MESSAGE(loaded.spec.has_value(), spec::render(loaded.diagnostics));
    auto started = node::instance::start(std::move(*loaded.spec), [] {}, {.files = {file_}, .options = {}});
    REQUIRE_MESSAGE(started, started.error().text);
    node_ = std::move(*started);
    std::promise<bool> is_ready;
    node_->when_ready([&is_ready](const base::status& is) { is_ready.set_value(static_cast<bool>(is)); });
    REQUIRE(is_ready.get_future().get());
  }
  node::instance* operator->() { return node_.get(); }

  // Applies these options. Returns the actions with their keys, such as "update keys".
  std::string apply(const std::string& tally) {
    write(tally);
    std::promise<std::string> told;
    node_->operations().apply({.files = {file_}, .by = "the test"},
                              [&told](const node::apply_outcome& outcome) {
                                std::string all = outcome.applied ? "" : "not applied";
                                for (const auto& one : outcome.changes) {
                                  all += one.action;
                                  for (const std::string& key : one.keys) all += " " + key;
                                }
                                told.set_value(all);
                              });
    return told.get_future().get();
  }
  std::string add() {
    const auto to = node_->snapshots().resolve("tally");
    REQUIRE(to);
    std::promise<std::string> told;
    node_->requests().call(*to, *node_->snapshots().parse("add"), 60 * base::nanos_per_second,
                           [&told](const behaviours::gen::call_result& result) {
                             told.set_value(result ? etf::print(result->bytes()) : "failed");
                           });
    return told.get_future().get();
  }
  std::string report() {
    const auto is = node_->snapshots().info("tally");
    REQUIRE(is);
    std::promise<std::string> told;
    node_->requests().engine_of(is->summary.pid, {}, 60 * base::nanos_per_second,
                                [&told](const base::result<runtime::message>& of) {
                                  told.set_value(of ? etf::print(of->bytes()) : of.error().text);
                                });
    return told.get_future().get();
  }
  std::string metrics() {
    metrics::exposition page(metrics::exposition::format::prometheus);
    node_->snapshots().counted().write(page);
    return page.take();
  }

 private:
  void write(const std::string& tally) {
    file_ = place_.write(
        "node.yaml",
        fmt::format("node: {{ name: own@127.0.0.1, cookie: {{ file: cookie }}, data: data, workers: 1 }}\n"
                    "epmd: {{ mode: off }}\n"
                    "distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 20000-60000 }} ] }}\n"
                    "applications:\n"
                    "  - name: shop\n"
                    "    supervisor: {{ children: [ {{ id: t, name: tally, tally: {} }} ] }}\n",
                    tally));
  }

  test::temporary_folder place_;
  std::string file_;
  std::unique_ptr<node::instance> node_;
};

} // namespace

TEST_CASE("a kind of child is a folder and a line in the list of kinds") {
  const auto product = test::code_lines_of(SOURCE_FOLDER "/daemon/spec/kinds/list.hpp");
  const auto longer = test::code_lines_of(SOURCE_FOLDER "/tests/unit/own_kind/longer/spec/kinds/list.hpp");
  CHECK(longer.size() == product.size() + 1);
}

TEST_CASE("its key is read, checked and printed") {
  const auto load = [](const std::string& child) {
    return spec::load_text(
        "node: { name: n@h }\napplications:\n  - name: a\n    supervisor: { children: [ " + child + " ] }\n",
        "n.yaml", "/");
  };
  const auto good = load("{ id: t, tally: { step: 3 } }");
  REQUIRE_MESSAGE(good.spec.has_value(), spec::render(good.diagnostics));
  const std::string printed = spec::effective_yaml(*good.spec);
  CHECK(printed.find("tally:") != std::string::npos);
  CHECK(printed.find("step: 3") != std::string::npos);
  const auto refused = [&load](const std::string& child, const std::string& why) {
    const auto outcome = load(child);
    CHECK_FALSE(outcome.spec.has_value());
    const std::string said = spec::render(outcome.diagnostics);
    CHECK_MESSAGE(said.find(why) != std::string::npos, said);
  };
  refused("{ id: t, tally: { step: 13 } }", "tally.step: is not 13");
  refused("{ id: t, tally: { steps: 1 } }", "steps");
  refused("{ id: t, tally: {}, pool: { actor: kv } }", "a child has one of");
  refused("{ id: t, tally: {}, args: {} }", "a tally takes no 'args'");
}

TEST_CASE("it runs, takes on a change as it runs, begins anew at another one, counts and reports") {
  tallying node("{ step: 2 }");
  CHECK(node.add() == "2");
  CHECK(node.add() == "4");
  CHECK(node.report() == "#{kind => tally,step => 2,total => 4}");
  CHECK(node.metrics().find("tally_added_total{tally=\"shop/t\"} 2\n") != std::string::npos);
  CHECK(node.apply("{ step: 10 }") == "update tally.step");
  CHECK(node.add() == "14");
  CHECK(node.apply("{ step: 10, from: 100 }") == "restart tally.from");
  CHECK(node.add() == "110");
  CHECK(node.metrics().find("tally_added_total{tally=\"shop/t\"} 1\n") != std::string::npos);
}
