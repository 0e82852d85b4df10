// SPDX-License-Identifier: MIT
// Members of a group on one node, with a machine that adds numbers: what clients are told, what is left after
// a member's end, and what becomes of a machine that crashes.
#include "behaviours/raft/member.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "behaviours/children.hpp"
#include "behaviours/raft/raft_kind.hpp"
#include "consensus/applied_commands.hpp"
#include "consensus/kept_replies.hpp"
#include "consensus/wire.hpp"
#include "durable/memory_disk.hpp"
#include "metrics/board.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;
using consensus::applied_commands;
using runtime::message;

namespace {

constexpr base::nanos ms = base::nanos_per_ms;

std::atomic<bool> is_mended = false; // `crash` adds 1000

// A command is a number, which is added; `crash` ends it, and so does `leave`, orderly; of `keep_still` it
// tells nothing; `ring` has the member make an entry of what came of a timer, which adds 1000; `drift` adds 7
// in the machine a alone. The query `sum` is answered by the sum, any other one by refused. The sum is the
// hash of its state. Everything it does is written down with its id.
class adding_machine final : public native_server, public raft::machine {
 public:
  adding_machine(diary& book, std::string id) : native_server("adding"), book_(book), id_(std::move(id)) {}
  std::shared_ptr<const raft::machine_progress> progress() const override { return progress_; }

 protected:
  runtime::outcome handle_info(runtime::process& self, const message& m) override {
    etf::cursor at(m.bytes());
    std::uint32_t arity = 0;
    std::string_view word;
    CHECK(self.origin().notice);
    if (!at.read_tuple_of(3) || !at.read_atom_is(raft::machine_tag) || !at.read_unsigned(run_))
      return runtime::carry_on();
    if (at.read_atom_is(raft::save_word)) return save(self), runtime::carry_on();
    if (!at.read_tuple(arity) || !at.read_atom(word)) return runtime::carry_on();
    if (word == raft::begin_word) return begin(at);
    if (word == raft::apply_word) return apply(self, at);
    if (word == raft::skip_word) return skip(at);
    if (word == raft::query_word) query(self, at);
    if (word == raft::get_word) get(self, at);
    std::uint64_t upto = 0;
    if (word == raft::compacted_word && at.read_unsigned(upto)) replies_.forget_up_to(upto);
    if (word == raft::lead_word) {
      std::uint64_t first = 0;
      CHECK(at.read_unsigned(first));
      book_.write(id_ + (first == 0 ? " follows" : " leads"));
    }
    return runtime::carry_on();
  }

