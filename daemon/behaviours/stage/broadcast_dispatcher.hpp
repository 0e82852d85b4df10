// SPDX-License-Identifier: MIT
// Sends every event to every consumer, at the pace of the consumer with the smallest demand. The smallest
// demand is the common demand; each consumer's demand beyond that is kept with it. A process may have one
// subscription. One thread at a time.
#pragma once

#include <vector>

#include "behaviours/stage/dispatcher.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

class broadcast_dispatcher final : public dispatcher {
 public:
  expected<void, runtime::message> subscribe(subscriber_id who, const runtime::pid& pid,
                                             etf::bytes options) override;
  void ask(subscriber_id who, std::uint64_t count, outlet& out) override;
  void cancel(subscriber_id who, outlet& out) override;
  std::uint64_t wanted() const override { return common_; }
  void dispatch(event_list& events, std::uint64_t ahead, outlet& out) override;
  void inform(runtime::message m, outlet& out) override { out.inform(std::move(m)); }

 private:
  struct demand {
    std::uint64_t count; // beyond the common demand
    subscriber_id who;
    runtime::pid pid;
  };
  void synchronise();

  std::vector<demand> demands_; // ordered by the last ask, the latest last
  std::uint64_t common_ = 0;    // demand of all consumers that is not served yet
};

} // namespace coppice::behaviours
