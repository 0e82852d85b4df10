// SPDX-License-Identifier: MIT
// Applies each command in every member of a group under test, and compares the members. In the test's thread.
#include <coppice/testing/order.hpp>
#include <coppice/testing/raft.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

namespace coppice::testing {

namespace detail {

raft_answer raft_engine::ask(const question& what) {
  if (world_ == nullptr || world_->dead) throw failure("this replicated state machine has ended");
  due_ = what;
  said_ = {};
  world_->go_on();
  if (world_->dead) said_ = {raft_answer::kind::ended, world_->reason, 0};
  said_.serial = what.about.serial;
  return said_;
}

std::optional<engine::call> raft_engine::next(world&) {
  if (!due_) return std::nullopt;
  const question now = *std::exchange(due_, std::nullopt);
  return call{name_of(now.what),
              [this, now](coppice_actor* self, void* state) { return run(self, state, now); }};
}

void raft_engine::carried_to(world* to) {
  world_ = to;
  if (to == nullptr) return;
  if (std::string_view(to->type->behaviour) != "raft")
    throw failure("this actor is no replicated state machine");
  on_ = table_of<coppice_raft>(*to->type, COPPICE_RAFT_DRAFT_3);
}

const char* raft_engine::name_of(callback what) {
  constexpr const char* names[] = {"validate",  "apply",     "handle_query", "on_leader",
                                   "on_quorum", "on_member", "apply_info",   "save"};
  return names[static_cast<std::size_t>(what)];
}

std::int32_t raft_engine::run(coppice_actor* self, void* state, const question& now) {
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

std::int32_t raft_engine::decided(std::int32_t status) {
  if (status != COPPICE_DISCARD && status != COPPICE_UNHANDLED) return status;
  const std::string text = std::exchange(world_->error_text, {});
  const value reason = std::exchange(world_->error_reason, {});
  said_.what = raft_answer::kind::discarded;
  said_.term = reason          ? reason
               : !text.empty() ? value(text)
                               : atom(status == COPPICE_DISCARD ? "discarded" : "bad_command");
  return COPPICE_OK;
}

std::int32_t raft_engine::written(std::int32_t status) {
  if (status == COPPICE_OK) return status;
  world_->error_text.clear();
  world_->error_reason = {};
  said_.what = raft_answer::kind::discarded;
  said_.term = atom(coppice_status_word(status));
  return COPPICE_OK;
}

std::int32_t raft_engine::answered(std::int32_t status) {
  if (status != COPPICE_UNHANDLED) return status;
  const std::string text = std::exchange(world_->error_text, {});
  world_->error_reason = {};
  said_.what = raft_answer::kind::discarded;
  said_.term = std::pair(etf::atom{"bad_request"},
                         text.empty() ? std::string("the state machine takes no such query") : text);
  return COPPICE_OK;
}

} // namespace detail
raft_in_test::raft_in_test(const plugin& from, const settings& how, std::optional<std::uint32_t> version)
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

raft_answer raft_in_test::append(const value& command, const about_entry& with) {
  const raft_answer said = engine_of(*first_).ask({.what = callback::validate, .given = command});
  if (said.what == raft_answer::kind::ended) return said;
  expect_same_state("validate of " + shown(command));
  return said.what == raft_answer::kind::done ? apply(command, with) : said;
}

raft_answer raft_in_test::apply(const value& command, const about_entry& with) {
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
    throw failure(entry + ": it is discarded, but has changed the state from " + shown(before.term) + " to " +
                  shown(state_.term));
  return said;
}

std::vector<raft_answer> raft_in_test::advance(std::chrono::milliseconds by) {
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

raft_answer raft_in_test::down(const value& reference, const value& reason) {
  if (!effects().monitors.contains(reference))
    throw failure("the group has no monitor with the reference " + shown(reference));
  time_ += 1;
  return came("the end of " + shown(effects().monitors.at(reference).whom),
              [&](detail::raft_notes& notes) { return notes.end(reference, reason); });
}

raft_answer raft_in_test::query(const value& question) {
  const std::string about = "query " + shown(question);
  const raft_answer said = ask_all(about, {.what = callback::query, .given = question});
  if (said.what != raft_answer::kind::ended) expect_same_state(about);
  return said;
}

void raft_in_test::snapshot() {
  if (!has_snapshots_) throw failure("this actor has no save_state, so it has no snapshots");
  replace(second_, elsewhere_, "after entry " + std::to_string(serial_));
  second_->process().now += other_clock;
}

void raft_in_test::upgrade() {
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

void raft_in_test::on_leader(const value& who, std::uint64_t in_term) {
  tell({.what = callback::leader, .given = who, .number = in_term});
}

void raft_in_test::on_quorum(std::uint64_t voters, bool reachable) {
  tell({.what = callback::quorum, .number = voters, .reachable = reachable ? 1 : 0});
}

std::vector<std::string> raft_in_test::complaints() const {
  std::vector<std::string> all = earlier_;
  for (const actor* const one : {first_.get(), second_.get(), third_.get()})
    if (one != nullptr) all.insert(all.end(), one->did.complaints.begin(), one->did.complaints.end());
  return all;
}

detail::raft_engine& raft_in_test::engine_of(actor& one) {
  return detail::engine_of<detail::raft_engine>(one.process());
}

std::string raft_in_test::shown(const value& term) {
  std::ostringstream out;
  out << term;
  return out.str();
}

std::string raft_in_test::shown(const raft_answer& said) {
  const char* const before = said.what == raft_answer::kind::done        ? "answers "
                             : said.what == raft_answer::kind::discarded ? "discards it with "
                                                                         : "ends with ";
  return before + shown(said.term);
}

bool raft_in_test::same(const value& a, const value& b) {
  if (!a || !b) return !a && !b;
  return detail::order_interface()->equal(detail::plain(a.bytes()), detail::plain(b.bytes())) != 0;
}

bool raft_in_test::same(const saved_state& a, const saved_state& b) {
  return a.version == b.version && same(a.term, b.term);
}

bool raft_in_test::same(const raft_answer& a, const raft_answer& b) {
  return a.what == b.what && (a.what == raft_answer::kind::ended || same(a.term, b.term));
}

void raft_in_test::expect_same_effects(const std::string& about) const {
  const value wanted = engine_of(*first_).notes().shown();
  for (const other_member& one : others()) {
    const value is = engine_of(*one.is).notes().shown();
    if (!same(is, wanted))
      throw failure(about + ": the effects of a member are " + shown(wanted) + ", but those of " + one.which +
                    " are " + shown(is));
  }
}

void raft_in_test::send_noted() {
  const std::vector<sent_message>& all = engine_of(*first_).notes().sent();
  first_->did.sent.insert(first_->did.sent.end(), all.begin(), all.end());
}

std::vector<raft_in_test::other_member> raft_in_test::others() const {
  std::vector<other_member> all{{second_.get(), "a member with another pid, clock and node"}};
  if (third_ != nullptr) all.push_back({third_.get(), "a member that was restored from a snapshot"});
  return all;
}

raft_answer raft_in_test::ask_all(const std::string& about, const question_of_test& what) {
  const raft_answer said = engine_of(*first_).ask(what);
  for (const other_member& one : others()) {
    const raft_answer also = engine_of(*one.is).ask(what);
    if (!same(said, also))
      throw failure(about + ": a member " + shown(said) + ", but " + one.which + " " + shown(also));
  }
  return said;
}

void raft_in_test::tell(const question_of_test& what) {
  const raft_answer said = engine_of(*first_).ask(what);
  if (said.what != raft_answer::kind::ended) expect_same_state("on_leader, on_quorum or on_member");
}

saved_state raft_in_test::saved(actor& one, const std::string& about) const {
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

saved_state raft_in_test::saved_in_older(actor& one, const std::string& about) const {
  const raft_answer said = engine_of(one).ask({.what = callback::save, .number = version_});
  if (said.what != raft_answer::kind::done)
    throw failure(about + ": save of version " + std::to_string(version_) + " failed with " +
                  shown(said.term));
  return {COPPICE_OK, version_, said.term, nullptr};
}

void raft_in_test::expect_same_state(const std::string& about) const {
  const saved_state now = saved(*first_, about);
  if (!same(now, state_))
    throw failure(about + " has changed the state from " + shown(state_.term) + " to " + shown(now.term));
  for (const other_member& one : others()) expect(saved(*one.is, about), now, one.which, about);
}

void raft_in_test::expect(const saved_state& is, const saved_state& wanted, const char* which,
                          const std::string& about) {
  if (same(is, wanted)) return;
  throw failure(about + ": the state of a member is " + shown(wanted.term) + ", but that of " + which +
                " is " + shown(is.term));
}

void raft_in_test::keep_state(const std::string& about) {
  state_ = saved(*first_, about);
  for (const other_member& one : others()) expect(saved(*one.is, about), state_, one.which, about);
  if (has_snapshots_) replace(third_, how_, about);
}

void raft_in_test::replace(std::unique_ptr<actor>& old, const settings& how, const std::string& about) {
  std::unique_ptr<actor> made(new actor(actor::restored(from_, state_, how))); // it cannot be moved
  if (made->status() != COPPICE_OK)
    throw failure(about + ": restore_state refuses the state " + shown(state_.term) + ": " +
                  shown(made->reason()));
  expect(saved(*made, about), state_, "a member that was restored from it", about);
  engine_of(*made).notes().restore(engine_of(*first_).notes());
  if (old != nullptr) earlier_.insert(earlier_.end(), old->did.complaints.begin(), old->did.complaints.end());
  old = std::move(made);
}

void raft_in_test::go_over(std::unique_ptr<actor>& one, const settings& how, const std::string& about) {
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

} // namespace coppice::testing
