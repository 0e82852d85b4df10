// SPDX-License-Identifier: MIT
// Replicated state machines under test: every command is applied in several members of one group, which must
// answer alike and have the same state afterwards.
//
//   raft_in_test group(plugin::linked());
//   CHECK(group.append(deposit{"ann", 5}).term == 5);
//   CHECK(group.query(balance{"ann"}).term == 5);
//   CHECK(group.complaints().empty());
//
// Three members apply each command. The first one's answer is returned. The second has a pid, a clock and a
// node of its own. The third is made anew before each command from a snapshot of the first one's state. A
// difference throws testing::failure, whose text names the entry: so `apply` used something that is not the
// same in all members, or save_state leaves something out. Answers, states and effects are compared by
// Erlang's equality. The first member leads: what apply sends is in its journal, group.first().did.sent.
//
//   group.append(reserve{"ann"});                              // apply starts a timer of a minute
//   group.advance(1min);                                       // the timer fires: an entry for apply_info
//
// The group has the version state_version, unless the test names an older one that the code knows. upgrade()
// is the entry of the log at which it goes over to the next one:
//
//   raft_in_test group(plugin::linked(), {}, 1);
//   group.append(deposit{"ann", 5});                           // by the rules of version 1
//   group.upgrade();
//
// Include it beside coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/draft/raft.h>
#include <coppice/testing.hpp>
#include <coppice/testing/calls.hpp>
#include <coppice/testing/raft_effects.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coppice::testing {

/// The answer to a command or a query.
struct raft_answer {
  /// done: `term` is the reply. discarded: the reason. ended: the exit reason of the actor, which has ended.
  enum class kind : std::uint8_t { done, discarded, ended } what = kind::done;
  value term;
  std::uint64_t serial = 0; ///< of the command; 0: a query, or a command that validate has refused
};

/// The data that comes with a command, alike in all members.
struct about_entry {
  std::optional<std::int64_t> time = {};    ///< ms since 1970; none: 1 ms after the entry before
  std::optional<std::uint64_t> random = {}; ///< none: another number for each entry
};

namespace detail {

/// For an actor that is a replicated state machine: makes the callback that the test asks for.
class raft_engine final : public engine {
 public:
  explicit raft_engine(world& of) { carried_to(&of); }
  static constexpr std::string_view interface_name = COPPICE_RAFT_DRAFT_3;

  enum class callback : std::uint8_t { validate, apply, query, leader, quorum, member, info, save };
  /// A callback and its arguments.
  struct question {
    callback what = callback::apply;
    value given = {};           ///< a command, a query, the leader, the members, or what came of an effect
    coppice_entry about = {};   ///< of `apply` and `info`
    std::uint64_t number = 0;   ///< the term of on_leader; the voters of on_quorum; the version of `save`
    std::int32_t reachable = 0; ///< of on_quorum
  };

  raft_answer ask(const question& what);

  raft_notes& notes() { return notes_; }
  /// Versions before the type's state_version that the code knows.
  std::uint32_t older_versions() const { return on_.older_versions; }

  std::optional<call> next(world&) override;
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* to) override;
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override { due_.reset(); }

 private:
  static const char* name_of(callback what);

  std::int32_t run(coppice_actor* self, void* state, const question& now);

  // Makes a callback whose effects are noted, and kept unless it discards the entry.
  template <class Callback>
  std::int32_t noted(const question& now, const Callback& make) {
    notes_.begin(now.about);
    world_->noting = &notes_;
    const std::int32_t status = make();
    world_->noting = nullptr;
    if (status != COPPICE_OK && status != COPPICE_HIBERNATE) notes_.undo();
    return decided(status);
  }
  // Makes a callback that may only look. The term that it writes becomes the answer; nothing written: `ok`.
  template <class Callback>
  std::int32_t look(const char* name, const Callback& make) {
    coppice_writer reply;
    write_begin(128, &reply);
    std::int32_t status = COPPICE_OK;
    {
      const turn looking(*world_, name, true);
      status = make(&reply);
    }
    world_->refused.clear(); // the complaints have it
    said_.term = atom("ok");
    if ((status != COPPICE_OK && status != COPPICE_HIBERNATE) || reply.at == reply.begin) {
      discard(&reply);
      return status;
    }
    coppice_message made{};
    if (finish(&reply, &made) != COPPICE_OK) return COPPICE_E_TERM;
    said_.term = *take(&made);
    return status;
  }
  // The status that the actor follows after `validate` or `apply`.
  std::int32_t decided(std::int32_t status);
  // The status that the actor follows after `save`, whose failure ends nothing.
  std::int32_t written(std::int32_t status);
  // The status that the actor follows after `handle_query`.
  std::int32_t answered(std::int32_t status);

  raft_notes notes_;
  world* world_ = nullptr;
  coppice_raft on_{};
  std::optional<question> due_;
  raft_answer said_;
};

} // namespace detail

/// A group of three members, each an actor of one type. The plugin must outlive it.
class raft_in_test {
 public:
  /// Starts the members. Throws: the actor is no replicated state machine, or init has failed or is not alike
  /// in two members, or the code does not know the version. A node in `how.among` is that of all members.
  /// `version`: the group's. None: the type's state_version.
  explicit raft_in_test(const plugin& from, const settings& how = {},
                        std::optional<std::uint32_t> version = {});
  raft_in_test(plugin&&, const settings& = {}, std::optional<std::uint32_t> = {}) = delete;