 private:
  runtime::outcome begin(etf::cursor at) {
    applied_commands::bounds most;
    etf::bytes snapshot;
    etf::bytes commands;
    CHECK(at.read_unsigned(most.sessions));
    commands_ = applied_commands(most);
    began_at_ = 0;
    sum_ = 0;
    const bool restores = at.read_binary(snapshot);
    CHECK((restores || at.read_atom_is("undefined")));
    CHECK(at.read_unsigned(check_));
    if (restores) {
      if (int& left = book_.failures["restore"]; left > 0) {
        --left;
        return runtime::stop(term("{bad_snapshot, <<\"another version\">>}"));
      }
      etf::cursor in(snapshot);
      CHECK(in.read_tuple_of(2));
      CHECK(in.read_integer(sum_));
      CHECK(in.read_binary(commands));
      CHECK(commands_.restore(commands));
      began_at_ = commands_.serial();
      book_.write(id_ + " restored " + std::to_string(sum_));
    }
    return runtime::carry_on();
  }
  runtime::outcome skip(etf::cursor at) {
    std::uint64_t serial = 0;
    CHECK(at.read_unsigned(serial));
    if (commands_.pass_over(serial)) return runtime::carry_on();
    book_.write(id_ + " has applied " + std::to_string(serial));
    return runtime::stop(serial > began_at_ ? message::atom(raft::has_skipped_reason)
                                            : term("{bad_snapshot, <<\"it has it\">>}"));
  }
  runtime::outcome apply(runtime::process& self, etf::cursor at) {
    std::uint32_t count = 0;
    CHECK(at.read_list(count));
    std::vector<std::pair<std::uint64_t, message>> answers;
    for (; count > 0; --count) {
      consensus::entry one;
      std::uint64_t index = 0, kind = 0;
      bool wanted = false;
      etf::bytes body;
      CHECK(at.read_tuple_of(6));
      CHECK((at.read_unsigned(index) && at.read_unsigned(kind) && at.read_unsigned(one.client) &&
             at.read_unsigned(one.sequence) && at.read_bool(wanted) && at.read_binary(body)));
      one.kind = static_cast<consensus::entry_kind>(kind);
      const auto decided = commands_.take(index, one);
      message answer = message::atom("nothing");
      if (decided.what == applied_commands::verdict::apply) {
        progress_->applying = decided.serial;
        etf::cursor in(body);
        std::int64_t time = 0, by = 0;
        std::uint64_t random = 0;
        std::uint32_t arity = 0;
        CHECK((in.read_tuple(arity) && in.read_integer(time) && in.read_unsigned(random)));
        CHECK(time > 0);
        if (in.read_atom_is("keep_still")) return runtime::carry_on();
        if (arity == 4) {
          CHECK((in.read_atom_is(raft::came_word) && in.read_tuple_of(3)));
          by = 1000;
        } else if (in.read_atom_is("ring")) {
          runtime::message_writer out;
          head(out);
          out.tuple(2);
          out.atom(raft::came_word);
          out.raw(term("{timer, 4611686018427387905, 0}").bytes());
          self.notify(self.parent(), out.take());
        } else if (in.read_atom_is("drift")) {
          by = id_ == "a" ? 7 : 0;
        } else if (in.peek() == etf::kind::atom && is_mended) {
          by = 1000;
        } else if (!in.read_integer(by))
          return runtime::stop(in.read_atom_is("leave") ? runtime::reasons::normal()
                                                        : message::atom("crashed"));
        sum_ += by;
        progress_->applying = 0;
        if (check_ != 0 && decided.serial % check_ == 0) tell_hash(self, decided.serial);
        runtime::message_writer out;
        out.tuple(3);
        out.atom("ok");
        out.unsigned_integer(decided.serial);
        out.integer(sum_);
        answer = out.take();
        commands_.finish(one, consensus::payload(answer.bytes()));
        replies_.keep(decided.serial, index, consensus::payload(answer.bytes()));
      } else if (decided.what == applied_commands::verdict::passed_over) {
        answer = message::atom("skipped");
        commands_.finish(one, consensus::payload(answer.bytes()));
      } else if (decided.what == applied_commands::verdict::repeat) {
        answer = message::copy_of(decided.reply.bytes());
      }
      if (wanted) answers.emplace_back(index, answer);
    }
    runtime::message_writer out;
    head(out);
    out.tuple(5);
    out.atom(raft::applied_word);
    out.unsigned_integer(commands_.index());
    out.unsigned_integer(commands_.serial());
    out.unsigned_integer(commands_.sessions());
    if (!answers.empty()) out.list(static_cast<std::uint32_t>(answers.size()));
    for (const auto& [index, answer] : answers) {
      out.tuple(2);
      out.unsigned_integer(index);
      out.raw(answer.bytes());
    }
    out.nil();
    self.notify(self.parent(), out.take());
    return runtime::carry_on();
  }
  void tell_hash(runtime::process& self, std::uint64_t serial) {
    runtime::message_writer out;
    head(out);
    out.tuple(4);
    out.atom(raft::checked_word);
    out.unsigned_integer(serial);
    out.unsigned_integer(1);
    out.integer(sum_);
    self.notify(self.parent(), out.take());
  }
  void query(runtime::process& self, etf::cursor at) {
    std::uint64_t of = 0;
    CHECK(at.read_unsigned(of));
    runtime::message_writer out;
    head(out);
    out.tuple(3);
    out.atom(raft::queried_word);
    out.unsigned_integer(of);
    if (at.read_atom_is("sum"))
      out.integer(sum_);
    else
      out.atom("refused");
    self.notify(self.parent(), out.take());
  }
  void get(runtime::process& self, etf::cursor at) {
    std::uint64_t of = 0, serial = 0;
    CHECK((at.read_unsigned(of) && at.read_unsigned(serial)));
    const auto* const found = replies_.find(serial);
    runtime::message_writer out;
    head(out);
    out.tuple(found == nullptr ? 3 : 4);
    out.atom(found == nullptr ? raft::queried_word : raft::got_word);
    out.unsigned_integer(of);
    if (found == nullptr) {
      out.atom(serial > commands_.serial() ? "unknown_serial" : "compacted");
    } else {
      out.unsigned_integer(found->index);
      out.raw(found->reply.bytes());
    }
    self.notify(self.parent(), out.take());
  }
  void save(runtime::process& self) {
    etf::vector_writer state(64);
    state.tuple(2);
    state.integer(sum_);
    state.binary(commands_.save().bytes());
    runtime::message_writer out;
    head(out);
    out.tuple(4);
    out.atom(raft::saved_word);
    out.unsigned_integer(commands_.index());
    out.binary(state.view());
    out.unsigned_integer(10);
    self.notify(self.parent(), out.take());
  }
  void head(runtime::message_writer& out) const {
    out.tuple(3);
    out.atom(raft::machine_tag);
    out.unsigned_integer(run_);
  }

