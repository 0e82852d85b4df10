// SPDX-License-Identifier: MIT
// A plugin's gen_event handler over the callbacks of "coppice.event_handler/draft-2". It is a process of its
// own; its manager (behaviours/event_manager/event_manager.hpp) sends it the events. In the process's own
// turn.
#pragma once

#include <coppice/draft/event_handler.h>

#include <memory>
#include <string>

#include "behaviours/event_manager/event_meter.hpp"
#include "behaviours/gen/server.hpp"
#include "host/actors/plugin_actor.hpp"

namespace coppice::host {

struct event_handler_code final : actor_code {
  explicit event_handler_code(const coppice_actor_type& type);
  const coppice_event_handler callbacks;
};

class event_handler final : public behaviours::server, public plugin_actor, public behaviours::event_metered {
 public:
  using code_type = event_handler_code;

  explicit event_handler(actor_plan&& plan) : plugin_actor(std::move(plan)) {}

  runtime::outcome init(runtime::process& self) override { return begin(self); }
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override { describe_to(out); }
  std::shared_ptr<const behaviours::event_meter> meter() const override { return meter_; }
  runtime::outcome receive_parcel(runtime::process&, std::unique_ptr<runtime::parcel> given) override {
    return take_parcel(*given);
  }
  void died(runtime::process&) noexcept override { end_streams(false); }
  behaviours::stream_taker* as_stream_taker() override { return this; }

 private:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::outcome take_io(runtime::process&) override { return plugin_actor::take_io(); }
  runtime::outcome take_continue(runtime::process&) override { return go_on(); }
  runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                               behaviours::config_change to) override {
    return change_config(self, from, std::move(to));
  }
  runtime::message sys_state(runtime::process&) override { return shown_state(); }
  std::string sys_module() const override { return identity().actor; }
  std::string_view sys_engine() const override { return "gen_event"; }
  runtime::message state_for_people(runtime::process&) override { return state_to_show(); }
  runtime::message engine_for_people(runtime::process&) override { return shown_sockets(); }
  void go_on_first(runtime::process& self) override { continue_first(self); }

  runtime::outcome take_batch(const runtime::message& whole, etf::bytes list);
  runtime::outcome happened(bool event, const runtime::message& whole, etf::bytes term);
  runtime::outcome query(const runtime::message& whole, etf::bytes from, etf::bytes request);
  // The outcome that follows from a callback's status; the handler may leave.
  runtime::outcome decide(std::int32_t status, const char* callback, etf::bytes given);
  runtime::outcome follow_stream(std::int32_t status, const char* callback) override {
    return decide(status, callback, {});
  }
  // Calls `removed` once and returns the term that it wrote.
  runtime::message leave(const runtime::message& why);

  const coppice_event_handler& callbacks() const {
    return static_cast<const event_handler_code&>(running()).callbacks;
  }

  const std::shared_ptr<behaviours::event_meter> meter_ = std::make_shared<behaviours::event_meter>();
  std::uint64_t taken_ = 0; // events of batches, with the one that is being handled
  bool left_ = false;
};

} // namespace coppice::host
