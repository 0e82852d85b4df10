// SPDX-License-Identifier: MIT
// Tests every combination of strategy, restart type, exit reason and position, with siblings that are
// restarted or not: each runs on a live supervisor and is compared with two tables, which were written from
// the documentation of OTP's supervisor.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "children.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::term;
using test::test_host;

namespace {

// The effect of a child's own end: R: restarted by the strategy; -: it stays in the table, stopped; x:
// removed.
struct meaning {
  restart_type restart;
  const char* reason;
  char otherwise;
  char simple; // under simple_one_for_one
};
constexpr meaning meanings[] = {
    {restart_type::permanent, "normal", 'R', 'R'},       {restart_type::permanent, "shutdown", 'R', 'R'},
    {restart_type::permanent, "{shutdown,x}", 'R', 'R'}, {restart_type::permanent, "boom", 'R', 'R'},
    {restart_type::permanent, "kill", 'R', 'R'},         {restart_type::transient, "normal", '-', 'x'},
    {restart_type::transient, "shutdown", '-', 'x'},     {restart_type::transient, "{shutdown,x}", '-', 'x'},
    {restart_type::transient, "boom", 'R', 'R'},         {restart_type::transient, "kill", 'R', 'R'},
    {restart_type::temporary, "normal", 'x', 'x'},       {restart_type::temporary, "shutdown", 'x', 'x'},
    {restart_type::temporary, "{shutdown,x}", 'x', 'x'}, {restart_type::temporary, "boom", 'x', 'x'},
    {restart_type::temporary, "kill", 'x', 'x'},
};

// The effect of a restart on a, b and c when one of them failed: =: unchanged, +: a new process, x: removed;
// and the order in which siblings stop and all children start.
struct effect {
  strategy how;
  char failed;
  const char* among_permanent;
  const char* order;
  const char* among_temporary; // where the siblings are temporary
  const char* order_of_these;
};
constexpr effect effects[] = {
    {strategy::one_for_one, 'a', "+==", "start a", "+==", "start a"},
    {strategy::one_for_one, 'b', "=+=", "start b", "=+=", "start b"},
    {strategy::one_for_one, 'c', "==+", "start c", "==+", "start c"},
    {strategy::rest_for_one, 'a', "+++", "stop c, stop b, start a, start b, start c", "+xx",
     "stop c, stop b, start a"},
    {strategy::rest_for_one, 'b', "=++", "stop c, start b, start c", "=+x", "stop c, start b"},
    {strategy::rest_for_one, 'c', "==+", "start c", "==+", "start c"},
    {strategy::one_for_all, 'a', "+++", "stop c, stop b, start a, start b, start c", "+xx",
     "stop c, stop b, start a"},
    {strategy::one_for_all, 'b', "+++", "stop c, stop a, start a, start b, start c", "x+x",
     "stop c, stop a, start b"},
    {strategy::one_for_all, 'c', "+++", "stop b, stop a, start a, start b, start c", "xx+",
     "stop b, stop a, start c"},
    {strategy::simple_one_for_one, 'a', "+==", "start a", "+==", "start a"},
    {strategy::simple_one_for_one, 'b', "=+=", "start b", "=+=", "start b"},
    {strategy::simple_one_for_one, 'c', "==+", "start c", "==+", "start c"},
};

constexpr std::string_view ids = "abc";

// A supervisor of the children a, b and c.
class three {
 public:
  three(test_host& host, strategy how, char failed, restart_type its, restart_type of_others) : host_(host) {
    supervisor_spec spec;
    spec.name = "sup";
    spec.strategy = how;
    spec.intensity = 10;
    const bool simple = how == strategy::simple_one_for_one;
    for (const char id : simple ? "t" : ids) {
      child_spec one = test::actor(std::string(1, id), "scribe", simple || id == failed ? its : of_others);
      one.name = "";
      spec.children.push_back(std::make_shared<child_spec>(std::move(one)));
    }
    pid_ = host.supervise(std::move(spec)).first;
    REQUIRE(pid_);
    for (const char id : simple ? ids : "")
      host.call(pid_, fmt::format("{{start_child, [#{{id => {}}}]}}", id));
    for (const auto& one : now()) before_[place(one.id)] = one.pid;
    host_.book.take(0);
  }
  ~three() { host_.shut_down(pid_); }

  // The effect on each child, such as "=+-": see `effect`; -: stopped.
  std::string end(char failed, const std::string& reason) {
    const runtime::pid pid = before_[place(std::string(1, failed))];
    if (reason == "kill") {
      host_.system.exit(pid, runtime::message::atom("kill"));
    } else {
      host_.system.send(pid, term("{exit, " + reason + "}"));
    }
    host_.end_of(pid);
    auto after = now();
    const auto not_seen = [&] {
      return std::any_of(after.begin(), after.end(), [&](const auto& one) { return one.pid == pid; });
    };
    while (not_seen()) after = now();
    std::string out = "xxx";
    for (const auto& one : after) {
      const std::size_t at = place(one.id);
      out[at] = !one.pid ? '-' : one.pid == before_[at] ? '=' : '+';
    }
    return out;
  }
  // The stops of siblings and all starts, in order.
  std::string order(char failed) {
    std::string out;
    for (const std::string& line : host_.book.take(0)) {
      if (line.starts_with("args") || line.starts_with(fmt::format("stop {}", failed))) continue;
      out += (out.empty() ? "" : ", ") + line.substr(0, line.find(' ', line.find(' ') + 1));
    }
    return out;
  }

 private:
  static std::size_t place(const std::string& id) { return ids.find(id); }
  std::vector<test::listed_child> now() {
    auto all = test::children_of(host_, pid_).value_or(std::vector<test::listed_child>());
    for (auto& one : all)
      if (one.id == "undefined") one.id = host_.call(one.pid, "id");
    return all;
  }

  test_host& host_;
  runtime::pid pid_;
  std::array<runtime::pid, 3> before_;
};

} // namespace

TEST_CASE("what becomes of three children, by strategy, restart type, reason, position and siblings") {
  test_host host;
  for (const effect& each : effects) {
    for (const meaning& end : meanings) {
      for (const restart_type siblings : {restart_type::permanent, restart_type::temporary}) {
        const bool simple = each.how == strategy::simple_one_for_one;
        if (simple && siblings == restart_type::temporary) continue; // the template has one restart type
        const char what = simple ? end.simple : end.otherwise;
        const bool kept = siblings == restart_type::permanent;
        std::string expected = "===";
        expected[ids.find(each.failed)] = what;
        if (what == 'R') expected = kept ? each.among_permanent : each.among_temporary;
        const std::string_view order = what != 'R' ? "" : kept ? each.order : each.order_of_these;
        CAPTURE(text(each.how));
        CAPTURE(each.failed);
        CAPTURE(text(end.restart));
        CAPTURE(end.reason);
        CAPTURE(text(siblings));
        three tree(host, each.how, each.failed, end.restart, siblings);
        CHECK(tree.end(each.failed, end.reason) == expected);
        CHECK(tree.order(each.failed) == order);
      }
    }
  }
}