  diary& book_;
  const std::string id_;
  const std::shared_ptr<raft::machine_progress> progress_ = std::make_shared<raft::machine_progress>();
  std::uint64_t run_ = 0, check_ = 0, began_at_ = 0;
  applied_commands commands_;
  consensus::kept_replies replies_;
  std::int64_t sum_ = 0;
};

std::string skip_of(std::uint64_t serial) {
  return "{'$coppice_raft_change', skip, <<\"" + std::to_string(serial) + "\">>}";
}

// Members by their names, on one node and in one log.
struct group_host : test_host {
  explicit group_host(std::vector<std::string> members = {"a", "b", "c"}) : names(std::move(members)) {
    factory.more["adding"] = [this](std::string id) {
      return std::make_unique<adding_machine>(book, std::move(id));
    };
    shared = std::make_shared<supervision>();
    shared->factory = &factory;
    shared->resources.give(log);
    for (const std::string& one : names) options.members.push_back(one + "@test@localhost");
    options.heartbeat = 20 * ms;
    options.election = 200 * ms;
    is_mended = false;
  }
  ~group_host() {
    for (const auto& [name, pid] : running) {
      system.exit(pid, message::atom("kill"));
      (void)end_of(pid);
    }
    log.close();
  }
  void start(const std::string& name) {
    auto child = std::make_shared<child_spec>();
    child->name = name;
    child->actor = "adding";
    runtime::spawn_options spawn;
    spawn.name = name;
    auto made = system.spawn(
        std::move(spawn), std::make_unique<raft::member>(raft::member::parts{
                              child, std::make_shared<raft::raft_spec>(options), {}, {}, {}, shared, name}));
    REQUIRE(made.has_value());
    running[name] = *made;
  }
  void start_all() {
    for (const std::string& one : names) start(one);
  }
  void kill(const std::string& name) {
    const runtime::pid who = running.at(name);
    running.erase(name);
    system.exit(who, message::atom("kill"));
    CHECK(end_of(who) != "?");
  }
  std::string ask(const std::string& name, std::string_view what) {
    return call(runtime::destination::named(name), what);
  }
  // Asks again until there is a leader.
  std::string done(const std::string& name, std::string_view what) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (true) {
      const std::string said = ask(name, what);
      if (said != "{error,no_leader}" && said != "{error,timeout}") return said;
      if (base::mono_now() > until) return said;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
  }
  // Waits until `what` is answered so.
  bool comes_to(const std::string& name, std::string_view what, std::string_view answer) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (ask(name, what) != answer) {
      if (base::mono_now() > until) return false;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return true;
  }

  // The name of a member that believes to lead.
  std::string leader() {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < until) {
      for (const std::string& one : names)
        if (ask(one, "leader").starts_with("{ok,{" + one + ",")) return one;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return names.front();
  }
  // Asks the leader, whichever it is by then: parked members give the lead on.
  bool skips(std::uint64_t serial) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < until) {
      const std::string said = ask(leader(), skip_of(serial));
      if (said == "ok" || said == "{error,exists}") return true;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return false;
  }

  const std::vector<std::string> names;
  memory_disk disk;
  journal log{"/log", disk};
  std::shared_ptr<supervision> shared;
  raft::raft_spec options;
  std::map<std::string, runtime::pid> running;
};

} // namespace

TEST_CASE("a member alone leads, applies, and has everything again after its end") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 6}") == "{ok,2,11}");
  CHECK(host.ask("a", "{query, sum}") == "11");
  CHECK(host.ask("a", "{query, sum, stale}") == "11");
  CHECK(host.ask("a", "{query, other}") == "refused");
  CHECK(host.ask("a", "leader").starts_with("{ok,{a,test@localhost},"));
  CHECK(host.ask("a", "members") == "{ok,[{{a,test@localhost},voter}]}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "11");
  CHECK(host.ask("a", "{append, 1}") == "{ok,3,12}");
}

TEST_CASE("three members meet, any of them takes commands, and each sees what was appended before") {
  group_host host;
  host.start("a");
  host.start("b");
  CHECK(host.ask("a", "{append, 1}") == "{error,no_leader}"); // not before all have met
  CHECK(host.ask("a", "{client}") == "{error,no_leader}");
  CHECK(host.ask("a", "leader") == "{error,no_leader}");
  host.start("c");
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.done(name, "{append, 1}").starts_with("{ok,"));
  }
  for (const char* const name : {"a", "b", "c"}) CHECK(host.done(name, "{query, sum}") == "4");
}

TEST_CASE("a majority goes on without a member, which catches up by a snapshot when it is back") {
  group_host host;
  host.options.snapshot_entries = 20;
  host.options.keep_entries = 2;
  host.options.append_timeout = 1000 * ms;
  host.start_all();
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  host.kill("b");
  for (int i = 0; i < 100; ++i) CHECK(host.done(i % 2 == 0 ? "a" : "c", "{append, 1}").starts_with("{ok,"));
  (void)host.book.take(0);
  host.start("b");
  CHECK(host.comes_to("b", "{query, sum, stale}", "101"));
  const auto lines = host.book.lines();
  CHECK(std::ranges::any_of(lines, [](const auto& line) { return line.starts_with("b restored "); }));
  CHECK(host.done("b", "{query, sum}") == "101");
}

