// SPDX-License-Identifier: MIT
// Tests of running consumer supervisors: what they ask of processes that play producers, and what happens to
// the children that events start. Every recording of GenStage's ConsumerSupervisor is replayed; its
// producers (the hands) and children (the kids) are processes of the test.
#include "behaviours/consumer_supervisor/consumer_supervisor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "../test_host.hpp"
#include "held_clock.hpp"
#include "recording.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "stage_recordings.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using runtime::message;
using test::term;
using test::test_host;

namespace {

constexpr base::nanos patience = 10 * base::nanos_per_second;

// The event in a child's args, as text. "none": the args have no event.
std::string event_of(const message& args) {
  etf::cursor at(args.bytes());
  std::uint32_t keys = 0;
  for (at.read_map(keys); keys != 0; --keys) {
    const bool found = at.read_atom_is("event");
    if (!found) at.skip();
    etf::bytes value;
    at.read_term(value);
    if (found) return etf::print(value);
  }
  return "none";
}

// Notes "start EVENT PID" and "end EVENT REASON"; ends on {exit, Reason}. With the event `refuse` the start
// fails, with `ignore` init returns ignore, and with `once` it does so from the second start on.
class kid : public native_server {
 public:
  kid(test::diary& book, std::string event) : native_server("kid"), book_(book), event_(std::move(event)) {}

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    self.trap_exit(true);
    if (event_ == "refuse") return runtime::stop(term("refused"));
    if (event_ == "ignore") return runtime::ignore();
    if (int& starts = book_.failures[event_]; event_ == "once" && starts++ != 0) return runtime::ignore();
    runtime::message_writer out;
    runtime::write(out, self.self(), self.host().nodes());
    book_.write("start " + event_ + " " + test::text(out.take()));
    return runtime::carry_on();
  }
  runtime::outcome handle_info(runtime::process&, const message& m) override {
    etf::cursor at(m.bytes());
    if (!at.read_tuple_of(2) || !at.read_atom_is("exit")) return runtime::carry_on();
    return runtime::stop(m.slice(at.rest()));
  }
  void on_stop(runtime::process&, const message& reason) override {
    book_.write("end " + event_ + " " + test::text(reason));
  }

 private:
  test::diary& book_;
  std::string event_;
};

class kids : public runtime::actor_factory {
 public:
  explicit kids(test::diary& book) : book_(book) {}
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override {
    return std::make_unique<kid>(book_, event_of(spec.args));
  }

 private:
  test::diary& book_;
};

// Notes every message that it gets.
class hand : public runtime::behaviour {
 public:
  explicit hand(test::diary& heard) : heard_(heard) {}
  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process&, message m) override {
    heard_.write(test::text(m));
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "hand"; }

 private:
  test::diary& heard_;
};

std::string text_of(const runtime::pid& pid, const runtime::node_names& names) {
  runtime::message_writer out;
  runtime::write(out, pid, names);
  return test::text(out.take());
}

// A host on which consumer supervisors and hands are started by name.
struct stages_host : test_host {
  struct started {
    runtime::pid pid;
    std::string why; // the reason of a failed start
  };
  struct one_hand {
    test::diary heard;
    runtime::pid pid;
    std::size_t read = 0;
  };

  ~stages_host() { system.stop(); } // before the diaries are destroyed

  started start(restart_type restart, std::string_view options = "[]", std::string_view args = "#{}") {
    auto of = std::make_shared<child_spec>();
    of->name = "jobs";
    of->options = term(options);
    auto inside = std::make_shared<supervisor_spec>();
    inside->strategy = strategy::simple_one_for_one;
    inside->intensity = 3;
    auto one = std::make_shared<child_spec>();
    one->id = term("event");
    one->actor = "kid";
    one->plugin = "kid";
    one->restart = restart;
    one->args = term(args);
    inside->children.push_back(std::move(one));
    of->supervisor = std::move(inside);
    auto shared = std::make_shared<supervision>(supervision{&makes, &tree, &orders, {}});
    shared->rights = rights;
    shared->check_args = check_args;
    return run([&](runtime::process& self) -> started {
      runtime::spawn_options options_of;
      options_of.name = "jobs";
      options_of.ack = self.make_ack();
      const auto ack = options_of.ack;
      const auto pid =
          self.spawn(std::move(options_of), std::make_unique<consumer_supervisor>(of, shared, "app/jobs", 0));
      if (!pid) return {{}, pid.error().text};
      const auto answer = self.await(ack);
      if (!answer || test::text(*answer) != "ok") return {{}, answer ? test::text(*answer) : "no answer"};
      return {*pid, {}};
    });
  }

