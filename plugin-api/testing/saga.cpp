// SPDX-License-Identifier: MIT
// The host's interface for sagas, and the questions that a test asks a saga. In the test's thread.
#include <coppice/testing/saga.hpp>

#include <optional>

namespace coppice::testing {

namespace detail {

namespace {

// COPPICE_OK and the saga whose callback runs, or an error.
std::int32_t saga_of(coppice_actor* self, const char* function, saga_engine*& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (!saga_engine::is_saga(w) || std::string_view(w.callback.load()) == "init") {
    complain_of_callback(function, ", and is no saga, or has not finished its init");
    return COPPICE_E_CONTEXT;
  }
  out = &engine_of<saga_engine>(w);
  return COPPICE_OK;
}
// A value that may be left out. Empty: it is no term.
std::optional<value> saga_value(coppice_message* from) {
  if (from == nullptr) return atom("undefined");
  return take(from);
}

template <saga_answer::kind What>
std::int32_t answer_saga(coppice_actor* self, const coppice_step* step, coppice_message* message) {
  auto term = saga_value(message);
  saga_engine* saga = nullptr;
  if (const std::int32_t status = saga_of(self, COPPICE_SAGA_HOST_DRAFT_2 "'s answers", saga);
      status != COPPICE_OK)
    return status;
  const auto about = sized(step, COPPICE_STEP_LEAST);
  if (!about) return COPPICE_E_INVALID;
  if (!term) return COPPICE_E_TERM;
  return saga->answer(about->token, What, std::move(*term));
}
template <saga_answer::kind What>
std::int32_t answer_saga_alone(coppice_actor* self, const coppice_step* step) {
  return answer_saga<What>(self, step, nullptr);
}

std::int32_t add_saga_step(coppice_actor* self, const coppice_step* step, const coppice_next_step* next) {
  const auto given = sized(next, COPPICE_NEXT_STEP_LEAST);
  auto term = given ? saga_value(given->value_take) : std::nullopt;
  saga_engine* saga = nullptr;
  if (const std::int32_t status = saga_of(self, COPPICE_SAGA_HOST_DRAFT_2 "'s add_step", saga);
      status != COPPICE_OK)
    return status;
  const auto about = sized(step, COPPICE_STEP_LEAST);
  if (!about || !given || given->beside > 1 || given->retry_first < 0 || given->retry_max < 0)
    return COPPICE_E_INVALID;
  const std::string to = text_of(given->to);
  const std::size_t cut = to.find('@');
  if (to.empty() || cut == 0 || (cut != to.npos && to.find('@', cut + 1) == to.npos))
    return COPPICE_E_INVALID;
  if (!term) return COPPICE_E_TERM;
  return saga->add(about->token, {to, std::move(*term), given->beside == 1});
}
std::int32_t saga_interim(coppice_actor* self, const coppice_step* step, coppice_message* message) {
  auto term = saga_value(message);
  saga_engine* saga = nullptr;
  if (const std::int32_t status = saga_of(self, COPPICE_SAGA_HOST_DRAFT_2 "'s interim", saga);
      status != COPPICE_OK)
    return status;
  const auto about = sized(step, COPPICE_STEP_LEAST);
  if (!about || !term_of(about->key)) return COPPICE_E_INVALID;
  if (!term) return COPPICE_E_TERM;
  saga->interims.push_back(std::move(*term));
  return COPPICE_OK;
}

} // namespace

const saga_answer& saga_engine::ask(callback what, const about_step& about, const value& given) {
  if (world_ == nullptr || world_->dead) throw failure("this saga has ended");
  const std::uint64_t token = ++last_;
  open_[token] = what;
  due_.push_back({what, token, about, given});
  world_->go_on();
  return answers_[token];
}

std::int32_t saga_engine::answer(std::uint64_t token, saga_answer::kind what, value term) {
  const auto found = open_.find(token);
  if (found == open_.end()) return COPPICE_E_USED;
  const callback asked = found->second;
  using kind = saga_answer::kind;
  const bool fits = what == kind::never   ? asked == callback::undo || asked == callback::abort
                    : what == kind::retry ? asked == callback::failed
                    : what == kind::done  ? asked != callback::failed
                    : what == kind::steps
                        ? asked != callback::undo && asked != callback::abort && asked != callback::commit &&
                              (asked != callback::failed || !answers_[token].steps.empty())
                        : true;
  if (!fits) return COPPICE_E_INVALID;
  if (what != kind::steps) answers_[token].steps.clear();
  answers_[token].what = what;
  answers_[token].term = std::move(term);
  open_.erase(found);
  return COPPICE_OK;
}

std::int32_t saga_engine::add(std::uint64_t token, planned_step one) {
  if (!open_.contains(token)) return COPPICE_E_USED;
  answers_[token].steps.push_back(std::move(one));
  return COPPICE_OK;
}

std::optional<engine::call> saga_engine::next(world&) {
  if (due_.empty()) return std::nullopt;
  asked_for now = std::move(due_.front());
  due_.pop_front();
  return call{name_of(now.what),
              [this, now](coppice_actor* self, void* state) { return run(self, state, now); }};
}

void saga_engine::carried_to(world* next) {
  world_ = next;
  if (next == nullptr) return;
  if (!is_saga(*next)) throw failure("this actor is no saga");
  on_ = table_of<coppice_saga>(*next->type, COPPICE_SAGA_DRAFT_2);
}

const char* saga_engine::name_of(callback what) {
  constexpr const char* names[] = {"handle_start",   "handle_result", "handle_failed",
                                   "handle_interim", "handle_do",     "handle_undo",
                                   "handle_prepare", "handle_commit", "handle_abort"};
  return names[static_cast<std::size_t>(what)];
}

value saga_engine::key_of(const about_step& about) {
  using hop = std::pair<std::pair<std::string, std::string>, std::uint32_t>;
  std::vector<hop> path;
  if (about.step > 0) path.push_back({{"coordinator", "test@127.0.0.1"}, about.step});
  return std::pair(about.tx, std::pair(std::uint32_t{16}, path));
}

std::int32_t saga_engine::run(coppice_actor* self, void* state, const asked_for& now) {
  const lent given(now.given ? now.given : atom("undefined"));
  const value key = key_of(now.about);
  coppice_step step{};
  step.size = sizeof step;
  step.attempt = now.about.attempt;
  step.token = now.what == callback::interim ? 0 : now.token;
  step.tx = {reinterpret_cast<const std::uint8_t*>(now.about.tx.data()), now.about.tx.size()};
  step.key = plain(key.bytes());
  const auto with = [&](auto function) {
    return function == nullptr ? COPPICE_UNHANDLED : function(self, state, &step, given.get());
  };
  std::int32_t status = COPPICE_UNHANDLED;
  switch (now.what) {
    case callback::start:
      status = with(on_.handle_start);
      break;
    case callback::result:
      status = with(on_.handle_result);
      break;
    case callback::failed:
      status = with(on_.handle_failed);
      break;
    case callback::interim:
      status = with(on_.handle_interim);
      break;
    case callback::perform:
      status = with(on_.handle_do);
      break;
    case callback::undo:
      status = with(on_.handle_undo);
      break;
    case callback::prepare:
      status = with(on_.handle_prepare);
      break;
    case callback::commit:
      status = with(on_.handle_commit);
      break;
    case callback::abort:
      if (on_.handle_abort != nullptr) status = on_.handle_abort(self, state, &step);
      break;
  }
  if (status != COPPICE_UNHANDLED) return status;
  by_default(now);
  return COPPICE_OK;
}

void saga_engine::by_default(const asked_for& now) {
  using kind = saga_answer::kind;
  const bool unsupported =
      now.what == callback::start || now.what == callback::perform || now.what == callback::prepare;
  if (unsupported)
    answer(now.token, kind::failed, atom("unsupported"));
  else if (now.what == callback::failed)
    answer(now.token, kind::failed, now.given);
  else if (now.what == callback::result)
    answer(now.token, kind::steps, atom("undefined"));
  else if (now.what != callback::interim)
    answer(now.token, kind::done, atom("undefined"));
}

const coppice_saga_api* saga_interface() {
  using kind = saga_answer::kind;
  static constexpr coppice_saga_api table = {.size = sizeof(coppice_saga_api),
                                             .reserved = 0,
                                             .done = &answer_saga<kind::done>,
                                             .failed = &answer_saga<kind::failed>,
                                             .never = &answer_saga<kind::never>,
                                             .retry = &answer_saga_alone<kind::retry>,
                                             .add_step = &add_saga_step,
                                             .steps = &answer_saga_alone<kind::steps>,
                                             .interim = &saga_interim};
  return &table;
}

} // namespace detail
const saga_answer& saga_in_test::start(const value& what, std::string tx) {
  return ask(kind::start, {std::move(tx), 0, 1}, what);
}

const saga_answer& saga_in_test::result(const value& what, const about_step& about) {
  return ask(kind::result, about, what);
}

const saga_answer& saga_in_test::failed(const value& reason, const about_step& about) {
  return ask(kind::failed, about, reason);
}

const saga_answer& saga_in_test::perform(const value& what, const about_step& about) {
  return ask(kind::perform, about, what);
}

const saga_answer& saga_in_test::undo(const value& what, const about_step& about) {
  return ask(kind::undo, about, what);
}

const saga_answer& saga_in_test::prepare(const value& what, const about_step& about) {
  return ask(kind::prepare, about, what);
}

const saga_answer& saga_in_test::commit(const value& final, const about_step& about) {
  return ask(kind::commit, about, final);
}

const saga_answer& saga_in_test::ask(kind what, const about_step& about, const value& given) {
  return engine().ask(what, about, given);
}

} // namespace coppice::testing