TEST_CASE(
    "a command and its reply are told by the serial, as long as the log has it, also without a leader") {
  group_host host;
  host.start_all();
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    // What was answered is there, whichever member is asked.
    CHECK(host.done(name, "{get, 1}") == "{ok,5,{ok,1,5}}");
    CHECK(host.done(name, "{get, 2}") == "unknown_serial");
  }
  host.kill("b");
  host.kill("c");
  CHECK(host.comes_to("a", "leader", "{error,no_leader}"));
  CHECK(host.ask("a", "{get, 1}") == "{ok,5,{ok,1,5}}");
}

TEST_CASE("a command that the log has no more is told to be compacted, also after the member's end") {
  group_host host({"a"});
  host.options.snapshot_entries = 5;
  host.options.keep_entries = 2;
  host.start("a");
  CHECK(host.done("a", "{append, 1}") == "{ok,1,1}");
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  int last = 1;
  while (host.ask("a", "{get, 1}") != "compacted" && base::mono_now() < end) {
    ++last;
    CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  }
  CHECK(host.ask("a", "{get, 1}") == "compacted");
  const std::string n = std::to_string(last);
  CHECK(host.ask("a", "{get, " + n + "}") == "{ok,1,{ok," + n + "," + n + "}}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{get, 1}") == "compacted");
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  CHECK(host.ask("a", "{get, " + std::to_string(last + 1) + "}").starts_with("{ok,1,"));
}

TEST_CASE("what comes of a timer is an entry if the member leads, and of the others it is dropped") {
  group_host host;
  host.options.election = 2 * base::nanos_per_second; // this machine tells it once
  host.start_all();
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  CHECK(host.done("b", "{append, ring}").starts_with("{ok,"));
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.comes_to(name, "{query, sum, stale}", "1001"));
  }
  CHECK(host.done("a", "{append, 1}").ends_with(",1002}"));
  const auto lines = host.book.lines();
  CHECK(std::ranges::any_of(lines, [](const auto& line) { return line.ends_with(" leads"); }));
}

TEST_CASE(
    "a member whose state differs from that of the majority applies nothing any more, and the others go on") {
  group_host host;
  host.options.check = 1; // at each command, since one may be asked for twice
  host.start_all();
  CHECK(host.done("b", "{append, 1}").starts_with("{ok,"));
  for (const char* const name : {"a", "b", "c"}) CHECK(host.comes_to(name, "{query, sum, stale}", "1"));
  (void)host.done("b", "{append, drift}");
  CHECK(host.comes_to("a", "{query, sum, stale}", "{error,parked}"));
  const std::string after = host.done("b", "{append, 1}");
  CAPTURE(after);
  CHECK(
      (after.starts_with("{ok,") || after == "{error,parked}")); // the latter by way of a, which may have led
  CHECK(host.comes_to("b", "{query, sum, stale}", after.starts_with("{ok,") ? "2" : "1"));
  // What comes from no member counts for nothing.
  for (const char* const bad :
       {"{raft_check, 1, 2, 3, 4, 5, true}", "{raft_check, <<>>, <<>>, 1, 1, 1, true}",
        "{raft_check, <<\"aaaaaaaaaaaaaaaa\">>, <<\"bbbbbbbbbbbbbbbb\">>, 1, 1, 1, true}",
        "{raft_check, 1, 2}"})
    host.system.send(host.running.at("b"), term(bad));
  CHECK(host.comes_to("b", "{query, sum, stale}", after.starts_with("{ok,") ? "2" : "1"));
}

TEST_CASE("a session's repeat has the first answer") {
  group_host host({"a"});
  host.start("a");
  const std::string opened = host.done("a", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  CHECK(host.ask("a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 5, {" + client + ", 2}}") == "{ok,2,10}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{append, 5, {" + client + ", 2}}") == "{ok,2,10}");
  CHECK(host.ask("a", "{query, sum}") == "10");
}

TEST_CASE(
    "a command that crashes the machine three times stops the member's applying, and it goes on to store") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, crash}") == "{error,timeout}");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.ask("a", "{append, 5}") == "{error,parked}");
  CHECK(host.ask("a", "leader").starts_with("{ok,"));
}

TEST_CASE(
    "a command that crashes is passed over once an operator wants it, also by a machine that was mended") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", skip_of(1)) == "{error,{not_parked,0,1}}");
  CHECK(host.ask("a", "{append, crash}") == "{error,timeout}");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.ask("a", skip_of(1)) == "{error,{not_parked,0,1}}");
  CHECK(host.ask("a", skip_of(3)) == "{error,{not_parked,0,1}}");
  for (const char* const bad : {"", "0", "-2", "2x", "99999999999999999999999"}) {
    CAPTURE(bad);
    CHECK(host.ask("a", "{'$coppice_raft_change', skip, <<\"" + std::string(bad) + "\">>}") ==
          "{error,badarg}");
  }
  CHECK(host.ask("a", skip_of(2)) == "ok");
  CHECK(host.comes_to("a", "{query, sum}", "5"));
  CHECK(host.ask("a", "{append, 1}") == "{ok,3,6}");
  CHECK(host.ask("a", skip_of(2)) == "{error,exists}");
  host.kill("a");
  is_mended = true;
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "6");
  CHECK(host.ask("a", "{append, 1}") == "{ok,4,7}");
}

