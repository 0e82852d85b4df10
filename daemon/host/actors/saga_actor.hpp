// SPDX-License-Identifier: MIT
// A plugin's saga: connects the saga's engine to the callbacks of "coppice.saga/draft-2". To other processes
// it is a server. The calls {start, …}, {outcome, …}, {subscribe, …}, {cancel, …} and {saga_…, …} are the
// engine's; every other request is the actor's own. A reload does not touch the engine. An actor that was
// given a ticket is a worker instead: it has no engine, runs one callback of another saga's step, and ends
// once the callback is answered (saga_actor_worker.cpp). In the process's own turn.
#pragma once

#include <coppice/draft/saga.h>

#include <memory>
#include <optional>
#include <string_view>

#include "behaviours/saga/saga_engine.hpp"
#include "host/actors/server.hpp"
#include "host/boundary/saga_state.hpp"
#include "host/boundary/saga_totals.hpp"
#include "metrics/board.hpp"

namespace coppice::host {

struct saga_code final : server_code {
  explicit saga_code(const coppice_actor_type& type);
  const coppice_saga saga_callbacks;
};

// A worker's notice to itself: it has to run its callback, or its callback was answered.
inline constexpr std::string_view step_word = "$coppice_saga_step";

class saga_actor final : public server, private behaviours::saga_port {
 public:
  using code_type = saga_code;
  static std::shared_ptr<metrics::counters> make_totals(metrics::board* board, const std::string& type,
                                                        const std::string& behaviour);
  // The functions for its callbacks; see interfaces/saga.cpp.
  static const coppice_saga_api* host_interface();

  explicit saga_actor(actor_plan&& plan);
  ~saga_actor() override;

  runtime::outcome init(runtime::process& self) override;
  // The call is taken with its From, for the answer.
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override {
    return behaviour::receive_call(self, asking, std::move(request));
  }
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override;
  bool begin_with(behaviours::journal& log) override;
  bool begin_with(std::shared_ptr<const behaviours::saga_worker_spec> workers) override;
  bool begin_with(std::unique_ptr<behaviours::saga_ticket> step) override;

  // Whether the host's functions may answer. False: init has not returned.
  bool takes_answers() const { return engine_ != nullptr || (step_ != nullptr && step_->begun); }
  // Called only if it takes answers; see saga_callbacks.
  behaviours::saga_callbacks::given answer(std::uint64_t token, behaviours::saga_callbacks::reply what,
                                           ::coppice::saga::term value);
  behaviours::saga_callbacks::given add_step(std::uint64_t token, ::coppice::saga::step_spec&& one);
  // See saga_engine::interim().
  bool interim(etf::bytes key, ::coppice::saga::term value);

 private:
  // The callback that a worker runs.
  struct own_step {
    explicit own_step(std::size_t max_steps) : open(max_steps) {}
    behaviours::saga_callbacks open;
    bool begun = false;
    std::optional<::coppice::saga::verdict> answer;
  };

  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::message engine_for_people(runtime::process& self) override;

  runtime::outcome run(const ::coppice::saga::call& what) override;
  std::optional<std::uint64_t> ask(const runtime::destination& to, etf::bytes request) override;
  void forget(std::uint64_t asked) override;

  // Calls the callback that `what` names. Returns its status and its name.
  std::int32_t call(const ::coppice::saga::call& what, const coppice_step& about,
                    const coppice_message& value, const char*& name);
  void answer_by_default(const ::coppice::saga::call& what);
  // Functions of a worker.
  behaviours::saga_job& job() { return actor().extra->step->job(); }
  runtime::outcome begin_step(runtime::process& self);
  runtime::outcome go_on_step();
  behaviours::saga_callbacks::given answered_step(behaviours::saga_callbacks::given how,
                                                  ::coppice::saga::verdict&& said);
  bool tell_interim(etf::bytes key, const ::coppice::saga::term& value);
  runtime::message shown_step();
  // The outcome of input to the engine, after counting.
  runtime::outcome done(runtime::process& self, runtime::outcome next);

  const coppice_saga& saga_callbacks() const {
    return static_cast<const saga_code&>(running()).saga_callbacks;
  }

  std::optional<behaviours::saga_settings> settings_; // until init. Empty: the options are not valid
  behaviours::journal* log_ = nullptr;                // null: volatile, or the node has none
  std::shared_ptr<const behaviours::saga_worker_spec> workers_; // until init. Null: none
  bool is_worker_ = false;                                      // set before its process is made
  std::unique_ptr<own_step> step_;                              // null: no worker, or init has not returned
  std::unique_ptr<behaviours::saga_engine> engine_;
  ::coppice::saga::counters counted_; // included in its type's totals
  saga_totals::held held_;
  const std::shared_ptr<saga_state> waits_ = std::make_shared<saga_state>();
  metrics::board::entry on_board_; // of waits_
};

} // namespace coppice::host