  one_hand& hand_of(const std::string& name) {
    const auto [found, fresh] = hands.try_emplace(name);
    one_hand& out = found->second;
    if (fresh) {
      runtime::spawn_options options_of;
      options_of.name = "hand_" + std::to_string(hands.size());
      const auto pid = system.spawn(std::move(options_of), std::make_unique<hand>(out.heard));
      REQUIRE(pid.has_value());
      out.pid = *pid;
    }
    return out;
  }
  std::string text(const runtime::pid& pid) { return text_of(pid, system.nodes()); }

  // The next line of a diary. "nothing": none came within 10 s.
  static std::string next(const test::diary& of, std::size_t& read) {
    const base::nanos until = base::mono_now() + patience;
    for (;;) {
      const auto lines = of.lines();
      if (lines.size() > read) return lines[read++];
      if (base::mono_now() > until) return "nothing";
      coppice::test::pause(std::chrono::milliseconds(1));
    }
  }
  std::string next(one_hand& of) { return next(of.heard, of.read); }
  std::string next_of_kids() { return next(book, read_of_kids); }

  void send(const runtime::pid& to, std::string_view what) { system.send(to, term(what)); }

  kids makes{book};
  std::function<base::status(std::string_view, const message&, const base::secrets*, bool)> check_args{};
  std::map<std::string, one_hand> hands;
  std::size_t read_of_kids = 0;
};

// ---- the recordings ----

class replay {
 public:
  explicit replay(const std::string& file)
      : file_(file), lines_(test::read_recording(std::string(stage_recordings) + "/" + file + ".jsonl")) {}

  void run() {
    for (const auto& line : lines_) {
      if (file_ == "cs_refused" && line.from != "stage ok" && line.to != "stage ok") continue;
      CAPTURE(file_);
      CAPTURE(line.kind);
      CAPTURE(line.term);
      step(line);
    }
    // Nothing else was sent: any message to a hand has arrived by the time that the stage answers.
    if (host_.system.alive(stage_)) host_.call(stage_, "count_children");
    for (auto& each : host_.hands) {
      CAPTURE(each.first);
      CHECK(each.second.heard.lines().size() == each.second.read);
    }
  }

 private:
  void step(const test::recorded_line& line) {
    if (line.kind == "init") return init(line);
    if (line.kind == "in") {
      for (const std::string& name : {line.from, line.to})
        if (name.starts_with("hand")) bind_hand(name);
      return host_.send(stage_, bound(plain(line.term)));
    }
    if (line.kind == "out") {
      const std::string heard = host_.next(host_.hand_of(line.to));
      return check(line.term, heard);
    }
    if (line.kind == "reply") return reply(line);
    if (line.kind == "callback") return check_start(line);
    if (line.kind == "exit") return exit(line);
    if (line.kind == "result" && line.of == "alive")
      CHECK(host_.system.alive(stage_) == (line.term == "true"));
  }

  void init(const test::recorded_line& line) {
    if (stage_ && host_.system.alive(stage_)) host_.shut_down(stage_);
    host_.read_of_kids = host_.book.lines().size();
    const bool transient = line.term.find("{restart,transient}") != std::string::npos;
    const auto begun = host_.start(transient ? restart_type::transient : restart_type::temporary);
    REQUIRE(begun.pid);
    stage_ = begun.pid;
    ended_ = host_.run([this](runtime::process& self) { return self.monitor(stage_, true); });
    names_[pid_name(line.from.empty() ? "stage" : line.from)] = host_.text(stage_);
  }

  // The name of a pid in the form that the recording has.
  static std::string pid_name(std::string name) {
    std::ranges::replace(name, ' ', '_');
    return "<" + name + ">";
  }
  void bind_hand(const std::string& name) { names_[pid_name(name)] = host_.text(host_.hand_of(name).pid); }

