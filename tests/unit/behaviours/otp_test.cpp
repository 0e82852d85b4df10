// SPDX-License-Identifier: MIT
// Compares our supervisor with OTP's: both get the same random events. After each event the test compares
// the answer, the order of starts and stops, the state of every child, and which children have a new pid. A
// failure prints the seed and the events before it. Skipped without Erlang.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

#include "children.hpp"
#include "otp_script.hpp"
#include "otp_side.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::otp;
using test::term;
using test::test_host;

namespace {

// Plays the escript's events on our supervisor.
class ours {
 public:
  explicit ours(supervisor_spec spec) : simple_(spec.strategy == strategy::simple_one_for_one) {
    host_.supervise(std::move(spec));
  }

  std::string scenario() { return observed("ok"); }
  std::string fail(const std::string& id, int times) {
    return host_.book.failures[id] = times, observed("ok");
  }
  std::string exit(const std::string& id, const std::string& reason) {
    return ended(id,
                 [&](const runtime::pid& pid) { host_.system.send(pid, term("{exit, " + reason + "}")); });
  }
  std::string kill(const std::string& id) {
    return ended(id,
                 [&](const runtime::pid& pid) { host_.system.exit(pid, runtime::message::atom("kill")); });
  }
  // Only under simple_one_for_one.
  std::string start_one(const std::string& id) {
    if (before_.contains(id)) return observed("not_free");
    return ask(fmt::format("{{start_child, [#{{id => {}}}]}}", id));
  }
  std::string terminate_one(const std::string& id) {
    if (!before_.contains(id)) return observed("not_running");
    return ask("{terminate_child, " + runtime::to_text(before_[id], host_.system.nodes()) + "}");
  }
  std::string ask(const std::string& request) {
    std::string answer = host_.call(sup_, request);
    if (answer.starts_with("{ok,<")) answer = "{ok,pid}";
    if (answer.starts_with("{error,{already_started,")) answer = "{error,already_started}";
    if (answer.starts_with("{error,{{cannot,start},")) answer = "{error,{cannot,start}}";
    if (answer.starts_with("!")) answer = "dead";
    return observed(answer);
  }

 private:
  // In start order; under simple_one_for_one, sorted by the id that each child was given. Empty: the
  // supervisor is dead.
  std::optional<std::vector<test::listed_child>> children() {
    auto all = test::children_of(host_, sup_);
    if (!all || !simple_) return all;
    for (auto& one : *all) one.id = one.pid ? host_.call(one.pid, "id") : "restarting";
    std::sort(all->begin(), all->end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
  }

  template <class How>
  std::string ended(const std::string& id, How how) {
    const auto all = children();
    for (const test::listed_child& row : all.value_or(std::vector<test::listed_child>())) {
      if (row.id != id || !row.pid) continue;
      how(row.pid);
      host_.end_of(row.pid);
      for (bool listed = true; listed;) {
        listed = false;
        const auto now = children();
        for (const test::listed_child& each : now.value_or(std::vector<test::listed_child>()))
          listed |= each.pid == row.pid;
      }
      return observed("ok");
    }
    return observed("not_running");
  }

  std::string observed(const std::string& answer) {
    std::string states = "dead";
    std::map<std::string, runtime::pid> now;
    for (bool waiting = true; waiting;) {
      waiting = false;
      const auto all = children();
      states = all ? "" : "dead";
      now.clear();
      for (const test::listed_child& row : all.value_or(std::vector<test::listed_child>())) {
        waiting |= row.state == "restarting";
        const bool another = row.pid && (!before_.contains(row.id) || before_[row.id] != row.pid);
        states += fmt::format("{}{}={}{}", states.empty() ? "" : " ", row.id, row.state, another ? "+" : "");
        if (row.pid) now[row.id] = row.pid;
      }
    }
    before_ = now;
    std::string log;
    std::vector<std::string> lines = host_.book.take(0);
    // Children of a template are stopped all at once, in no fixed order.
    if (simple_) std::sort(lines.begin(), lines.end());
    for (const std::string& line : lines) {
      if (!line.starts_with("args ")) log += (log.empty() ? "" : ",") + line;
    }
    return fmt::format("{} | {} | {}", answer, log, states);
  }

  const bool simple_;
  const runtime::destination sup_ = runtime::destination::named("sup");
  test_host host_;
  std::map<std::string, runtime::pid> before_;
};

// Makes random scenarios and plays them on both sides.
class script {
 public:
  explicit script(unsigned seed) : random_(seed) {}

  // Plays one scenario event by event. False: the two sides differed.
  bool play(otp& theirs) {
    static constexpr const char* strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};
    static constexpr const char* endings[] = {"never", "never", "any_significant", "all_significant"};
    const int how = pick(3), ending = pick(4), intensity = pick(6), count = 1 + pick(4);
    supervisor_spec spec;
    spec.name = "sup";
    spec.strategy = static_cast<strategy>(how);
    spec.intensity = static_cast<std::uint32_t>(intensity);
    spec.period = 3600 * base::nanos_per_second;
    spec.auto_shutdown = ending < 2 ? auto_shutdown::never : static_cast<auto_shutdown>(ending - 1);
    may_end_ = ending >= 2;
    std::string children;
    for (int i = 0; i < count; ++i) {
      const std::string child = random_child(std::string(1, static_cast<char>('a' + i)));
      children += (i == 0 ? "" : ",") + child;
      spec.children.push_back(std::make_shared<child_spec>(last_));
    }
    ours mine(std::move(spec));
    if (!same(theirs.ask(fmt::format("{{scenario,{{{},{},{}}},[{}]}}", strategies[how], intensity,
                                     endings[ending], children)),
              mine.scenario(), children)) {
      return false;
    }
    for (int i = 0; i < 15; ++i) {
      if (!step(theirs, mine)) return false;
    }
    return true;
  }
  // Plays one scenario of a supervisor under simple_one_for_one, whose children come from a template.
  bool play_simple(otp& theirs) {
    const int intensity = pick(6);
    supervisor_spec spec;
    spec.name = "sup";
    spec.strategy = strategy::simple_one_for_one;
    spec.intensity = static_cast<std::uint32_t>(intensity);
    spec.period = 3600 * base::nanos_per_second;
    const std::string child = random_child("t");
    spec.children.push_back(std::make_shared<child_spec>(last_));
    ours mine(std::move(spec));
    const std::string flags = fmt::format("{{simple_one_for_one,{},never}}", intensity);
    if (!same(theirs.ask(fmt::format("{{scenario,{},[{}]}}", flags, child)), mine.scenario(), child))
      return false;
    for (int i = 0; i < 20; ++i) {
      if (!step_simple(theirs, mine)) return false;
    }
    return true;
  }
  std::string story;

