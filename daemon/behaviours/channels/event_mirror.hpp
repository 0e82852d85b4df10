// SPDX-License-Identifier: MIT
// Follows an event of another node for subscribers of this node. It has one subscription at the other node,
// and a channel here with the same numbers and buffer. It ends with the event, with the connection, and some
// seconds after the last subscriber has left. In the process's own turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "behaviours/channels/event_channel.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class event_channels;

class event_mirror final : public runtime::behaviour {
 public:
  // `node`: index of the other node.
  event_mirror(event_channels& among, std::shared_ptr<event_channel> channel, std::string name,
               std::uint32_t node)
      : among_(among), channel_(std::move(channel)), name_(std::move(name)), node_(node) {}
  ~event_mirror() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void describe(runtime::description& out) const override { out.behaviour = "event_mirror"; }

 private:
  runtime::outcome begin(runtime::process& self);
  runtime::outcome look_for_subscribers(runtime::process& self);
  runtime::outcome end(runtime::message reason);

  event_channels& among_;
  const std::shared_ptr<event_channel> channel_;
  const std::string name_;
  const std::uint32_t node_;
  runtime::reference watch_{}; // monitors the other node's service
  bool was_idle_ = false;
};

} // namespace coppice::behaviours
