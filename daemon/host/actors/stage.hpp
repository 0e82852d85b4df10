// SPDX-License-Identifier: MIT
// A plugin's stage: connects the stage engine to the callbacks of "coppice.stage/draft-2". To other processes
// it is a server. A reload does not touch the engine with its subscriptions, demand and buffers. In the
// process's own turn.
#pragma once

#include <coppice/draft/stage.h>

#include <memory>
#include <optional>
#include <string>

#include "behaviours/stage/process_port.hpp"
#include "host/actors/server.hpp"

namespace coppice::host {

struct stage_code final : server_code {
  explicit stage_code(const coppice_actor_type& type);
  const coppice_stage stage_callbacks;
};

class stage final : public server, private behaviours::process_port {
 public:
  using code_type = stage_code;
  static std::shared_ptr<metrics::counters> make_totals(metrics::board* board, const std::string& type,
                                                        const std::string& behaviour);
  // The functions for its callbacks; see interfaces/stage.cpp.
  static const coppice_stage_api* host_interface();

  explicit stage(actor_plan&& plan);
  ~stage() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override;
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void died(runtime::process& self) noexcept override;

  // For the host's functions. Null: init has not returned, or a callback runs that may not emit.
  behaviours::stage_engine* emitting() { return deciding_ ? nullptr : engine_.get(); }
  behaviours::stage_engine* engine() { return engine_.get(); }
  // Adds the growth of its counters to its type's totals.
  void count();
  // The options from init; an error says what is wrong with them.
  base::status configure(etf::bytes options);

 private:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  // A map of stage_counters and subscriptions (stage_subscription for each), and its streams.
  runtime::message engine_for_people(runtime::process& self) override;
  // The outcome of input to the engine, after counting.
  runtime::outcome done(runtime::process& self, runtime::outcome next);

  runtime::outcome handle_demand(std::uint64_t count) override;
  runtime::outcome handle_events(const runtime::message& events, const runtime::message& from) override;
  runtime::outcome handle_subscribe(peer what, const runtime::message& options, const runtime::message& from,
                                    bool& manual) override;
  runtime::outcome handle_cancel(bool down, const runtime::message& reason,
                                 const runtime::message& from) override;
  behaviours::dispatcher::outlet::choice choose(const runtime::message& event,
                                                std::uint64_t& partition) override;
  bool format_discarded(std::uint64_t count) override;

  // Runs choose or format_discarded and returns its status. A failure does not end the stage: it is logged,
  // at most once a second for all stages of a type, with `then` behind it. Both callbacks may run inside of
  // another one; the error that the outer one has set stays.
  template <class Callback>
  std::int32_t decide(const char* name, etf::bytes given, std::string_view then, Callback callback);
  // The outcome that follows from a callback's status; also ends the actor if the process has died in the
  // callback.
  runtime::outcome after(std::int32_t status, const char* callback, etf::bytes given);

  const coppice_stage& stage_callbacks() const {
    return static_cast<const stage_code&>(running()).stage_callbacks;
  }

  behaviours::stage_role role_;
  behaviours::stage_options options_;
  std::optional<base::error> wrong_options_; // in its configuration
  std::unique_ptr<behaviours::stage_engine> engine_;
  behaviours::stage_counters counted_; // included in its type's totals
  bool deciding_ = false;
};

} // namespace coppice::host
