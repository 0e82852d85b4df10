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
// Include it beside coppice/testing.hpp. Header-only. In the test's thread.
#pragma once

#include <coppice/draft/raft.h>
#include <coppice/testing.hpp>
#include <coppice/testing/raft_effects.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace coppice::testing {

/// The answer to a command or a query.
struct raft_answer {
  /// done: `term` is the reply. discarded: the reason. ended: the exit reason of the actor, which has ended.
  enum class kind : std::uint8_t { done, discarded, ended } what = kind::done;
  value term;
  std::uint64_t serial = 0; ///< of the command; 0: a query, or a command that validate has refused
};

/// What comes with a command, alike in all members.
struct about_entry {
  std::optional<std::int64_t> time = {};    ///< ms since 1970; none: 1 ms after the entry before
  std::optional<std::uint64_t> random = {}; ///< none: another number for each entry
};

namespace detail {

/// Of an actor that is a replicated state machine: makes the callback that the test asks for.
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

  raft_answer ask(const question& what) {
    if (world_ == nullptr || world_->dead) throw failure("this replicated state machine has ended");
    due_ = what;
    said_ = {};
    world_->go_on();
    if (world_->dead) said_ = {raft_answer::kind::ended, world_->reason, 0};
    said_.serial = what.about.serial;
    return said_;
  }

  raft_notes& notes() { return notes_; }
  /// Versions before the type's state_version that the code knows.
  std::uint32_t older_versions() const { return on_.older_versions; }

