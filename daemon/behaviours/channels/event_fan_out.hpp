// SPDX-License-Identifier: MIT
// The process of an event_outlet: it stays on the worker whose subscribers that has. In the process's own
// turn.
#pragma once

#include "behaviours/channels/event_channels.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class event_fan_out final : public runtime::behaviour {
 public:
  // Of outlet `index` of `all`, which outlives the process.
  event_fan_out(event_channels& all, std::size_t index) : all_(all), index_(index) {}

  // What wakes the process of an outlet. Any thread.
  static runtime::message wake();

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void describe(runtime::description& out) const override { out.behaviour = "event_fan_out"; }

 private:
  void work(runtime::process& self);

  event_channels& all_;
  const std::size_t index_;
  std::uint64_t timer_ = 0; // 0: none
};

} // namespace coppice::behaviours
