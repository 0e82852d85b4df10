// SPDX-License-Identifier: MIT
// Each event belongs to a partition, and each partition to one consumer at most. An event for a partition
// whose consumer has not asked waits in the partition's queue, even while it has no consumer. Such an event
// uses up demand of another consumer until it leaves the queue, so that no more wait than were asked for. An
// event that was asked for by a consumer that has left waits too, and uses up nobody's demand, as long as
// there are no more than `most_ahead` of those. Partitions are fixed and stand in the order of their names;
// or, for the dispatcher `callback`, they are the numbers that consumers subscribe with, each as long as its
// consumer, and the author's `choose` alone says which an event goes to: one for a number that nobody has is
// dropped. One thread at a time.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>
#include <variant>
#include <vector>

#include "behaviours/stage/dispatcher.hpp"

namespace coppice::behaviours {

class partition_dispatcher final : public dispatcher {
 public:
  // These partitions, at least one; none: any number.
  partition_dispatcher(std::vector<runtime::message> names, std::uint64_t most_ahead);

  expected<void, runtime::message> subscribe(subscriber_id who, const runtime::pid& pid,
                                             etf::bytes options) override;
  void ask(subscriber_id who, std::uint64_t count, outlet& out) override;
  void cancel(subscriber_id who, outlet& out) override;
  std::uint64_t wanted() const override { return demand_ - held_; }
  void dispatch(event_list& events, std::uint64_t ahead, outlet& out) override;
  void inform(runtime::message m, outlet& out) override;
  std::size_t informs() const override { return infos_.size(); }
  std::uint64_t queued(subscriber_id who) const override;
  std::uint64_t queued() const override { return queued_; }

 private:
  // A message that waits for several partitions.
  struct awaited {
    runtime::message what;
    std::uint32_t partitions = 0; // where it has not come out
  };
  using info_id = std::uint64_t;
  using waiting = std::variant<event_list, info_id>;
  struct partition {
    runtime::message name{};
    subscriber_id who = 0; // 0: nobody
    std::uint64_t demand = 0;
    bool backed_up = false;      // events have waited since its consumer last had demand: infos queue too
    std::deque<waiting> queue{}; // only if backed_up
    event_list arriving{};       // within dispatch()
  };
  partition* of(subscriber_id who);
  void came_out(info_id which, outlet& out);
  // Delivers from its queue; what is left of `count` is its demand.
  void send_queued(partition& from, std::uint64_t count, outlet& out);

  using place = std::uint64_t;
  // Where the partition is that `choose` and the hash mean by a number: that in which it was named.
  partition* at_number(std::uint64_t number);

  const bool fixed_;
  std::map<place, partition> partitions_; // the places are as their names; those of numbers are these
  std::vector<place> by_number_;          // if fixed
  std::unordered_map<subscriber_id, place> subscribers_;
  std::unordered_map<info_id, awaited> infos_;
  info_id last_info_ = 0;
  // Holds held_ to its bounds after one of the other two has changed.
  void settle();

  const std::uint64_t most_ahead_;
  std::uint64_t demand_ = 0; // the sum of the partitions'
  std::uint64_t queued_ = 0; // events in the partitions' queues
  std::uint64_t held_ = 0;   // of demand_, used up by events in queues
};

} // namespace coppice::behaviours
