// SPDX-License-Identifier: MIT
// A worker of a saga: runs the callback of its ticket after its init, and ends once the callback is
// answered. The answer counts only if the worker ends in order. In the process's own turn.
#include "behaviours/gen/report_fields.hpp"
#include "behaviours/saga/saga_words.hpp"
#include "host/actors/saga_actor.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "saga/term_codec.hpp"

namespace coppice::host {

using behaviours::saga_callbacks;
using ::coppice::saga::verdict;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

bool saga_actor::begin_with(std::unique_ptr<behaviours::saga_ticket> step) {
  is_worker_ = true;
  actor().needs_extra().step = std::move(step);
  return true;
}

outcome saga_actor::begin_step(process& self) {
  outcome begun = begin(self);
  if (begun.stops()) return begun;
  step_ = std::make_unique<own_step>(job().max_steps);
  self.notify(self.self(), message::atom(step_word));
  return begun;
}

outcome saga_actor::go_on_step() {
  if (!std::exchange(step_->begun, true)) {
    const ::coppice::saga::call& what = job().what;
    step_->open.open(what.token, what.what);
    outcome next = run(what);
    if (next.stops()) return next;
  }
  if (!step_->answer) return runtime::carry_on(); // it will be answered later
  job().answer = std::move(*step_->answer);
  return runtime::stop(runtime::reasons::normal());
}

// ---- for the host's functions, in a worker or not ----

saga_callbacks::given saga_actor::answered_step(saga_callbacks::given how, verdict&& said) {
  if (how != saga_callbacks::given::taken) return how;
  step_->answer = std::move(said);
  process& self = *actor().process;
  self.notify(self.self(), message::atom(step_word));
  return how;
}

saga_callbacks::given saga_actor::answer(std::uint64_t token, saga_callbacks::reply what,
                                         ::coppice::saga::term value) {
  if (engine_ != nullptr) return engine_->answer(token, what, std::move(value));
  verdict said;
  const auto how = step_->open.answer(token, what, std::move(value), said);
  return answered_step(how, std::move(said));
}

void saga_actor::answer_by_default(const ::coppice::saga::call& what) {
  if (engine_ != nullptr) return engine_->answer_by_default(what);
  verdict said;
  const auto how = step_->open.answer_by_default(what, said);
  answered_step(how, std::move(said));
}

saga_callbacks::given saga_actor::add_step(std::uint64_t token, ::coppice::saga::step_spec&& one) {
  return engine_ != nullptr ? engine_->add_step(token, std::move(one))
                            : step_->open.add_step(token, std::move(one));
}

bool saga_actor::interim(etf::bytes key, ::coppice::saga::term value) {
  return engine_ != nullptr ? engine_->interim(key, std::move(value)) : tell_interim(key, value);
}

// The saga's engine treats it like an interim value of its own actor.
bool saga_actor::tell_interim(etf::bytes key, const ::coppice::saga::term& value) {
  behaviours::saga_job& of = job();
  if (!etf::decode<::coppice::saga::step_key>(key) || value.encoded.size() > of.max_value) return false;
  if (of.interims.fetch_add(1, std::memory_order_relaxed) >= behaviours::saga_workers::most_interims) {
    of.interims.fetch_sub(1, std::memory_order_relaxed);
    return true; // as if it were lost on its way
  }
  message_writer term(value.encoded.size() + 16);
  behaviours::write(term, value);
  const message told = term.take();
  actor().process->notify(of.saga, behaviours::saga_news::told(of.what.token, key, told.bytes()));
  return true;
}

// #{saga, tx, callback, attempt, answered}
message saga_actor::shown_step() {
  if (step_ == nullptr || actor().extra->step == nullptr) return {};
  const behaviours::saga_job& of = job();
  message_writer out(256);
  out.map(5);
  behaviours::report::text(out, "saga", runtime::to_text(of.saga, actor().process->host().nodes()));
  behaviours::report::text(out, "tx", of.what.key.tx);
  behaviours::report::text(out, "callback", behaviours::saga_workers::word_of(of.what));
  behaviours::report::number(out, "attempt", of.what.attempt);
  behaviours::report::flag(out, "answered", step_->answer.has_value());
  return out.take();
}

} // namespace coppice::host
