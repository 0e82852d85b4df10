// SPDX-License-Identifier: MIT
// Sends events to the consumer with the largest demand. Invariant: demands_ is ordered by demand, the largest
// first, and equal demands by the time of asking. One thread at a time.
#pragma once

#include <vector>

#include "behaviours/stage/dispatcher.hpp"

namespace coppice::behaviours {

class demand_dispatcher final : public dispatcher {
 public:
  explicit demand_dispatcher(std::uint64_t max_demand) : expected_(max_demand) {}

  expected<void, runtime::message> subscribe(subscriber_id who, const runtime::pid& pid,
                                             etf::bytes options) override;
  void ask(subscriber_id who, std::uint64_t count, outlet& out) override;
  void cancel(subscriber_id who, outlet& out) override;
  std::uint64_t wanted() const override { return wanted_; }
  void dispatch(event_list& events, std::uint64_t ahead, outlet& out) override;
  void inform(runtime::message m, outlet& out) override { out.inform(std::move(m)); }

 private:
  struct demand {
    std::uint64_t count;
    subscriber_id who;
  };
  std::uint64_t pop(subscriber_id who);
  void add(demand one);

  std::vector<demand> demands_;
  std::uint64_t wanted_ = 0; // the sum of all demands
  std::uint64_t expected_;   // largest demand that is expected. 0: set by the first ask
};

} // namespace coppice::behaviours
