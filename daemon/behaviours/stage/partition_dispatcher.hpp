// SPDX-License-Identifier: MIT
// Each event belongs to a partition, and each partition has at most one consumer. An event for a partition
// without demand waits in the partition's queue, also while the partition has no consumer. Such an event uses
// up demand of another consumer until it leaves the queue, so that no more events wait than were asked for.
// An event that was asked for by a consumer that has left waits too, and uses up no demand, as long as at
// most `most_ahead` such events wait. Partitions are fixed, and ordered by name. For the dispatcher
// `callback` they are instead the numbers that consumers subscribe with, each as long as its consumer, and
// the author's `choose` selects the number; an event for a number without a consumer is dropped. One thread
// at a time.
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
  // `names`: the partitions. Empty: any number.
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
  // A message that waits in the queues of several partitions.
  struct awaited {
    runtime::message what;
    std::uint32_t partitions = 0; // number of partitions whose queue still holds it
  };
  using info_id = std::uint64_t;
  using waiting = std::variant<event_list, info_id>;
  struct partition {
    runtime::message name{};
    subscriber_id who = 0; // 0: no consumer
    std::uint64_t demand = 0;
    bool backed_up = false; // events have waited since its consumer last had demand, so messages queue too
    std::deque<waiting> queue{}; // only if backed_up
    event_list arriving{};       // used within dispatch()
  };
  partition* of(subscriber_id who);
  void came_out(info_id which, outlet& out);
  // Sends events from its queue; the part of `count` that is left becomes its demand.
  void send_queued(partition& from, std::uint64_t count, outlet& out);

  using place = std::uint64_t;
  // The partition with this number, in the order in which the partitions were named. `choose` and the hash
  // use it.
  partition* at_number(std::uint64_t number);

  const bool fixed_;
  // If fixed_, places are in the order of the names. Otherwise the places are the numbers.
  std::map<place, partition> partitions_;
  std::vector<place> by_number_; // fixed only
  std::unordered_map<subscriber_id, place> subscribers_;
  std::unordered_map<info_id, awaited> infos_;
  info_id last_info_ = 0;
  // Keeps held_ within its bounds after demand_ or queued_ has changed.
  void settle();

  const std::uint64_t most_ahead_;
  std::uint64_t demand_ = 0; // sum of the partitions' demands
  std::uint64_t queued_ = 0; // events in the partitions' queues
  std::uint64_t held_ = 0;   // part of demand_ that queued events use up
};

} // namespace coppice::behaviours
