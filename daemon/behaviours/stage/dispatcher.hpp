// SPDX-License-Identifier: MIT
// Which consumer of a producer gets which events, and for how many events there is demand now. A dispatcher
// knows its live consumers only: what the producer was asked for and owes is the stage's to count. A file for
// each way to decide; none does I/O: what it decides goes to its outlet. Subscribers are numbers, which the
// stage gives and never gives again. One thread at a time.
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

// The most that a subscriber may have asked for: what is beyond it is not counted.
inline constexpr std::uint64_t most_demand = std::uint64_t{1} << 53;
// The most that all subscribers together may have asked for: what is beyond it is not counted.
inline constexpr std::uint64_t most_demand_of_all = std::uint64_t{1} << 62;

class dispatcher {
 public:
  class outlet {
   public:
    virtual ~outlet() = default;
    virtual void deliver(subscriber_id to, event_list events) = 0;
    // A message whose place has come.
    virtual void inform(runtime::message m) = 0;
    // What the author's `choose` says of an event, an index among the partitions; for those that route.
    enum class choice : std::uint8_t { by_default, none, index };
    virtual choice choose(const runtime::message& event, std::uint64_t& index) = 0;
    // Events that go nowhere: nobody wants them, or there is no such place.
    virtual void discarded(std::uint64_t count, std::string_view why) = 0;
    virtual void warn_of_demand(std::uint64_t asked, std::uint64_t expected) = 0;
  };

  virtual ~dispatcher() = default;

  // Its options are a keyword list, or whatever the consumer sent. An error is the reason to refuse it with,
  // a term.
  virtual expected<void, runtime::message> subscribe(subscriber_id who, const runtime::pid& pid,
                                                     etf::bytes options) = 0;
  virtual void ask(subscriber_id who, std::uint64_t count, outlet& out) = 0;
  virtual void cancel(subscriber_id who, outlet& out) = 0;
  // How many events it takes because its consumers have asked for them.
  virtual std::uint64_t wanted() const = 0;
  // `ahead`: how many events the producer was asked for beyond wanted(), by consumers that have left; it may
  // take them as well, to keep them for consumers to come. What is left in `events` nobody has asked for. Of
  // at most wanted() events none is left.
  virtual void dispatch(event_list& events, std::uint64_t ahead, outlet& out) = 0;
  virtual void inform(runtime::message m, outlet& out) = 0;
  // Messages of inform() whose place has not come yet.
  virtual std::size_t informs() const { return 0; }
  // Events it keeps for this subscriber, or all of them.
  virtual std::uint64_t queued(subscriber_id) const { return 0; }
  virtual std::uint64_t queued() const { return 0; }
};

// `most_ahead`: the most events that it keeps beyond what its consumers have asked for.
std::unique_ptr<dispatcher> make_dispatcher(const dispatcher_options& options, std::uint64_t most_ahead);

} // namespace coppice::behaviours