  /// A command as a client appends it: validate at the first member, then apply in all members.
  raft_answer append(const value& command, const about_entry& with = {});
  /// As append(), without validate: as if the state had changed since.
  raft_answer apply(const value& command, const about_entry& with = {});
  /// Lets time pass, and timers of the group fire, each as an entry of its own. The answers of apply_info.
  std::vector<raft_answer> advance(std::chrono::milliseconds by);
  /// The process behind a monitor of the group ends. The answer of apply_info. Throws: there is no such
  /// monitor.
  raft_answer down(const value& reference, const value& reason);
  /// The group's timers and monitors.
  const group_effects& effects() const { return engine_of(*first_).notes().all(); }

  /// handle_query in all members.
  raft_answer query(const value& question);
  /// Puts a snapshot of the first member in place of the second member's state, as where that was away for
  /// long. It goes on from there. Throws: the actor has no save_state.
  void snapshot();

  /// The group goes over to the next version, as by an entry of the log: each member writes its state in that
  /// version and goes on with what restore_state makes of it, unless no command was applied yet. Throws: the
  /// code knows no next version, does not write it or does not read it, or the states differ.
  void upgrade();
  /// The group's version.
  std::uint32_t version() const { return version_; }

  // Notices to the first member about its group.
  /// `who`: {Name, Node}, or `undefined`.
  void on_leader(const value& who, std::uint64_t in_term);
  void on_quorum(std::uint64_t voters, bool reachable);
  /// `all`: [{{Name, Node}, voter | joining | learner}]
  void on_member(const value& all) { tell({.what = callback::member, .given = all}); }

  /// The first member, for example for its journal.
  actor& first() { return *first_; }
  /// The state after the last command. No term: there is no save_state.
  const saved_state& state() const { return state_; }
  /// Rules of the ABI that a member broke. A call in apply, validate or handle_query that does something, and
  /// is no effect, is one.
  std::vector<std::string> complaints() const;

 private:
  using callback = detail::raft_engine::callback;
  using question_of_test = detail::raft_engine::question;

  static detail::raft_engine& engine_of(actor& one);
  static std::string shown(const value& term);
  static std::string shown(const raft_answer& said);
  static bool same(const value& a, const value& b);
  static bool same(const saved_state& a, const saved_state& b);
  // Exit reasons are no part of what is replicated, and may differ.
  static bool same(const raft_answer& a, const raft_answer& b);

  // An entry that brings what came of a timer or a monitor. `take` takes it from a member's effects.
  template <class Take>
  raft_answer came(const std::string& what, const Take& take) {
    coppice_entry about{};
    about.size = sizeof about;
    about.version = version_;
    about.serial = ++serial_;
    about.time = time_;
    about.random = serial_ * 0x9e3779b97f4a7c15;
    const std::string entry = "entry " + std::to_string(serial_) + ", " + what;
    const value term = take(engine_of(*first_).notes());
    for (const other_member& one : others()) take(engine_of(*one.is).notes());
    raft_answer said{raft_answer::kind::done, atom("ok"), serial_};
    if (term) {
      const saved_state before = state_;
      said = ask_all(entry, {.what = callback::info, .given = term, .about = about});
      if (said.what == raft_answer::kind::ended) return said;
      expect_same_effects(entry);
      send_noted();
      keep_state(entry);
      if (said.what == raft_answer::kind::discarded && !same(before, state_))
        throw failure(entry + ": it is discarded, but has changed the state");
    } else {
      send_noted();
    }
    return said;
  }
  void expect_same_effects(const std::string& about) const;
  // Sends the messages that the first member has noted, since it leads.
  void send_noted();

  struct other_member {
    actor* is;
    const char* which;
  };
  // The members besides the first.
  std::vector<other_member> others() const;

  raft_answer ask_all(const std::string& about, const question_of_test& what);
  void tell(const question_of_test& what);

  saved_state saved(actor& one, const std::string& about) const;
  saved_state saved_in_older(actor& one, const std::string& about) const;
  // Expects that the states are those of before `about`, which may change none.
  void expect_same_state(const std::string& about) const;
  static void expect(const saved_state& is, const saved_state& wanted, const char* which,
                     const std::string& about);
  // Notes the state after `about`, and makes a new third member from it.
  void keep_state(const std::string& about);
  // Puts a member that is restored from the noted state in the place of another one.
  void replace(std::unique_ptr<actor>& old, const settings& how, const std::string& about);

  // Puts what restore_state makes of the noted state in the place of a member's, which goes on with the
  // effects and the journal that it has.
  void go_over(std::unique_ptr<actor>& one, const settings& how, const std::string& about);
  std::uint32_t newest() const { return from_.type(how_.actor).state_version; }

  static constexpr std::chrono::hours other_clock{17}; // how far that of the second member is ahead

  const plugin& from_;
  const settings how_;
  settings elsewhere_; // of the second member
  std::unique_ptr<actor> first_, second_;
  std::unique_ptr<actor> third_; // null: the actor has no save_state
  std::uint32_t version_;        // the group's
  bool has_snapshots_ = false;
  saved_state state_;
  std::uint64_t serial_ = 0;
  std::int64_t time_ = 1'767'225'600'000; // the beginning of 2026
  std::vector<std::string> earlier_;      // complaints of members that are gone
};

} // namespace coppice::testing