TEST_CASE("a majority that is parked at one serial passes over its command in all members") {
  group_host host;
  host.options.election = 1000 * ms;
  host.start_all();
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  while (host.ask(host.leader(), "{append, crash}") == "{error,no_leader}") {
  }
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.comes_to(name, "{query, sum, stale}", "{error,parked}"));
  }
  CHECK(host.skips(2));
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.comes_to(name, "{query, sum, stale}", "5"));
  }
  CHECK(host.done("b", "{append, 1}").starts_with("{ok,"));
}

TEST_CASE("a member whose majority is lost goes on alone when an operator wants it, and starts alone again") {
  group_host host;
  constexpr const char* const recover = "{'$coppice_raft_change', recover, <<>>}";
  host.start("a");
  CHECK(host.ask("a", recover) == "{error,no_log}");
  host.start("b");
  host.start("c");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.comes_to("a", "{query, sum, stale}", "5"));
  (void)host.leader();
  CHECK(host.ask("b", recover) == "{error,has_leader}");
  host.kill("b");
  host.kill("c");
  CHECK(host.comes_to("a", "leader", "{error,no_leader}"));
  CHECK(host.comes_to("a", recover, "ok"));
  CHECK(host.done("a", "{append, 1}") == "{ok,2,6}");
  CHECK(host.ask("a", "members") == "{ok,[{{a,test@localhost},voter}]}");
  CHECK(host.ask("a", recover) == "{error,has_leader}");
  // The others are enough for the group that was, and are another one.
  host.start("b");
  host.start("c");
  CHECK(host.done("b", "{query, sum}") == "5");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "6");
  CHECK(host.ask("a", "members") == "{ok,[{{a,test@localhost},voter}]}");
}

TEST_CASE("a command that ends the machine orderly is one that crashes it") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, leave}") == "{error,timeout}");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.ask("a", "leader").starts_with("{ok,"));
}

TEST_CASE("a member whose machine does not take the snapshot lives, and says so to those who ask") {
  group_host host({"a"});
  host.options.snapshot_entries = 5;
  host.start("a");
  CHECK(host.done("a", "{append, 1}") == "{ok,1,1}");
  const auto group = *host.log.log()->group("raft/a");
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (raft::read_group(*host.log.log(), group)->state.snapshot.index == 0 && base::mono_now() < end)
    CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  host.kill("a");
  host.book.failures["restore"] = 100;
  host.start("a");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.comes_to("a", "{append, 1}", "{error,parked}"));
  CHECK(host.comes_to("a", "members", "{ok,[{{a,test@localhost},voter}]}"));
}

TEST_CASE("a member whose log has ended lives without a leader, also when it starts again") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  host.log.log()->settle();
  host.disk.plan(0, memory_disk::fault::fails);
  (void)host.ask("a", "{append, 6}");
  CHECK(host.comes_to("a", "leader", "{error,no_leader}"));
  CHECK(host.ask("a", "{append, 5}") == "{error,no_leader}");
  CHECK(host.ask("a", "{query, sum, stale}") == "{error,no_leader}");
  host.kill("a");
  host.start("a");
  CHECK(host.ask("a", "{append, 5}") == "{error,no_leader}");
  CHECK(host.ask("a", "leader") == "{error,no_leader}");
}

TEST_CASE("a member goes on when the disk that refused its write has room again") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  host.log.log()->settle();
  host.disk.capacity = 0;
  CHECK(host.ask("a", "{append, 6}") != "{ok,2,11}");
  host.log.log()->settle();
  host.disk.capacity = ~std::uint64_t{0};
  CHECK(host.done("a", "{append, 7}").starts_with("{ok,"));
}

TEST_CASE("hellos of many names from one node keep no newcomer of another one away") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  const runtime::pid a = host.running.at("a");
  const std::uint32_t node = *host.system.nodes().intern("far@localhost");
  const auto hello = [](const std::string& name, std::uint64_t id) {
    return raft::to_message({name, 1, {1, id}, true, {}});
  };
  for (std::uint64_t i = 1; i <= 100; ++i) host.system.send(a, hello("x" + std::to_string(i), i));
  auto far =
      runtime::make_signal(runtime::signal_kind::message, runtime::pid{node, 77, 40, 0}, hello("z", 1000));
  far->flags = runtime::signal::remote;
  host.system.deliver(a, std::move(far));
  for (std::uint64_t i = 1; i <= 100; ++i) host.system.send(a, hello("y" + std::to_string(i), 100 + i));
  CHECK(host.ask("a", "{'$coppice_raft_change', add, <<\"w@far@localhost\">>}") == "{error,not_met}");
  CHECK(host.ask("a", "{'$coppice_raft_change', add, <<\"z@far@localhost\">>}") == "ok");
}

