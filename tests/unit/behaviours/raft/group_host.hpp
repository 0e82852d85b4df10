// SPDX-License-Identifier: MIT
// A test_host with members of a Raft group, whose machine adds numbers and notes in the host's book what it
// does.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "behaviours/children.hpp"
#include "behaviours/raft/member.hpp"
#include "consensus/applied_commands.hpp"
#include "consensus/kept_replies.hpp"
#include "durable/memory_disk.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours::raft_testing {

using consensus::applied_commands;
using runtime::message;
using test::diary;
using test::memory_disk;
using test::term;
using test::test_host;

inline constexpr base::nanos ms = base::nanos_per_ms;

inline std::atomic<bool> is_mended = false; // true: `crash` adds 1000 and ends nothing
// The number of questions for a reply that the machine leaves unanswered. It ends at the last of them.
inline std::atomic<int> lost_gets = 0;

// How `validate` treats commands in machines that start from now on: there is no validate, it accepts all,
// or it refuses all that the session's earlier commands do not settle.
enum class checking : std::uint8_t { nothing, accepts, refuses };
inline std::atomic<checking> checks = checking::nothing;

// The versions that the code of each machine knows, by the machine's id. No entry: version 0 alone.
class code_versions {
 public:
  void clear() {
    const std::lock_guard hold(lock_);
    known_.clear();
    running_.clear();
  }
  void enter(const std::string& id, const std::shared_ptr<raft::machine_progress>& of) {
    const std::lock_guard hold(lock_);
    running_[id] = of;
    of->versions = known_[id];
  }
  // For the running machine, as a reload of its code does, and for machines with that id that start later.
  void set(const std::string& id, consensus::version_range known) {
    const std::lock_guard hold(lock_);
    known_[id] = known;
    if (const auto of = running_[id].lock()) of->versions = known;
  }

 private:
  std::mutex lock_;
  std::map<std::string, consensus::version_range> known_;
  std::map<std::string, std::weak_ptr<raft::machine_progress>> running_;
};
inline code_versions codes;

