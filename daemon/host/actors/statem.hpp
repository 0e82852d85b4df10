// SPDX-License-Identifier: MIT
// A plugin's gen_statem: connects the state machine engine to the callbacks of "coppice.statem/draft-2".
// Calls to "coppice.statem_host/draft-2" go to the engine's transition; see interfaces/statem.cpp. In the
// process's own turn.
#pragma once

#include <coppice/draft/statem.h>

#include <string>

#include "behaviours/statem/statem.hpp"
#include "host/actors/plugin_actor.hpp"

namespace coppice::host {

struct statem_code final : actor_code {
  explicit statem_code(const coppice_actor_type& type);
  const coppice_statem callbacks;
};

class statem final : public behaviours::statem, public plugin_actor {
 public:
  using code_type = statem_code;
  static std::shared_ptr<metrics::counters> make_totals(metrics::board* board, const std::string& type,
                                                        const std::string& behaviour);
  // The functions for its callbacks; see interfaces/statem.cpp.
  static const coppice_statem_api* host_interface();

  explicit statem(actor_plan&& plan);
  ~statem() override;

  runtime::outcome init(runtime::process& self) override;
  void terminate(runtime::process&, const runtime::message& reason) override { end(reason); }
  void describe(runtime::description& out) const override { describe_to(out); }
  runtime::outcome receive_parcel(runtime::process&, std::unique_ptr<runtime::parcel> given) override {
    return take_parcel(*given);
  }
  void died(runtime::process&) noexcept override { end_streams(false); }
  behaviours::stream_taker* as_stream_taker() override { return this; }

  // For the host's functions, while in_transition is set.
  machine& made() { return transition(); }

 private:
  runtime::outcome handle(runtime::process& self, const event& what, const runtime::message& state) override;
  runtime::outcome enter(runtime::process& self, const runtime::message& old_state,
                         const runtime::message& state) override;
  bool enters() const override { return callbacks().enter != nullptr; }
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  // Callbacks for streams run outside of transitions.
  runtime::outcome take_io(runtime::process&) override { return plugin_actor::take_io(); }
  runtime::outcome take_continue(runtime::process& self) override;
  runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                               behaviours::config_change to) override {
    return change_config(self, from, std::move(to));
  }
  runtime::message sys_data(runtime::process&) override { return shown_state(); }
  std::string sys_module() const override { return identity().actor; }
  runtime::message state_for_people(runtime::process&) override { return state_to_show(); }
  runtime::message engine_for_people(runtime::process& self) override {
    return with_streams(behaviours::statem::engine_for_people(self));
  }
  void go_on_first(runtime::process& self) override { continue_first(self); }

  // Calls a callback of the table; its transition applies if the actor goes on.
  template <class Callback>
  std::int32_t in_transition(const char* name, etf::bytes given, Callback callback);
  // The outcome for an event that handle_event did not take.
  [[gnu::noinline]] runtime::outcome refuse(const event& what);
  void has_dropped() override;

  const coppice_statem& callbacks() const { return static_cast<const statem_code&>(running()).callbacks; }

  std::uint64_t told_dropped_ = 0; // number of dropped postponed events already reported
};

} // namespace coppice::host