TEST_CASE("what is too large, too much or no request is refused") {
  group_host host({"a"});
  host.options.entry_bytes = 100;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, <<\"" + std::string(200, 'x') + "\">>}") == "{error,too_large}");
  for (const char* const bad :
       {"{append}", "{append, 1, 2}", "{append, 1, {0, 1}}", "{append, 1, {1, 0}}", "{query}",
        "{query, sum, late}", "{client, 1}", "{get}", "{get, 0}", "{get, a}", "{get, 1, 2}"}) {
    CAPTURE(bad);
    CHECK(host.ask("a", bad).starts_with("{error,{bad_request,"));
  }
  for (const char* const bad : {"other", "{other, 1}", "1", "[]"}) {
    CAPTURE(bad);
    CHECK(host.ask("a", bad) == "{error,bad_request}");
  }
}

TEST_CASE("messages that no member has sent change nothing") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  for (const char* const bad :
       {"{raft, 1, 2, 3}", "{raft_hello, a, b, c}", "{raft_ask, a, 1, b, {query, sum}}",
        "{raft_ask, 1, 2, 3}", "{raft_ask, a, 1, 2, {append, 5}}", "{raft_where, a, b}", "{raft_where, 1, 2}",
        "{raft_here, a, 1, 2}", "{raft_here, a, b, c}", "{raft_answer, 1, x}", "{raft_answer, x, x}",
        "{'$coppice_raft', 1, save}", "'$coppice_raft_tick'", "'$coppice_raft_flush'", "'$coppice_journal'",
        "raft", "{'EXIT', 1, 2}"})
    host.system.send(host.running.at("a"), term(bad));
  CHECK(host.ask("a", "{append, 5}") == "{ok,2,10}");
}

namespace {

// Stands for the member b of a, b and c in one group with a, which alone is a real one. Its hellos and
// messages are the test's; of what a sends it writes down "stored INDEX", "took OFFSET" of a snapshot, and
// "asked NUMBER".
class other_member final : public native_server {
 public:
  other_member(diary& book, std::promise<consensus::member_id> found)
      : native_server("other"), book_(book), found_(std::move(found)) {}

 protected:
  runtime::outcome handle_info(runtime::process&, const message& m) override {
    if (const auto hello = raft::read_hello(m.bytes())) {
      if (!std::exchange(is_found_, true)) found_.set_value(hello->id);
    } else if (const auto said = consensus::decode_message(m.bytes())) {
      const auto* const stored = std::get_if<consensus::append_answer>(&said->body);
      if (stored != nullptr && stored->accepted)
        book_.write("stored " + std::to_string(stored->index) + " of " + std::to_string(said->term));
      const auto* const took = std::get_if<consensus::snapshot_answer>(&said->body);
      if (took != nullptr && took->accepted) book_.write("took " + std::to_string(took->offset));
    } else if (const std::string ask = text(m); ask.starts_with("{raft_ask,a,")) {
      book_.write("asked " + ask.substr(12, ask.find(',', 12) - 12));
    }
    return runtime::carry_on();
  }

 private:
  diary& book_;
  std::promise<consensus::member_id> found_;
  bool is_found_ = false;
};

struct led_by_test : group_host {
  explicit led_by_test(base::nanos append_timeout = 300 * ms, std::uint32_t pending = 10'000) {
    options.append_timeout = append_timeout;
    options.pending = pending;
    options.election = 2 * base::nanos_per_second;
    std::promise<consensus::member_id> promise;
    auto future = promise.get_future();
    runtime::spawn_options spawn;
    spawn.name = "b";
    auto made = system.spawn(std::move(spawn), std::make_unique<other_member>(book, std::move(promise)));
    REQUIRE(made.has_value());
    running["b"] = *made;
    start("a");
    a = future.get();
    const auto group = raft::group_of(options.members, options.clients);
    raft::meeting all(options.members, "a@test@localhost", a);
    all.met("b@test@localhost", b);
    all.met("c@test@localhost", {3, 3});
    members = *all.first();
    cluster = raft::cluster_of(members, group);
    system.send(running.at("a"), raft::to_message({"b", group, b, false, {}}));
    system.send(running.at("a"), raft::to_message({"c", group, {3, 3}, false, {}}));
  }
  void say(const consensus::member_id& from, consensus::term_number term, consensus::message_body body) {
    message_writer out;
    consensus::encode(consensus::message{cluster, from, a, term, std::move(body)}, out);
    system.send(running.at("a"), out.take());
  }
  // Appends numbers behind entry 1, as often as it takes until they are on the disk.
  bool append(consensus::term_number term, std::vector<int> numbers, consensus::log_index commit) {
    const std::string until = "stored " + std::to_string(1 + numbers.size()) + " of " + std::to_string(term);
    const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < end) {
      append_once(term, numbers, commit);
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
      const auto lines = book.lines();
      if (std::ranges::find(lines, until) != lines.end()) return true;
    }
    return false;
  }
  void append_once(consensus::term_number term, const std::vector<int>& numbers,
                   consensus::log_index commit) {
    consensus::append_request ask{1, 1, commit, {}};
    for (const int one : numbers)
      ask.entries.push_back(
          {term, 0, 0, consensus::entry_kind::command, body_of(test::term(std::to_string(one)))});
    say(b, term, ask);
  }