// A command is a number, which the machine adds; from version 2 on it adds ten times the number. `crash` and
// `leave` end the machine, `leave` with reason normal. After `keep_still` it reports nothing. `ring` makes
// the member append an entry for a fired timer, and that entry adds 1000. `drift` adds 7 in the machine `a`
// alone. The query `sum` returns the sum, `ring_six` reports six fired timers, with 900 KiB each, and
// `crash` ends the machine; any other query is refused. The sum is also the hash of the state. The machine
// notes its actions in the book, each with its id.
class adding_machine final : public native_server, public raft::machine {
 public:
  adding_machine(diary& book, std::string id) : native_server("adding"), book_(book), id_(std::move(id)) {
    codes.enter(id_, progress_);
    progress_->validates = checks != checking::nothing;
  }
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
    if (word == raft::query_word) return query(self, at);
    if (word == raft::get_word) return get(self, at);
    if (word == raft::validate_word) validate(self, at);
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
    version_ = 0;
    const bool restores = at.read_binary(snapshot);
    CHECK((restores || at.read_atom_is("undefined")));
    CHECK(at.read_unsigned(check_));
    if (restores) {
      if (int& left = book_.failures["restore"]; left > 0) {
        --left;
        return runtime::stop(term("{bad_snapshot, <<\"another version\">>}"));
      }
      etf::cursor in(snapshot);
      CHECK(in.read_tuple_of(3));
      CHECK(in.read_unsigned(version_));
      CHECK(in.read_integer(sum_));
      CHECK(in.read_binary(commands));
      CHECK(commands_.restore(commands));
      began_at_ = commands_.serial();
      book_.write(id_ + " restored " + std::to_string(sum_) +
                  (version_ == 0 ? "" : " of " + std::to_string(version_)));
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
      if (one.kind == consensus::entry_kind::session) one.body = consensus::payload(body); // its node
      const auto decided = commands_.take(index, one);
      message answer = message::atom("nothing");
      if (one.kind == consensus::entry_kind::version) {
        CHECK(count == 1); // it is the last entry of its message
        version_ = one.sequence;
        book_.write(id_ + " goes over to " + std::to_string(version_));
      }
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
          tell_came(self, "0");
        } else if (in.read_atom_is("drift")) {
          by = id_ == "a" ? 7 : 0;
        } else if (in.peek() == etf::kind::atom && is_mended) {
          by = 1000;
        } else if (!in.read_integer(by))
          return runtime::stop(in.read_atom_is("leave") ? runtime::reasons::normal()
                                                        : message::atom("crashed"));
        sum_ += version_ > 1 ? 10 * by : by;
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
  void tell_came(runtime::process& self, const std::string& what) {
    runtime::message_writer out;
    head(out);
    out.tuple(2);
    out.atom(raft::came_word);
    out.raw(term("{timer, 4611686018427387905, " + what + "}").bytes());
    self.notify(self.parent(), out.take());
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
  runtime::outcome query(runtime::process& self, etf::cursor at) {
    std::uint64_t of = 0;
    CHECK(at.read_unsigned(of));
    runtime::message_writer out;
    head(out);
    out.tuple(3);
    out.atom(raft::queried_word);
    out.unsigned_integer(of);
    std::string_view what;
    at.read_atom(what);
    if (what == "crash") return runtime::stop(message::atom("crashed"));
    if (what == "sum")
      out.integer(sum_);
    else
      out.atom("refused");
    for (int left = what == "ring_six" ? 6 : 0; left > 0; --left)
      tell_came(self, "<<\"" + std::string(900 * 1024, 'x') + "\">>");
    self.notify(self.parent(), out.take());
    return runtime::carry_on();
  }
  void validate(runtime::process& self, etf::cursor at) {
    std::uint64_t of = 0, client = 0, sequence = 0;
    std::string_view node;
    CHECK((at.read_unsigned(of) && at.read_unsigned(client) && at.read_unsigned(sequence) &&
           at.read_atom(node)));
    const bool is_other = commands_.belongs_to_other(client, node);
    const bool is_good = checks != checking::refuses || commands_.is_settled(client, sequence);
    runtime::message_writer out;
    head(out);
    out.tuple(3);
    out.atom(is_other ? raft::queried_word : raft::validated_word);
    out.unsigned_integer(of);
    if (is_other)
      out.raw(term("{error, {discarded, unknown_client}}").bytes());
    else
      out.raw((is_good ? message::atom("ok") : term("{error, {discarded, refused}}")).bytes());
    self.notify(self.parent(), out.take());
  }
  runtime::outcome get(runtime::process& self, etf::cursor at) {
    if (lost_gets > 0)
      return --lost_gets == 0 ? runtime::stop(message::atom("crashed")) : runtime::carry_on();
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
    return runtime::carry_on();
  }
  void save(runtime::process& self) {
    etf::vector_writer state(64);
    state.tuple(3);
    state.unsigned_integer(version_);
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
  std::uint64_t run_ = 0, check_ = 0;
  applied_commands commands_;
  consensus::kept_replies replies_;
  std::uint64_t began_at_ = 0, version_ = 0;
  std::int64_t sum_ = 0;
};

inline std::string skip_of(std::uint64_t serial) {
  return "{'$coppice_raft_change', skip, <<\"" + std::to_string(serial) + "\">>}";
}

// Members with these names, all on one node and in one log.
struct group_host : test_host {
  explicit group_host(std::vector<std::string> members = {"a", "b", "c"}) : names(std::move(members)) {
    factory.more["adding"] = [this](std::string id) {
      return std::make_unique<adding_machine>(book, std::move(id));
    };
    shared = std::make_shared<supervision>();
    shared->factory = &factory;
    shared->resources.give(log);
    shared->resources.give(largest_state);
    for (const std::string& one : names) options.members.push_back(one + "@test@localhost");
    options.heartbeat = 20 * ms;
    options.election = 200 * ms;
    is_mended = false;
    lost_gets = 0;
    checks = checking::nothing;
    codes.clear();
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
  // Calls as a process of another node, such as "two@localhost".
  std::string ask_from(std::string_view node, const std::string& name, std::string_view what) {
    const std::uint32_t number = *system.nodes().intern(node);
    return run([&](runtime::process& self) {
      const auto ref = self.make_ack();
      auto asked = runtime::make_signal(runtime::signal_kind::message, runtime::pid{number, 77, 40, 0},
                                        gen::call_message(self, ref, term(what).bytes()));
      asked->flags = runtime::signal::remote;
      system.deliver(runtime::destination::named(name), std::move(asked));
      const auto said = gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
      return said ? test::text(*said) : std::string("no answer");
    });
  }
  // Sends a message as a process of another node.
  void tell_from(std::string_view node, const std::string& name, std::string_view what) {
    auto told = runtime::make_signal(runtime::signal_kind::message,
                                     runtime::pid{*system.nodes().intern(node), 77, 40, 0}, term(what));
    told->flags = runtime::signal::remote;
    system.deliver(runtime::destination::named(name), std::move(told));
  }
  // Asks repeatedly until there is a leader.
  std::string done(const std::string& name, std::string_view what) {
    return done_by([&] { return ask(name, what); });
  }
  std::string done_from(std::string_view node, const std::string& name, std::string_view what) {
    return done_by([&] { return ask_from(node, name, what); });
  }
  template <class Asking>
  std::string done_by(const Asking& asks) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (true) {
      const std::string said = asks();
      if (said != "{error,no_leader}" && said != "{error,timeout}") return said;
      if (base::mono_now() > until) return said;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
  }
  // Waits until `what` is answered with `answer`. False: it was not within 20 s.
  bool comes_to(const std::string& name, std::string_view what, std::string_view answer) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (ask(name, what) != answer) {
      if (base::mono_now() > until) return false;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return true;
  }

  // Waits until a machine has noted that line. False: it has not within 20 s.
  bool writes(const std::string& line) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (true) {
      const auto lines = book.lines();
      if (std::find(lines.begin(), lines.end(), line) != lines.end()) return true;
      if (base::mono_now() > until) return false;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
  }

  // The name of a member that takes itself for the leader.
  std::string leader() {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < until) {
      for (const std::string& one : names)
        if (ask(one, "leader").starts_with("{ok,{" + one + ",")) return one;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return names.front();
  }
  // Asks whichever member leads at the time: parked members hand over the lead.
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
  raft::state_bound largest_state; // of members that start from now on
  std::shared_ptr<supervision> shared;
  raft::raft_spec options;
  std::map<std::string, runtime::pid> running;
};

} // namespace coppice::behaviours::raft_testing