  std::optional<call> next(world&) override {
    if (!due_) return std::nullopt;
    const question now = *std::exchange(due_, std::nullopt);
    return call{name_of(now.what),
                [this, now](coppice_actor* self, void* state) { return run(self, state, now); }};
  }
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* to) override {
    world_ = to;
    if (to == nullptr) return;
    if (std::string_view(to->type->behaviour) != "raft")
      throw failure("this actor is no replicated state machine");
    on_ = table_of<coppice_raft>(*to->type, COPPICE_RAFT_DRAFT_3);
  }
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override { due_.reset(); }

 private:
  static const char* name_of(callback what) {
    constexpr const char* names[] = {"validate",  "apply",     "handle_query", "on_leader",
                                     "on_quorum", "on_member", "apply_info",   "save"};
    return names[static_cast<std::size_t>(what)];
  }

  std::int32_t run(coppice_actor* self, void* state, const question& now) {
    const lent given(now.given ? now.given : atom("undefined"));
    switch (now.what) {
      case callback::validate:
        return decided(look("validate", [&](coppice_writer*) {
          return on_.validate == nullptr ? COPPICE_OK : on_.validate(self, state, given.get());
        }));
      case callback::apply:
        return noted(now, [&] {
          return look("apply", [&](coppice_writer* reply) {
            return on_.apply == nullptr ? COPPICE_UNHANDLED
                                        : on_.apply(self, state, &now.about, given.get(), reply);
          });
        });
      case callback::info:
        return noted(now, [&] {
          return look("apply_info", [&](coppice_writer*) {
            return on_.apply_info == nullptr ? COPPICE_UNHANDLED
                                             : on_.apply_info(self, state, &now.about, given.get());
          });
        });
      case callback::query:
        return answered(look("handle_query", [&](coppice_writer* reply) {
          return on_.handle_query == nullptr ? COPPICE_UNHANDLED
                                             : on_.handle_query(self, state, given.get(), reply);
        }));
      case callback::leader:
        return on_.on_leader == nullptr ? COPPICE_OK : on_.on_leader(self, state, given.bytes(), now.number);
      case callback::quorum:
        return on_.on_quorum == nullptr ? COPPICE_OK : on_.on_quorum(self, state, now.number, now.reachable);
      case callback::save:
        return written(look("save", [&](coppice_writer* out) {
          return on_.save == nullptr ? COPPICE_E_VERSION
                                     : on_.save(self, state, static_cast<std::uint32_t>(now.number), out);
        }));
      case callback::member:
        break;
    }
    return on_.on_member == nullptr ? COPPICE_OK : on_.on_member(self, state, given.get());
  }

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
  std::int32_t decided(std::int32_t status) {
    if (status != COPPICE_DISCARD && status != COPPICE_UNHANDLED) return status;
    const std::string text = std::exchange(world_->error_text, {});
    const value reason = std::exchange(world_->error_reason, {});
    said_.what = raft_answer::kind::discarded;
    said_.term = reason          ? reason
                 : !text.empty() ? value(text)
                                 : atom(status == COPPICE_DISCARD ? "discarded" : "bad_command");
    return COPPICE_OK;
  }
  // The status that the actor follows after `save`, whose failure ends nothing.
  std::int32_t written(std::int32_t status) {
    if (status == COPPICE_OK) return status;
    world_->error_text.clear();
    world_->error_reason = {};
    said_.what = raft_answer::kind::discarded;
    said_.term = atom(coppice_status_word(status));
    return COPPICE_OK;
  }
  // The status that the actor follows after `handle_query`.
  std::int32_t answered(std::int32_t status) {
    if (status != COPPICE_UNHANDLED) return status;
    const std::string text = std::exchange(world_->error_text, {});
    world_->error_reason = {};
    said_.what = raft_answer::kind::discarded;
    said_.term = std::pair(etf::atom{"bad_request"},
                           text.empty() ? std::string("the state machine takes no such query") : text);
    return COPPICE_OK;
  }

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
                        std::optional<std::uint32_t> version = {})
      : from_(from), how_(how), elsewhere_(how), version_(version.value_or(newest())) {
    if (!elsewhere_.among) elsewhere_.among = neighbours("second@127.0.0.2");
    first_ = std::make_unique<actor>(from_, how_);
    second_ = std::make_unique<actor>(from_, elsewhere_);
    for (actor* const one : {first_.get(), second_.get()}) {
      if (!one->alive()) throw failure("this actor did not start: " + shown(one->reason()));
      engine_of(*one); // throws for another behaviour
    }
    second_->process().now += other_clock;
    const std::uint32_t oldest = newest() - std::min(newest(), engine_of(*first_).older_versions());
    if (version_ < oldest || version_ > newest())
      throw failure("this actor does not know version " + std::to_string(version_) + ", but " +
                    std::to_string(oldest) + " to " + std::to_string(newest()));
    const auto callbacks = detail::table_of<coppice_lifecycle>(from_.type(how_.actor), COPPICE_LIFECYCLE_1);
    has_snapshots_ = callbacks.save_state != nullptr;
    keep_state("after init");
  }
  raft_in_test(plugin&&, const settings& = {}, std::optional<std::uint32_t> = {}) = delete;

  /// A command as a client appends it: validate at the first member, then apply in all members.
  raft_answer append(const value& command, const about_entry& with = {}) {
    const raft_answer said = engine_of(*first_).ask({.what = callback::validate, .given = command});
    if (said.what == raft_answer::kind::ended) return said;
    expect_same_state("validate of " + shown(command));
    return said.what == raft_answer::kind::done ? apply(command, with) : said;
  }
  /// As append(), without validate: as if the state had changed since.
  raft_answer apply(const value& command, const about_entry& with = {}) {
    time_ = with.time.value_or(time_ + 1);
    coppice_entry about{};
    about.size = sizeof about;
    about.version = version_;
    about.serial = ++serial_;
    about.time = time_;
    about.random = with.random.value_or(serial_ * 0x9e3779b97f4a7c15);
    const std::string entry = "entry " + std::to_string(serial_) + ", " + shown(command);
    const saved_state before = state_;
    const raft_answer said = ask_all(entry, {.what = callback::apply, .given = command, .about = about});
    if (said.what == raft_answer::kind::ended) return said;
    expect_same_effects(entry);
    send_noted();
    keep_state(entry);
    if (said.what == raft_answer::kind::discarded && !same(before, state_))
      throw failure(entry + ": it is discarded, but has changed the state from " + shown(before.term) +
                    " to " + shown(state_.term));
    return said;
  }
  /// Lets time pass, and timers of the group fire, each as an entry of its own. The answers of apply_info.
  std::vector<raft_answer> advance(std::chrono::milliseconds by) {
    const std::int64_t until = time_ + by.count();
    std::vector<raft_answer> all;
    while (const auto id = engine_of(*first_).notes().due(std::chrono::milliseconds(until))) {
      const auto due = std::chrono::ceil<std::chrono::milliseconds>(effects().timers.at(*id).due).count();
      time_ = std::max(time_, due);
      const nanoseconds now = std::chrono::milliseconds(time_);
      all.push_back(came("timer " + std::to_string(*id),
                         [&](detail::raft_notes& notes) { return notes.fire(*id, now); }));
      if (all.back().what == raft_answer::kind::ended) return all;
    }
    time_ = std::max(time_, until);
    return all;
  }
  /// The process behind a monitor of the group ends. The answer of apply_info. Throws: there is no such
  /// monitor.
  raft_answer down(const value& reference, const value& reason) {
    if (!effects().monitors.contains(reference))
      throw failure("the group has no monitor with the reference " + shown(reference));
    time_ += 1;
    return came("the end of " + shown(effects().monitors.at(reference).whom),
                [&](detail::raft_notes& notes) { return notes.end(reference, reason); });
  }
  /// The group's timers and monitors.
  const group_effects& effects() const { return engine_of(*first_).notes().all(); }

  /// handle_query in all members.
  raft_answer query(const value& question) {
    const std::string about = "query " + shown(question);
    const raft_answer said = ask_all(about, {.what = callback::query, .given = question});
    if (said.what != raft_answer::kind::ended) expect_same_state(about);
    return said;
  }
  /// Puts a snapshot of the first member in place of the second member's state, as where that was away for
  /// long. It goes on from there. Throws: the actor has no save_state.
  void snapshot() {
    if (!has_snapshots_) throw failure("this actor has no save_state, so it has no snapshots");
    replace(second_, elsewhere_, "after entry " + std::to_string(serial_));
    second_->process().now += other_clock;
  }

  /// The group goes over to the next version, as by an entry of the log: each member writes its state in that
  /// version and goes on with what restore_state makes of it, unless no command was applied yet. Throws: the
  /// code knows no next version, does not write it or does not read it, or the states differ.
  void upgrade() {
    if (version_ >= newest()) throw failure("this actor knows no version after " + std::to_string(version_));
    const std::string entry = "the change to version " + std::to_string(version_ + 1);
    ++version_;
    if (serial_ != 0 && has_snapshots_) {
      state_ = saved(*first_, entry);
      for (const other_member& one : others()) expect(saved(*one.is, entry), state_, one.which, entry);
      go_over(first_, how_, entry);
      go_over(second_, elsewhere_, entry);
    }
    keep_state(entry);
  }
  /// The group's version.
  std::uint32_t version() const { return version_; }

  // What the first member is told of its group.
  /// `who`: {Name, Node}, or `undefined`.
  void on_leader(const value& who, std::uint64_t in_term) {
    tell({.what = callback::leader, .given = who, .number = in_term});
  }
  void on_quorum(std::uint64_t voters, bool reachable) {
    tell({.what = callback::quorum, .number = voters, .reachable = reachable ? 1 : 0});
  }
  /// `all`: [{{Name, Node}, voter | joining | learner}]
  void on_member(const value& all) { tell({.what = callback::member, .given = all}); }

  /// The first member, for example for its journal.
  actor& first() { return *first_; }
  /// The state after the last command. No term: there is no save_state.
  const saved_state& state() const { return state_; }
  /// Rules of the ABI that a member broke. A call in apply, validate or handle_query that does something, and
  /// is no effect, is one.
  std::vector<std::string> complaints() const {
    std::vector<std::string> all = earlier_;
    for (const actor* const one : {first_.get(), second_.get(), third_.get()})
      if (one != nullptr) all.insert(all.end(), one->did.complaints.begin(), one->did.complaints.end());
    return all;
  }

 private:
  using callback = detail::raft_engine::callback;
  using question_of_test = detail::raft_engine::question;

  static detail::raft_engine& engine_of(actor& one) {
    return detail::engine_of<detail::raft_engine>(one.process());
  }
  static std::string shown(const value& term) {
    std::ostringstream out;
    out << term;
    return out.str();
  }
  static std::string shown(const raft_answer& said) {
    const char* const before = said.what == raft_answer::kind::done        ? "answers "
                               : said.what == raft_answer::kind::discarded ? "discards it with "
                                                                           : "ends with ";
    return before + shown(said.term);
  }
  static bool same(const value& a, const value& b) {
    if (!a || !b) return !a && !b;
    return detail::equal(detail::plain(a.bytes()), detail::plain(b.bytes())) != 0;
  }
  static bool same(const saved_state& a, const saved_state& b) {
    return a.version == b.version && same(a.term, b.term);
  }
  // Exit reasons are no part of what is replicated, and may differ.
  static bool same(const raft_answer& a, const raft_answer& b) {
    return a.what == b.what && (a.what == raft_answer::kind::ended || same(a.term, b.term));
  }

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
  void expect_same_effects(const std::string& about) const {
    const value wanted = engine_of(*first_).notes().shown();
    for (const other_member& one : others()) {
      const value is = engine_of(*one.is).notes().shown();
      if (!same(is, wanted))
        throw failure(about + ": the effects of a member are " + shown(wanted) + ", but those of " +
                      one.which + " are " + shown(is));
    }
  }
  // What the first member sends, since it leads.
  void send_noted() {
    const std::vector<sent_message>& all = engine_of(*first_).notes().sent();
    first_->did.sent.insert(first_->did.sent.end(), all.begin(), all.end());
  }

  struct other_member {
    actor* is;
    const char* which;
  };
  // The members besides the first.
  std::vector<other_member> others() const {
    std::vector<other_member> all{{second_.get(), "a member with another pid, clock and node"}};
    if (third_ != nullptr) all.push_back({third_.get(), "a member that was restored from a snapshot"});
    return all;
  }

  raft_answer ask_all(const std::string& about, const question_of_test& what) {
    const raft_answer said = engine_of(*first_).ask(what);
    for (const other_member& one : others()) {
      const raft_answer also = engine_of(*one.is).ask(what);
      if (!same(said, also))
        throw failure(about + ": a member " + shown(said) + ", but " + one.which + " " + shown(also));
    }
    return said;
  }
  void tell(const question_of_test& what) {
    const raft_answer said = engine_of(*first_).ask(what);
    if (said.what != raft_answer::kind::ended) expect_same_state("on_leader, on_quorum or on_member");
  }

  saved_state saved(actor& one, const std::string& about) const {
    if (!has_snapshots_) return {};
    if (version_ != newest()) return saved_in_older(one, about);
    saved_state made = one.save();
    made.process = nullptr; // a snapshot goes to another process
    if (made.status != COPPICE_OK)
      throw failure(about + ": save_state failed with " + coppice_status_word(made.status));
    if (made.version != version_)
      throw failure(about + ": save_state wrote version " + std::to_string(made.version) +
                    ", but the group has " + std::to_string(version_));
    return made;
  }
  saved_state saved_in_older(actor& one, const std::string& about) const {
    const raft_answer said = engine_of(one).ask({.what = callback::save, .number = version_});
    if (said.what != raft_answer::kind::done)
      throw failure(about + ": save of version " + std::to_string(version_) + " failed with " +
                    shown(said.term));
    return {COPPICE_OK, version_, said.term, nullptr};
  }
  // Expects that the states are those of before `about`, which may change none.
  void expect_same_state(const std::string& about) const {
    const saved_state now = saved(*first_, about);
    if (!same(now, state_))
      throw failure(about + " has changed the state from " + shown(state_.term) + " to " + shown(now.term));
    for (const other_member& one : others()) expect(saved(*one.is, about), now, one.which, about);
  }
  static void expect(const saved_state& is, const saved_state& wanted, const char* which,
                     const std::string& about) {
    if (same(is, wanted)) return;
    throw failure(about + ": the state of a member is " + shown(wanted.term) + ", but that of " + which +
                  " is " + shown(is.term));
  }
  // Notes the state after `about`, and makes a new third member from it.
  void keep_state(const std::string& about) {
    state_ = saved(*first_, about);
    for (const other_member& one : others()) expect(saved(*one.is, about), state_, one.which, about);
    if (has_snapshots_) replace(third_, how_, about);
  }
  // Puts a member that is restored from the noted state in the place of another one.
  void replace(std::unique_ptr<actor>& old, const settings& how, const std::string& about) {
    std::unique_ptr<actor> made(new actor(actor::restored(from_, state_, how))); // it cannot be moved
    if (made->status() != COPPICE_OK)
      throw failure(about + ": restore_state refuses the state " + shown(state_.term) + ": " +
                    shown(made->reason()));
    expect(saved(*made, about), state_, "a member that was restored from it", about);
    engine_of(*made).notes().restore(engine_of(*first_).notes());
    if (old != nullptr)
      earlier_.insert(earlier_.end(), old->did.complaints.begin(), old->did.complaints.end());
    old = std::move(made);
  }

  // Puts what restore_state makes of the noted state in the place of a member's, which goes on with the
  // effects and the journal that it has.
  void go_over(std::unique_ptr<actor>& one, const settings& how, const std::string& about) {
    std::unique_ptr<actor> made(new actor(actor::restored(from_, state_, how)));
    if (made->status() != COPPICE_OK)
      throw failure(about + ": restore_state refuses the state " + shown(state_.term) + ": " +
                    shown(made->reason()));
    expect(saved(*made, about), state_, "a member that has gone over to it", about);
    engine_of(*made).notes().restore(engine_of(*one).notes());
    made->process().now = one->process().now;
    journal kept = one->did;
    const auto& added = made->did.complaints;
    kept.complaints.insert(kept.complaints.end(), added.begin(), added.end());
    made->did = std::move(kept);
    one = std::move(made);
  }
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