  // Replaces each [alias|#Ref<NAME>] by NAME: here the hand makes the call itself, with NAME as the tag.
  static std::string plain(std::string text) {
    for (std::size_t at; (at = text.find("[alias|#Ref<")) != std::string::npos;) {
      const std::size_t end = text.find(">]", at);
      text.replace(at, end + 2 - at, text.substr(at + 12, end - at - 12));
    }
    for (std::size_t at = 0; (at = text.find("=>", at)) != std::string::npos; at += 4)
      text.replace(at, 2, " => "); // the form in which our terms are printed
    return text;
  }
  std::string bound(std::string text) {
    if (text.find("<another>") != std::string::npos) names_["<another>"] = host_.text(host_.hand_of("x").pid);
    for (const auto& [name, ours] : names_)
      for (std::size_t at; (at = text.find(name)) != std::string::npos;) text.replace(at, name.size(), ours);
    for (std::size_t at; (at = text.find("#Ref<tag")) != std::string::npos;) { // no message has it
      const std::string name = text.substr(at, text.find('>', at) + 1 - at);
      names_[name] = "unknown";
      text.replace(at, name.size(), "unknown");
    }
    return text;
  }

  // Compares the two. A reference of the recording without a value is bound to ours in its place.
  void check(const std::string& recorded, const std::string& ours) {
    std::string expected = plain(recorded);
    for (const auto& [name, own] : names_)
      for (std::size_t at; (at = expected.find(name)) != std::string::npos;)
        expected.replace(at, name.size(), own);
    if (const std::size_t at = expected.find("#Ref<tag"); at != std::string::npos && at < ours.size()) {
      const std::string name = expected.substr(at, expected.find('>', at) + 1 - at);
      const std::string own = ours.substr(at, ours.find('>', at) + 1 - at);
      names_[name] = own;
      for (std::size_t next; (next = expected.find(name)) != std::string::npos;)
        expected.replace(next, name.size(), own);
    }
    if (const std::size_t at = expected.find("'TEXT'"); at != std::string::npos)
      expected = ours.starts_with(expected.substr(0, at) + "<<\"") ? ours : expected;
    CHECK(expected == ours);
  }

  // Checks an answer at the hand that made the call.
  void reply(const test::recorded_line& line) {
    const std::string tag = plain(line.term).substr(1, plain(line.term).find(',') - 1);
    std::string caller;
    for (const auto& each : lines_)
      if (each.kind == "in" && plain(each.term).find("," + tag + "}") != std::string::npos)
        caller = each.from;
    REQUIRE_FALSE(caller.empty());
    const std::string heard = host_.next(host_.hand_of(caller));
    if (line.term.find("'Elixir.Plain'") == std::string::npos) return check(line.term, heard);
    // The order of which_children is not defined.
    const auto children = [](const std::string& text) {
      std::multiset<std::string> out;
      for (std::size_t at = 0; (at = text.find("{undefined,", at)) != std::string::npos; ++at)
        out.insert(text.substr(at, text.find(']', at) - at));
      return out;
    };
    std::string expected = bound(line.term);
    for (std::size_t at; (at = expected.find("'Elixir.Plain'")) != std::string::npos;)
      expected.replace(at, 14, "kid");
    CHECK(children(expected) == children(heard));
  }

  // {start_child_for, Event} returned {ok, <kid_…>}.
  void check_start(const test::recorded_line& line) {
    const std::string event = line.term.substr(17, line.term.size() - 18);
    const std::string begun = host_.next_of_kids();
    REQUIRE(begun.starts_with("start " + event + " "));
    const std::string name = line.returns.substr(4, line.returns.size() - 5);
    names_[name] = begun.substr(7 + event.size());
  }

  // Makes a kid end, or waits for the end if the supervisor ends the kid, or ends itself.
  void exit(const test::recorded_line& line) {
    if (!line.from.starts_with("kid")) {
      const auto ended = host_.run([this](runtime::process& self) {
        const auto answer = self.await(ended_);
        return answer ? std::string("?") : test::text(answer.error().reason);
      });
      CHECK(ended == line.term);
      return;
    }
    const std::string event = line.from.substr(4, line.from.find(' ', 4) - 4);
    if (line.term != "shutdown") {
      const auto pid = term(names_.at(pid_name(line.from)));
      etf::cursor at(pid.bytes());
      host_.send(runtime::read_pid(at, host_.system.nodes()).value(), "{exit," + line.term + "}");
    }
    CHECK(host_.next_of_kids() == "end " + event + " " + line.term);
  }

  std::string file_;
  std::vector<test::recorded_line> lines_;
  stages_host host_;
  runtime::pid stage_;
  runtime::reference ended_;
  std::map<std::string, std::string> names_;
};

} // namespace