 private:
  bool step_simple(otp& theirs, ours& mine) {
    const std::string id(1, static_cast<char>('a' + pick(5)));
    switch (pick(10)) {
      case 0:
      case 1:
        return ends(theirs, mine, id);
      case 2:
        return is_killed(theirs, mine, id);
      case 3:
        return fails_to_start(theirs, mine, id);
      case 4:
        return same(theirs, fmt::format("{{terminate_one,{}}}", id), mine.terminate_one(id));
      case 5:
        return same(theirs, "{restart,t}", mine.ask("{restart_child, t}"));
      case 6:
        return same(theirs, "{delete,t}", mine.ask("{delete_child, t}"));
      default:
        return same(theirs, fmt::format("{{start_one,{}}}", id), mine.start_one(id));
    }
  }

  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  std::string random_child(const std::string& id) {
    static constexpr restart_type types[] = {restart_type::permanent, restart_type::transient,
                                             restart_type::temporary};
    last_ = test::actor(id, "scribe", types[pick(3)]);
    last_.name = "";
    last_.significant = may_end_ && last_.restart != restart_type::permanent && pick(2) == 0;
    return fmt::format("{{{},{},{}}}", id, text(last_.restart), last_.significant);
  }

  bool step(otp& theirs, ours& mine) {
    const std::string id(1, static_cast<char>('a' + pick(5)));
    switch (pick(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return ends(theirs, mine, id);
      case 4:
        return is_killed(theirs, mine, id);
      case 5:
        return fails_to_start(theirs, mine, id);
      case 6: {
        const std::string event = fmt::format("{{start,{}}}", random_child(id));
        return same(
            theirs, event,
            mine.ask(fmt::format("{{start_child, #{{id => {}, start => {{coppice, start_link, [scribe]}}, "
                                 "restart => {}, significant => {}}}}}",
                                 id, text(last_.restart), last_.significant)));
      }
      case 7:
        return same(theirs, fmt::format("{{terminate,{}}}", id),
                    mine.ask(fmt::format("{{terminate_child, {}}}", id)));
      case 8:
        return same(theirs, fmt::format("{{restart,{}}}", id),
                    mine.ask(fmt::format("{{restart_child, {}}}", id)));
      default:
        return same(theirs, fmt::format("{{delete,{}}}", id),
                    mine.ask(fmt::format("{{delete_child, {}}}", id)));
    }
  }

  // The events that a child of any supervisor may meet.
  bool ends(otp& theirs, ours& mine, const std::string& id) {
    static constexpr const char* reasons[] = {"boom", "normal", "shutdown", "{shutdown,x}", "boom"};
    const std::string reason = reasons[pick(5)];
    return same(theirs, fmt::format("{{exit,{},{}}}", id, reason), mine.exit(id, reason));
  }
  bool is_killed(otp& theirs, ours& mine, const std::string& id) {
    return same(theirs, fmt::format("{{kill,{}}}", id), mine.kill(id));
  }
  bool fails_to_start(otp& theirs, ours& mine, const std::string& id) {
    const int times = 1 + pick(3);
    return same(theirs, fmt::format("{{fail,{},{}}}", id, times), mine.fail(id, times));
  }

  bool same(otp& theirs, const std::string& event, const std::string& mine) {
    return same(theirs.ask(event), mine, event);
  }
  bool same(const std::string& theirs, const std::string& mine, const std::string& event) {
    story += fmt::format("{}\n  otp:  {}\n  ours: {}\n", event, theirs, mine);
    return theirs == mine;
  }

  std::mt19937 random_;
  child_spec last_;
  bool may_end_ = false;
};

} // namespace

TEST_CASE("random events have the same effects as on OTP's supervisor, step by step") {
  otp theirs(otp_supervisor_script);
  if (theirs.ask("count").empty()) {
    fmt::print("SKIP supervisors beside OTP's: no escript on this machine\n");
    return;
  }
  for (unsigned seed = 1; seed <= 60; ++seed) {
    script one(seed);
    const bool same = one.play(theirs);
    CAPTURE(seed);
    CHECK_MESSAGE(same, one.story);
    if (!same) return;
  }
}

TEST_CASE("random events have the same effects on children of a template as under OTP's supervisor") {
  otp theirs(otp_supervisor_script);
  if (theirs.ask("count").empty()) {
    fmt::print("SKIP templates beside OTP's: no escript on this machine\n");
    return;
  }
  for (unsigned seed = 1; seed <= 60; ++seed) {
    script one(seed);
    const bool same = one.play_simple(theirs);
    CAPTURE(seed);
    CHECK_MESSAGE(same, one.story);
    if (!same) return;
  }
}
