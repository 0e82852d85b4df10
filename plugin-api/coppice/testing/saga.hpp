// SPDX-License-Identifier: MIT
// Sagas under test: the test plays the host, asks a saga's callbacks one at a time and sees their answers.
//
//   actor bank(plugin::linked(), {.actor = "accounts"});
//   saga_in_test steps(bank);
//   const saga_answer& taken = steps.perform(take{"ann", 5});
//   CHECK(taken.what == saga_answer::kind::done);
//   CHECK(steps.undo(take{"ann", 5}).what == saga_answer::kind::done);
//
// Nothing is kept, repeated or undone unless the test asks for it: so a test can have a callback run again
// for the same key, as a crash would (`attempt`). Include it beside coppice/testing.hpp: a plugin then finds
// "coppice.saga_host/draft-2". In the test's thread.
#pragma once

#include <coppice/draft/saga.h>
#include <coppice/testing.hpp>
#include <coppice/testing/calls.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::testing {

/// A step that a saga gives out.
struct planned_step {
  std::string to;
  value what;
  bool beside = false;
};

/// The answer of a callback.
struct saga_answer {
  /// later: there is none yet.
  enum class kind : std::uint8_t { later, done, failed, never, retry, steps } what = kind::later;
  value term; ///< the result or the reason; `undefined`: none
  std::vector<planned_step> steps;
};

/// The step that a callback is about.
struct about_step {
  std::string tx = "tx";
  std::uint32_t step = 1; ///< 0: the transaction itself
  std::uint32_t attempt = 1;
};

namespace detail {

/// For an actor that is a saga: the callbacks that the test asked for, and their answers.
class saga_engine final : public engine {
 public:
  explicit saga_engine(world& of) { carried_to(&of); }
  static constexpr std::string_view interface_name = COPPICE_SAGA_HOST_DRAFT_2;
  static bool is_saga(const world& w) { return std::string_view(w.type->behaviour) == "saga"; }

  enum class callback : std::uint8_t {
    start,
    result,
    failed,
    interim,
    perform,
    undo,
    prepare,
    commit,
    abort
  };

  const saga_answer& ask(callback what, const about_step& about, const value& given);
  std::int32_t answer(std::uint64_t token, saga_answer::kind what, value term);
  std::int32_t add(std::uint64_t token, planned_step one);
  std::vector<value> interims;

  std::optional<call> next(world&) override;
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override;
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override { due_.clear(); }

 private:
  struct asked_for {
    callback what = callback::start;
    std::uint64_t token = 0;
    about_step about;
    value given;
  };

  static const char* name_of(callback what);

  // {Tx, {Hops, [{{Name, Node}, Number}]}}
  static value key_of(const about_step& about);

  std::int32_t run(coppice_actor* self, void* state, const asked_for& now);

  // The default of coppice/draft/saga.h for a callback that the actor does not have.
  void by_default(const asked_for& now);

  world* world_ = nullptr;
  coppice_saga on_{};
  std::uint64_t last_ = 0;
  std::deque<asked_for> due_;
  std::map<std::uint64_t, callback> open_;
  std::map<std::uint64_t, saga_answer> answers_;
};

const coppice_saga_api* saga_interface();
inline const bool saga_interface_is_known =
    more_interfaces().emplace(COPPICE_SAGA_HOST_DRAFT_2, saga_interface()).second;

} // namespace detail

/// Asks the callbacks of a saga. An answer may come later: the reference stays valid as long as the actor.
class saga_in_test {
 public:
  explicit saga_in_test(actor& of) : of_(of) {}

  const saga_answer& start(const value& what, std::string tx = "tx");
  const saga_answer& result(const value& what, const about_step& about = {});
  const saga_answer& failed(const value& reason, const about_step& about = {});
  void interim(const value& what, const about_step& about = {}) { ask(kind::interim, about, what); }
  /// handle_do
  const saga_answer& perform(const value& what, const about_step& about = {});
  const saga_answer& undo(const value& what, const about_step& about = {});
  const saga_answer& prepare(const value& what, const about_step& about = {});
  const saga_answer& commit(const value& final = atom("undefined"), const about_step& about = {});
  const saga_answer& abort(const about_step& about = {}) { return ask(kind::abort, about, {}); }
  /// The progress that the actor has reported.
  const std::vector<value>& interims() { return engine().interims; }

 private:
  using kind = detail::saga_engine::callback;
  detail::saga_engine& engine() { return detail::engine_of<detail::saga_engine>(of_.process()); }
  const saga_answer& ask(kind what, const about_step& about, const value& given);
  actor& of_;
};

} // namespace coppice::testing