  // What a process of that node is answered.
  std::string ask_from(std::uint32_t node, std::string_view what, base::nanos patience) {
    return run([&](runtime::process& self) {
      const auto ref = self.make_ack();
      auto asked = runtime::make_signal(runtime::signal_kind::message, runtime::pid{node, 77, 40, 0},
                                        gen::call_message(self, ref, test::term(what).bytes()));
      asked->flags = runtime::signal::remote;
      system.deliver(running.at("a"), std::move(asked));
      const auto said = gen::finish_call(self, ref, base::mono_now() + patience);
      return said ? text(*said) : std::string("no answer");
    });
  }
  static consensus::payload body_of(const message& command) {
    etf::vector_writer body(32);
    body.tuple(3);
    body.integer(1);
    body.unsigned_integer(1);
    body.raw(command.bytes());
    return consensus::payload(body.take());
  }

  using message_writer = runtime::message_writer;
  const consensus::member_id b{2, 2};
  consensus::member_id a;
  consensus::configuration members;
  consensus::cluster_id cluster;
};

// Writes down the answers to calls that were made in its name.
class answered final : public native_server {
 public:
  explicit answered(diary& book) : native_server("answered"), book_(book) {}

 protected:
  runtime::outcome handle_info(runtime::process&, const message& m) override {
    etf::cursor at(m.bytes());
    if (at.read_tuple_of(2) && at.skip()) book_.write("answer " + text(m.slice(at.rest())));
    return runtime::carry_on();
  }

 private:
  diary& book_;
};

} // namespace

TEST_CASE("a member that begins again applies nothing that its new log does not know to be committed") {
  led_by_test host;
  CHECK(host.append(4, {100, 200}, 1));
  host.log.log()->settle();
  host.disk.capacity = 0;
  host.append_once(5, {1, 2}, 3); // replaces both and commits them; the disk refuses it
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (!host.log.log()->report().is_full && base::mono_now() < end)
    host.run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
  CHECK(host.log.log()->report().is_full);
  host.disk.capacity = ~std::uint64_t{0};
  CHECK(host.append(5, {1, 2}, 3));
  CHECK(host.comes_to("a", "{query, sum, stale}", "3"));
}

TEST_CASE("a command that the group passes over is undone in a member that has applied it") {
  led_by_test host;
  is_mended = true;
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  consensus::append_request ask{2, 4, 4, {}};
  ask.entries.push_back({4, 0, 0, consensus::entry_kind::command, host.body_of(term("crash"))});
  ask.entries.push_back({4, 0, 0, consensus::entry_kind::command, host.body_of(term("1"))});
  const auto becomes = [&](const consensus::append_request& what, std::string_view sum) {
    const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < end) {
      host.say(host.b, 4, what);
      if (host.ask("a", "{query, sum, stale}") == sum) return true;
      host.run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return false;
  };
  CHECK(becomes(ask, "1008"));
  CHECK(becomes({4, 4, 5, {{4, 0, 2, consensus::entry_kind::skip, {}}}}, "8"));
  const auto lines = host.book.lines();
  CHECK(std::ranges::find(lines, "a has applied 2") != lines.end());
}

TEST_CASE("nobody leads by an id that is no member's, and a call that is passed on has a number at random") {
  led_by_test host;
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  std::string leader;
  std::uint64_t number = 0;
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (number == 0 && base::mono_now() < end) {
    // The member's own leader is heard before and after.
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    host.say({9, 9}, 9, consensus::heartbeat{0, 0});
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    leader = host.ask("a", "leader");
    (void)host.ask("a", "{append, 1}");
    for (const std::string& line : host.book.lines())
      if (line.starts_with("asked ")) number = std::stoull(line.substr(6));
  }
  CHECK(leader == "{ok,{b,test@localhost},4}");
  CHECK(number > 1'000'000);
}

TEST_CASE("a snapshot comes in parts of one length, and others are dropped") {
  led_by_test host;
  CHECK(host.append(4, {100}, 2));
  etf::vector_writer state(64);
  state.tuple(2);
  state.integer(9);
  state.binary(applied_commands().save().bytes());
  consensus::snapshot_chunk whole;
  whole.bytes = consensus::payload(state.take());
  whole.length = static_cast<std::uint32_t>(whole.bytes.size());
  whole.of = {50, 4, whole.length, raft::digest_of(whole.bytes.bytes()), host.members};
  consensus::snapshot_chunk part = whole;
  part.bytes = consensus::payload(whole.bytes.bytes().first(1));
  part.length = 1;
  host.say(host.b, 4, part);
  host.say(host.b, 4, whole);
  CHECK(host.comes_to("a", "{query, sum, stale}", "9"));
  for (const std::string& line : host.book.lines()) CHECK(line != "took 1");
}