TEST_CASE("a consumer supervisor does what GenStage's did in every recording") {
  for (const char* const file :
       {"cs_3_0", "cs_3_2", "cs_4", "cs_calls", "cs_intensity", "cs_more_than_asked", "cs_producer_ends",
        "cs_refused", "cs_start_fails", "cs_transient", "cs_two_producers"}) {
    SUBCASE(file) {
      replay(file).run();
    }
  }
}

namespace {

// Subscribes `whom` to a hand, and checks that the hand gets the subscription and the first ask. Returns the
// tag, as text.
std::string subscribe(stages_host& host, stages_host::one_hand& to, const runtime::pid& whom,
                      const std::string& options, int asked) {
  const std::string answer = host.call(whom, "{'$subscribe',nil," + host.text(to.pid) + "," + options + "}");
  REQUIRE(answer.starts_with("{ok,"));
  const std::string tag = answer.substr(4, answer.size() - 5);
  const std::string head = "{'$gen_producer',{" + host.text(whom) + "," + tag + "},";
  CHECK(host.next(to) == head + "{subscribe,nil," + options + "}}");
  CHECK(host.next(to) == head + "{ask," + std::to_string(asked) + "}}");
  return tag;
}

std::string asks(stages_host& host, const runtime::pid& whom, const std::string& tag, int count) {
  return "{'$gen_producer',{" + host.text(whom) + "," + tag + "},{ask," + std::to_string(count) + "}}";
}

void give(stages_host& host, stages_host::one_hand& by, const runtime::pid& whom, const std::string& tag,
          const std::string& events) {
  host.send(whom, "{'$gen_consumer',{" + host.text(by.pid) + "," + tag + "}," + events + "}");
}

} // namespace

TEST_CASE(
    "an event stands in its child's args beside the template's, and what they refuse asks for another") {
  stages_host host;
  std::mutex lock;
  std::vector<std::string> given;
  host.check_args = [&](std::string_view actor, const message& args, const base::secrets*,
                        bool of_template) -> base::status {
    const std::scoped_lock held(lock);
    given.push_back(std::string(actor) + " " + test::text(args) + (of_template ? " template" : ""));
    if (event_of(args) == "[]") return base::fail(base::errc::invalid, "no list");
    return {};
  };
  const auto jobs = host.start(restart_type::temporary, "[]", "#{size => 3}");
  REQUIRE(jobs.pid);
  auto& a = host.hand_of("a");
  const std::string tag = subscribe(host, a, jobs.pid, "[{max_demand,3},{min_demand,1}]", 3);
  give(host, a, jobs.pid, tag, "[#{size => 5},[]]");
  CHECK(host.next_of_kids().starts_with("start #{size => 5} "));
  CHECK(host.next(a) == asks(host, jobs.pid, tag, 1));
  const std::scoped_lock held(lock);
  CHECK(given ==
        std::vector<std::string>{"kid #{size => 3,event => #{size => 5}}", "kid #{size => 3,event => []}"});
}

TEST_CASE("start_child takes an event that is a small integer, which comes as a string of bytes") {
  stages_host host;
  const auto jobs = host.start(restart_type::temporary);
  REQUIRE(jobs.pid);
  CHECK(host.call(jobs.pid, "{start_child,\"\\a\"}").starts_with("{ok,"));
  CHECK(host.call(jobs.pid, "{start_child,\"ab\"}") == "{error,badarg}");
  CHECK(host.call(jobs.pid, "count_children") == "#{active => 1,specs => 1,supervisors => 0,workers => 1}");
}

