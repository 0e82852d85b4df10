// SPDX-License-Identifier: MIT
// A plugin's saga: connects the saga's engine to the callbacks of "coppice.saga/draft-2". To other processes
// it is a server whose calls {start, …}, {outcome, …}, {subscribe, …}, {cancel, …} and {saga_…, …} are the
// engine's; every other request is the actor's own. A reload does not touch the engine. In the process's own
// turn.
#pragma once

#include <coppice/draft/saga.h>

#include <memory>
#include <optional>

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

class saga_actor final : public server, private behaviours::saga_port {
 public:
  using code_type = saga_code;

  explicit saga_actor(actor_plan&& plan);
  ~saga_actor() override;

  runtime::outcome init(runtime::process& self) override;
  // With its From, for the answer.
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override {
    return behaviour::receive_call(self, asking, std::move(request));
  }
  bool begin_with(behaviours::journal& log) override;

  // For the host's functions. Null: init has not returned.
  behaviours::saga_engine* engine() { return engine_.get(); }

 private:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::message engine_for_people(runtime::process& self) override;

  runtime::outcome run(const ::coppice::saga::call& what) override;
  std::optional<std::uint64_t> ask(const runtime::destination& to, etf::bytes request) override;
  void forget(std::uint64_t asked) override;

  // The status and the name of the callback that `what` is.
  std::int32_t call(const ::coppice::saga::call& what, const coppice_step& about,
                    const coppice_message& value, const char*& name);
  // The outcome of input to the engine, after counting.
  runtime::outcome done(runtime::process& self, runtime::outcome next);

  const coppice_saga& saga_callbacks() const {
    return static_cast<const saga_code&>(running()).saga_callbacks;
  }

  std::optional<behaviours::saga_settings> settings_; // until init. Empty: the options make no sense
  behaviours::journal* log_ = nullptr;                // null: volatile, or the node has none
  std::unique_ptr<behaviours::saga_engine> engine_;
  ::coppice::saga::counters counted_; // included in its type's totals
  saga_totals::held held_;
  const std::shared_ptr<saga_state> waits_ = std::make_shared<saga_state>();
  metrics::board::entry on_board_; // of waits_
};

} // namespace coppice::host
