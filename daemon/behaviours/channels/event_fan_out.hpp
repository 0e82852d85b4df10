// SPDX-License-Identifier: MIT
// The process that runs an event_outlet: it gives the outlet its turns, its timer and its monitors of
// subscribers. It stays on the worker of that outlet. If it ends, another process takes over the outlet,
// which keeps its state. In the process's own turn.
#pragma once

#include "behaviours/channels/event_channels.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class event_fan_out final : public runtime::behaviour {
 public:
  // Runs the outlet `index` of `all`, which outlives the process.
  event_fan_out(event_channels& all, std::size_t index) : all_(all), index_(index) {}

  // The message that wakes such a process. Any thread.
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