TEST_CASE("calls that wait are bounded in bytes with the addresses of their callers") {
  led_by_test host(60 * base::nanos_per_second);
  CHECK(host.append(4, {7}, 2));
  const auto caller = host.system.spawn({}, std::make_unique<answered>(host.book));
  REQUIRE(caller.has_value());
  const std::string long_tag(std::size_t{33} << 20, 'x');
  const auto is_refused = [&host] {
    const auto lines = host.book.lines();
    return std::ranges::find(lines, "answer {error,overloaded}") != lines.end();
  };
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (!is_refused() && base::mono_now() < end) {
    runtime::message_writer out;
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    runtime::write(out, *caller, host.system.nodes());
    out.binary(std::string_view(long_tag));
    out.raw(term("{append, 1}").bytes());
    host.say(host.b, 4, consensus::heartbeat{2, 0}); // it knows its leader when the call comes
    host.system.send(host.running.at("a"), out.take());
    host.run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
  }
  CHECK(is_refused());
}

TEST_CASE("a node that leaves half of the calls waiting is refused more of them, and another node is not") {
  led_by_test host(600 * base::nanos_per_second, 8);
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  const std::uint32_t greedy = *host.system.nodes().intern("greedy@localhost");
  const std::uint32_t shop = *host.system.nodes().intern("shop@localhost");
  constexpr base::nanos patience = 10 * base::nanos_per_second;
  // The leader does not answer what is passed on to it.
  for (int i = 0; i < 4; ++i) {
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    CHECK(host.ask_from(greedy, "{append, 1}", 0) == "no answer");
  }
  host.say(host.b, 4, consensus::heartbeat{2, 0});
  CHECK(host.ask_from(greedy, "{append, 1}", patience) == "{error,overloaded}");
  CHECK(host.ask_from(greedy, "{query, sum, stale}", patience) == "{error,overloaded}");
  CHECK(host.ask_from(greedy, "{client}", patience) == "{error,overloaded}");
  CHECK(host.ask_from(shop, "{query, sum, stale}", patience) == "7");
  CHECK(host.ask("a", "{query, sum, stale}") == "7");
}

TEST_CASE("a command of a node that has many bytes waiting is refused, and one of another node is not") {
  led_by_test host(600 * base::nanos_per_second);
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  const std::uint32_t greedy = *host.system.nodes().intern("greedy@localhost");
  const std::uint32_t shop = *host.system.nodes().intern("shop@localhost");
  const std::string large = "{append, <<\"" + std::string(900'000, 'x') + "\">>}";
  std::string said = "no answer";
  for (int i = 0; i < 18 && said == "no answer"; ++i) {
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    // The 19th would be above 16 MiB.
    said = host.ask_from(greedy, large, 0);
  }
  CHECK(said == "no answer");
  host.say(host.b, 4, consensus::heartbeat{2, 0});
  CHECK(host.ask_from(greedy, large, 10 * base::nanos_per_second) == "{error,overloaded}");
  host.say(host.b, 4, consensus::heartbeat{2, 0});
  CHECK(host.ask_from(shop, large, 0) == "no answer");
  CHECK(host.ask_from(shop, "{query, sum, stale}", 10 * base::nanos_per_second) == "7");
}

TEST_CASE("a write that takes longer than a heartbeat is counted, and so is an actor that applies nothing") {
  metrics::board board;
  std::atomic<bool> is_slow = false;
  group_host host({"a"});
  host.shared->resources.give(board);
  host.disk.before_sync = [&] {
    const base::nanos until = base::mono_now() + (is_slow ? 2 * host.options.heartbeat : 0);
    while (base::mono_now() < until) std::this_thread::yield();
  };
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  const auto rows = board.rows<raft::raft_counters>();
  REQUIRE(rows.size() == 1);
  const raft::raft_counters& counted = *rows.front().counters;
  is_slow = true;
  CHECK(host.ask("a", "{append, 6}") == "{ok,2,11}");
  is_slow = false;
  CHECK(counted.slow_write.value() > static_cast<std::uint64_t>(host.options.heartbeat));
  CHECK(counted.slow_write_at.value() != 0);
  CHECK(host.comes_to("a", "{query, sum}", "11"));
  CHECK(counted.waits_since.value() == 0);
  host.run([](runtime::process& self) {
    self.send(runtime::destination::named("a"),
              gen::call_message(self, self.make_ack(), term("{append, keep_still}").bytes()));
  });
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (counted.waits_since.value() == 0 && base::mono_now() < end) (void)host.ask("a", "leader");
  CHECK(counted.waits_since.value() != 0);
}

TEST_CASE("a member without a log does not start, and says why") {
  group_host host({"a"});
  journal other("/log", host.disk);
  REQUIRE(other.open().has_value()); // another process has it
  auto child = std::make_shared<child_spec>();
  child->name = "a";
  child->actor = "adding";
  const auto made = host.run([&](runtime::process& self) {
    return gen::start(
        self, {},
        std::make_unique<raft::member>(raft::member::parts{
            child, std::make_shared<raft::raft_spec>(host.options), {}, {}, {}, host.shared, "a"}));
  });
  REQUIRE_FALSE(made.has_value());
  CHECK(text(made.error().reason).starts_with("{log,"));
}
