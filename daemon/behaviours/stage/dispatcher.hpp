// SPDX-License-Identifier: MIT
// Decides which consumer of a producer gets which events, and for how many events there is demand. A
// dispatcher knows only live consumers; the stage counts the events that the producer was asked for and owes.
// There is a file for each kind of dispatcher. None does I/O: decisions go to its outlet. Subscribers are
// numbers that the stage assigns and never reuses. One thread at a time.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "behaviours/stage/event_list.hpp"
#include "behaviours/stage/options.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

using subscriber_id = std::uint64_t;

// Most demand that is counted for one subscriber.
inline constexpr std::uint64_t most_demand = std::uint64_t{1} << 53;
// Most demand that is counted for all subscribers together.
inline constexpr std::uint64_t most_demand_of_all = std::uint64_t{1} << 62;

class dispatcher {
 public:
  class outlet {
   public:
    virtual ~outlet() = default;
    virtual void deliver(subscriber_id to, event_list events) = 0;
    // A message that was queued by inform() and whose turn has come.
    virtual void inform(runtime::message m) = 0;
    // The author's `choose`: an index among the partitions. For dispatchers that route.
    enum class choice : std::uint8_t { by_default, none, index };
    virtual choice choose(const runtime::message& event, std::uint64_t& index) = 0;
    // Events that are dropped: no partition wants them, or there is no such partition.
    virtual void discarded(std::uint64_t count, std::string_view why) = 0;
    virtual void warn_of_demand(std::uint64_t asked, std::uint64_t expected) = 0;
  };

  virtual ~dispatcher() = default;

  // `options`: a keyword list, or another term that the consumer sent. An error is a term, the reason to
  // refuse with.
  virtual expected<void, runtime::message> subscribe(subscriber_id who, const runtime::pid& pid,
                                                     etf::bytes options) = 0;
  virtual void ask(subscriber_id who, std::uint64_t count, outlet& out) = 0;
  virtual void cancel(subscriber_id who, outlet& out) = 0;
  // Number of events for which its consumers have demand.
  virtual std::uint64_t wanted() const = 0;
  // `ahead`: number of events that the producer was asked for beyond wanted(), by consumers that have left.
  // The dispatcher may take them as well, to keep them for later consumers. It leaves in `events` the events
  // for which there is no demand; if there are at most wanted() events, it leaves none.
  virtual void dispatch(event_list& events, std::uint64_t ahead, outlet& out) = 0;
  virtual void inform(runtime::message m, outlet& out) = 0;
  // Messages of inform() whose turn has not come yet.
  virtual std::size_t informs() const { return 0; }
  // Events that it keeps for this subscriber, or in all.
  virtual std::uint64_t queued(subscriber_id) const { return 0; }
  virtual std::uint64_t queued() const { return 0; }
};

// `most_ahead`: most events that it keeps beyond its consumers' demand.
std::unique_ptr<dispatcher> make_dispatcher(const dispatcher_options& options, std::uint64_t most_ahead);

} // namespace coppice::behaviours