TEST_CASE("start_child takes an event or none, and its children ask for nothing") {
  stages_host host;
  const auto jobs = host.start(restart_type::temporary);
  REQUIRE(jobs.pid);
  auto& a = host.hand_of("a");
  subscribe(host, a, jobs.pid, "[{max_demand,1}]", 1);
  CHECK(host.call(jobs.pid, "{start_child,[own]}").starts_with("{ok,"));
  CHECK(host.next_of_kids().starts_with("start own "));
  CHECK(host.call(jobs.pid, "{start_child,[]}").starts_with("{ok,"));
  CHECK(host.next_of_kids().starts_with("start none "));
  CHECK(host.call(jobs.pid, "{start_child,[a,b]}") == "{error,badarg}");
  CHECK(host.call(jobs.pid, "{start_child,#{event => a}}") == "{error,badarg}");
  CHECK(host.call(jobs.pid, "{start_child,[refuse]}") == "{error,refused}");
  CHECK(host.call(jobs.pid, "{start_child,[ignore]}") == "{ok,undefined}");
  for (int i = 0; i < 2; ++i) {
    const std::string listed = host.call(jobs.pid, "which_children");
    const std::size_t at = listed.find('<');
    const std::string pid = listed.substr(at, listed.find('>') + 1 - at);
    CHECK(host.call(jobs.pid, "{terminate_child," + pid + "}") == "ok");
    CHECK(host.next_of_kids().starts_with("end "));
  }
  CHECK(host.call(jobs.pid, "count_children") == "#{active => 0,specs => 1,supervisors => 0,workers => 0}");
  CHECK(a.heard.lines().size() == a.read);
}

TEST_CASE("a child that is to start again and will not counts as ended") {
  stages_host host;
  const auto jobs = host.start(restart_type::transient);
  REQUIRE(jobs.pid);
  auto& a = host.hand_of("a");
  const std::string tag = subscribe(host, a, jobs.pid, "[{max_demand,1},{min_demand,0}]", 1);
  give(host, a, jobs.pid, tag, "[once]");
  const std::string begun = host.next_of_kids();
  REQUIRE(begun.starts_with("start once "));
  const auto pid = term(begun.substr(11));
  etf::cursor at(pid.bytes());
  host.send(runtime::read_pid(at, host.system.nodes()).value(), "{exit,boom}");
  CHECK(host.next_of_kids() == "end once boom");
  CHECK(host.next(a) == asks(host, jobs.pid, tag, 1));
  CHECK(host.call(jobs.pid, "which_children") == "[]");
}

TEST_CASE("other nodes subscribe it to something only where they may change the supervisor") {
  for (const bool may : {false, true}) {
    stages_host host;
    if (may) host.rights = peer_rights({}, {"jobs"});
    const auto jobs = host.start(restart_type::temporary);
    REQUIRE(jobs.pid);
    auto& a = host.hand_of("a");
    const std::string request = "{'$subscribe',nil," + host.text(a.pid) + ",[]}";
    const std::string answer = host.call_of_peer(jobs.pid, request);
    CHECK(answer.starts_with("{ok,") == may);
    if (!may) CHECK(answer == "{error,not_allowed}");
    host.system.deliver(jobs.pid, test_host::from_peer(term("{'$gen_cast'," + request + "}")));
    host.call(jobs.pid, "count_children");
    for (int i = 0; may && i < 4; i++) CHECK(!host.next(a).empty()); // two subscriptions with an ask each
    CHECK(a.heard.lines().size() == a.read);
  }
}

TEST_CASE("its own producers are subscribed to as it starts, and one that is not there ends it") {
  stages_host host;
  auto& a = host.hand_of("a");
  const auto jobs =
      host.start(restart_type::temporary, "[{subscribe_to,[{hand_1,[{max_demand,2},{min_demand,1}]}]}]");
  REQUIRE(jobs.pid);
  CHECK(host.next(a).find("{subscribe,nil,[{max_demand,2},{min_demand,1}]}") != std::string::npos);
  CHECK(host.next(a).find("{ask,2}") != std::string::npos);
  host.shut_down(jobs.pid);
  const auto alone = host.start(restart_type::temporary, "[{subscribe_to,[{nobody,[]}]}]");
  CHECK_FALSE(alone.pid);
  CHECK(alone.why == "{error,noproc}");
}

TEST_CASE("what is not a consumer's is no option of it, and it says what is asked of whom") {
  stages_host host;
  CHECK(host.start(restart_type::temporary, "[{buffer_size,3}]").why.starts_with("{error,{bad_opts,<<\""));
  const auto jobs = host.start(restart_type::temporary);
  REQUIRE(jobs.pid);
  CHECK(host.call(jobs.pid, "'$estimate_buffered_count'") == "0");
  runtime::description is;
  auto of = std::make_shared<child_spec>();
  of->supervisor = std::make_shared<supervisor_spec>();
  consumer_supervisor(of, std::make_shared<supervision>(), "x", 0).describe(is);
  CHECK(is.behaviour == "consumer_supervisor");
  CHECK(is.supervises);
}
